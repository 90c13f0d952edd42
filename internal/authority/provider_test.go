package authority

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
)

func TestParseGroupRole(t *testing.T) {
	t.Parallel()
	role := func(name, account, space string) keywright.Role {
		return keywright.Role{Name: name, Account: account, Space: space, Provided: true}
	}
	for _, tt := range []struct {
		entry string
		want  GroupRole
		says  string
	}{
		{"platform=operator", GroupRole{"platform", role("operator", "", "")}, ""},
		{"team-a=admin@acme", GroupRole{"team-a", role("admin", "acme", "")}, ""},
		{"team-a=auditor@dev@acme", GroupRole{"team-a", role("auditor", "dev@acme", "")}, ""},
		{"cn=a,dc=b=owner@acme/lab", GroupRole{"cn=a,dc=b", role("owner", "acme", "lab")}, ""},
		{"a b@c/d=reader@acme/default", GroupRole{"a b@c/d", role("reader", "acme", "default")}, ""},
		{"", GroupRole{}, "want GROUP=operator"},
		{"operator", GroupRole{}, "want GROUP=operator"},
		{"=operator", GroupRole{}, "want GROUP=operator"},
		{"a=", GroupRole{}, `no role ""`},
		{"a=root", GroupRole{}, `no role "root"`},
		{"a=Operator", GroupRole{}, "no role"},
		{"a= operator", GroupRole{}, "no role"},
		{"a=operator@acme", GroupRole{}, "leave @acme out"},
		{"a=operator@", GroupRole{}, "leave @ out"},
		{"a=admin", GroupRole{}, "a=admin@ACCOUNT"},
		{"a=admin@", GroupRole{}, "on which account"},
		{"a=admin@ACME", GroupRole{}, "on which account"},
		{"a=admin@a@b@c", GroupRole{}, "on which account"},
		{"a=admin@acme/lab", GroupRole{}, "leave /lab out"},
		{"a=manager@acme", GroupRole{}, "a=manager@acme/SPACE"},
		{"a=manager@acme/", GroupRole{}, "on which space"},
		{"a=manager@acme/lab/x", GroupRole{}, "on which space"},
	} {
		got, err := ParseGroupRole(tt.entry)
		if tt.says == "" {
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%q: %v\n%s", tt.entry, err, diff)
			}
		} else if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), `"`+tt.entry+`"`) {
			t.Errorf("%q: %v, want %q", tt.entry, err, tt.says)
		}
	}
}

// withProvider is a world whose people may sign in through a provider.
func withProvider(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.a.cfg.SSO.Issuer = "https://id.example"
	for _, entry := range []string{"ops=operator", "lab=manager@acme/lab", "readers=reader@acme/lab"} {
		given, err := ParseGroupRole(entry)
		w.must(err)
		w.a.cfg.SSO.Roles = append(w.a.cfg.SSO.Roles, given)
	}
	return w
}

