package browser

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/sso/ssotest"
	"github.com/keywright/keywright/keywrighttest"
)

// A policy does nothing before it was shown what it would do, and then just that.
func TestPolicy(t *testing.T) {
	s := keywrighttest.New(t)
	issued := s.Issue(t, keywright.NewToken{Label: "billing export", Scopes: []string{"invoices:read"}})
	s.Issue(t, keywright.NewToken{Label: "shop", Scopes: []string{"orders:read"}})
	p := operator(t, s)
	p.click("link", "Policy")
	p.fill("textbox", "Scopes", "orders:**")
	p.click("button", "See what it would do")
	p.sees("Nothing has changed yet.", "billing export", "invoices:read", "at once")
	p.seesNot("shop")
	p.used(issued.APIKey.Reveal(), true)

	p.click("button", "Back to editing")
	if filled := value[string](p, `document.querySelector("#f-allowed_scopes").value`); filled != "orders:**" {
		t.Errorf("back at the policy it says %q", filled)
	}
	p.click("button", "See what it would do")
	p.click("button", "Set this policy")
	p.used(issued.APIKey.Reveal(), false)
	p.visit("/console/a/default/policy")
	if filled := value[string](p, `document.querySelector("#f-allowed_scopes").value`); filled != "orders:**" {
		t.Errorf("the policy says %q", filled)
	}
}

// Before a key is shown again, or somebody is made an admin, a session that is not of a moment ago has to show who it is.
func TestProveAgain(t *testing.T) {
	var ahead atomic.Int64
	s := keywrighttest.New(t, keywrighttest.WithClock(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }))
	account, err := s.Client.Account(t.Context(), "default")
	must(t, err)
	account.Policy.RecoverableAllowed = true
	_, err = s.Client.SetPolicy(t.Context(), "default", keywright.NewPolicy{Policy: account.Policy})
	must(t, err)
	_, err = s.Client.CreateUser(t.Context(), "default", keywright.NewUser{
		Username: "rita", Email: "rita@example.com", Password: keywright.NewSecret(password), Role: keywright.Role{Name: "auditor"},
	})
	must(t, err)
	issued := s.Issue(t, keywright.NewToken{Label: "shop", Scopes: []string{"orders:read"}, Recoverable: true})
	p := operator(t, s)

	ahead.Add(int64(11 * time.Minute))
	p.visit(tokensAt + "/" + issued.Token.ID.String())
	p.click("link", "Reveal the key")
	p.proves()
	p.sees("Reveal the key of shop?")
	p.click("button", "Reveal")
	p.sees("Key revealed")
	if key := p.copies("key"); key != issued.APIKey.Reveal() {
		t.Error("another key is shown than was made")
	}

	ahead.Add(int64(11 * time.Minute))
	p.visit("/console/a/default/people/rita/give")
	p.click("radio", "Admin Everything in the account: its tokens, spaces, people and policy.")
	p.click("button", "Give the role")
	p.sees("show first that it is you")
	p.click("link", "Sign in again")
	p.proves()
	p.click("button", "Give the role")
	p.sees("rita is admin of the account default.")
}

// proves signs in once more, where that is asked for.
func (p *person) proves() {
	p.t.Helper()
	p.sees("Show that it is you")
	p.fill("textbox", "Password", keywrighttest.AdminPassword)
	p.click("button", "Sign in")
}

// What was disabled, one or many, comes back by one button; what was disabled before stays so.
func TestUndo(t *testing.T) {
	s := keywrighttest.New(t)
	var keys []string
	for _, label := range []string{"one", "two", "three", "before"} {
		issued := s.Issue(t, keywright.NewToken{Label: label, Scopes: []string{"invoices:read"}})
		keys = append(keys, issued.APIKey.Reveal())
		if label == "before" {
			_, err := s.Client.DisableToken(t.Context(), issued.Token.ID)
			must(t, err)
		}
	}
	p := operator(t, s)
	p.visit(tokensAt)
	p.click("DisclosureTriangle", "Actions for one")
	p.does("Disable", "Disable", "one is disabled")
	p.used(keys[0], false)
	p.click("button", "Undo")
	p.sees("1 token enabled again.")
	p.used(keys[0], true)

	p.click("checkbox", "Select all on this page")
	p.sees("4 selected")
	p.click("button", "Disable…")
	p.sees("Disable 4 tokens?")
	p.click("button", "Disable 4 tokens")
	p.sees("tokens disabled")
	for _, key := range keys {
		p.used(key, false)
	}
	p.click("button", "Undo")
	p.sees("3 tokens enabled again.")
	for i, key := range keys {
		p.used(key, i < 3)
	}
}

// People come in by a provider that others have written, with the roles that their groups give; or are told why not.
func TestSingleSignOn(t *testing.T) {
	at := freeAddress(t)
	provider := ssotest.Start(t, "http://"+at, map[string]ssotest.Person{
		"7": {Email: "ada@example.com", Verified: true, Username: "ada", Groups: []string{"auditors"}},
	})
	s := keywrighttest.New(t, func(c *server.Config) {
		c.Listen = at
		c.SSO = server.SSO{
			Issuer: provider.Issuer, ClientID: ssotest.ClientID, ClientSecret: keywright.NewSecret(ssotest.ClientSecret),
			Roles: []string{"auditors=auditor@default"},
		}
	})
	s.Issue(t, keywright.NewToken{Label: "shop", Scopes: []string{"orders:read"}})
	p := newPerson(t, s.URL)
	p.watch.expected = []string{provider.Issuer + "/"} // what it does is its own
	p.visit(tokensAt)
	provider.SignInAs("")
	p.click("link", "Sign in with single sign-on")
	p.sees("provider", "Username or e-mail")
	provider.SignInAs("7")
	p.click("link", "Sign in with single sign-on")
	p.sees("ada", "shop")
	p.seesNot("New token")
	p.visit("/console/me")
	p.sees("by single sign-on")
}

// freeAddress is an address that nobody listens at: a provider has to know it before the server is there.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// Without JavaScript the same is done page by page, and nothing is offered that only a script could do.
func TestWithoutJavaScript(t *testing.T) {
	s := keywrighttest.New(t)
	p := newPerson(t, s.URL)
	p.noScripts()
	p.signIn(keywrighttest.AdminUsername, keywrighttest.AdminPassword)
	p.visit(tokensAt)
	p.click("link", "Create the first token")
	p.fill("textbox", "Label", "by forms alone")
	p.fill("textbox", "Scopes", "invoices::read")
	p.click("button", "What would this allow?")
	p.sees("at position 9")
	p.fill("textbox", "Scopes", "invoices:read")
	p.click("button", "Create token")
	p.sees("Copy these now.")
	if p.has("button", "Copy") || p.has("button", "Download .env") {
		t.Error("there are buttons that do nothing")
	}
	key := value[string](p, `document.querySelector("#key").textContent`)
	p.used(key, true)
	p.click("link", "Look now")
	p.sees("First use")
	p.wait("its first use", func() (bool, error) {
		p.reload()
		return strings.Contains(p.text(), "Used just now"), nil
	})

	p.visit(tokensAt)
	p.fill("searchbox", "Search tokens", "forms")
	p.click("button", "Search")
	p.until(`location.search.includes("q=forms") && document.readyState === "complete"`)
	p.click("checkbox", "Select by forms alone")
	p.click("button", "Disable…")
	p.click("button", "Disable 1 token")
	p.sees("1 token disabled")
	p.used(key, false)
	p.click("button", "Undo")
	p.sees("1 token enabled again.")
	p.used(key, true)
}
