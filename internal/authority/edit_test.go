package authority

import (
	"slices"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func TestEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	manager := w.issue(ada, scopesGranted("keywright:tokens:write", "invoices:*"))
	mixed := keywright.NewToken{Label: "ci", Scopes: []string{"bills:read", "invoices:read"}, Audience: []string{"http"}, AllowedCIDRs: []string{"10.0.0.0/8"}}
	for _, test := range []struct {
		name   string
		caller Caller
		req    keywright.EditToken
		err    error
		says   string
		trail  []string
	}{
		{"nothing", ada, keywright.EditToken{}, nil, "", nil},
		{"the same", ada, keywright.EditToken{Label: ptr("ci")}, nil, "", nil},
		{"label", ada, keywright.EditToken{Label: ptr("cd")}, nil, "", []string{"token.edit"}},
		{"label by a token that has less", w.by(manager), keywright.EditToken{Label: ptr("cd")}, nil, "", []string{"token.edit"}},
		{"narrower by a token that has less", w.by(manager), keywright.EditToken{Scopes: &[]string{"bills:read"}, AllowedCIDRs: &[]string{"10.1.0.0/16"}}, nil, "", []string{"token.edit"}},
		{"wider by a person", ada, keywright.EditToken{Scopes: &[]string{"**"}, Audience: &[]string{}, AllowedCIDRs: &[]string{}}, nil, "", []string{"token.edit"}},
		{"metadata", ada, keywright.EditToken{Metadata: &map[string]string{"team": "a"}}, nil, "", []string{"token.edit"}},
		{"sooner", ada, keywright.EditToken{ExpiresIn: ptr(int64(60))}, nil, "", []string{"token.edit"}},
		{"permanent", ada, keywright.EditToken{Lifetime: ptr("permanent")}, nil, "", []string{"token.edit"}},

		{"wider by a token that has less", w.by(manager), keywright.EditToken{Scopes: &[]string{"bills:read", "invoices:*"}}, keywright.ErrForbidden, "bills:read", nil},
		{"later by a token that has less", w.by(manager), keywright.EditToken{ExpiresIn: ptr(int64(91 * 86400))}, keywright.ErrForbidden, "", nil},
		{"reader", w.as("rita"), keywright.EditToken{Label: ptr("x")}, keywright.ErrForbidden, "", nil},
		{"another tenant", w.as("otto"), keywright.EditToken{Label: ptr("x")}, keywright.ErrNotFound, "token not found", nil},
		{"empty label", ada, keywright.EditToken{Label: ptr(" ")}, keywright.ErrInvalid, "/label", nil},
		{"past", ada, keywright.EditToken{ExpiresAt: ptr("2029-12-31")}, keywright.ErrInvalid, "/expires_at", nil},
		{"no seconds", ada, keywright.EditToken{ExpiresIn: ptr(int64(0))}, keywright.ErrInvalid, "/expires_in", nil},
		{"two lifetimes", ada, keywright.EditToken{ExpiresIn: ptr(int64(9)), Lifetime: ptr("default")}, keywright.ErrInvalid, "/expires_in", nil},
		{"bad scope", ada, keywright.EditToken{Scopes: &[]string{"a b"}}, keywright.ErrInvalid, "/scopes/0", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := w.issue(ada, mixed).Token
			w.trail()
			_, err := w.a.Edit(t.Context(), test.caller, before.ID, test.req)
			wantErr(t, err, test.err, test.says)
			w.wantTrail(test.trail...)
			after := w.get(before.ID)
			if changed := after.UpdatedAt != before.UpdatedAt || after.Revision != 0 || after.Label != before.Label; err != nil && changed {
				t.Errorf("refused, and yet changed: %+v", after)
			}
			if _, err := w.a.Delete(t.Context(), ada, before.ID); err != nil {
				t.Error(err)
			}
		})
	}
}

// The event of an edit holds what changed, and nothing else.
func TestEditEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issued := w.issue(w.as("ada"), scopesGranted("a:b"))
	w.trail()
	edited, err := w.a.Edit(t.Context(), w.as("ada"), issued.Token.ID, keywright.EditToken{Scopes: &[]string{"a:c"}})
	w.must(err)
	events := w.events()
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	e := events[0]
	if e.Actor != "user:ada" || e.Account != "acme" || e.Subject != "token:"+issued.Token.ID.String() || e.Address != "192.0.2.7" || e.RequestID != "r1" {
		t.Errorf("event %+v", e)
	}
	if e.Revision == 0 || e.Revision != edited.Revision {
		t.Errorf("revision of the event %d, of the answer %d", e.Revision, edited.Revision)
	}
	if len(e.Before) != 1 || len(e.After) != 1 || !slices.Equal(e.After["scopes"].([]any), []any{"a:c"}) {
		t.Errorf("before %v, after %v", e.Before, e.After)
	}
}

