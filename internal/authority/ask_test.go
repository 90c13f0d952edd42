package authority

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// verifier makes a token that may ask about others.
func (i *instance) verifier(req keywright.NewToken) Caller {
	i.t.Helper()
	req.Scopes = []string{"keywright:tokens:verify"}
	return i.caller(i.issue(req).APIKey.Reveal())
}

// Who hears of which token: RFC 7662 section 2.2, "not meant for this caller" is inactive. Check and Introspect
// answer alike.
func TestWhoHears(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	i.must(i.CreateAccount(t.Context(), i.operator, "acme", "Acme"))
	i.must(i.CreateSpace(t.Context(), i.operator, "default", "lab", "Lab"))
	plain := i.issue(keywright.NewToken{}).APIKey.Reveal()
	forHTTP := i.issue(keywright.NewToken{Audience: []string{"http"}}).APIKey.Reveal()
	inLab := i.issue(keywright.NewToken{Space: "lab"}).APIKey.Reveal()
	abroad := i.issue(keywright.NewToken{Account: "acme"}).APIKey.Reveal()
	unknown := keywright.FormatAPIKey("kw", keywright.ID{1, 2, 6: 0x70, 8: 0x80}, "0123456789012345678901234567890123456789012")

	everywhere := i.verifier(keywright.NewToken{})
	lab := i.verifier(keywright.NewToken{Space: "lab"})
	http := i.verifier(keywright.NewToken{Audience: []string{"keywright", "http"}})
	other := i.verifier(keywright.NewToken{Audience: []string{"keywright", "other"}})
	for _, tt := range []struct {
		name      string
		caller    Caller
		presented string
		audience  string
		want      bool
	}{
		{"a verifier, of its account", everywhere, plain, "", true},
		{"a verifier, of a token for an audience", everywhere, forHTTP, "http", true},
		{"a verifier, of another account", everywhere, abroad, "", false},
		{"a verifier, of nobody", everywhere, unknown, "", false},
		{"a verifier, of garbage", everywhere, "kw_garbage", "", false},
		{"a space's verifier, of its space", lab, inLab, "", true},
		{"a space's verifier, of another space", lab, plain, "", false},
		{"an audience's verifier, of it", http, forHTTP, "http", true},
		{"another audience's verifier", other, forHTTP, "http", false},
		{"an audience's verifier, of a token for none", http, plain, "", false},
		{"the operator", i.operator, abroad, "", true},
	} {
		asked := access("invoices:read")
		asked.Audience = tt.audience
		v, err := i.Check(t.Context(), tt.caller, tt.presented, asked)
		if err != nil || v.Allowed() != tt.want {
			t.Errorf("check: %s: %v, %v", tt.name, v.Decision, err)
		}
		if !tt.want && v.Decision.Reason != keywright.Unproved {
			t.Errorf("check: %s: tells %v of what is not the caller's to hear", tt.name, v.Decision)
		}
		about, err := i.Introspect(t.Context(), tt.caller, tt.presented)
		if err != nil || (about != nil) != tt.want {
			t.Errorf("introspect: %s: %v, %v", tt.name, about, err)
		}
	}
}

