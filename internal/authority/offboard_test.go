package authority

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Whoever leaves leaves nothing alive by accident: tokens end or are handed over as the call says, in one revision, and a
// removal that failed and is retried leaves none behind.

// roleOf reads "ada admin of" and an account, or "owner of" and account/space.
func roleOf(words, at string) store.Role {
	fields := strings.Fields(words)
	account, space, _ := strings.Cut(at, "/")
	return store.Role{Name: fields[len(fields)-2], Account: account, Space: space}
}

var (
	ends       = keywright.Offboarding{Tokens: keywright.TokensEnd}
	goesToOlga = keywright.Offboarding{Tokens: keywright.TokensTransfer, To: "olga", Reason: "left"}
)

func TestOffboardingSaysWhatBecomesOfTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		who, whom string
		req       keywright.Offboarding
		want      error
		part      string
	}{
		"nothing said":      {"ada", "mel", keywright.Offboarding{}, keywright.ErrInvalid, "/tokens"},
		"a word unknown":    {"ada", "mel", keywright.Offboarding{Tokens: "keep"}, keywright.ErrInvalid, "/tokens"},
		"to nobody":         {"ada", "mel", keywright.Offboarding{Tokens: "transfer"}, keywright.ErrInvalid, "/to"},
		"to an unknown":     {"ada", "mel", keywright.Offboarding{Tokens: "transfer", To: "nobody"}, keywright.ErrInvalid, "/to"},
		"to a foreigner":    {"ada", "mel", keywright.Offboarding{Tokens: "transfer", To: "otto"}, keywright.ErrInvalid, "/to"},
		"to the same":       {"ada", "mel", keywright.Offboarding{Tokens: "transfer", To: "MEL"}, keywright.ErrInvalid, "/to"},
		"ends with an heir": {"ada", "mel", keywright.Offboarding{Tokens: "end", To: "olga"}, keywright.ErrInvalid, "/to"},
		"oneself":           {"ada", "ada", ends, keywright.ErrConflict, "own user"},
		"a foreigner":       {"ada", "otto", ends, keywright.ErrNotFound, ""},
		"nobody":            {"ada", "nobody", ends, keywright.ErrNotFound, ""},
		"an operator":       {"ada", "root", ends, keywright.ErrNotFound, ""},
		"by an owner":       {"olga", "mel", ends, keywright.ErrForbidden, ""},
		"by an auditor":     {"audi", "mel", ends, keywright.ErrForbidden, ""},
		"the last admin":    {"root", "ada", ends, keywright.ErrConflict, "last admin of account acme"},
	} {
		_, err := w.a.DisableUser(t.Context(), w.as(c.who), c.whom, c.req)
		wantErr(t, err, c.want, c.part)
		_, err2 := w.a.DeleteUser(t.Context(), w.as(c.who), c.whom, c.req)
		if wantErr(t, err2, c.want, c.part); t.Failed() {
			t.Fatal(name)
		}
	}
	w.wantTrail()
}

// leaver is mel, who has tokens in every state, and a token that one of them made.
func (w *world) leaver() (keys []keywright.Issued) {
	at := func(more ...string) keywright.NewToken {
		return keywright.NewToken{Space: "lab", Scopes: append([]string{"a:read"}, more...)}
	}
	parent := w.issue(w.as("mel"), at("keywright:tokens:write"))
	w.pass(1000)
	child := w.issue(w.by(parent), at())
	w.pass(1000)
	disabled, expiring := w.issue(w.as("mel"), at()), at()
	expiring.ExpiresIn = 60
	expired := w.issue(w.as("mel"), expiring)
	_, err := w.a.Disable(w.t.Context(), w.as("ada"), disabled.Token.ID)
	w.must(err)
	w.pass(120e9)
	w.trail()
	return []keywright.Issued{parent, child, disabled, expired}
}

func TestDisableUserEndsTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.leaver()
	got, err := w.a.DisableUser(t.Context(), w.as("ada"), "mel", ends)
	if wantErr(t, err, nil, ""); got.Ended != 4 || got.Transferred != 0 || got.Revision == 0 {
		t.Errorf("%+v", got)
	}
	w.wantTrail("token.revoke owner disabled", "token.revoke parent revoked", "token.revoke owner disabled", "token.revoke owner disabled",
		"user.disable owner disabled", "session.end owner disabled")
	for _, key := range keys {
		if w.get(key.Token.ID).State != keywright.StateRevoked || w.usable(key.APIKey, "a:read") {
			t.Errorf("%s is %s", key.Token.Label, w.get(key.Token.ID).State)
		}
	}
	_, err = w.a.Whoami(t.Context(), w.as("mel"))
	wantErr(t, err, keywright.ErrUnauthenticated, "")
	_, err = w.a.Issue(t.Context(), w.as("ada"), keywright.NewToken{Space: "lab", Owner: "mel", Scopes: []string{"a:read"}}, "")
	wantErr(t, err, keywright.ErrInvalid, "/owner")
	w.trail()
	again, err := w.a.DisableUser(t.Context(), w.as("ada"), "mel", ends)
	if wantErr(t, err, nil, ""); again != (keywright.Offboarded{}) {
		t.Errorf("again: %+v", again)
	}
	user, err := w.a.EnableUser(t.Context(), w.as("ada"), "mel")
	if wantErr(t, err, nil, ""); user.DisabledAt != nil {
		t.Errorf("%+v", user)
	}
	w.wantTrail("user.enable")
}

func TestDeleteUserTransfersTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.leaver()
	got, err := w.a.DeleteUser(t.Context(), w.as("ada"), "mel", goesToOlga)
	if wantErr(t, err, nil, ""); got.Transferred != 4 || got.Ended != 0 {
		t.Errorf("%+v", got)
	}
	w.wantTrail("token.transfer left", "token.transfer left", "token.transfer left", "token.transfer left",
		"session.end left", "role.drop left", "user.delete left")
	for i, key := range keys {
		if token := w.get(key.Token.ID); token.Owner != "olga" || w.usable(key.APIKey, "a:read") != (i < 2) {
			t.Errorf("%s of %s is %s", token.Label, token.Owner, token.State)
		}
	}
	// The parent acts for its new owner, and its child is still within it.
	w.issue(w.by(keys[0]), keywright.NewToken{Scopes: []string{"a:read"}})
	_, err = w.a.DeleteUser(t.Context(), w.as("ada"), "mel", goesToOlga)
	wantErr(t, err, keywright.ErrNotFound, "")
}

// TestTransferNeverWidens: who hands a token over could have given it, and who gets it has a part in its account.
func TestTransferNeverWidens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	big := w.issue(w.as("root"), keywright.NewToken{Account: "acme", Owner: "mel", Kind: keywright.KindManager, Scopes: []string{"keywright:accounts:write"}})
	_, err := w.a.DisableUser(t.Context(), w.as("ada"), "mel", goesToOlga)
	wantErr(t, err, keywright.ErrForbidden, "keywright:accounts:write")
	_, err = w.a.DisableUser(t.Context(), w.as("root"), "mel", keywright.Offboarding{Tokens: "transfer", To: "otto"})
	wantErr(t, err, keywright.ErrInvalid, "no role in account acme")
	token := w.issue(w.as("ada"), keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{"keywright:users:write", "keywright:tokens:write"}})
	_, err = w.a.DisableUser(t.Context(), w.by(token), "mel", goesToOlga)
	wantErr(t, err, keywright.ErrForbidden, "may not give")
	_, err = w.a.DisableUser(t.Context(), w.by(token), "mel", ends)
	wantErr(t, err, nil, "")
	if w.get(big.Token.ID).State != keywright.StateRevoked {
		t.Error("the token lives")
	}
	_, err = w.a.EnableUser(t.Context(), w.by(token), "mel")
	wantErr(t, err, keywright.ErrForbidden, "may not give the role manager")
}

