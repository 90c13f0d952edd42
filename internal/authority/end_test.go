package authority

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// family is a parent, its child and its grandchild.
func (w *world) family() (parent, child, grandchild keywright.Issued) {
	w.t.Helper()
	req := scopesGranted("keywright:tokens:write", "a:*")
	parent = w.issue(w.as("ada"), req)
	w.pass(time.Second) // what is made at the same instant has no order
	child = w.issue(w.by(parent), req)
	w.pass(time.Second)
	grandchild = w.issue(w.by(child), scopesGranted("a:b"))
	w.trail()
	return parent, child, grandchild
}

func (w *world) states(of ...keywright.Issued) string {
	w.t.Helper()
	var states []string
	for _, issued := range of {
		states = append(states, string(w.get(issued.Token.ID).State))
	}
	return strings.Join(states, " ")
}

func TestDescendants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	type step struct {
		do    string // disable, enable, revoke, delete and whom: p, c or g
		err   error
		want  string   // the states afterwards
		trail []string // what is told
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"revoke", []step{
			{"revoke p", nil, "revoked revoked revoked", []string{"token.revoke leaked", "token.revoke parent revoked", "token.revoke parent revoked"}},
			{"revoke p", nil, "revoked revoked revoked", nil},
		}},
		{"revoke in the middle", []step{
			{"revoke c", nil, "active revoked revoked", []string{"token.revoke leaked", "token.revoke parent revoked"}},
		}},
		{"disable and enable", []step{
			{"disable p", nil, "disabled disabled disabled", []string{"token.disable", "token.disable parent disabled", "token.disable parent disabled"}},
			{"enable c", keywright.ErrConflict, "disabled disabled disabled", nil},
			{"enable p", nil, "active active active", []string{"token.enable", "token.enable parent enabled", "token.enable parent enabled"}},
			{"enable p", nil, "active active active", nil},
		}},
		{"disabled before its parent", []step{
			{"disable c", nil, "active disabled disabled", []string{"token.disable", "token.disable parent disabled"}},
			{"disable p", nil, "disabled disabled disabled", []string{"token.disable"}},
			{"enable p", nil, "active disabled disabled", []string{"token.enable"}},
			{"enable c", nil, "active active active", []string{"token.enable", "token.enable parent enabled"}},
		}},
		{"disabled by itself after its parent", []step{
			{"disable p", nil, "disabled disabled disabled", []string{"token.disable", "token.disable parent disabled", "token.disable parent disabled"}},
			{"disable c", nil, "disabled disabled disabled", []string{"token.disable", "token.disable parent disabled"}},
			{"enable p", nil, "active disabled disabled", []string{"token.enable"}},
			{"enable c", nil, "active active active", []string{"token.enable", "token.enable parent enabled"}},
		}},
		{"revoked while disabled", []step{
			{"disable p", nil, "disabled disabled disabled", []string{"token.disable", "token.disable parent disabled", "token.disable parent disabled"}},
			{"revoke g", nil, "disabled disabled revoked", []string{"token.revoke leaked"}},
			{"enable p", nil, "active active revoked", []string{"token.enable", "token.enable parent enabled"}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, c, g := w.family()
			who := map[string]keywright.ID{"p": p.Token.ID, "c": c.Token.ID, "g": g.Token.ID}
			for _, step := range test.steps {
				verb, whom, _ := strings.Cut(step.do, " ")
				var err error
				switch verb {
				case "disable":
					_, err = w.a.Disable(t.Context(), ada, who[whom])
				case "enable":
					_, err = w.a.Enable(t.Context(), ada, who[whom])
				case "revoke":
					_, err = w.a.Revoke(t.Context(), ada, who[whom], "leaked")
				}
				wantErr(t, err, step.err, "")
				w.wantTrail(step.trail...)
				got := w.states(p, c, g)
				if got != step.want {
					t.Errorf("after %s: %s, want %s", step.do, got, step.want)
				}
				if works := w.usable(g.APIKey, "a:b"); works != strings.HasSuffix(got, " active") {
					t.Errorf("after %s: the grandchild works: %t", step.do, works)
				}
			}
		})
	}
}