// Asking about others needs keywright:tokens:verify; asking about oneself needs nothing.
func TestAskingNeedsScope(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	key := i.issue(keywright.NewToken{}).APIKey.Reveal()
	other := i.issue(keywright.NewToken{}).APIKey.Reveal()
	limited := i.issue(keywright.NewToken{AllowedCIDRs: []string{"192.0.2.0/24"}, Audience: []string{"http"}}).APIKey.Reveal()
	caller := i.caller(key)
	for name, presented := range map[string]string{"another's": other, "garbage": "kw_garbage", "nobody's": "no-such-key-at-all"} {
		if _, err := i.Introspect(t.Context(), caller, presented); !errors.Is(err, keywright.ErrForbidden) {
			t.Errorf("introspect %s: %v", name, err)
		}
		if _, err := i.Check(t.Context(), caller, presented, access()); !errors.Is(err, keywright.ErrForbidden) {
			t.Errorf("check %s: %v", name, err)
		}
	}
	for name, self := range map[string]string{"key": key, "limited to a network and an audience": limited, "access token": i.grant(limited, GrantRequest{})} {
		if about, err := i.Introspect(t.Context(), i.caller(self), self); err != nil || about == nil {
			t.Errorf("itself, %s: %v, %v", name, about, err)
		}
	}
	if _, err := i.Check(t.Context(), Caller{}, "", access()); err != keywright.ErrUnauthenticated {
		t.Errorf("nobody about itself: %v", err)
	}
	if _, err := i.Introspect(t.Context(), Caller{}, key); err != keywright.ErrUnauthenticated {
		t.Errorf("nobody about a key: %v", err)
	}
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{Scopes: []string{"a:read", "b:read"}, Lifetime: keywright.LifetimePermanent})
	key, id := made.APIKey.Reveal(), made.Token.ID.String()
	verifier := i.verifier(keywright.NewToken{})
	want := &Introspection{
		Scopes: made.Token.Scopes, ClientID: id, Subject: id, Username: "admin", TokenType: "Bearer", Issuer: testIssuer,
		Audience: []string{testIssuer}, IssuedAt: made.Token.CreatedAt, Account: "default", Space: "default",
	}
	got, err := i.Introspect(t.Context(), verifier, key)
	if err != nil {
		t.Fatal(err)
	}
	equal := cmp.Comparer(func(a, b keywright.Scopes) bool { return cmp.Equal(a.Strings(), b.Strings()) })
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Error(diff)
	}
	got, err = i.Introspect(t.Context(), verifier, i.grant(key, GrantRequest{Scopes: []string{"a:read"}}))
	if err != nil {
		t.Fatal(err)
	}
	issued := i.now().Truncate(time.Second)
	want.Scopes, want.IssuedAt, want.ExpiresAt, want.JTI = want.Scopes[:1], issued, issued.Add(5*time.Minute), got.JTI
	if diff := cmp.Diff(want, got, equal); diff != "" || got.JTI == "" {
		t.Error(diff, got.JTI)
	}
}

// RFC 7009: the holder's own, nothing else; what is unknown or another's is left alone.
func TestRevokePresented(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{Audience: []string{"http"}})
	key := made.APIKey.Reveal()
	caller := i.caller(key)
	asked := access("invoices:read")
	asked.Audience = "http"
	first, second := i.grant(key, GrantRequest{}), i.grant(key, GrantRequest{})
	stranger := i.issue(keywright.NewToken{})

	for _, presented := range []string{first, first, "garbage-of-nobody", "kw_garbage", stranger.APIKey.Reveal(), i.grant(stranger.APIKey.Reveal(), GrantRequest{})} {
		if err := i.RevokePresented(t.Context(), caller, presented); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		presented string
		access    keywright.Access
		want      keywright.Reason
	}{
		"the access token":     {first, asked, keywright.Revoked},
		"another access token": {second, asked, keywright.Allowed},
		"its key":              {key, asked, keywright.Allowed},
		"a stranger's key":     {stranger.APIKey.Reveal(), access("invoices:read"), keywright.Allowed},
	} {
		if got := i.reason(tt.presented, tt.access); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	if n := i.events("token.access_revoke"); n != 1 {
		t.Errorf("%d events of access tokens revoked, want 1", n)
	}

	if err := i.RevokePresented(t.Context(), caller, key); err != nil {
		t.Fatal(err)
	}
	for _, presented := range []string{key, second} {
		if got := i.reason(presented, asked); got != keywright.Revoked {
			t.Errorf("after the key: %v", got)
		}
	}
	if err := i.RevokePresented(t.Context(), caller, key); err != keywright.ErrUnauthenticated {
		t.Errorf("again: %v", err)
	}
}

// The list of revoked access tokens stands in a record that is read at every verification: it has an end.
func TestRevokedAccessIsBounded(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{})
	key := made.APIKey.Reveal()
	kept := i.grant(key, GrantRequest{})
	for range mostRevokedAccess + 1 {
		if err := i.RevokePresented(t.Context(), i.caller(key), i.grant(key, GrantRequest{})); err != nil {
			t.Fatal(err)
		}
	}
	rec, err := i.store.Find(t.Context(), made.Token.ID)
	if err != nil || len(rec.AccessRevoked) != 0 {
		t.Fatalf("%d kept, %v", len(rec.AccessRevoked), err)
	}
	if got := i.reason(kept, access("invoices:read")); got != keywright.Revoked {
		t.Errorf("an access token from before: %v", got)
	}
	if got := i.reason(i.grant(key, GrantRequest{}), access("invoices:read")); got != keywright.Allowed {
		t.Errorf("an access token of the same second: %v", got)
	}
}

// events counts what the audit trail has of an action.
func (i *instance) events(action string) int {
	i.t.Helper()
	var found []store.Event
	err := i.store.Read(i.t.Context(), func(tx store.Tx) (err error) {
		found, err = tx.Events().List(i.t.Context(), store.EventQuery{Action: action, Limit: 200})
		return err
	})
	if err != nil {
		i.t.Fatal(err)
	}
	return len(found)
}
