package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

const tokensAt = "/console/a/default/tokens"

// What somebody does with a token, from the first one to its end.
func TestLifeOfAToken(t *testing.T) {
	_, err := exec.LookPath("curl")
	need(t, err, "install curl")
	s := keywrighttest.New(t)
	p := operator(t, s)
	p.visit(tokensAt)
	p.click("link", "Create the first token")
	p.fill("textbox", "Label", "ci, production")
	p.fill("textbox", "Scopes", "invoices::read")
	p.sees("at position 9")
	p.fill("textbox", "Scopes", "invoices:read")
	p.sees("At an API that names no audience")
	p.click("button", "Create token")

	p.sees("Copy these now.", "Waiting for its first use")
	key := p.copies("key")
	p.runs("curl")
	p.sees("Used") // without a reload
	p.click("link", "I have stored them")
	p.sees("What happened", "ci, production", "invoices:read")
	p.nowhere(key)

	p.does("Disable", "Disable", "is disabled")
	p.used(key, false)
	p.does("Enable", "Enable", "is enabled")
	p.does("Rotate", "Make a new secret", "Token rotated")
	newer := p.copies("key")
	p.used(key, true)
	p.used(newer, true)
	p.click("link", "I have stored them")
	p.sees("The one before")
	p.nowhere(newer)
	p.does("Cancel rotation", "Cancel the rotation", "is cancelled")
	p.used(newer, false)
	p.used(key, true)

	p.click("DisclosureTriangle", "More actions")
	p.does("Revoke", "Revoke for good", "is revoked")
	p.used(key, false)
	p.click("DisclosureTriangle", "More actions")
	p.click("link", "Delete")
	p.fill("textbox", "Type ci, production to delete it", "ci, production")
	p.click("button", "Delete for good")
	p.sees("is deleted", "No tokens yet")

	p.click("link", "Audit trail")
	for _, action := range []string{"token.create", "token.disable", "token.enable", "token.rotate", "token.cancel_rotation", "token.revoke", "token.delete"} {
		p.visit("/console/a/default/events?action=" + action)
		p.sees("admin")
		p.seesNot("Nothing matches")
	}
}

// copies presses the first button to copy, and returns what is then in the clipboard.
func (p *person) copies(id string) string {
	p.t.Helper()
	p.click("button", "Copy")
	p.sees("Copied")
	copied := p.clipboard()
	if shown := value[string](p, fmt.Sprintf("document.getElementById(%q).textContent", id)); copied != shown || copied == "" {
		p.t.Fatalf("shown are %d characters, %d others are in the clipboard", len(shown), len(copied))
	}
	return copied
}

// used presents a key as any program does.
func (p *person) used(key string, want bool) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.base+"/api/v1/verify", strings.NewReader(`{"scopes":["invoices:read"]}`))
	must(p.t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	must(p.t, err)
	defer res.Body.Close()
	var verdict struct{ Valid bool }
	if err := json.NewDecoder(res.Body).Decode(&verdict); err != nil || verdict.Valid != want {
		p.t.Errorf("the key passes: %t (%s, %v)", verdict.Valid, res.Status, err)
	}
}

