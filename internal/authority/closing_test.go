package authority

import (
	"slices"
	"testing"

	"github.com/keywright/keywright"
)

// Closing suspends every token at every door in one revision; who may close what.

func TestCloseAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.issue(w.as("ada"), scopesGranted("a:read"))
	foreign := w.issue(w.as("otto"), scopesGranted("a:read"))
	w.trail()
	for _, who := range []string{"ada", "audi", "olga"} {
		_, err := w.a.CloseAccount(t.Context(), w.as(who), "acme")
		wantErr(t, err, keywright.ErrForbidden, "only an operator")
	}
	for _, absent := range []string{"other", "nowhere"} {
		_, err := w.a.CloseAccount(t.Context(), w.as("ada"), absent)
		wantErr(t, err, keywright.ErrNotFound, "account not found")
	}
	for range 2 {
		account, err := w.a.CloseAccount(t.Context(), w.as("root"), "acme")
		wantErr(t, err, nil, "")
		if account.ClosedAt == nil {
			t.Error("not closed")
		}
	}
	w.wantTrail("account.close")
	if w.usable(key.APIKey, "a:read") || !w.usable(foreign.APIKey, "a:read") {
		t.Error("the account's token works, or another's does not")
	}
	_, err := w.a.Issue(t.Context(), w.as("ada"), scopesGranted("a:read"), "")
	wantErr(t, err, keywright.ErrConflict, "closed")
	_, err = w.a.ReopenAccount(t.Context(), w.as("root"), "acme")
	wantErr(t, err, nil, "")
	if !w.usable(key.APIKey, "a:read") {
		t.Error("the token does not work again")
	}
	w.wantTrail("account.reopen")
}

// TestChildAccounts: an admin of the parent governs the child, nobody else's admin does, and a child's admin not the parent.
func TestChildAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		who, name string
		want      error
	}{
		{"ada", "eu@acme", nil},
		{"ada", "eu@acme", keywright.ErrConflict},
		{"ada", "eu@other", keywright.ErrForbidden},
		{"ada", "fresh", keywright.ErrForbidden},
		{"audi", "us@acme", keywright.ErrForbidden},
		{"olga", "us@acme", keywright.ErrForbidden},
		{"root", "eu@nowhere", keywright.ErrInvalid},
	} {
		_, err := w.a.CreateAccount(t.Context(), w.as(c.who), c.name, "")
		wantErr(t, err, c.want, "")
	}
	kid := w.person("kid", roleOf("kid admin of", "eu@acme"))
	key := w.issue(kid, keywright.NewToken{Account: "eu@acme", Scopes: []string{"a:read"}})
	if _, err := w.a.Token(t.Context(), w.as("ada"), key.Token.ID); err != nil {
		t.Errorf("the parent's admin and the child's token: %v", err)
	}
	_, err := w.a.CloseAccount(t.Context(), kid, "eu@acme")
	wantErr(t, err, keywright.ErrForbidden, "")
	_, err = w.a.CloseAccount(t.Context(), w.as("otto"), "eu@acme")
	wantErr(t, err, keywright.ErrNotFound, "")
	_, err = w.a.Account(t.Context(), kid, "acme")
	wantErr(t, err, keywright.ErrNotFound, "")
	_, err = w.a.EditAccount(t.Context(), kid, "eu@acme", "Europe")
	wantErr(t, err, nil, "")
	_, err = w.a.EditAccount(t.Context(), kid, "acme", "Mine")
	wantErr(t, err, keywright.ErrNotFound, "")
	_, err = w.a.CloseAccount(t.Context(), w.as("ada"), "eu@acme")
	wantErr(t, err, nil, "")
	if w.usable(key.APIKey, "a:read") {
		t.Error("the closed child's token works")
	}
}

func TestSpaceLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.issue(w.as("olga"), keywright.NewToken{Space: "lab", Scopes: []string{"a:read"}})
	w.trail()
	_, err := w.a.CloseSpace(t.Context(), w.as("olga"), "acme", "lab")
	wantErr(t, err, keywright.ErrForbidden, "")
	_, err = w.a.CloseSpace(t.Context(), w.as("otto"), "acme", "lab")
	wantErr(t, err, keywright.ErrNotFound, "")
	_, err = w.a.CloseSpace(t.Context(), w.as("ada"), "acme", "default")
	wantErr(t, err, keywright.ErrConflict, "default")
	space, err := w.a.CloseSpace(t.Context(), w.as("ada"), "acme", "lab")
	if wantErr(t, err, nil, ""); space.ClosedAt == nil || w.usable(key.APIKey, "a:read") {
		t.Errorf("closed: %+v", space)
	}
	_, err = w.a.ReopenSpace(t.Context(), w.as("ada"), "acme", "lab")
	if wantErr(t, err, nil, ""); !w.usable(key.APIKey, "a:read") {
		t.Error("the token does not work again")
	}
	space, err = w.a.EditSpace(t.Context(), w.as("ada"), "acme", "lab", "The Lab")
	if wantErr(t, err, nil, ""); space.Title != "The Lab" {
		t.Errorf("%+v", space)
	}
	_, err = w.a.EditSpace(t.Context(), w.as("ada"), "acme", "lab", "The Lab")
	wantErr(t, err, nil, "")
	_, err = w.a.EditSpace(t.Context(), w.as("ada"), "acme", "lab", "")
	wantErr(t, err, keywright.ErrInvalid, "/title")
	got, err := w.a.Space(t.Context(), w.as("rita"), "acme", "lab")
	if wantErr(t, err, nil, ""); got.Title != "The Lab" {
		t.Errorf("%+v", got)
	}
	_, err = w.a.Space(t.Context(), w.as("otto"), "acme", "lab")
	wantErr(t, err, keywright.ErrNotFound, "")
	w.wantTrail("space.close", "space.reopen", "space.edit")
}

func TestDeleteSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parent := w.issue(w.as("olga"), keywright.NewToken{Space: "lab", Scopes: []string{"a:read", "keywright:tokens:write"}})
	w.pass(1000)
	child := w.issue(w.by(parent), keywright.NewToken{Scopes: []string{"a:read"}})
	elsewhere := w.issue(w.as("ada"), scopesGranted("a:read"))
	w.trail()
	remove := func(who, name, repeated string) error {
		_, err := w.a.DeleteSpace(t.Context(), w.as(who), "acme", name, repeated)
		return err
	}
	wantErr(t, remove("olga", "lab", "lab"), keywright.ErrForbidden, "")
	wantErr(t, remove("otto", "lab", "lab"), keywright.ErrNotFound, "")
	wantErr(t, remove("ada", "default", "default"), keywright.ErrConflict, "stays")
	wantErr(t, remove("ada", "lab", ""), keywright.ErrInvalid, "repeat")
	wantErr(t, remove("ada", "lab", "Lab"), keywright.ErrInvalid, "repeat")
	w.wantTrail()
	wantErr(t, remove("ada", "lab", "lab"), nil, "")
	events := w.events()
	var told []string
	for _, e := range events {
		if told = append(told, e.Action); e.Revision != events[0].Revision || e.Revision == 0 {
			t.Errorf("%s has revision %d, the first %d", e.Action, e.Revision, events[0].Revision)
		}
	}
	if want := []string{"token.delete", "token.delete", "role.drop", "role.drop", "role.drop", "space.delete"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	for _, key := range []keywright.Issued{parent, child} {
		if w.usable(key.APIKey, "a:read") {
			t.Errorf("%s works", key.Token.Label)
		}
	}
	if !w.usable(elsewhere.APIKey, "a:read") {
		t.Error("a token of another space does not work")
	}
	wantErr(t, remove("ada", "lab", "lab"), keywright.ErrNotFound, "")
	// A space of the same name begins empty: nobody has a part in it.
	_, err := w.a.CreateSpace(t.Context(), w.as("ada"), "acme", "lab", "")
	wantErr(t, err, nil, "")
	_, err = w.a.Space(t.Context(), w.as("olga"), "acme", "lab")
	wantErr(t, err, keywright.ErrNotFound, "")
}

// What a space has set goes with it: a space of the same name demands what its account does, and the audit trail keeps what it was.
func TestDeleteSpaceWithPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.a.SetSpacePolicy(t.Context(), w.as("ada"), "acme", "lab", keywright.NewSpacePolicy{
		SpacePolicy: keywright.SpacePolicy{Enabled: ptr(false), AllowedScopes: []string{"a:read"}},
	})
	w.must(err)
	w.trail()
	_, err = w.a.DeleteSpace(t.Context(), w.as("ada"), "acme", "lab", "lab")
	w.must(err)
	events := w.events()
	if told, _ := events[len(events)-1].Before["policy"].(map[string]any); told["enabled"] != false || told["allowed_scopes"] == nil {
		t.Errorf("told of the policy: %v", events[len(events)-1].Before)
	}
	_, err = w.a.CreateSpace(t.Context(), w.as("ada"), "acme", "lab", "")
	w.must(err)
	demands, err := w.a.SpacePolicy(t.Context(), w.as("ada"), "acme", "lab")
	w.must(err)
	if own := spacePolicyStory(demands.Own); len(own) > 0 || !demands.Effective.Enabled {
		t.Errorf("the new space demands %v", own)
	}
	w.issue(w.as("ada"), keywright.NewToken{Space: "lab", Scopes: []string{"b:write"}})
}
