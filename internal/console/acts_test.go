package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// act is something that an admin does in acme by sending a form, and what comes of it.
type act struct {
	path  string // below the account; {name} is what an earlier act has left in the world
	form  []string
	event string // the newest one then
	says  string // the page where it leads
}

// TestActs has an admin govern an account, act by act. Each leaves its event; before it is done, somebody whose role is too small,
// another tenant and another site's page have tried, and changed nothing.
func TestActs(t *testing.T) {
	t.Parallel()
	for name, acts := range map[string]func(*testing.T, governed) []act{
		"spaces": spaceActs, "people": peopleActs, "policy": policyActs, "audiences": audienceActs, "settings": settingsActs,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := govern(t)
			list := acts(t, g)
			ada, audrey, eve := g.as("ada"), g.as("audrey"), g.as("eve")
			for _, a := range list {
				before := g.events(1, "")[0].Seq
				path := "/console/a/acme" + a.path
				if at := audrey.post(path, a.form...); at.StatusCode != http.StatusForbidden {
					t.Errorf("%s by an auditor: %s", a.path, at.Status)
				}
				if at := eve.post(path, a.form...); at.StatusCode != http.StatusNotFound {
					t.Errorf("%s by another tenant: %s", a.path, at.Status)
				}
				if at := ada.postFrom("https://evil.example", path, a.form...); at.StatusCode != http.StatusForbidden {
					t.Errorf("%s by another site: %s", a.path, at.Status)
				}
				if after := g.events(1, "")[0]; after.Seq != before {
					t.Fatalf("%s: those who may not have done %s", a.path, after.Action)
				}
				at := ada.post(path, a.form...)
				if at.StatusCode != http.StatusOK {
					t.Fatalf("%s: %s\n%s", a.path, at.Status, at.text())
				}
				at.mustSay(t, a.says)
				done := g.events(10, "")
				if !slices.ContainsFunc(done, func(e keywright.Event) bool { return e.Seq > before && e.Action == a.event }) {
					t.Errorf("%s has left %v, not %s", a.path, g.last(3, ""), a.event)
				}
			}
		})
	}
}

// postFrom sends a form as a page of another site has the browser do it.
func (p *person) postFrom(origin, path string, form ...string) page {
	p.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.base+path, strings.NewReader(values.Encode()))
	must(p.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	return p.do(r)
}

// wrong is a form that cannot be taken, and what the page says beside which field.
type wrong struct {
	path   string
	form   []string
	status int
	says   []string
}

// refusedForms has an admin send forms that cannot be taken: each comes back with what was filled in, and changes nothing.
func refusedForms(t *testing.T, g governed, forms ...wrong) {
	t.Helper()
	ada := g.as("ada")
	for _, w := range forms {
		before := g.events(1, "")[0].Seq
		at := ada.post("/console/a/acme"+w.path, w.form...)
		if at.StatusCode != w.status {
			t.Errorf("%s %v: %s, want %d", w.path, w.form, at.Status, w.status)
		}
		at.mustSay(t, w.says...)
		if after := g.events(1, "")[0]; after.Seq != before {
			t.Errorf("%s %v has done %s", w.path, w.form, after.Action)
		}
	}
}

func spaceActs(*testing.T, governed) []act {
	return []act{
		{"/new-space", []string{"name", "web", "title", "<b>Web</b>"}, "space.create", "&lt;b&gt;Web"},
		{"/spaces/web/edit", []string{"title", "Web shop"}, "space.edit", "Web shop"},
		{"/spaces/web/members", []string{"username", "rita", "role", "manager"}, "role.grant", "rita is manager of web"},
		{"/spaces/web/members/remove", []string{"username", "rita", "role", "manager"}, "role.drop", "rita is no longer manager of web"},
		{"/spaces/web/close", nil, "space.close", "closed since"},
		{"/spaces/web/reopen", nil, "space.reopen", "work again"},
		{"/spaces/web/delete", []string{"repeat", "web"}, "space.delete", "web is deleted"},
	}
}

