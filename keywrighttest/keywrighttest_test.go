package keywrighttest_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

func TestIssueVerifyRevoke(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t, keywrighttest.WithPrefix("acme"))
	issued := keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:read"}})
	ask := keywright.VerifyRequest{Scopes: []string{"invoices:read"}}
	verdict, err := keys.ClientFor(issued).Verify(t.Context(), ask)
	if err != nil || !verdict.Valid || verdict.Token.ID != issued.Token.ID {
		t.Fatalf("%+v, %v", verdict, err)
	}
	if _, err := keys.Client.RevokeToken(t.Context(), issued.Token.ID, "test"); err != nil {
		t.Fatal(err)
	}
	if verdict, err := keys.ClientFor(issued).Verify(t.Context(), ask); err == nil && verdict.Valid {
		t.Errorf("a revoked token passes: %+v", verdict)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	keys := keywrighttest.New(t, keywrighttest.WithClock(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }))
	issued := keys.Issue(t, keywright.NewToken{Scopes: []string{"a"}, ExpiresIn: 60})
	valid := func() bool {
		verdict, err := keys.Client.Verify(t.Context(), keywright.VerifyRequest{Token: issued.APIKey.Reveal()})
		if err != nil {
			t.Fatal(err)
		}
		return verdict.Valid
	}
	if !valid() {
		t.Error("refused before its end")
	}
	ahead.Store(int64(time.Minute))
	if valid() {
		t.Error("passes at its end")
	}
}

// What one server has made, the next on the same data knows.
func TestData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/keywright"
	var issued keywright.Issued
	t.Run("first", func(t *testing.T) {
		issued = keywrighttest.New(t, keywrighttest.WithData(dir)).Issue(t, keywright.NewToken{Scopes: []string{"a"}})
	})
	t.Run("second", func(t *testing.T) {
		token, err := keywrighttest.New(t, keywrighttest.WithData(dir)).Client.Token(t.Context(), issued.Token.ID)
		if err != nil || token.Label != issued.Token.Label {
			t.Errorf("%+v, %v", token, err)
		}
	})
}
