package sqlstore

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/store"
)

// TestSecretsRoundTrip: whatever is written is read back, and every shorter text is refused.
func TestSecretsRoundTrip(t *testing.T) {
	t.Parallel()
	secret := rapid.Custom(func(t *rapid.T) store.Secret {
		s := store.Secret{
			Number:  rapid.Int64().Draw(t, "number"),
			Foreign: rapid.Bool().Draw(t, "foreign"),
			Pepper:  rapid.StringN(0, 40, 255).Draw(t, "pepper"),
			Until:   timeOfMicro(rapid.Int64Range(-1e15, 1e17).Draw(t, "until")),
		}
		copy(s.Digest[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest"))
		copy(s.Hint[:], rapid.StringMatching("(|[0-9A-Za-z]{5})").Draw(t, "hint"))
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(secret, 1, 3).Draw(t, "secrets")
		text, err := encodeSecrets(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeSecrets(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
		cut := rapid.IntRange(1, len(text)-1).Draw(t, "cut")
		if got, err := decodeSecrets(text[:cut]); err == nil && len(got) >= len(want) {
			t.Fatalf("%d bytes of %d were read as %d secrets", cut, len(text), len(got))
		}
	})
}

func FuzzSecrets(f *testing.F) {
	text, err := encodeSecrets([]store.Secret{{Number: 2, Pepper: "p2", Until: time.UnixMicro(1)}, {Number: 1, Foreign: true}, {Hint: [5]byte{'a'}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		secrets, err := decodeSecrets(text)
		if err != nil {
			return
		}
		if again, err := encodeSecrets(secrets); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%x is read as %v and written as %x, %v", text, secrets, again, err)
		}
	})
}

func TestListRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune("a %2025é"))), 1, 5).Draw(t, "list")
		if diff := cmp.Diff(want, splitList(joinList(want))); diff != "" {
			t.Fatal(diff)
		}
	})
}