func TestSpaces(t *testing.T) {
	t.Parallel()
	g := govern(t)
	issued := g.Issue(t, keywright.NewToken{Account: "acme", Space: "billing", Kind: keywright.KindSpace, Label: "nightly"})
	refusedForms(t, g,
		wrong{"/new-space", []string{"name", "No Slug", "title", "x"}, 422, []string{"Must be a slug", `value="No Slug"`, `aria-invalid="true"`}},
		wrong{"/new-space", []string{"name", "billing"}, 409, []string{"exists already"}},
		wrong{"/spaces/billing/edit", []string{"title", ""}, 422, []string{"Must not be empty"}},
		wrong{"/spaces/billing/members", []string{"username", "nobody", "role", "reader"}, 404, []string{"User not found", `value="nobody"`}},
		wrong{"/spaces/billing/members", []string{"username", "rita", "role", "king"}, 422, []string{"Must be operator"}},
		wrong{"/spaces/billing/delete", []string{"repeat", "Billing"}, 422, []string{"Must repeat the name", "nightly"}},
		wrong{"/spaces/default/close", nil, 409, []string{"stays open"}},
		wrong{"/spaces/absent/close", nil, 404, nil},
	)
	ada := g.as("ada")
	for _, deed := range []string{"close", "delete"} {
		ada.get("/console/a/acme/spaces/billing/"+deed).mustSay(t, "1 active token", "nightly", "never used")
	}
	_, err := g.Client.RevokeToken(t.Context(), issued.Token.ID, "")
	must(t, err)
	ada.get("/console/a/acme/spaces/billing/close").mustSay(t, "No active token")
	ada.get("/console/a/acme/spaces").mustSay(t, "billing", "New space")

	owner := g.as("owen")
	owner.get("/console/a/acme/spaces/billing").mustSay(t, "Add", "rita")
	owner.post("/console/a/acme/spaces/billing/members", "username", "ada", "role", "reader").mustSay(t, "ada is reader of billing")
	reader := g.as("rita")
	at := reader.get("/console/a/acme/spaces/billing")
	for _, hidden := range []string{"Rename", "Delete", "owen", "Add", "New space"} {
		if strings.Contains(at.text(), hidden) {
			t.Errorf("a reader is shown %s", hidden)
		}
	}
	reader.get("/console/a/acme/spaces").mustSay(t, "billing")
	if at := reader.get("/console/a/acme/spaces/default"); at.StatusCode == http.StatusOK {
		t.Errorf("a space in which a reader has no role: %s", at.Status)
	}
}