// runs has a shell run the line that stands there for a terminal, which says that the key passes.
func (p *person) runs(id string) {
	p.t.Helper()
	line := value[string](p, fmt.Sprintf("document.getElementById(%q).textContent", id))
	out, err := exec.CommandContext(p.t.Context(), "sh", "-c", line).CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"valid":true`) {
		p.t.Errorf("the line that is there to try says %v: %s", err, out)
	}
}

// does follows the link to a question, which opens over the page, and answers it.
func (p *person) does(link, button, done string) {
	p.t.Helper()
	p.click("link", link)
	p.until(`document.querySelector("dialog[open]")`)
	p.click("button", button)
	p.sees(done)
}

// nowhere holds that a secret is in nothing that the browser can show again: not here, nor behind its buttons.
func (p *person) nowhere(secret string) {
	p.t.Helper()
	held := func(where string) {
		p.t.Helper()
		if strings.Contains(value[string](p, "document.documentElement.outerHTML + location.href + JSON.stringify(history.state)"), secret) {
			p.t.Errorf("the secret is %s", where)
		}
	}
	held("on the page after")
	p.reload()
	held("there after reloading")
	for _, step := range []struct {
		by    int64
		where string
	}{{-1, "behind back"}, {-1, "behind back twice"}, {1, "behind forward"}, {1, "behind forward twice"}} {
		p.history(step.by)
		held(step.where)
	}
}

// Whoever leaves before anything was copied is asked first.
func TestLeavingWithoutTheSecret(t *testing.T) {
	p := operator(t, keywrighttest.New(t))
	p.visit(tokensAt + "/new")
	p.fill("textbox", "Scopes", "invoices:read")
	p.click("button", "Create token")
	p.sees("Copy these now.")
	p.click("link", "I have stored them")
	p.sees("What happened")
	if n := p.watch.leaving.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// Everything that is needed every day goes without a mouse.
func TestByKeysAlone(t *testing.T) {
	s := keywrighttest.New(t)
	for i := range 5 {
		s.Issue(t, keywright.NewToken{Label: fmt.Sprintf("token %d", i), Scopes: []string{"a:b"}})
	}
	p := operator(t, s)
	p.visit(tokensAt + "?sort=label")
	p.keys("?")
	p.sees("Next and previous row")
	p.keys(kb.Escape)
	p.until(`!document.querySelector("dialog[open]")`)
	p.keys("j", "j", "k")
	p.until(`document.activeElement.textContent === "token 0"`)
	p.keys("x")
	p.sees("1 selected")
	p.keys("/")
	p.until(`document.activeElement.matches("input[type=search]")`)
	value[any](p, "document.activeElement.select()")
	p.write("token 3")
	p.until(`document.querySelectorAll(".row-link").length === 1 && location.search.includes("q=token+3")`)
	value[any](p, "document.activeElement.blur()")
	p.keys("j", kb.Enter)
	p.sees("What happened", "token 3")
	p.visit(tokensAt)
	p.keys("n")
	p.sees("Its credentials are shown once")
	p.write("by keys") // the label has the focus
	p.keys(kb.Enter)
	p.sees("Copy these now.", "by keys")
}

// Several are revoked at once, after it was said how many.
func TestMany(t *testing.T) {
	s := keywrighttest.New(t)
	for i := range 3 {
		s.Issue(t, keywright.NewToken{Label: fmt.Sprintf("token %d", i), Scopes: []string{"a:b"}})
	}
	p := operator(t, s)
	p.visit(tokensAt)
	p.click("checkbox", "Select all on this page")
	p.sees("3 selected")
	p.click("checkbox", "Select token 1")
	p.sees("2 selected")
	p.click("button", "Revoke…")
	p.sees("Revoke 2 tokens?", "token 0", "token 2")
	p.seesNot("token 1")
	p.click("button", "Revoke 2 tokens")
	p.sees("2 tokens revoked")
	if n := value[int](p, `document.querySelectorAll(".state-revoked").length`); n != 2 {
		t.Errorf("%d are revoked", n)
	}
}

// Whoever may look and nothing else finds no button that would do something, and no page behind its URL.
func TestReaderHasNoButtons(t *testing.T) {
	w := newWorld(t)
	rita := w.person("rita")
	rita.visit("/console/a/default/tokens")
	rita.sees("team robot")
	rita.seesNot("billing export", "New token", "Revoke…")
	if rita.has("checkbox", "Select team robot") || rita.has("DisclosureTriangle", "Actions for team robot") && rita.opens("Actions for team robot", "Edit", "Disable", "Revoke", "Delete") {
		t.Error("a reader can select or change a token")
	}
	rita.visit(w.path("/console/a/default/tokens/{space}"))
	rita.sees("What happened", "team robot")
	for _, link := range []string{"Edit", "Rotate", "Disable", "More actions"} {
		if rita.has("link", link) || rita.has("DisclosureTriangle", link) {
			t.Errorf("a reader has %s", link)
		}
	}
}

// opens opens a menu and reports whether it has one of these links.
func (p *person) opens(menu string, links ...string) bool {
	p.t.Helper()
	p.click("DisclosureTriangle", menu)
	for _, link := range links {
		if p.has("link", link) {
			return true
		}
	}
	return false
}

// Nothing of one tenant is to be seen by another, under whichever account's URL it is asked for.
func TestAnotherTenantSeesNothing(t *testing.T) {
	w := newWorld(t)
	tess := w.person("tess")
	for _, path := range []string{
		"/console/a/default/", "/console/a/default/tokens", "/console/a/default/events", "/console/a/default/people", "/console/a/default/spaces/team",
		"/console/a/default/tokens/{used}", "/console/a/quiet/tokens/{used}", "/console/a/quiet/tokens/{used}/edit", "/console/a/quiet/events/{token.edit}",
		"/console/a/quiet/people/rita", "/console/a/quiet/spaces/team",
	} {
		tess.visit(w.path(path))
		tess.sees("Not found")
		tess.seesNot("billing export", "invoices", "The team", "rita@example.com")
	}
	tess.visit("/console/a/quiet/tokens?q=billing")
	tess.sees("Nothing matches")
}
