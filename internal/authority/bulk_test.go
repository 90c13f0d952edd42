package authority

import (
	"testing"

	"github.com/keywright/keywright"
)

// Nothing is ever changed because a filter was missing.
func TestBulkRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue(w.as("ada"), keywright.NewToken{Label: "one"})
	w.trail()
	for _, test := range []struct {
		name   string
		caller Caller
		req    keywright.BulkChange
		err    error
		says   string
	}{
		{"nothing", w.as("ada"), keywright.BulkChange{}, keywright.ErrInvalid, "/action"},
		{"unknown action", w.as("ada"), keywright.BulkChange{Action: "enable", All: true, Expect: ptr(int64(1))}, keywright.ErrInvalid, "/action"},
		{"no filter", w.as("ada"), keywright.BulkChange{Action: "delete"}, keywright.ErrInvalid, "/filter"},
		{"account alone", w.as("ada"), keywright.BulkChange{Action: "delete", Filter: keywright.TokenFilter{Account: "acme"}}, keywright.ErrInvalid, "/filter"},
		{"all without expect", w.as("ada"), keywright.BulkChange{Action: "delete", All: true}, keywright.ErrInvalid, "/expect"},
		{"all and a filter", w.as("ada"), keywright.BulkChange{Action: "delete", All: true, Expect: ptr(int64(1)), Filter: keywright.TokenFilter{Label: "one"}}, keywright.ErrInvalid, "/all"},
		{"unknown state", w.as("ada"), keywright.BulkChange{Action: "delete", Filter: keywright.TokenFilter{State: "gone"}}, keywright.ErrInvalid, "/filter/state"},
		{"another number", w.as("ada"), keywright.BulkChange{Action: "delete", All: true, Expect: ptr(int64(3))}, keywright.ErrConflict, "3 tokens are expected, 1 are chosen"},
		{"reader", w.as("rita"), keywright.BulkChange{Action: "delete", Filter: keywright.TokenFilter{Label: "one"}}, keywright.ErrForbidden, ""},
		{"another tenant", w.as("otto"), keywright.BulkChange{Action: "delete", Filter: keywright.TokenFilter{Account: "acme", Label: "one"}}, keywright.ErrNotFound, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.a.Bulk(t.Context(), test.caller, test.req)
			wantErr(t, err, test.err, test.says)
			w.wantTrail()
		})
	}
}

func TestBulk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	p, c, g := w.family()
	lab := w.issue(w.as("olga"), keywright.NewToken{Space: "lab", Label: "in the lab"})
	w.trail()
	bulk := func(by string, req keywright.BulkChange) keywright.BulkResult {
		t.Helper()
		result, err := w.a.Bulk(t.Context(), w.as(by), req)
		w.must(err)
		if (result.Revision != 0) != (result.Changed != 0) {
			t.Errorf("%+v", result)
		}
		result.Revision = 0
		return result
	}
	want := func(got keywright.BulkResult, matched, changed int64, trail ...string) {
		t.Helper()
		if got.Matched != matched || got.Changed != changed {
			t.Errorf("%+v, want %d and %d", got, matched, changed)
		}
		w.wantTrail(trail...)
	}
	want(bulk("ada", keywright.BulkChange{Action: "revoke", All: true, DryRun: true}), 4, 0)
	// Who has a say in a space only reaches its tokens only.
	want(bulk("olga", keywright.BulkChange{Action: "revoke", All: true, DryRun: true}), 1, 0)
	want(bulk("olga", keywright.BulkChange{Action: "revoke", DryRun: true, Filter: keywright.TokenFilter{Kind: keywright.KindAccount}}), 0, 0)
	want(bulk("ada", keywright.BulkChange{Action: "disable", Filter: keywright.TokenFilter{Space: "lab"}, Reason: "audit"}), 1, 1, "token.disable audit")
	want(bulk("ada", keywright.BulkChange{Action: "disable", Filter: keywright.TokenFilter{Space: "lab"}}), 1, 0)
	// A blank filter is one, and chooses what is blank.
	want(bulk("ada", keywright.BulkChange{Action: "delete", Filter: keywright.TokenFilter{Owner: " "}}), 0, 0)
	want(bulk("ada", keywright.BulkChange{Action: "delete", Filter: keywright.TokenFilter{IDs: []keywright.ID{{1}}}}), 0, 0)
	want(bulk("ada", keywright.BulkChange{Action: "delete", Filter: keywright.TokenFilter{IDs: []keywright.ID{}}}), 0, 0)
	want(bulk("ada", keywright.BulkChange{Action: "delete", Filter: keywright.TokenFilter{Parent: &keywright.ID{}}}), 0, 0)
	// What the first one's end did to the next is not done again.
	want(bulk("ada", keywright.BulkChange{Action: "revoke", Filter: keywright.TokenFilter{IDs: []keywright.ID{p.Token.ID, c.Token.ID}}, Reason: "leaked"}), 2, 1,
		"token.revoke leaked", "token.revoke parent revoked", "token.revoke parent revoked")
	if got := w.states(p, c, g, lab); got != "revoked revoked revoked disabled" {
		t.Error(got)
	}
	want(bulk("ada", keywright.BulkChange{Action: "delete", All: true, Expect: ptr(int64(4))}), 4, 4,
		"token.delete", "token.delete", "token.delete", "token.delete")
	page, err := w.a.Tokens(t.Context(), ada, keywright.TokenQuery{})
	w.must(err)
	if len(page.Items) != 0 {
		t.Errorf("%d tokens are left", len(page.Items))
	}
}

// More than a page of tokens is chosen whole.
func TestBulkManyPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		_, err := w.a.IssueBatch(t.Context(), w.as("ada"), make([]keywright.NewToken, 300), "")
		w.must(err)
	}
	result, err := w.a.Bulk(t.Context(), w.as("ada"), keywright.BulkChange{Action: "revoke", All: true, Expect: ptr(int64(600))})
	w.must(err)
	if result.Changed != 600 {
		t.Errorf("%+v", result)
	}
}