const (
	testVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	testChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func (w *world) signIn(who Identity) (Session, error) {
	w.t.Helper()
	who.Issuer = "https://id.example"
	code, err := w.a.SignInByProvider(w.t.Context(), Caller{}, who, testChallenge)
	if err != nil {
		return Session{}, err
	}
	return w.a.FetchSession(w.t.Context(), Caller{}, code, keywright.NewSecret(testVerifier))
}

// TestNamesOfStrangers: nobody who comes new gets the name, or a name that is the address, of somebody else.
func TestNamesOfStrangers(t *testing.T) {
	t.Parallel()
	w := withProvider(t)
	for _, tt := range []struct {
		who  Identity
		want string // its beginning
	}{
		{Identity{Subject: "1", Username: "zoe"}, "zoe"},
		{Identity{Subject: "2", Username: "ZOE"}, "sso-"},
		{Identity{Subject: "3", Username: "root", Email: "r@corp.example", EmailVerified: true}, "r@corp.example"},
		{Identity{Subject: "4", Username: "root", Email: "q@corp.example"}, "sso-"},
		{Identity{Subject: "5", Username: "max@corp.example"}, "max"},
		{Identity{Subject: "6", Username: "max@corp.example", Email: "max@corp.example", EmailVerified: true}, "max@corp.example"},
		{Identity{Subject: "7", Username: "a b\n<script>"}, "sso-"},
		{Identity{Subject: "8", Username: "R@Corp.Example"}, "r"}, // cut before the @
		{Identity{Subject: "9"}, "sso-"},
	} {
		tt.who.Groups = []string{"lab"}
		s, err := w.signIn(tt.who)
		if err != nil || !strings.HasPrefix(strings.ToLower(s.Username), tt.want) {
			t.Errorf("%+v: %q, %v", tt.who, s.Username, err)
		}
	}
}

// TestOffersRunOut: a code is good for a minute.
func TestOffersRunOut(t *testing.T) {
	t.Parallel()
	w := withProvider(t)
	who := Identity{Issuer: "https://id.example", Subject: "1", Username: "zoe", Groups: []string{"lab"}}
	for life, sentinel := range map[time.Duration]error{offerLife - time.Microsecond: nil, offerLife: keywright.ErrInvalid} {
		code, err := w.a.SignInByProvider(t.Context(), Caller{}, who, testChallenge)
		w.must(err)
		w.pass(life)
		_, err = w.a.FetchSession(t.Context(), Caller{}, code, keywright.NewSecret(testVerifier))
		if !errors.Is(err, sentinel) {
			t.Errorf("after %s: %v", life, err)
		}
	}
}

// TestFirstPassword: who has none sets one within minutes of single sign-on, and not with a session that was left open.
func TestFirstPassword(t *testing.T) {
	t.Parallel()
	w := withProvider(t)
	begin := func() Caller {
		s, err := w.signIn(Identity{Subject: "1", Username: "zoe", Groups: []string{"lab"}})
		w.must(err)
		return w.present(s.Token.Reveal())
	}
	set := func(c Caller, old string) error {
		return w.a.ChangePassword(t.Context(), c, keywright.PasswordChange{Old: keywright.NewSecret(old), New: keywright.NewSecret("long enough it is")})
	}
	zoe := begin()
	w.pass(6 * time.Minute)
	wantErr(t, set(zoe, ""), keywright.ErrForbidden, "sign in again")
	wantErr(t, set(w.as("ada"), ""), keywright.ErrForbidden, "sign in again") // no password, and no single sign-on
	zoe = begin()
	wantErr(t, set(zoe, "something"), keywright.ErrInvalid, "there is no present password")
	wantErr(t, set(zoe, ""), nil, "")
	wantErr(t, set(zoe, ""), keywright.ErrInvalid, "not the present password")
}

func TestOnlyTheProvider(t *testing.T) {
	t.Parallel()
	w := withProvider(t)
	who := Identity{Issuer: "https://id.example/", Subject: "1", Username: "zoe", Groups: []string{"lab"}}
	_, err := w.a.SignInByProvider(t.Context(), Caller{}, who, testChallenge)
	wantErr(t, err, keywright.ErrForbidden, "this provider")
	who.Issuer = "https://id.example"
	_, err = w.a.SignInByProvider(t.Context(), Caller{}, who, testVerifier+"=")
	wantErr(t, err, keywright.ErrInvalid, "code_challenge")
	w.a.cfg.SSO = SingleSignOn{}
	who.Issuer = ""
	_, err = w.a.SignInByProvider(t.Context(), Caller{}, who, testChallenge)
	wantErr(t, err, keywright.ErrForbidden, "this provider")
	w.a.cfg.SSO.NoPasswords = true
	_, err = w.a.Login(t.Context(), Caller{}, "ada", keywright.NewSecret("x"))
	wantErr(t, err, keywright.ErrForbidden, "single sign-on")
	w.wantTrail()
}
