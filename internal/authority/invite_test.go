package authority

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// An invitation is good once, for a while, and never gives more than its maker could give now.

const chosen = "a passphrase of her own 7"

func toLab(role string) keywright.NewInvite {
	return keywright.NewInvite{Username: "eve", Email: "eve@example.org", Role: keywright.Role{Name: role, Account: "acme", Space: "lab"}}
}

func (w *world) accept(token keywright.Secret) (keywright.User, error) {
	w.t.Helper()
	return w.a.AcceptInvite(w.t.Context(), Caller{}, token, keywright.NewSecret(chosen))
}

func (w *world) invited(by Caller, req keywright.NewInvite) Invited {
	w.t.Helper()
	made, err := w.a.Invite(w.t.Context(), by, req)
	w.must(err)
	return made
}

func TestInvite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.invited(w.as("ada"), toLab(roleManager))
	if made.Invite.ExpiresAt != epoch.Add(defaultInvite) || made.Invite.InvitedBy != "user:ada" || !strings.HasPrefix(made.Token.Reveal(), "kwi_") {
		t.Errorf("%+v", made)
	}
	page, err := w.a.Invites(t.Context(), w.as("audi"), "acme", ListQuery{})
	if wantErr(t, err, nil, ""); len(page.Items) != 1 || page.Items[0] != made.Invite {
		t.Errorf("%+v", page)
	}
	user, err := w.accept(made.Token)
	if wantErr(t, err, nil, ""); user.Username != "eve" || len(user.Roles) != 1 || user.Roles[0].Name != roleManager {
		t.Errorf("%+v", user)
	}
	if _, err := w.a.Login(t.Context(), Caller{}, "eve@example.org", keywright.NewSecret(chosen)); err != nil {
		t.Error(err)
	}
	_, err = w.accept(made.Token)
	wantErr(t, err, keywright.ErrInvalid, "/token")
	for _, e := range w.events()[:4] {
		if want := map[string]string{"invite.create": "user:ada"}[e.Action]; e.Actor != want && (want != "" || e.Actor != "user:eve") {
			t.Errorf("%s by %s", e.Action, e.Actor)
		}
		for _, members := range []map[string]any{e.Before, e.After} {
			for _, value := range members {
				if text, _ := value.(string); strings.Contains(text, made.Token.Reveal()[26:]) {
					t.Errorf("%s tells the secret", e.Action)
				}
			}
		}
	}
}

func TestInviteRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.issue(w.as("ada"), keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{"keywright:users:write", "keywright:members:write"}})
	for name, c := range map[string]struct {
		by   Caller
		req  keywright.NewInvite
		want error
	}{
		"an owner":             {w.as("olga"), toLab(roleReader), keywright.ErrForbidden},
		"another tenant":       {w.as("otto"), toLab(roleReader), keywright.ErrNotFound},
		"a token beyond it":    {w.by(token), toLab(roleManager), keywright.ErrForbidden},
		"an operator":          {w.as("root"), keywright.NewInvite{Username: "eve", Role: keywright.Role{Name: roleOperator}}, keywright.ErrInvalid},
		"no role":              {w.as("ada"), keywright.NewInvite{Username: "eve"}, keywright.ErrInvalid},
		"a bad name":           {w.as("ada"), keywright.NewInvite{Username: "e v e", Role: keywright.Role{Name: roleAuditor}}, keywright.ErrInvalid},
		"somebody there":       {w.as("ada"), keywright.NewInvite{Username: "MEL", Role: keywright.Role{Name: roleAuditor}}, keywright.ErrConflict},
		"too long":             {w.as("ada"), keywright.NewInvite{Username: "eve", Role: keywright.Role{Name: roleAuditor}, ExpiresIn: 31 * 86400}, keywright.ErrInvalid},
		"already over":         {w.as("ada"), keywright.NewInvite{Username: "eve", Role: keywright.Role{Name: roleAuditor}, ExpiresIn: -1}, keywright.ErrInvalid},
		"a space not there":    {w.as("ada"), keywright.NewInvite{Username: "eve", Role: keywright.Role{Name: roleReader, Space: "nowhere"}}, keywright.ErrNotFound},
		"a role of its parent": {w.as("olga"), keywright.NewInvite{Username: "eve", Role: keywright.Role{Name: roleAdmin}}, keywright.ErrForbidden},
	} {
		_, err := w.a.Invite(t.Context(), c.by, c.req)
		if wantErr(t, err, c.want, ""); t.Failed() {
			t.Fatal(name)
		}
	}
	if trail := w.trail(); len(trail) != 1 {
		t.Errorf("told %q, want the token's creation only", trail)
	}
}

