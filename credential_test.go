package keywright_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func TestAPIKeyRoundTrip(t *testing.T) {
	t.Parallel()
	id, err := keywright.NewID(time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := keywright.GenerateSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "kw", "acme"} {
		c, err := keywright.ParseCredential(prefix, keywright.FormatAPIKey(prefix, id, secret))
		if err != nil || c.Form() != keywright.FormAPIKey || c.ID() != id || c.Reveal() != secret {
			t.Errorf("prefix %q: %v, %v", prefix, c, err)
		}
		c, err = keywright.ParseCredential(prefix, keywright.FormatSession(prefix, id, secret))
		if err != nil || c.Form() != keywright.FormSession || c.ID() != id || c.Reveal() != secret {
			t.Errorf("prefix %q: %v, %v", prefix, c, err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	id, _ := keywright.NewID(time.Now(), rand.Reader)
	secret, _ := keywright.GenerateSecret(rand.Reader)
	key := keywright.FormatAPIKey("kw", id, secret)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keywright.ParseCredential("kw", key); err != nil {
			b.Fatal(err)
		}
	}
}
