package console_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// TestLifeOfAToken does with a token what a person does, from the first one to its end.
func TestLifeOfAToken(t *testing.T) {
	s := keywrighttest.New(t)
	b := browse(t, s)
	b.open(tokensAt)
	b.says("No tokens yet")
	b.keys("n")
	b.says("Its credentials are shown once")
	b.keys("ci, production") // the label has the focus
	b.write("#f-scopes", "invoices::read")
	b.says("at position 9")
	b.eval(`document.querySelector('#f-scopes').select()`)
	b.keys("invoices:read")
	b.says("At an API that names no audience")
	b.click("[data-submit]")

	b.says("Copy these now")
	b.click(`[data-copy="#key"]`)
	b.says("Copied")
	key := b.eval("navigator.clipboard.readText()")
	if key != b.eval("document.querySelector('#key').textContent") || !strings.HasPrefix(key, "kw_") {
		t.Fatalf("the clipboard has %d characters", len(key))
	}
	b.says("Waiting for its first use")
	verdict, err := keywright.NewClient(s.URL, key).Verify(t.Context(), keywright.VerifyRequest{Scopes: []string{"invoices:read"}})
	if err != nil || !verdict.Valid {
		t.Fatalf("the copied key: %+v, %v", verdict, err)
	}
	b.until(`document.querySelector('#first-use')?.innerText.includes('Used')`)
	b.click(`.form-actions a.primary`)
	b.says("What happened")
	b.nowhere(key)
	page := b.at()

	b.click(`a[href$="/disable"]`)
	b.says("Disable ci, production?")
	b.keys("\x1b") // Escape closes the dialog
	b.until(`!document.querySelector('dialog[open]')`)
	b.act("/disable", "is disabled")
	b.act("/enable", "is enabled")
	b.act("/rotate", "Token rotated")
	newer := b.eval("document.querySelector('#key').textContent")
	b.click(`[data-copy="#curl"]`)
	b.says("Copied")
	b.open(page)
	b.says("The one before")
	b.nowhere(newer)
	b.act("/cancel-rotation", "is cancelled")

	b.open(tokensAt)
	b.click(".row-menu summary")
	b.act("/revoke", "is revoked")
	if at := b.at(); at != tokensAt {
		t.Errorf("revoked in the list, and now at %s", at)
	}
	b.click(".row-menu summary")
	b.click(`.row-menu a[href$="/delete"]`)
	b.says("Type ci, production to delete it")
	b.write("dialog #f-repeat", "ci, production")
	b.click("dialog button.danger")
	b.says("is deleted")
	if v, err := keywright.NewClient(s.URL, key).Verify(t.Context(), keywright.VerifyRequest{}); err == nil && v.Valid {
		t.Error("it is deleted and works")
	}
}

// act opens the dialog of a deed and does it.
func (b *tab) act(below, says string) {
	b.t.Helper()
	b.click(`a[href$="` + below + `"]`)
	b.click("dialog[open] form button:not([type=button])")
	b.says(says)
}

// nowhere holds that a secret is in nothing that the browser can still show: not on this page, nor behind "back".
func (b *tab) nowhere(secret string) {
	b.t.Helper()
	here := b.at()
	b.do(chromedp.NavigateBack())
	b.until(`document.readyState === 'complete' && document.querySelector('main')`)
	if strings.Contains(b.eval("document.documentElement.outerHTML + location.href"), secret) {
		b.t.Error("the secret is behind back")
	}
	b.open(here)
	if strings.Contains(b.eval("document.documentElement.outerHTML + location.href"), secret) {
		b.t.Error("the secret is on the page")
	}
}

func TestSignOutThenBack(t *testing.T) {
	s := keywrighttest.New(t)
	s.Issue(t, keywright.NewToken{Label: "not for everybody", Scopes: []string{"a:b"}})
	b := browse(t, s)
	b.open(tokensAt)
	b.says("not for everybody")
	b.click(`[aria-label="Sign out"]`)
	b.says("signed out")
	b.do(chromedp.NavigateBack())
	b.until(`document.querySelector('#password')`)
	if strings.Contains(b.eval("document.body.innerText"), "not for everybody") {
		t.Error("back shows what was there")
	}
}

// TestByKeys finds, opens and selects without a mouse.
func TestByKeys(t *testing.T) {
	s := keywrighttest.New(t)
	for i := range 5 {
		s.Issue(t, keywright.NewToken{Label: fmt.Sprintf("token %d", i), Scopes: []string{"a:b"}})
	}
	b := browse(t, s)
	b.open(tokensAt + "?sort=label")
	b.keys("?")
	b.says("Next and previous row")
	b.keys("\x1b")
	b.until(`!document.querySelector('dialog[open]')`)
	b.keys("jjk")
	if at := b.eval("document.activeElement.textContent"); at != "token 0" {
		t.Errorf("j j k is at %q", at)
	}
	b.keys("x")
	b.until(`document.querySelector('[data-selected]').textContent === '1 selected'`)
	b.keys("/")
	b.until(`document.activeElement.matches('input[type=search]')`)
	b.eval(`document.activeElement.select()`) // the protocol types what the page has taken for a command
	b.keys("token 3")
	b.until(`document.querySelectorAll('.row-link').length === 1`)
	if at := b.eval("location.search"); !strings.Contains(at, "q=token+3") {
		t.Errorf("the URL has %s", at)
	}
	b.keys("\t")
	b.eval("document.activeElement.blur()")
	b.keys("j\r")
	b.says("What happened")
}