// Edit never makes a token work again, but for a new expiry of one that has only run out.
func TestEditReactivates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	soon := keywright.NewToken{Scopes: []string{"a:b"}, ExpiresIn: 60}
	later := keywright.EditToken{ExpiresIn: ptr(int64(86400))}

	expired, disabled, revoked := w.issue(ada, soon), w.issue(ada, soon), w.issue(ada, soon)
	_, err := w.a.Disable(t.Context(), ada, disabled.Token.ID)
	w.must(err)
	_, err = w.a.Revoke(t.Context(), ada, revoked.Token.ID, "leaked")
	w.must(err)
	w.pass(time.Minute)
	for _, issued := range []keywright.Issued{expired, disabled} {
		if got := w.get(issued.Token.ID).State; got != keywright.StateExpired {
			t.Errorf("state %s at the instant of its expiry", got)
		}
		_, err := w.a.Enable(t.Context(), ada, issued.Token.ID)
		wantErr(t, err, map[bool]error{true: keywright.ErrConflict}[issued.Token.ID == disabled.Token.ID], "")
		_, err = w.a.Edit(t.Context(), ada, issued.Token.ID, keywright.EditToken{Label: ptr("still")})
		w.must(err)
		if w.usable(issued.APIKey, "a:b") {
			t.Error("a new label brought an expired token back")
		}
		_, err = w.a.Edit(t.Context(), ada, issued.Token.ID, later)
		w.must(err)
	}
	if !w.usable(expired.APIKey, "a:b") {
		t.Error("a new expiry did not bring the expired token back")
	}
	if got := w.get(disabled.Token.ID).State; got != keywright.StateDisabled || w.usable(disabled.APIKey, "a:b") {
		t.Errorf("a new expiry enabled a disabled token: %s", got)
	}
	for what, err := range map[string]error{
		"edit":    second(w.a.Edit(t.Context(), ada, revoked.Token.ID, later)),
		"enable":  second(w.a.Enable(t.Context(), ada, revoked.Token.ID)),
		"disable": second(w.a.Disable(t.Context(), ada, revoked.Token.ID)),
		"rotate":  second(w.a.Rotate(t.Context(), ada, revoked.Token.ID, nil, "")),
		"cancel":  second(w.a.CancelRotation(t.Context(), ada, revoked.Token.ID)),
	} {
		if err == nil {
			t.Errorf("%s of a revoked token was not refused", what)
		}
		wantErr(t, err, keywright.ErrConflict, "")
	}
	if w.usable(revoked.APIKey, "a:b") {
		t.Error("a revoked token works")
	}
}

// A token that ended by policy has its life back by a new expiry, and only for who may give it.
func TestUnexpireByPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	manager := w.issue(ada, keywright.NewToken{Scopes: []string{"keywright:tokens:write"}, Lifetime: "permanent"})
	issued := w.issue(ada, keywright.NewToken{Scopes: []string{"a:b"}, ExpiresAt: "2040-01-01"})
	w.pass(time.Hour)
	w.policy(func(p *keywright.Policy) { p.DefaultLifetime, p.MaxLifetime = 1800, 1800 })
	if w.usable(issued.APIKey, "a:b") || w.get(issued.Token.ID).State != keywright.StateExpired {
		t.Error("a shorter maximum does not hold for tokens that exist")
	}
	// An earlier expiry is no less a widening when it renews what had ended.
	soon := keywright.EditToken{ExpiresIn: ptr(int64(600))}
	_, err := w.a.Edit(t.Context(), w.by(manager), issued.Token.ID, soon)
	wantErr(t, err, keywright.ErrUnauthenticated, "")
	_, err = w.a.Rotate(t.Context(), ada, manager.Token.ID, nil, "")
	wantErr(t, err, keywright.ErrConflict, "expired")
	_, err = w.a.Edit(t.Context(), ada, manager.Token.ID, soon)
	w.must(err)
	_, err = w.a.Edit(t.Context(), w.by(manager), issued.Token.ID, soon)
	wantErr(t, err, keywright.ErrForbidden, "a:b")
	_, err = w.a.Edit(t.Context(), ada, issued.Token.ID, soon)
	w.must(err)
	if !w.usable(issued.APIKey, "a:b") {
		t.Error("the token has not its life back")
	}
}

// second is the error of a call's two results.
func second[T any](_ T, err error) error { return err }
