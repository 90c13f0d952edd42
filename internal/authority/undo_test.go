package authority

import (
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// disables has somebody disable tokens at once, and returns the revision.
func (w *world) disables(who string, tokens ...keywright.Issued) keywright.Revision {
	w.t.Helper()
	change := keywright.BulkChange{Action: keywright.BulkDisable}
	for _, issued := range tokens {
		change.Filter.IDs = append(change.Filter.IDs, issued.Token.ID)
	}
	done, err := w.a.Bulk(w.t.Context(), w.as(who), change)
	w.must(err)
	w.pass(time.Second)
	return done.Revision
}

func TestUndoDisable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	// How much is enabled of a family of which the parent was disabled, or all three; before or after which something else was done.
	for _, test := range []struct {
		name          string
		before, after func(p, c, g keywright.Issued)
		all           bool
		enabled       int64
		want          string
	}{
		{"at once", nil, nil, false, 1, "active active active"},
		{"all three", nil, nil, true, 3, "active active active"},
		{"one was disabled before", func(_, c, _ keywright.Issued) { w.disables("ada", c) }, nil, true, 1, "active disabled disabled"},
		{"one is revoked since", nil, func(_, c, _ keywright.Issued) {
			_, err := w.a.Revoke(t.Context(), ada, c.Token.ID, "")
			w.must(err)
		}, true, 1, "active revoked revoked"},
		{"one is deleted since", nil, func(_, _, g keywright.Issued) {
			_, err := w.a.Delete(t.Context(), ada, g.Token.ID)
			w.must(err)
		}, true, 2, "active active"},
		{"one is enabled since, and disabled again", nil, func(p, _, _ keywright.Issued) {
			_, err := w.a.Enable(t.Context(), ada, p.Token.ID)
			w.must(err)
			w.disables("ada", p)
		}, false, 0, "disabled disabled disabled"},
		{"one has expired since", nil, func(_, c, _ keywright.Issued) {
			at := w.time().Add(time.Second).Format(time.RFC3339Nano)
			_, err := w.a.Edit(t.Context(), ada, c.Token.ID, keywright.EditToken{ExpiresAt: &at})
			w.must(err)
			w.pass(time.Minute)
		}, true, 1, "active expired expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, c, g := w.family()
			if test.before != nil {
				test.before(p, c, g)
			}
			chosen := []keywright.Issued{p}
			if test.all {
				chosen = append(chosen, c, g)
			}
			revision := w.disables("ada", chosen...)
			left := []keywright.Issued{p, c, g}
			if test.after != nil {
				test.after(p, c, g)
			}
			enabled, err := w.a.UndoDisable(t.Context(), ada, revision)
			w.must(err)
			if test.name == "one is deleted since" {
				left = left[:2]
			}
			if states := w.states(left...); enabled != test.enabled || states != test.want {
				t.Errorf("%d enabled, then %s", enabled, states)
			}
		})
	}
}

func TestUndoDisableRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.issue(w.as("ada"), scopesGranted("a:*"))
	revision := w.disables("ada", one)
	w.trail()
	for _, test := range []struct {
		name     string
		by       string
		revision keywright.Revision
		pass     time.Duration
		err      error
	}{
		{"another's", "olga", revision, 0, keywright.ErrNotFound},
		{"another tenant's", "otto", revision, 0, keywright.ErrNotFound},
		{"none", "ada", 0, 0, keywright.ErrNotFound},
		{"another change", "ada", revision - 1, 0, keywright.ErrNotFound},
		{"switched off", "ada", revision, 0, keywright.ErrForbidden},
		{"too long ago", "ada", revision, undoable, keywright.ErrNotFound},
	} {
		w.policy(func(p *keywright.Policy) { p.Enabled = test.err != keywright.ErrForbidden })
		w.trail()
		w.pass(test.pass)
		_, err := w.a.UndoDisable(t.Context(), w.as(test.by), test.revision)
		wantErr(t, err, test.err, "")
		w.wantTrail()
	}
	if state := w.states(one); state != "disabled" {
		t.Error(state)
	}
}