// TestForeignPartStandsInTheWay: nobody sends away who has a part elsewhere, nor leaves a token there alive.
func TestForeignPartStandsInTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.a.GrantRole(t.Context(), w.as("root"), "mel", keywright.Role{Name: roleReader, Account: "other", Space: "lab"})
	w.must(err)
	_, err = w.a.DisableUser(t.Context(), w.as("ada"), "mel", ends)
	wantErr(t, err, keywright.ErrForbidden, "ask an operator")
	foreign := w.issue(w.as("otto"), keywright.NewToken{Owner: "mel", Scopes: []string{"a:read"}})
	_, err = w.a.DropRole(t.Context(), w.as("otto"), "mel", keywright.Role{Name: roleReader, Account: "other", Space: "lab"})
	w.must(err)
	_, err = w.a.DeleteUser(t.Context(), w.as("ada"), "mel", ends)
	wantErr(t, err, keywright.ErrForbidden, "ask an operator")
	if !w.usable(foreign.APIKey, "a:read") {
		t.Error("the foreign token was ended")
	}
	_, err = w.a.DeleteUser(t.Context(), w.as("root"), "mel", ends)
	wantErr(t, err, nil, "")
	if w.usable(foreign.APIKey, "a:read") {
		t.Error("the foreign token works")
	}
}

func TestLastOfTheirKindStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drop := func(who, whom string, r keywright.Role) error {
		_, err := w.a.DropRole(t.Context(), w.as(who), whom, r)
		return err
	}
	admin := keywright.Role{Name: roleAdmin, Account: "acme"}
	wantErr(t, drop("root", "ada", admin), keywright.ErrConflict, "last admin")
	wantErr(t, drop("ada", "ada", admin), keywright.ErrConflict, "last admin")
	wantErr(t, drop("root", "root", keywright.Role{Name: roleOperator}), keywright.ErrConflict, "")
	w.person("second", roleOf("admin of", "acme"))
	_, err := w.a.DisableUser(t.Context(), w.as("root"), "second", ends)
	w.must(err)
	wantErr(t, drop("root", "ada", admin), keywright.ErrConflict, "last admin")
	_, err = w.a.EnableUser(t.Context(), w.as("root"), "second")
	w.must(err)
	wantErr(t, drop("root", "ada", admin), nil, "")
	w.person("root2", store.Role{Name: roleOperator})
	_, err = w.a.DeleteUser(t.Context(), w.as("root2"), "root", ends)
	wantErr(t, err, nil, "")
}

// dying ends after it was asked so many times whether it has: a fault at each statement of a change, one after the other.
type dying struct {
	context.Context
	left atomic.Int64
}

func (d *dying) Err() error {
	if d.left.Add(-1) < 0 {
		return context.Canceled
	}
	return d.Context.Err()
}

// TestRetriedRemoval: a deletion of a space or a user that failed at any statement has changed nothing, and when its
// retry has succeeded no token of it verifies.
func TestRetriedRemoval(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(context.Context, *world) error{
		"space": func(ctx context.Context, w *world) error {
			_, err := w.a.DeleteSpace(ctx, w.as("ada"), "acme", "lab", "lab")
			return err
		},
		"user": func(ctx context.Context, w *world) error {
			_, err := w.a.DeleteUser(ctx, w.as("ada"), "mel", ends)
			return err
		},
		"disabling": func(ctx context.Context, w *world) error {
			_, err := w.a.DisableUser(ctx, w.as("ada"), "mel", ends)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			keys := w.leaver()
			faults := 0
			for ; ; faults++ {
				ctx := &dying{Context: t.Context()}
				ctx.left.Store(int64(faults))
				err := remove(ctx, w)
				if err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("fault %d: %v", faults, err)
				}
				if told := w.trail(); len(told) > 0 {
					t.Fatalf("fault %d: told %q", faults, told)
				}
			}
			if faults < 30 {
				t.Errorf("only %d faults", faults)
			}
			for _, key := range keys {
				if w.usable(key.APIKey, "a:read") {
					t.Errorf("%s works", key.Token.Label)
				}
			}
		})
	}
}

// TestForgetfulRemoval: the change is made but caches could not be told; the caller hears so, and the retry finds it done.
func TestForgetfulRemoval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.leaver()[0]
	w.a.cfg.Forget = func(context.Context, store.Commit) error { return errors.New("cut off") }
	_, err := w.a.DeleteUser(t.Context(), w.as("ada"), "mel", ends)
	wantErr(t, err, keywright.ErrUnavailable, "the change is made")
	_, err = w.a.DeleteUser(t.Context(), w.as("ada"), "mel", ends)
	wantErr(t, err, keywright.ErrNotFound, "")
	if w.usable(key.APIKey, "a:read") {
		t.Error("the token works")
	}
}
