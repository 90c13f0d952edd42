package authority

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// sessionText is ada's session as she presents it.
func (w *world) sessionText() string {
	c := w.as("ada").Credential
	return keywright.FormatSession(keywright.DefaultPrefix, c.ID(), c.Reveal())
}

func TestIssueKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kept := func(by string, req keywright.NewToken) (keywright.Issued, error) {
		return w.a.IssueKept(t.Context(), w.as(by), req)
	}
	plain, err := kept("ada", scopesGranted("a:b"))
	if err != nil || plain.Token.Recoverable || plain.APIKey.Reveal() == "" {
		t.Errorf("%+v, %v", plain.Token, err)
	}
	_, err = kept("ada", keywright.NewToken{Recoverable: true})
	wantErr(t, err, keywright.ErrInvalid, "/recoverable")
	_, err = kept("ada", keywright.NewToken{Lifetime: "long", Scopes: []string{"::"}})
	wantErr(t, err, keywright.ErrInvalid, "/lifetime")
	_, err = kept("rita", keywright.NewToken{Space: "lab"})
	wantErr(t, err, keywright.ErrForbidden, "")
	w.wantTrail("token.create")
	w.policy(func(p *keywright.Policy) { p.RecoverableAllowed, p.MaxPermanent = true, 1 })
	lasting, err := kept("ada", keywright.NewToken{Lifetime: keywright.LifetimePermanent})
	if err != nil || !lasting.Token.Recoverable {
		t.Errorf("%+v, %v", lasting.Token, err)
	}
	_, err = kept("ada", keywright.NewToken{Lifetime: keywright.LifetimePermanent})
	wantErr(t, err, keywright.ErrQuota, "")
	w.wantTrail("token.create")
}

// setPasswords gives everybody the same password.
func (w *world) setPasswords(password string) {
	w.t.Helper()
	hash, err := w.a.hashPassword(w.t.Context(), "/password", keywright.NewSecret(password))
	w.must(err)
	for name := range w.sessions {
		w.write(func(ctx context.Context, tx store.Tx) error {
			user, err := tx.People().UserNamed(ctx, name)
			if err != nil {
				return err
			}
			user.PasswordHash = hash
			return tx.People().UpdateUser(ctx, user, w.event("user.password", ""))
		})
	}
	w.trail()
}

// A token made at a login is what its person could make in a session, and no more.
func TestIssueAtLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setPasswords(testPassword)
	req := keywright.NewToken{Scopes: []string{"**", tokensRead, tokensWrite}, Lifetime: keywright.LifetimeTemporary}
	for _, test := range []struct {
		who, password string
		kind          keywright.Kind
		account       string
		space         string
		err           error
	}{
		{"ada", testPassword, keywright.KindAccount, "acme", "default", nil},
		{"olga", testPassword, keywright.KindSpace, "acme", "lab", nil},
		{"mel", testPassword, keywright.KindSpace, "acme", "lab", nil},
		{"rita", testPassword, 0, "", "", keywright.ErrForbidden},
		{"audi", testPassword, 0, "", "", keywright.ErrForbidden},
		{"ada", "another password", 0, "", "", keywright.ErrUnauthenticated},
		{"nobody", testPassword, 0, "", "", keywright.ErrUnauthenticated},
	} {
		t.Run(test.who, func(t *testing.T) {
			from := Caller{Address: netip.MustParseAddr("192.0.2.9")}
			issued, err := w.a.IssueAtLogin(t.Context(), from, test.who, keywright.NewSecret(test.password), req)
			if wantErr(t, err, test.err, ""); err != nil {
				w.wantTrail()
				return
			}
			got := issued.Token
			if got.Kind != test.kind || got.Account != test.account || got.Space != test.space || got.Owner != test.who {
				t.Errorf("%+v", got)
			}
			if got.CreatedBy != "user:"+test.who || got.Parent != nil || !got.ExpiresAt.Equal(epoch.Add(24*time.Hour)) {
				t.Errorf("made by %s below %v until %v", got.CreatedBy, got.Parent, got.ExpiresAt)
			}
			if w.wantTrail("token.create"); !w.usable(issued.APIKey, "anything:read") {
				t.Error("it is not usable")
			}
		})
	}
	_, err := w.a.IssueAtLogin(t.Context(), Caller{}, "olga", keywright.NewSecret(testPassword), keywright.NewToken{Space: "default"})
	wantErr(t, err, keywright.ErrNotFound, "")
	_, err = w.a.IssueAtLogin(t.Context(), Caller{}, "olga", keywright.NewSecret(testPassword), scopesGranted("keywright:audit:read"))
	wantErr(t, err, keywright.ErrForbidden, "keywright:audit:read")
	w.wantTrail()
}

