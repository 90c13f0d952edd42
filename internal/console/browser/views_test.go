package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/console"
)

// view is a page as somebody has it before them.
type view struct {
	name string
	who  string // see world.person
	path string // see world.path
	then func(*person)
}

// views are all that there are: each page, and each state of it that looks different.
var views = []view{
	{name: "sign in", who: "stranger", path: "/console/sign-in"},
	{name: "sign in, refused", who: "stranger", path: "/console/sign-in", then: func(p *person) {
		p.fill("textbox", "Username or e-mail", "nobody")
		p.fill("textbox", "Password", "wrong")
		p.click("button", "Sign in")
		p.sees("do not match")
	}},
	{name: "sign in, single sign-on gone wrong", who: "stranger", path: "/console/sign-in/return?state=x"},
	{name: "overview", who: "operator", path: "/console/a/default/"},
	{name: "overview of a reader", who: "rita", path: "/console/a/default/"},
	{name: "menu open", who: "operator", path: "/console/a/default/", then: func(p *person) {
		value[any](p, `document.querySelectorAll("details").forEach(d => { d.open = true; }), document.querySelector("#menu").checked = true`)
	}},
	{name: "overview, of a quiet account", who: "tess", path: "/console/a/quiet/"},
	{name: "settings", who: "operator", path: "/console/a/default/settings"},
	{name: "settings, as a reader sees them", who: "rita", path: "/console/a/default/settings"},
	{name: "account, a child to make", who: "operator", path: "/console/a/default/settings/new-child"},
	{name: "account, to close", who: "operator", path: "/console/a/quiet/settings/close"},
	{name: "account, to reopen", who: "operator", path: "/console/a/quiet/settings/reopen"},
	{name: "new account", who: "operator", path: "/console/new-account"},
	{name: "operators", who: "operator", path: "/console/operators"},
	{name: "operators, not for others", who: "tess", path: "/console/operators"},
	{name: "new operator", who: "operator", path: "/console/operators/new"},
	{name: "operator, to be one no more", who: "operator", path: "/console/operators/admin/drop"},
	{name: "accounts", who: "operator", path: "/console/accounts"},
	{name: "tokens", who: "operator", path: "/console/a/default/tokens"},
	{name: "tokens, a thousand", who: "operator", path: "/console/a/busy/tokens"},
	{name: "tokens, none", who: "tess", path: "/console/a/quiet/tokens"},
	{name: "tokens, as a reader sees them", who: "rita", path: "/console/a/default/tokens"},
	{name: "tokens, of one person", who: "operator", path: "/console/a/default/tokens?owner=admin&state=active"},
	{name: "tokens, nothing matches", who: "operator", path: "/console/a/default/tokens?q=zzz&state=active"},
	{name: "tokens, a key is searched for", who: "operator", path: "/console/a/default/tokens?q=kw_x"},
	{name: "tokens, a row's menu", who: "operator", path: "/console/a/default/tokens", then: func(p *person) {
		p.click("DisclosureTriangle", "Actions for shop")
	}},
	{name: "tokens, a row's question", who: "operator", path: "/console/a/default/tokens", then: func(p *person) {
		p.click("DisclosureTriangle", "Actions for shop")
		p.click("link", "Revoke")
		p.sees("Revoke shop?")
	}},
	{name: "tokens, the keys", who: "operator", path: "/console/a/default/tokens", then: func(p *person) {
		p.keys("?")
		p.sees("This list")
	}},
	{name: "tokens, some selected", who: "operator", path: "/console/a/default/tokens", then: func(p *person) {
		p.click("checkbox", "Select shop")
		p.sees("1 selected")
	}},
	{name: "tokens, many to revoke", who: "operator", path: "/console/a/default/tokens", then: func(p *person) {
		p.click("checkbox", "Select all on this page")
		p.click("button", "Revoke…")
		p.sees("Kept with the tokens")
	}},
	{name: "new token", who: "operator", path: "/console/a/default/tokens/new"},
	{name: "new token, with fields that are wrong", who: "operator", path: "/console/a/default/tokens/new", then: func(p *person) {
		p.fill("textbox", "Scopes", "invoices:read\nno scope at all!")
		p.submit("create")
		p.sees("to correct")
	}},
	{name: "a secret, shown once", who: "operator", path: "/console/a/default/tokens/new", then: func(p *person) {
		p.fill("textbox", "Label", "shown")
		p.fill("textbox", "Scopes", "invoices:read")
		p.click("button", "Create token")
		p.sees("Copy these now.")
	}},
	{name: "token in use", who: "operator", path: "/console/a/default/tokens/{used}"},
	{name: "token in use, over 90 days", who: "operator", path: "/console/a/default/tokens/{used}?usage=90d", then: func(p *person) {
		p.click("DisclosureTriangle", "As a table")
	}},
	{name: "token with children", who: "operator", path: "/console/a/default/tokens/{parent}"},
	{name: "token, rotating", who: "operator", path: "/console/a/default/tokens/{rotating}"},
	{name: "token, disabled", who: "operator", path: "/console/a/default/tokens/{disabled}"},
	{name: "token, expired", who: "operator", path: "/console/a/default/tokens/{expired}"},
	{name: "token, revoked", who: "operator", path: "/console/a/default/tokens/{revoked}"},
	{name: "token, as a reader sees it", who: "rita", path: "/console/a/default/tokens/{space}"},
	{name: "another's token", who: "tess", path: "/console/a/quiet/tokens/{used}"},
	{name: "first use, still waited for", who: "operator", path: "/console/a/default/tokens/{disabled}/first-use"},
	{name: "first use", who: "operator", path: "/console/a/default/tokens/{used}/first-use"},
	{name: "explain", who: "operator", path: "/console/a/default/tokens/{used}/explain"},
	{name: "explain, allowed", who: "operator", path: "/console/a/default/tokens/{used}/explain?ask=on&scopes=orders:read"},
	{name: "explain, refused", who: "operator", path: "/console/a/default/tokens/{revoked}/explain?ask=on&scopes=other:read"},
	{name: "explain, asked wrongly", who: "operator", path: "/console/a/default/tokens/{used}/explain?ask=on&address=here"},
	{name: "edit", who: "operator", path: "/console/a/default/tokens/{used}/edit"},
	{name: "disable", who: "operator", path: "/console/a/default/tokens/{used}/disable"},
	{name: "enable", who: "operator", path: "/console/a/default/tokens/{disabled}/enable"},
	{name: "revoke", who: "operator", path: "/console/a/default/tokens/{used}/revoke"},
	{name: "delete", who: "operator", path: "/console/a/default/tokens/{used}/delete"},
	{name: "delete, label mistyped", who: "operator", path: "/console/a/default/tokens/{used}/delete", then: func(p *person) {
		p.fill("textbox", "Type billing export to delete it", "biling export")
		p.click("button", "Delete for good")
		p.sees("to correct")
	}},
	{name: "rotate", who: "operator", path: "/console/a/default/tokens/{used}/rotate"},
	{name: "cancel a rotation", who: "operator", path: "/console/a/default/tokens/{rotating}/cancel-rotation"},
	{name: "reveal", who: "operator", path: "/console/a/default/tokens/{used}/reveal"},
	{name: "spaces", who: "operator", path: "/console/a/default/spaces"},
	{name: "spaces, as a reader sees them", who: "rita", path: "/console/a/default/spaces"},
	{name: "new space", who: "operator", path: "/console/a/default/new-space"},
	{name: "new space, in a dialog", who: "operator", path: "/console/a/default/spaces", then: func(p *person) {
		p.keys("n")
		p.sees("Small letters, digits and hyphens")
	}},
	{name: "new space, with a wrong name", who: "operator", path: "/console/a/default/new-space", then: func(p *person) {
		p.fill("textbox", "Name", "No such name")
		p.click("button", "Create space")
		p.sees("to correct")
	}},
	{name: "space", who: "operator", path: "/console/a/default/spaces/team"},
	{name: "space, as a reader sees it", who: "rita", path: "/console/a/default/spaces/team"},
	{name: "space, closed", who: "operator", path: "/console/a/default/spaces/attic"},
	{name: "space, to edit", who: "operator", path: "/console/a/default/spaces/team/edit"},
	{name: "space, to close", who: "operator", path: "/console/a/default/spaces/team/close"},
	{name: "space, to reopen", who: "operator", path: "/console/a/default/spaces/attic/reopen"},
	{name: "space, to delete", who: "operator", path: "/console/a/default/spaces/attic/delete"},
	{name: "space, a member to remove", who: "operator", path: "/console/a/default/spaces/team/members/remove?username=rita&role=reader"},
	{name: "people", who: "operator", path: "/console/a/default/people"},
	{name: "people of a quiet account", who: "tess", path: "/console/a/quiet/people"},
	{name: "somebody", who: "operator", path: "/console/a/default/people/rita"},
	{name: "somebody, disabled", who: "operator", path: "/console/a/default/people/dora"},
	{name: "a role to give", who: "operator", path: "/console/a/default/people/rita/give"},
	{name: "a role to take away", who: "operator", path: "/console/a/default/people/rita/take?role=reader&space=team"},
	{name: "somebody to disable", who: "operator", path: "/console/a/default/people/rita/disable"},
	{name: "somebody to enable", who: "operator", path: "/console/a/default/people/dora/enable"},
	{name: "somebody to delete", who: "operator", path: "/console/a/default/people/dora/delete"},
	{name: "somebody to invite", who: "operator", path: "/console/a/default/invite"},
	{name: "an invitation, shown once", who: "operator", path: "/console/a/default/invite", then: func(p *person) {
		p.fill("textbox", "Username", "nina")
		p.click("button", "Make the link")
		p.sees("An invitation for nina")
	}},
	{name: "an invitation, opened", who: "stranger", path: "/console/invite#x"},
	{name: "an invitation, no longer good", who: "stranger", path: "/console/invite#x", then: func(p *person) {
		p.fill("textbox", "Password", password)
		p.fill("textbox", "Password, once more", password)
		p.click("button", "Accept the invitation")
		p.sees("nvitation")
	}},
	{name: "oneself", who: "operator", path: "/console/me"},
	{name: "oneself, as a reader", who: "rita", path: "/console/me"},
	{name: "policy", who: "operator", path: "/console/a/default/policy"},
	{name: "policy, of a space", who: "operator", path: "/console/a/default/spaces/team/policy"},
	{name: "policy, with fields that are wrong", who: "operator", path: "/console/a/default/policy", then: func(p *person) {
		p.fill("textbox", "Tokens at most", "many")
		p.click("button", "See what it would do")
		p.sees("to correct")
	}},
	{name: "policy, what it would do", who: "operator", path: "/console/a/default/policy", then: func(p *person) {
		p.fill("textbox", "Scopes", "orders:**")
		p.click("button", "See what it would do")
		p.sees("What this policy would do", "billing export")
	}},
	{name: "audiences", who: "operator", path: "/console/a/default/audiences"},
	{name: "audiences, none", who: "tess", path: "/console/a/quiet/audiences"},
	{name: "audience", who: "operator", path: "/console/a/default/audiences/shop"},
	{name: "audience, to edit", who: "operator", path: "/console/a/default/audiences/shop/edit"},
	{name: "audience, to delete", who: "operator", path: "/console/a/default/audiences/shop/delete"},
	{name: "new audience", who: "operator", path: "/console/a/default/new-audience"},
	{name: "audience to import", who: "operator", path: "/console/a/default/import-audience"},
	{name: "audience to import, which is none", who: "operator", path: "/console/a/default/import-audience", then: func(p *person) {
		p.fill("textbox", "JSON", "{")
		p.keys("\t", "\r")
		p.sees("JSON")
	}},
	{name: "new token, with a catalogue", who: "operator", path: "/console/a/default/tokens/new", then: func(p *person) {
		p.click("checkbox", "shop")
		p.sees("orders:refund")
	}},
	{name: "webhooks", who: "operator", path: "/console/a/default/webhooks"},
	{name: "webhooks, none", who: "tess", path: "/console/a/quiet/webhooks"},
	{name: "webhook", who: "operator", path: "/console/a/default/webhooks/{webhook}"},
	{name: "webhook, to edit", who: "operator", path: "/console/a/default/webhooks/{webhook}/edit"},
	{name: "webhook, to rotate", who: "operator", path: "/console/a/default/webhooks/{webhook}/rotate"},
	{name: "webhook, to disable", who: "operator", path: "/console/a/default/webhooks/{webhook}/disable"},
	{name: "webhook, to enable", who: "operator", path: "/console/a/default/webhooks/{webhook}/enable"},
	{name: "webhook, to delete", who: "operator", path: "/console/a/default/webhooks/{webhook}/delete"},
	{name: "new webhook", who: "operator", path: "/console/a/default/new-webhook"},
	{name: "audit trail", who: "operator", path: "/console/a/default/events"},
	{name: "audit trail, of every account", who: "operator", path: "/console/a/default/events?all=on"},
	{name: "audit trail, nothing matches", who: "operator", path: "/console/a/default/events?actor=user:nobody"},
	{name: "audit trail, wrong filters", who: "operator", path: "/console/a/default/events?address=here"},
	{name: "audit trail of a quiet account", who: "tess", path: "/console/a/quiet/events"},
	{name: "audit trail, not for readers", who: "rita", path: "/console/a/default/events"},
	{name: "event with before and after", who: "operator", path: "/console/a/default/events/{token.edit}"},
	{name: "event with a reason", who: "operator", path: "/console/a/default/events/{token.revoke}"},
	{name: "event of a session", who: "operator", path: "/console/a/default/events/{session.begin}"},
	{name: "another's account", who: "tess", path: "/console/a/default/"},
	{name: "no such page", who: "operator", path: "/console/none"},
	{name: "no such page, for a stranger", who: "stranger", path: "/console/none"},
}

