package sso_test

// People sign in through a real provider.

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/sso/ssotest"
	"github.com/keywright/keywright/keywrighttest"
)

func people() map[string]ssotest.Person {
	return map[string]ssotest.Person{
		"s-ada":   {Email: "ada@corp.example", Verified: true, Username: "ada", Groups: []string{"cn=team-a,ou=groups", "devs", "chess"}},
		"s-root":  {Email: "root@corp.example", Verified: true, Username: "root", Groups: []string{"platform", "ghosts"}},
		"s-eve":   {Email: "boss@corp.example", Username: "boss@corp.example", Groups: []string{"devs"}},
		"s-dev":   {Email: "dev@corp.example", Verified: true, Username: "dev", Groups: []string{"devs"}},
		"s-none":  {Email: "none@corp.example", Verified: true, Username: "none", Groups: []string{"chess"}},
		"s-boss":  {Email: "boss@corp.example", Verified: true, Username: "boss"},
		"s-boss2": {Email: "BOSS@corp.example", Verified: true, Username: "boss", Groups: []string{"platform"}},
	}
}

func withProvider(t *testing.T, more ...func(*server.Config)) (*house, *ssotest.Provider) {
	t.Helper()
	address := freeAddress(t)
	provider := ssotest.Start(t, "http://"+address, people())
	return open(t, address, provider.Issuer, more...), provider
}

func TestFirstSignIn(t *testing.T) {
	t.Parallel()
	h, provider := withProvider(t)
	provider.SignInAs("s-ada")
	ada, err := h.signIn(ssotest.NewBrowser(t))
	must(t, err)
	self, err := ada.Whoami(t.Context())
	must(t, err)
	want := []keywright.Role{
		{Name: "admin", Account: "default", Provided: true},
		{Name: "manager", Account: "default", Space: "default", Provided: true},
	}
	if diff := cmp.Diff(want, self.Roles); diff != "" || self.User != "ada" {
		t.Errorf("%s has the roles\n%s", self.User, diff)
	}
	_, err = ada.CreateToken(t.Context(), keywright.NewToken{Scopes: []string{"a:b"}}, "")
	must(t, err)
	if diff := cmp.Diff([]string{"user.create", "user.link", "role.grant", "role.grant", "session.offer", "session.begin"}, h.events("ada")); diff != "" {
		t.Errorf("events:\n%s", diff)
	}

	_, err = h.signIn(ssotest.NewBrowser(t)) // again, from elsewhere
	must(t, err)
	if got := h.events("ada"); len(got) != 8 {
		t.Errorf("who comes again leaves %v", got)
	}
	if strings.Contains(h.log.String(), ssotest.ClientSecret) {
		t.Error("the log has the client's secret")
	}
}