func peopleActs(t *testing.T, g governed) []act {
	for _, name := range []string{"barbara", "linus"} {
		_, err := g.Client.CreateUser(t.Context(), "acme", keywright.NewUser{
			Username: name, Password: keywright.NewSecret(theirs), Role: keywright.Role{Name: "reader", Space: "billing"},
		})
		must(t, err)
	}
	g.as("linus")
	made, err := g.Client.Invite(t.Context(), "acme", keywright.NewInvite{Username: "zoe", Role: keywright.Role{Name: "auditor"}})
	must(t, err)
	return []act{
		{"/invite", []string{"username", "margaret", "email", "m@example.com", "role", "owner", "space", "billing", "days", "14"}, "invite.create", "/console/invite#kwi_"},
		{"/invitations/" + made.Invite.ID.String() + "/withdraw", nil, "invite.withdraw", "good for nothing"},
		{"/people/barbara/give", []string{"role", "auditor", "space", "billing"}, "role.grant", "barbara is auditor of the account acme"},
		{"/people/barbara/give", []string{"role", "admin"}, "role.grant", "barbara is admin"},
		{"/people/barbara/take", []string{"role", "admin"}, "role.drop", "no longer admin"},
		{"/people/linus/end-sessions", nil, "session.end", "ended"},
		{"/people/linus/disable", []string{"tokens", "transfer", "to", "rita", "reason", "moved"}, "user.disable", "0 tokens ended, 0 handed over"},
		{"/people/linus/enable", nil, "user.enable", "can sign in again"},
		{"/people/linus/delete", []string{"tokens", "end", "repeat", "linus"}, "user.delete", "linus is deleted"},
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	g := govern(t)
	g.Issue(t, keywright.NewToken{Account: "acme", Space: "billing", Kind: keywright.KindSpace, Label: "hers", Owner: "rita"})
	refusedForms(t, g,
		wrong{"/invite", []string{"username", "a b", "email", "x", "role", "reader", "space", "billing"}, 422, []string{"Must have 1 to", "Must be an e-mail", `value="a b"`}},
		wrong{"/invite", []string{"username", "rita", "role", "reader", "space", "billing"}, 409, []string{"exists already"}},
		wrong{"/invite", []string{"username", "x", "role", "operator"}, 422, []string{"Nobody is invited to be an operator"}},
		wrong{"/people/rita/give", []string{"role", "reader", "space", "billing"}, 409, []string{"exists already"}},
		wrong{"/people/rita/give", []string{"role", "operator"}, 422, []string{"one of the whole instance"}},
		wrong{"/people/rita/disable", nil, 422, []string{"Must say what becomes"}},
		wrong{"/people/rita/disable", []string{"tokens", "transfer"}, 422, []string{"Must name who"}},
		wrong{"/people/rita/disable", []string{"tokens", "transfer", "to", "eve"}, 422, []string{"no user of that name"}},
		wrong{"/people/rita/delete", []string{"tokens", "end", "repeat", "Rita"}, 422, []string{"Must repeat the username"}},
		wrong{"/people/ada/delete", []string{"tokens", "end", "repeat", "ada"}, 409, []string{"Nobody disables or deletes the own user"}},
		wrong{"/people/eve/disable", []string{"tokens", "end"}, 404, nil},
		wrong{"/invitations/x/withdraw", nil, 404, nil},
	)
	ada := g.as("ada")
	ada.get("/console/a/acme/people/rita/disable").mustSay(t, "1 active token", "hers", "Hand them over")
	ada.get("/console/a/acme/people").mustSay(t, "owner of billing", "rita@example.com")
	if at := ada.get("/console/a/acme/people/eve"); at.StatusCode != http.StatusNotFound {
		t.Errorf("another tenant's user: %s", at.Status)
	}
	at := ada.post("/console/a/acme/people/rita/disable", "tokens", "end")
	at.mustSay(t, "rita is disabled: 1 token ended, 0 handed over", "Enable")

	auditor := g.as("audrey")
	at = auditor.get("/console/a/acme/people")
	at.mustSay(t, "rita")
	if strings.Contains(at.text(), "Invite") {
		t.Error("an auditor is shown how to invite")
	}
	at = auditor.get("/console/a/acme/people/rita")
	for _, hidden := range []string{"Enable", "Delete", "Give a role", "Take away"} {
		if strings.Contains(at.text(), hidden) {
			t.Errorf("an auditor is shown %s", hidden)
		}
	}
}

// TestAdminsAreMadeBySomebodyWhoIsThere: a session that lies about makes no admin.
func TestAdminsAreMadeBySomebodyWhoIsThere(t *testing.T) {
	t.Parallel()
	var c clock
	g := govern(t, keywrighttest.WithClock(c.now))
	ada := g.as("ada")
	c.pass(11 * 60e9)
	before := g.events(1, "")[0].Seq
	for path, form := range map[string][]string{
		"/people/rita/give": {"role", "admin"}, "/invite": {"username", "mallory", "role", "admin", "days", "7"},
	} {
		at := ada.post("/console/a/acme"+path, form...)
		if at.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", path, at.Status)
		}
		at.mustSay(t, "show first that it is you", "again=on")
	}
	if g.events(1, "")[0].Seq != before {
		t.Error("something was changed")
	}
	ada.post("/console/sign-in", "password", theirs, "next", "/console/a/acme/people/rita/give?role=admin").mustSay(t, `value="admin" checked`)
	ada.post("/console/a/acme/people/rita/give", "role", "admin").mustSay(t, "rita is admin")
}
