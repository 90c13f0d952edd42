package authority

import (
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// withPassword gives ada a password, and returns it.
func (w *world) withPassword(name string) keywright.Secret {
	w.t.Helper()
	password := keywright.NewSecret("correct horse battery staple")
	_, err := w.a.CreateUser(w.t.Context(), w.as("root"), NewUser{
		Username: name, Password: password, Role: keywright.Role{Name: roleAdmin, Account: "acme"},
	})
	w.must(err)
	w.trail()
	return password
}

// A session as a JWT is the session: it acts at the management API, ends with it, and is nobody's token.
func TestLoginAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	password := w.withPassword("pat")
	_, err := w.a.LoginAccess(t.Context(), Caller{}, "pat", keywright.NewSecret("wrong horse battery staple"), nil)
	wantErr(t, err, keywright.ErrUnauthenticated, "")
	grant, err := w.a.LoginAccess(t.Context(), Caller{}, "pat", password, nil)
	w.must(err)
	w.wantTrail("session.begin")
	if got := grant.ExpiresAt.Sub(epoch); got != w.a.cfg.SessionTTL || grant.ExpiresIn != got {
		t.Errorf("for %s", got)
	}
	pat := w.present(grant.AccessToken.Reveal())
	made := w.issue(pat, scopesGranted("pipes:read"))
	if made.Token.CreatedBy != "user:pat" {
		t.Errorf("made by %s", made.Token.CreatedBy)
	}
	if w.usable(grant.AccessToken, "pipes:read") {
		t.Error("a person's session passes at data")
	}
	_, err = w.a.Grant(t.Context(), pat, GrantRequest{})
	wantErr(t, err, keywright.ErrUnauthenticated, "")
	w.must(w.a.Logout(t.Context(), pat))
	_, err = w.a.Whoami(t.Context(), pat)
	wantErr(t, err, keywright.ErrUnauthenticated, "")
}

// A session begun for some scopes manages tokens and gives these scopes only.
func TestLoginAccessNarrowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	password := w.withPassword("pat")
	grant, err := w.a.LoginAccess(t.Context(), Caller{}, "pat", password, []string{"pipes:read", "pipes:write"})
	w.must(err)
	pat := w.present(grant.AccessToken.Reveal())
	w.issue(pat, scopesGranted("pipes:read"))
	_, err = w.a.Issue(t.Context(), pat, scopesGranted("pipes:drop"), "")
	wantErr(t, err, keywright.ErrForbidden, "pipes:drop")
	_, err = w.a.Events(t.Context(), pat, EventQuery{})
	wantErr(t, err, keywright.ErrForbidden, "less than")
	_, err = w.a.CreateSpace(t.Context(), pat, "", "more", "")
	wantErr(t, err, keywright.ErrForbidden, "less than")
	_, err = w.a.LoginAccess(t.Context(), Caller{}, "pat", password, []string{"a b"})
	wantErr(t, err, keywright.ErrInvalid, "scope")
}

// Whatever is not as it was signed, or of a session that has ended or run out, is nobody.
func TestSessionTokenRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	password := w.withPassword("pat")
	grant, err := w.a.LoginAccess(t.Context(), Caller{}, "pat", password, nil)
	w.must(err)
	text := grant.AccessToken.Reveal()
	parts := strings.Split(text, ".")
	session := w.a.readSession(text).Session
	forged := func(p sessionPayload) string {
		signed, err := w.a.signSession(p)
		w.must(err)
		return signed
	}
	good := *w.a.readSession(text)
	for name, bad := range map[string]string{
		"another body":      strings.Join([]string{parts[0], strings.Split(forged(sessionPayload{Session: session}), ".")[1], parts[2]}, "."),
		"no signature":      parts[0] + "." + parts[1] + ".AAAA",
		"another issuer":    forged(sessionPayload{Issuer: "https://evil.example", Session: session, Expires: good.Expires}),
		"no session":        forged(sessionPayload{Issuer: good.Issuer, Session: w.id().String(), Expires: good.Expires}),
		"no id":             forged(sessionPayload{Issuer: good.Issuer, Session: "", Expires: good.Expires}),
		"run out by itself": forged(sessionPayload{Issuer: good.Issuer, Session: session, Expires: epoch.Unix()}),
		"no scope":          forged(sessionPayload{Issuer: good.Issuer, Session: session, Expires: good.Expires, Scope: ptr("a//:")}),
	} {
		if _, err := w.a.Whoami(t.Context(), w.present(bad)); err == nil {
			t.Errorf("%s is somebody", name)
		}
	}
	pat := w.present(text)
	_, err = w.a.Whoami(t.Context(), pat)
	w.must(err)
	w.pass(w.a.cfg.SessionTTL - time.Second)
	_, err = w.a.Whoami(t.Context(), pat)
	w.must(err)
	w.pass(time.Second)
	_, err = w.a.Whoami(t.Context(), pat)
	wantErr(t, err, keywright.ErrUnauthenticated, "")
}