func TestStrangersAndTheirMail(t *testing.T) {
	t.Parallel()
	h, provider := withProvider(t)
	_, err := h.Client.CreateUser(t.Context(), "default", keywright.NewUser{
		Username: "chief", Email: "boss@corp.example", Password: keywright.NewSecret("known to who made it"), Role: keywright.Role{Name: "auditor"},
	})
	must(t, err)
	before := h.SignIn(t, "chief", "known to who made it")

	provider.SignInAs("s-none")
	if _, err := h.signIn(ssotest.NewBrowser(t)); err == nil || !strings.Contains(err.Error(), "none of your groups gives a role") {
		t.Errorf("a stranger without a role: %v", err)
	}
	provider.SignInAs("")
	if _, err := h.signIn(ssotest.NewBrowser(t)); err == nil || !strings.Contains(err.Error(), "access_denied") {
		t.Errorf("nobody: %v", err)
	}

	// An address that is not verified is anybody's: it neither finds its user nor takes its name.
	provider.SignInAs("s-eve")
	eve, err := h.signIn(ssotest.NewBrowser(t))
	must(t, err)
	if self, err := eve.Whoami(t.Context()); err != nil || self.User != "boss" {
		t.Errorf("%+v, %v", self, err)
	}
	if _, err := before.Whoami(t.Context()); err != nil {
		t.Errorf("the session of the user with that address: %v", err)
	}

	// Verified, it does; and whoever knew the password before has nothing any more.
	provider.SignInAs("s-boss")
	boss, err := h.signIn(ssotest.NewBrowser(t))
	must(t, err)
	if self, err := boss.Whoami(t.Context()); err != nil || self.User != "chief" || len(self.Roles) != 1 {
		t.Errorf("%+v, %v", self, err)
	}
	if _, err := before.Whoami(t.Context()); !errors.Is(err, keywright.ErrUnauthenticated) {
		t.Errorf("the session of who made the user: %v", err)
	}
	if _, err := keywright.NewClient(h.URL, "").Login(t.Context(), "chief", keywright.NewSecret("known to who made it")); !errors.Is(err, keywright.ErrUnauthenticated) {
		t.Errorf("its password: %v", err)
	}

	// The address is somebody else's later on: the user is not.
	provider.SignInAs("s-boss2")
	if _, err := h.signIn(ssotest.NewBrowser(t)); err == nil || !strings.Contains(err.Error(), "is somebody else at the provider") {
		t.Errorf("another subject with the address: %v", err)
	}

	// A first password, right after having shown to the provider who one is.
	err = boss.ChangePassword(t.Context(), keywright.PasswordChange{New: keywright.NewSecret("chosen by the boss")})
	must(t, err)
	h.SignIn(t, "chief", "chosen by the boss")
	want := []string{"user.create", "role.grant", "session.begin", "user.link", "user.password", "session.end", "session.offer", "session.begin", "user.password", "session.begin"}
	if diff := cmp.Diff(want, h.events("chief")); diff != "" {
		t.Errorf("events:\n%s", diff)
	}
}

func TestDisabledAndDeleted(t *testing.T) {
	t.Parallel()
	h, provider := withProvider(t)
	provider.SignInAs("s-dev")
	dev, err := h.signIn(ssotest.NewBrowser(t))
	must(t, err)
	answer, _, _ := h.visit(ssotest.NewBrowser(t), h.loginURL()) // a code that was not used yet
	_, err = h.Client.DisableUser(t.Context(), "dev", keywright.Offboarding{Tokens: keywright.TokensEnd})
	must(t, err)
	if _, err := dev.Whoami(t.Context()); !errors.Is(err, keywright.ErrUnauthenticated) {
		t.Errorf("her session: %v", err)
	}
	if _, err := h.fetch(answer.Get("code"), verifier); !errors.Is(err, keywright.ErrInvalid) {
		t.Errorf("her code: %v", err)
	}
	if _, err := h.signIn(ssotest.NewBrowser(t)); err == nil || !strings.Contains(err.Error(), "disabled") {
		t.Errorf("signs in: %v", err)
	}
	_, err = h.Client.DeleteUser(t.Context(), "dev", keywright.Offboarding{Tokens: keywright.TokensEnd})
	must(t, err)
	_, err = h.signIn(ssotest.NewBrowser(t)) // a group gives her a role: she is new
	must(t, err)
}

func TestKnownOnly(t *testing.T) {
	t.Parallel()
	h, provider := withProvider(t, func(c *server.Config) { c.SSO.KnownOnly = true })
	provider.SignInAs("s-root")
	if _, err := h.signIn(ssotest.NewBrowser(t)); err == nil || !strings.Contains(err.Error(), "no user here") {
		t.Errorf("a stranger with a role: %v", err)
	}
}

// TestProviderDown: people with a password sign in; others are told to try again, and need no restart then.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	h := open(t, freeAddress(t), "http://"+address)
	_, status, page := h.visit(ssotest.NewBrowser(t), h.loginURL())
	if status != 503 || !strings.Contains(page, "sign in by password") {
		t.Errorf("%d %s", status, page)
	}
	h.SignIn(t, keywrighttest.AdminUsername, keywrighttest.AdminPassword)
}