// All that one change does is in one revision.
func TestCascadeIsOneRevision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _, _ := w.family()
	revoked, err := w.a.Revoke(t.Context(), w.as("ada"), p.Token.ID, "")
	w.must(err)
	for _, e := range w.events() {
		if e.Revision != revoked.Revision || e.Revision == 0 {
			t.Errorf("%s is in revision %d, the change in %d", e.Subject, e.Revision, revoked.Revision)
		}
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, c, g := w.family()
	revision, err := w.a.Delete(t.Context(), w.as("ada"), p.Token.ID)
	w.must(err)
	if revision == 0 {
		t.Error("a deletion without a revision")
	}
	w.wantTrail("token.revoke parent deleted", "token.revoke parent deleted", "token.delete")
	if got := w.states(c, g); got != "revoked revoked" {
		t.Errorf("descendants: %s", got)
	}
	_, err = w.a.Token(t.Context(), w.as("ada"), p.Token.ID)
	wantErr(t, err, keywright.ErrNotFound, "token not found")
	_, err = w.a.Delete(t.Context(), w.as("ada"), p.Token.ID)
	wantErr(t, err, keywright.ErrNotFound, "token not found")
	_, err = w.a.Delete(t.Context(), w.as("otto"), c.Token.ID)
	wantErr(t, err, keywright.ErrNotFound, "token not found")
	w.wantTrail()
}

// What a parent loses its descendants lose.
func TestNarrowing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	full := keywright.NewToken{
		Scopes:       []string{"keywright:tokens:write", "a:*", "b:*"},
		Audience:     []string{"keywright", "http", "alerts"},
		AllowedCIDRs: []string{"192.0.2.0/24", "10.0.0.0/8"},
	}
	p := w.issue(ada, full)
	c := w.issue(w.by(p), full)
	g := w.issue(w.by(c), keywright.NewToken{
		Scopes: []string{"a:b", "b:c"}, Audience: []string{"http"}, AllowedCIDRs: []string{"10.1.0.0/16", "192.0.2.7"},
	})
	w.pass(time.Second) // what is made at the same instant has no order
	onlyAlerts := w.issue(w.by(c), keywright.NewToken{Audience: []string{"alerts"}, AllowedCIDRs: []string{"10.0.0.0/8"}})
	w.trail()
	_, err := w.a.Edit(t.Context(), ada, p.Token.ID, keywright.EditToken{
		Scopes:       &[]string{"keywright:tokens:write", "a:*"},
		Audience:     &[]string{"keywright", "http"},
		AllowedCIDRs: &[]string{"192.0.2.7", "10.0.0.0/8"},
		ExpiresIn:    ptr(int64(3600)),
	})
	w.must(err)
	w.wantTrail("token.edit", "token.edit parent narrowed", "token.edit parent narrowed", "token.revoke parent narrowed")
	child, grandchild := w.get(c.Token.ID), w.get(g.Token.ID)
	if got := child.Scopes.Strings(); !slices.Equal(got, []string{"a:*", "keywright:tokens:write"}) {
		t.Errorf("child's scopes %q", got)
	}
	if got := grandchild.Scopes.Strings(); !slices.Equal(got, []string{"a:b"}) {
		t.Errorf("grandchild's scopes %q", got)
	}
	if !slices.Equal(child.Audience, []string{"http", "keywright"}) || len(grandchild.AllowedCIDRs) != 2 {
		t.Errorf("child %+v, grandchild %+v", child, grandchild)
	}
	if end := grandchild.ExpiresAt; end == nil || end.Sub(w.time()) != time.Hour {
		t.Errorf("grandchild ends %v", end)
	}
	if got := w.states(onlyAlerts); got != "revoked" {
		t.Errorf("a child without an audience left is %s", got)
	}

	// Nobody, not even an admin, gives a child more than its parent has.
	_, err = w.a.Edit(t.Context(), ada, c.Token.ID, keywright.EditToken{Scopes: &[]string{"b:c"}})
	wantErr(t, err, keywright.ErrForbidden, "parent")
}

// A revocation that was acknowledged leaves nothing that was made after it.
func TestRevokeRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 10 {
		p := w.issue(w.as("ada"), scopesGranted("keywright:tokens:write", "a:*"))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for {
					_, err := w.a.Issue(t.Context(), w.by(p), scopesGranted("a:b"), "")
					if errors.Is(err, keywright.ErrUnauthenticated) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		_, err := w.a.Revoke(t.Context(), w.as("ada"), p.Token.ID, "")
		w.must(err)
		all.Wait()
		w.must(w.st.Read(t.Context(), func(tx store.Tx) error {
			below, err := tx.Tokens().Descendants(t.Context(), p.Token.ID)
			for _, rec := range below {
				if rec.Facts.RevokedAt.IsZero() {
					t.Errorf("%s lives below a revoked token", rec.Facts.ID)
				}
			}
			return err
		}))
	}
}