// TestSelectMany revokes some by their boxes.
func TestSelectMany(t *testing.T) {
	s := keywrighttest.New(t)
	for i := range 3 {
		s.Issue(t, keywright.NewToken{Label: fmt.Sprintf("token %d", i), Scopes: []string{"a:b"}})
	}
	b := browse(t, s)
	b.open(tokensAt)
	b.click("[data-select-all]")
	b.says("3 selected")
	b.click(`[name="do"][value="revoke"]`)
	b.says("Revoke 3 tokens?")
	b.click(".ask button.danger")
	b.says("3 tokens revoked")
	b.until(`document.querySelectorAll('.state-revoked').length === 3`)
}

// TestEveryPageForEverybody has each page judged by axe-core in both themes, and looks that nothing hangs over on a telephone.
func TestEveryPageForEverybody(t *testing.T) {
	axe := judges(t, "axe-core/axe.min.js")
	s := keywrighttest.New(t)
	b := browse(t, s)
	b.open(tokensAt)
	b.says("No tokens yet")
	b.accessible("no tokens", axe)
	_, err := s.Client.SetAudience(t.Context(), "default", "http", keywright.NewAudience{Scopes: []keywright.CatalogueEntry{{Name: "invoices:read", Group: "Invoices"}, {Name: "invoices:write", Group: "Invoices"}}})
	must(t, err)
	var id string
	for _, label := range []string{"one", strings.Repeat("a-long-label-", 7), "three"} {
		issued := s.Issue(t, keywright.NewToken{Label: label, Scopes: []string{"invoices:read", "invoices:write", "customers:**", "table://a.very.long.name.of.a.table.in.a.warehouse.**"}, AllowedCIDRs: []string{"127.0.0.0/8"}})
		_, err := keywright.NewClient(s.URL, issued.APIKey.Reveal()).Verify(t.Context(), keywright.VerifyRequest{})
		must(t, err)
		id = issued.Token.ID.String()
	}
	pages := []string{
		"/console/accounts", "/console/me", "/console/a/default/", tokensAt, tokensAt + "?q=none", tokensAt + "/new", tokensAt + "/" + id, tokensAt + "/" + id + "/edit",
		tokensAt + "/" + id + "/explain?ask=on&scopes=x:y", tokensAt + "/" + id + "/revoke", tokensAt + "/" + id + "/rotate", "/console/sign-in?again=on", "/console/invite",
	}
	for _, dark := range []bool{false, true} {
		b.look(1280, dark)
		for _, path := range pages {
			b.open(path)
			b.accessible(fmt.Sprintf("%s, dark: %t", path, dark), axe)
		}
		b.open(tokensAt)
		b.click(".row-menu summary")
		b.click(`a[href$="/delete"]`)
		b.says("to delete it")
		b.accessible("a dialog", axe)
	}
	b.look(375, false)
	for _, path := range pages {
		b.open(path)
		if wide := b.eval("document.documentElement.scrollWidth"); wide != "375" {
			t.Errorf("%s is %s wide on a telephone: %s", path, wide, b.eval("[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 376).slice(0, 4).map(e => e.outerHTML.slice(0, 120)).join('\\n')"))
		}
	}
}

// TestNaughtyStrings has every string that ever broke a page as the label of a token: it is shown as it is, and nothing runs.
func TestNaughtyStrings(t *testing.T) {
	var naughty []string
	must(t, json.Unmarshal([]byte(judges(t, "blns/resources/blns.json")), &naughty))
	s := keywrighttest.New(t)
	made := 0
	for _, text := range naughty {
		issued, err := s.Client.CreateToken(t.Context(), keywright.NewToken{Label: text, Scopes: []string{"a:b"}, Metadata: map[string]string{"note": text}}, "")
		if err == nil && issued.Token.Label == text {
			made++
		}
	}
	if made < 100 {
		t.Fatalf("of %d strings only %d are labels", len(naughty), made)
	}
	b := browse(t, s)
	seen := 0
	next := tokensAt + "?sort=label"
	for next != "" {
		b.open(next)
		seen += len(b.labels())
		next = b.eval("document.querySelector('[rel=next]')?.getAttribute('href') ?? ''")
	}
	if seen < made {
		t.Errorf("%d labels are shown of at least %d", seen, made)
	}
}

// labels are those in the list, each held against what the API says.
func (b *tab) labels() (shown []string) {
	b.t.Helper()
	must(b.t, json.Unmarshal([]byte(b.eval(`JSON.stringify([...document.querySelectorAll('.row-link')].map(a => a.textContent))`)), &shown))
	return shown
}
