package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

var sessionForm = regexp.MustCompile(`action="(/console/me/sessions/[^"]+)"`)

func TestOwnSessions(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	here, there, third := operator(t, s), operator(t, s), operator(t, s)
	at := here.get("/console/me")
	at.mustSay(t, "this one", "operator", "the instance")
	others := sessionForm.FindAllStringSubmatch(at.body, -1)
	if len(others) != 3 { // and the test's own
		t.Fatalf("%d other sessions", len(others))
	}
	for _, other := range others {
		here.post(other[1]).mustSay(t, "That session is ended")
	}
	for _, p := range []*person{there, third} {
		if at := p.get("/console/me"); at.url.Path != "/console/sign-in" {
			t.Errorf("an ended session is at %s", at.url)
		}
	}
	again := operator(t, s)
	here.post("/console/me/sessions").mustSay(t, "other sessions are ended")
	again.get("/console/me").mustSay(t, "Sign in")
	here.get("/console/me").mustSay(t, "this one")
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p, other := operator(t, s), operator(t, s)
	const password = "quite another long password"
	for name, c := range map[string]struct{ form, says string }{
		"wrong":     {"x|" + password + "|" + password, "not the present password"},
		"too short": {keywrighttest.AdminPassword + "|short|short", "at least"},
		"differing": {keywrighttest.AdminPassword + "|" + password + "|" + password + "!", "not the new password"},
	} {
		form := strings.Split(c.form, "|")
		at := p.post("/console/me/password", "old_password", form[0], "new_password", form[1], "repeated", form[2])
		if at.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, at.Status)
		}
		at.mustSay(t, c.says)
		for _, secret := range form {
			if len(secret) > 1 && strings.Contains(at.body, `value="`+secret) {
				t.Errorf("%s: the page says a password back", name)
			}
		}
	}
	p.post("/console/me/password", "old_password", keywrighttest.AdminPassword, "new_password", password, "repeated", password, "end_sessions", "on").mustSay(t, "password is changed")
	other.get("/console/me").mustSay(t, "Sign in")
	signedIn(t, s, "admin", password)
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	invited, err := s.Client.Invite(t.Context(), "default", keywright.NewInvite{Username: "ada", Email: "ada@example.com", Role: keywright.Role{Name: "auditor"}})
	must(t, err)
	link := invited.Link.Reveal()
	_, token, _ := strings.Cut(link, "#")
	p := newPerson(t, s.URL)
	p.get("/console/invite").mustSay(t, "You are invited")
	const password = "a long enough password"
	for _, wrong := range [][]string{
		{"invitation", token, "password", password, "repeated", "another"}, {"invitation", token, "password", "short", "repeated", "short"},
		{"invitation", "kwi_nothing", "password", password, "repeated", password}, {"invitation", token + "x", "password", password, "repeated", password},
	} {
		if at := p.post("/console/invite", wrong...); at.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", wrong[1], at.Status)
		}
	}
	p.post("/console/invite", "invitation", link, "password", password, "repeated", password).mustSay(t, "auditor of the account default")
	p.get("/console/me").mustSay(t, "ada")
	newPerson(t, s.URL).post("/console/invite", "invitation", token, "password", password, "repeated", password).mustSay(t, "no invitation that can be accepted")
}

// TestTheLastAccountIsRemembered goes to a page that is no account's and back.
func TestTheLastAccountIsRemembered(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	_, err := s.Client.CreateAccount(t.Context(), "second", "Second")
	must(t, err)
	p := operator(t, s)
	p.get("/console/a/second/tokens")
	p.get("/console/me").mustSay(t, `href="/console/a/second/tokens"`)
	if at := p.get("/console/"); at.url.Path != "/console/a/second/" {
		t.Errorf("home is %s", at.url)
	}
}