// The calling token and what it hangs on are kept, whatever the filter.
func TestDeleteOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, c, g := w.family()
	other := w.issue(w.as("ada"), scopesGranted("a:b"))
	lab := w.issue(w.as("olga"), keywright.NewToken{Space: "lab", Scopes: []string{tokensWrite}})
	w.trail()
	others := func(by Caller, f keywright.TokenFilter) (int64, error) {
		result, err := w.a.DeleteOthers(t.Context(), by, f)
		return result.Changed, err
	}
	_, err := others(w.by(c), keywright.TokenFilter{})
	wantErr(t, err, keywright.ErrInvalid, "/filter")
	_, err = others(w.by(c), keywright.TokenFilter{Account: "acme"})
	wantErr(t, err, keywright.ErrInvalid, "/filter")
	_, err = others(w.by(g), keywright.TokenFilter{Kind: keywright.KindAccount})
	wantErr(t, err, keywright.ErrForbidden, tokensWrite)
	_, err = others(w.by(c), keywright.TokenFilter{Account: "other", Kind: keywright.KindAccount})
	wantErr(t, err, keywright.ErrNotFound, "")
	if n, err := others(w.by(c), keywright.TokenFilter{Kind: keywright.KindAccount, Permanent: ptr(true)}); n != 0 || err != nil {
		t.Errorf("%d permanent ones, %v", n, err)
	}
	w.wantTrail()
	n, err := others(w.by(c), keywright.TokenFilter{Kind: keywright.KindAccount})
	if err != nil || n != 2 {
		t.Errorf("%d deleted, %v", n, err)
	}
	w.wantTrail("token.delete", "token.delete")
	if got := w.states(p, c, lab); got != "active active active" {
		t.Error(got)
	}
	for _, gone := range []keywright.Issued{g, other} {
		_, err := w.a.Token(t.Context(), w.as("ada"), gone.Token.ID)
		wantErr(t, err, keywright.ErrNotFound, "")
	}
	if n, err := others(w.by(lab), keywright.TokenFilter{Kind: keywright.KindSpace}); n != 0 || err != nil {
		t.Errorf("%d of the lab, %v", n, err)
	}
	// A person is no token: nothing is kept.
	if n, err := others(w.as("ada"), keywright.TokenFilter{IDs: []keywright.ID{p.Token.ID}}); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	w.wantTrail("token.revoke parent deleted", "token.delete")
}

// The password of a token's owner is changed by who knows it.
func TestChangeOwnersPassword(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made, err := i.Issue(t.Context(), i.operator, scopesGranted("a:b"), "")
	i.must(made, err)
	caller := i.caller(made.APIKey.Reveal())
	change := func(caller Caller, old, next string, all bool) error {
		return i.ChangeOwnersPassword(t.Context(), caller, keywright.PasswordChange{
			Old: keywright.NewSecret(old), New: keywright.NewSecret(next), EndSessions: all, EndTokens: all,
		})
	}
	const next = "another long password"
	if err := change(caller, "wrong password", next, false); invalidMember(err) != "/old_password" {
		t.Errorf("wrong old password: %v", err)
	}
	if err := change(caller, testPassword, "short", false); invalidMember(err) != "/new_password" {
		t.Errorf("short password: %v", err)
	}
	wantErr(t, change(i.operator, testPassword, next, false), keywright.ErrForbidden, "session")
	wantErr(t, change(Caller{}, testPassword, next, false), keywright.ErrUnauthenticated, "")
	i.must(nil, change(caller, testPassword, next, false))
	i.must(i.Whoami(t.Context(), i.operator))
	i.must(i.Whoami(t.Context(), caller))
	i.must(nil, change(caller, next, testPassword, true))
	for name, ended := range map[string]Caller{"session": i.operator, "token": caller} {
		_, err := i.Whoami(t.Context(), ended)
		wantErr(t, err, keywright.ErrUnauthenticated, "")
		if err == nil {
			t.Errorf("the %s lives on", name)
		}
	}
	if n := i.events("user.password"); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// Keys are revealed to who owns the token, who made it, and who holds the scope; others go without, silently.
func TestRevealEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy(func(p *keywright.Policy) { p.RecoverableAllowed = true })
	maker := w.issue(w.as("ada"), scopesGranted(tokensRead, tokensWrite, "a:*"))
	recoverable := keywright.NewToken{Scopes: []string{"a:b"}, Recoverable: true}
	child := w.issue(w.by(maker), recoverable)
	hers := w.issue(w.as("ada"), recoverable)
	ritas := w.issue(w.as("ada"), keywright.NewToken{Space: "lab", Owner: "rita", Scopes: []string{"a:b"}, Recoverable: true})
	plain := w.issue(w.as("ada"), scopesGranted("a:b"))
	wider := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"b:c"}, Recoverable: true})
	revealer := w.issue(w.as("ada"), scopesGranted(tokensReveal, "a:*"))
	all := map[string]keywright.Issued{"child": child, "hers": hers, "rita's": ritas, "plain": plain, "wider": wider}
	ids := []keywright.ID{{1}}
	for _, issued := range all {
		ids = append(ids, issued.Token.ID)
	}
	w.trail()
	for _, test := range []struct {
		name string
		by   Caller
		want []string
	}{
		{"admin", w.as("ada"), []string{"child", "hers", "rita's", "wider"}},
		{"maker", w.by(maker), []string{"child"}},
		{"scope", w.by(revealer), []string{"child", "hers"}},
		{"itself", w.by(hers), []string{"hers"}},
		{"owner", w.as("rita"), []string{"rita's"}},
		{"auditor", w.as("audi"), nil},
		{"another tenant", w.as("otto"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys, err := w.a.RevealEach(t.Context(), test.by, ids)
			w.must(err)
			var got []string
			for name, issued := range all {
				if key, ok := keys[issued.Token.ID]; ok && key.Reveal() == issued.APIKey.Reveal() {
					got = append(got, name)
				}
			}
			if slices.Sort(got); !slices.Equal(got, test.want) || len(keys) != len(test.want) {
				t.Errorf("revealed %v, want %v", got, test.want)
			}
			w.wantTrail(slices.Repeat([]string{"token.reveal"}, len(test.want))...)
		})
	}
	_, err := w.a.RevealEach(t.Context(), Caller{}, ids)
	wantErr(t, err, keywright.ErrUnauthenticated, "")
}