// TestUnusableInvites: whatever is wrong with an invitation is the same refusal, and makes nobody.
func TestUnusableInvites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.person("second", roleOf("admin of", "acme"))
	inviting := keywright.NewToken{Kind: keywright.KindManager, Lifetime: keywright.LifetimePermanent, Scopes: []string{
		"keywright:users:write", "keywright:members:write", "keywright:tokens:read", "keywright:spaces:read"}}
	manager, limited := w.issue(second, inviting), w.issue(second, inviting)
	key := w.issue(w.as("ada"), scopesGranted("a:read"))
	for name, spoil := range map[string]func(Invited) keywright.Secret{
		"not one":       func(Invited) keywright.Secret { return keywright.NewSecret("hello there") },
		"an API key":    func(Invited) keywright.Secret { return key.APIKey },
		"a wrong check": func(i Invited) keywright.Secret { return keywright.NewSecret(i.Token.Reveal() + "0") },
		"a wrong secret": func(i Invited) keywright.Secret {
			return keywright.NewSecret(keywright.FormatAPIKey("kwi", i.Invite.ID, strings.Repeat("a", 43)))
		},
		"unknown": func(Invited) keywright.Secret {
			return keywright.NewSecret(keywright.FormatAPIKey("kwi", w.id(), strings.Repeat("a", 43)))
		},
		"withdrawn": func(i Invited) keywright.Secret {
			w.must(w.a.Withdraw(t.Context(), w.as("ada"), "acme", i.Invite.ID))
			return i.Token
		},
		"of a token that was limited since": func(Invited) keywright.Secret {
			made := w.invited(w.by(limited), toLab(roleReader))
			_, err := w.a.Edit(t.Context(), w.as("ada"), limited.Token.ID, keywright.EditToken{AllowedCIDRs: &[]string{"192.0.2.0/24"}})
			w.must(err)
			return made.Token
		},
		"of a revoked token": func(Invited) keywright.Secret {
			made := w.invited(w.by(manager), toLab(roleReader))
			_, err := w.a.Revoke(t.Context(), w.as("ada"), manager.Token.ID, "")
			w.must(err)
			return made.Token
		},
		"of who may no more": func(Invited) keywright.Secret {
			made := w.invited(second, toLab(roleReader))
			_, err := w.a.DropRole(t.Context(), w.as("ada"), "second", keywright.Role{Name: roleAdmin, Account: "acme"})
			w.must(err)
			return made.Token
		},
		"run out": func(i Invited) keywright.Secret {
			w.pass(0)
			short := toLab(roleReader)
			short.ExpiresIn = 1
			made := w.invited(w.as("ada"), short)
			w.pass(time.Second)
			return made.Token
		},
	} {
		_, err := w.accept(spoil(w.invited(w.as("ada"), toLab(roleReader))))
		if wantErr(t, err, keywright.ErrInvalid, "/token"); err == nil || err.Error() != unusableInvite().Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.a.Login(t.Context(), Caller{}, "eve", keywright.NewSecret(chosen)); err != keywright.ErrUnauthenticated {
		t.Errorf("eve: %v", err)
	}
}

// TestInviteOnce: of many who accept at the same time one becomes the user.
func TestInviteOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.invited(w.as("ada"), toLab(roleReader))
	var wait sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		wait.Go(func() {
			_, err := w.accept(made.Token)
			results <- err
		})
	}
	wait.Wait()
	close(results)
	accepted := 0
	for err := range results {
		if err == nil {
			accepted++
		} else {
			wantErr(t, err, keywright.ErrInvalid, "/token")
		}
	}
	if accepted != 1 {
		t.Errorf("%d accepted", accepted)
	}
}

func TestInvitesOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.invited(w.as("ada"), toLab(roleReader))
	wantErr(t, w.a.Withdraw(t.Context(), w.as("otto"), "acme", made.Invite.ID), keywright.ErrNotFound, "")
	wantErr(t, w.a.Withdraw(t.Context(), w.as("otto"), "other", made.Invite.ID), keywright.ErrNotFound, "")
	_, err := w.a.Invites(t.Context(), w.as("otto"), "acme", ListQuery{})
	wantErr(t, err, keywright.ErrNotFound, "")
	// With the space go the invitations to it: one made later of the same name is another.
	_, err = w.a.DeleteSpace(t.Context(), w.as("ada"), "acme", "lab", "lab")
	w.must(err)
	_, err = w.a.CreateSpace(t.Context(), w.as("ada"), "acme", "lab", "")
	w.must(err)
	_, err = w.accept(made.Token)
	wantErr(t, err, keywright.ErrInvalid, "/token")
}