// notViews are the patterns of GET at which there is no page, and what there is.
var notViews = map[string]string{
	"GET /console/{$}": "leads to an account",
	"GET /console/a/{account}/audiences/{audience}/export": "is a file",
	"GET /console/a/{account}/events/export":               "is a file",
	"GET /console/sign-in/provider":                        "leads to single sign-on",
}

// Every view is held against every rule of axe-core, in light and in dark, on a wide screen and on a telephone's, which it must fit: a view
// that is looked at in light on the one is looked at in dark on the other, and the next the other way round.
func TestViews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.thousand()
	seen, ran := patternsOf(t), 0
	wide, narrow := "light", "dark"
	for _, v := range views {
		t.Run(v.name, func(t *testing.T) {
			ran++
			p := w.person(v.who)
			defer p.lend(t)()
			p.screen(1280, wide)
			p.visit(w.path(v.path))
			if v.then != nil {
				v.then(p)
			}
			seen(p.at())
			p.accessible(everything)
			p.screen(375, narrow)
			p.accessible(again)
			p.fits()
		})
		wide, narrow = narrow, wide
	}
	for pattern := range seen("") {
		if ran < len(views) {
			break // only some were asked for
		}
		if notViews[pattern] == "" {
			t.Errorf("%s is in no view", pattern)
		}
	}
}

// patternsOf has the pages that there are; the function that it returns takes out the one at a path and returns those left.
func patternsOf(t *testing.T) func(path string) map[string]bool {
	t.Helper()
	patterns, err := console.Patterns()
	must(t, err)
	mux, left := http.NewServeMux(), map[string]bool{}
	for _, pattern := range patterns {
		if strings.HasPrefix(pattern, "GET ") {
			mux.Handle(pattern, http.NotFoundHandler())
			left[pattern] = true
		}
	}
	return func(path string) map[string]bool {
		if r, err := http.NewRequest(http.MethodGet, path, nil); err == nil && path != "" {
			_, pattern := mux.Handler(r)
			delete(left, pattern)
		}
		return left
	}
}

// lend has a person's troubles told to another test, until the function that it returns is called.
func (p *person) lend(t testing.TB) (back func()) {
	owner := p.t
	p.t = t
	return func() {
		p.tell()
		p.t = owner
	}
}
