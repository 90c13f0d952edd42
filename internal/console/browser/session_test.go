package browser

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/keywright/keywright/keywrighttest"
)

// Who has signed out, or is somebody else at the same machine, finds nothing behind the browser's own buttons.
func TestNothingIsLeftAfterSigningOut(t *testing.T) {
	s := keywrighttest.New(t)
	p := operator(t, s)
	p.visit("/console/accounts")
	p.sees("Those that your roles reach")
	p.visit("/console/a/default/")
	p.click("button", "Sign out")
	p.sees("You are signed out.")
	for _, by := range []int64{-1, -1, 1} {
		p.history(by)
		p.sees("Username or e-mail")
		p.seesNot("Those that your roles reach", "operator of the instance")
	}
	p.reload()
	p.sees("Username or e-mail")
}

// Another tab that is still open shows nothing more either, once something is asked of it.
func TestSignedOutElsewhere(t *testing.T) {
	s := keywrighttest.New(t)
	p := operator(t, s)
	other := p.newTab()
	other.visit("/console/accounts")
	other.sees("Those that your roles reach")
	p.click("button", "Sign out")
	other.click("link", "default")
	other.sees("Username or e-mail")
}

func TestSignInByKeysAlone(t *testing.T) {
	s := keywrighttest.New(t)
	p := newPerson(t, s.URL)
	p.visit("/console/accounts")
	p.write("admin") // the first field has the focus
	p.keys(kb.Tab)
	p.write("wrong")
	p.keys(kb.Enter)
	p.sees("do not match")
	p.write(keywrighttest.AdminPassword) // and now the second, the name being known
	p.keys(kb.Enter)
	p.sees("Those that your roles reach")
	if at := p.at(); at != "/console/accounts" {
		t.Errorf("is at %s", at)
	}
	p.keys(kb.Tab, kb.Enter) // past the sidebar
	if at := value[string](p, "document.activeElement.id"); at != "main" {
		t.Errorf("the first link leads to %q, not to the content", at)
	}
}

func TestTheme(t *testing.T) {
	s := keywrighttest.New(t)
	p := operator(t, s)
	p.screen(1280, "light")
	dark := func() bool {
		return value[bool](p, `getComputedStyle(document.body).backgroundColor === "rgb(18, 19, 21)"`)
	}
	if dark() {
		t.Error("dark where the system is light")
	}
	p.screen(1280, "dark")
	if !dark() {
		t.Error("light where the system is dark")
	}
	p.click("button", "Theme: system. Change to light.")
	if dark() {
		t.Error("dark though light was chosen")
	}
	p.screen(1280, "light")
	p.click("button", "Theme: light. Change to dark.")
	if !dark() {
		t.Error("light though dark was chosen")
	}
}

// On a telephone the menu is behind a button, and everything in it can be reached.
func TestMenuOnATelephone(t *testing.T) {
	s := keywrighttest.New(t)
	p := operator(t, s)
	p.screen(375, "light")
	p.visit("/console/accounts")
	if p.has("link", "All accounts…") || p.has("button", "Sign out") {
		t.Error("the menu is open")
	}
	p.click("checkbox", "Menu")
	p.click("button", "Sign out")
	p.sees("You are signed out.")
}
