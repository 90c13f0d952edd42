package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// policyForm is an account's policy as the form sends it, with some fields otherwise.
func policyForm(otherwise ...string) []string {
	form := []string{"tokens", "on", "default_lifetime", "90", "default_lifetime_unit", "86400", "max_overlap", "30", "max_overlap_unit", "86400", "max_permanent", "5"}
	for i := 0; i+1 < len(otherwise); i += 2 {
		for j := 0; j+1 < len(form); j += 2 {
			if form[j] == otherwise[i] {
				form = append(form[:j:j], form[j+2:]...)
				break
			}
		}
		form = append(form, otherwise[i], otherwise[i+1])
	}
	return form
}

func policyActs(t *testing.T, g governed) []act {
	g.Issue(t, keywright.NewToken{Account: "acme", Label: "living"})
	return []act{
		{"/policy", policyForm("do", "save", "max_lifetime", "365", "max_lifetime_unit", "86400"), "account.policy", `name="max_lifetime" value="365"`},
		{"/spaces/billing/policy", []string{"do", "save", "tokens", "on", "max_lifetime", "36", "max_lifetime_unit", "3600", "recoverable_forbidden", "on"}, "space.policy", "holds already"},
		{"/policy", policyForm("do", "save", "tokens", "disable"), "token.disable", "holds already"},
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	g := govern(t)
	issued := g.Issue(t, keywright.NewToken{Account: "acme", Label: "long-lived", Scopes: []string{"a:read", "b:read"}})
	ada := g.as("ada")
	ada.get("/console/a/acme/policy").mustSay(t, "Longest lifetime", `name="default_lifetime" value="90"`, "See what it would do")
	before := g.events(1, "")[0].Seq
	at := ada.post("/console/a/acme/policy", policyForm("do", "preview", "max_lifetime", "12", "max_lifetime_unit", "3600", "default_lifetime", "1", "default_lifetime_unit", "3600", "allowed_scopes", "a:**")...)
	at.mustSay(t, "Nothing has changed yet", "1 token would end sooner, 1 token could do less", "long-lived", "b:read", "12 hours", "added: a:**", "Set this policy",
		`name="max_lifetime" value="12"`)
	at = ada.post("/console/a/acme/policy", policyForm("do", "preview")...)
	at.mustSay(t, "No token that lives would end")
	at = ada.post("/console/a/acme/policy", policyForm("do", "preview", "tokens", "disable")...)
	at.mustSay(t, "1 token would be disabled", "at once")
	if g.events(1, "")[0].Seq != before {
		t.Error("a preview has changed something")
	}
	refusedForms(t, g,
		wrong{"/policy", policyForm("do", "save", "max_lifetime", "ten"), 422, []string{"Write a whole number", `value="ten"`}},
		wrong{"/policy", policyForm("do", "save", "max_lifetime", "1", "max_lifetime_unit", "86400"), 422, []string{"Must not be longer than “Longest lifetime”"}},
		wrong{"/policy", policyForm("do", "preview", "allowed_scopes", "a::b"), 422, []string{`id="wrong-allowed_scopes"`}},
		wrong{"/policy", policyForm("do", "save", "allowed_cidrs", "here"), 422, []string{`id="wrong-allowed_cidrs"`}},
		wrong{"/policy", policyForm("do", "save", "max_unused", "99999999999", "max_unused_unit", "86400"), 422, []string{`id="wrong-max_unused"`}},
		wrong{"/spaces/billing/policy", []string{"do", "save", "tokens", "on", "max_overlap", "90", "max_overlap_unit", "86400"}, 422, []string{"may only narrow"}},
	)
	ada.post("/console/a/acme/policy", policyForm("do", "edit", "max_tokens", "7")...).mustSay(t, `name="max_tokens" value="7"`)

	auditor := g.as("audrey").get("/console/a/acme/policy")
	auditor.mustSay(t, "You see the policy", "disabled")
	if strings.Contains(auditor.body, "See what it would do") {
		t.Error("an auditor is shown a button")
	}
	if at := g.as("rita").get("/console/a/acme/policy"); at.StatusCode != http.StatusForbidden {
		t.Errorf("a reader: %s", at.Status)
	}
	if shown, err := g.Client.Token(t.Context(), issued.Token.ID); err != nil || shown.State != keywright.StateActive {
		t.Errorf("%v, %v", shown.State, err)
	}
}

func audienceActs(*testing.T, governed) []act {
	return []act{
		{"/new-audience", []string{
			"name", "invoices", "description", "Invoices", "rows", "4", "name.0", "invoices:read", "description.0", "<i>Read</i>", "name.2", "invoices:write",
			"implies.2", "invoices:read", "admin_only.2", "on", "group.2", "Writing",
		}, "audience.set", "only admins give it"},
		{"/audiences/invoices/edit", []string{"description", "Invoices", "rows", "4", "name.0", "invoices:*"}, "audience.set", "as you have written it"},
		{"/import-audience", []string{"json", `{"name":"mail","scopes":[{"name":"mail:send","description":"Send"}]}`}, "audience.set", "Imported mail, with 1 scope"},
		{"/catalogues/meerschaum/adopt", nil, "audience.adopt", "Adopted"},
		{"/audiences/mail/delete", nil, "audience.delete", "forgotten"},
	}
}

func TestAudiences(t *testing.T) {
	t.Parallel()
	g := govern(t)
	ada := g.as("ada")
	ada.get("/console/a/acme/audiences").mustSay(t, "No audience yet", "Adopt")
	ada.post("/console/a/acme/new-audience", "name", "invoices", "rows", "4", "name.1", "invoices:read", "group.1", "Reading", "description.1", "<script>x</script>")
	at := ada.get("/console/a/acme/audiences/invoices")
	at.mustSay(t, "Reading", "&lt;script&gt;x", "invoices:read")
	exported := ada.get("/console/a/acme/audiences/invoices/export")
	ada.post("/console/a/acme/import-audience", "json", exported.body).mustSay(t, "Imported invoices, with 1 scope")
	ada.post("/console/a/acme/new-audience", "do", "more", "rows", "4", "name", "x", "name.3", "x:y").mustSay(t, `name="rows" value="14"`, `name="name.3" value="x:y"`)
	refusedForms(t, g,
		wrong{"/new-audience", []string{"name", "invoices", "rows", "4"}, 422, []string{"registered already"}},
		wrong{"/new-audience", []string{"name", "a b", "rows", "4"}, 422, []string{"Must be a name"}},
		wrong{"/new-audience", []string{"name", "b", "rows", "4", "name.0", "b:read", "name.3", "b::x"}, 422, []string{`id="wrong-name.3"`}},
		wrong{"/new-audience", []string{"name", "b", "rows", "4", "name.2", "keywright:tokens:read"}, 422, []string{"Keywright", `id="wrong-name.2"`}},
		wrong{"/audiences/invoices/edit", []string{"rows", "4", "name.0", "a:b", "implies.0", "keywright:accounts:write"}, 403, []string{"make another imply it"}},
		wrong{"/import-audience", []string{"json", `{"name":"x","nmae":1}`}, 422, []string{"Cannot be read"}},
		wrong{"/import-audience", []string{"json", `{"scopes":[]}`}, 422, []string{"no member name"}},
		wrong{"/catalogues/none/adopt", nil, 404, nil},
		wrong{"/audiences/none/delete", nil, 404, nil},
	)
	reader := g.as("audrey").get("/console/a/acme/audiences/invoices")
	for _, hidden := range []string{"Edit", "Delete"} {
		if strings.Contains(reader.text(), hidden) {
			t.Errorf("an auditor is shown %s", hidden)
		}
	}
}

func hooked(t *testing.T) (url string, options keywrighttest.Option) {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(receiver.Close)
	return receiver.URL, keywrighttest.WithWebhooksTo(netip.MustParsePrefix("127.0.0.0/8"))
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	receiver, option := hooked(t)
	g := govern(t, option)
	ada := g.as("ada")
	ada.get("/console/a/acme/webhooks").mustSay(t, "No webhook yet")
	at := ada.post("/console/a/acme/new-webhook", "url", receiver+"/in", "event", "token.*", "events", "role.grant", "description", "<b>chat</b>")
	at.mustSay(t, "whsec_", "Copy it now")
	if at.Header.Get("Cache-Control") != "no-store" {
		t.Error("a secret may be kept")
	}
	page, err := g.Client.Webhooks(t.Context(), "acme", keywright.ListQuery{})
	must(t, err)
	path := "/webhooks/" + page.Items[0].ID.String()
	if at := ada.get("/console/a/acme" + path); strings.Contains(at.body, "whsec_") {
		t.Error("the secret is shown twice")
	}
	audrey, eve := g.as("audrey"), g.as("eve")
	for _, a := range []act{
		{path + "/edit", []string{"url", receiver + "/out", "event", "*", "description", "<b>chat</b>"}, "webhook.edit", "&lt;b&gt;chat"},
		{path + "/test", nil, "webhook.test", "on its way"},
		{path + "/rotate", nil, "webhook.rotate", "The old one signs along"},
		{path + "/disable", nil, "webhook.edit", "Nothing is sent"},
		{path + "/enable", nil, "webhook.edit", "from now on"},
		{path + "/delete", nil, "webhook.delete", "is deleted"},
	} {
		if at := audrey.post("/console/a/acme"+a.path, a.form...); at.StatusCode != http.StatusForbidden {
			t.Errorf("%s by an auditor: %s", a.path, at.Status)
		}
		for _, account := range []string{"acme", "other"} {
			if at := eve.post("/console/a/"+account+a.path, a.form...); at.StatusCode != http.StatusNotFound {
				t.Errorf("%s by another tenant: %s", a.path, at.Status)
			}
		}
		at := ada.post("/console/a/acme"+a.path, a.form...)
		at.mustSay(t, a.says)
		if last := g.last(1, "webhook:"+page.Items[0].ID.String()); len(last) == 0 || last[0] != a.event {
			t.Errorf("%s has left %v, not %s", a.path, last, a.event)
		}
	}
	refusedForms(t, g,
		wrong{"/new-webhook", []string{"url", "ftp://x", "event", "token.*"}, 422, []string{"Must be https", `value="ftp://x"`}},
		wrong{"/new-webhook", []string{"url", receiver}, 422, []string{"Must name 1 to"}},
		wrong{"/new-webhook", []string{"url", receiver, "events", "No"}, 422, []string{"Must be an action"}},
		wrong{path + "/test", nil, 404, nil},
		wrong{"/webhooks/x/test", nil, 404, nil},
	)
}

func settingsActs(*testing.T, governed) []act {
	return []act{
		{"/settings", []string{"title", "<b>Acme</b>"}, "account.edit", "&lt;b&gt;Acme"},
		{"/settings/new-child", []string{"name", "berlin", "title", "Berlin"}, "account.create", "The account berlin@acme is there"},
	}
}

func TestOverviewAndSettings(t *testing.T) {
	t.Parallel()
	g := govern(t)
	ada := g.as("ada")
	ada.get("/console/a/acme/").mustSay(t, "Create the first token", "What happened last", "Role given")
	issued := g.Issue(t, keywright.NewToken{Account: "acme", Label: "<i>ends</i>", ExpiresIn: 3 * 86400, Scopes: []string{"a:read"}})
	_, err := g.ClientFor(issued).Verify(t.Context(), keywright.VerifyRequest{Scopes: []string{"b:read"}})
	must(t, err)
	ada.get("/console/a/acme/").mustSay(t, "<strong>1</strong>", "Ending soon", "&lt;i&gt;ends", "state=disabled", "Verifications in 30 days")
	counted := func() bool { // what was presented is added up every second or so
		used, err := g.Client.AccountUsage(t.Context(), "acme", keywright.ReportQuery{})
		must(t, err)
		return used.Total.Refused == 1
	}
	for end := time.Now().Add(20 * time.Second); !counted() && time.Now().Before(end); {
		runtime.Gosched()
	}
	ada.get("/console/a/acme/").mustSay(t, "In the last 30 days: 0 accepted, 1 refused", "As a table", `<td class="number">1</td>`, "Scope missing")
	rita := g.as("rita").get("/console/a/acme/")
	if strings.Contains(rita.body, "ends&lt;") || strings.Contains(rita.text(), "What happened last") {
		t.Error("a reader of one space is told of the account")
	}
	refusedForms(t, g,
		wrong{"/settings", []string{"title", ""}, 422, []string{"Must not be empty"}},
		wrong{"/settings/new-child", []string{"name", "No"}, 422, []string{"Must be a slug", `value="No"`}},
		wrong{"/settings/close", nil, 403, []string{"Only an operator closes"}},
	)
	ada.get("/console/a/acme/settings").mustSay(t, "Compliance: API keys", `name="tokens" value="disable"`, "Child accounts")
	for _, who := range []*person{g.as("audrey"), ada} {
		if at := who.get("/console/a/acme/settings"); strings.Contains(at.text(), "Close the account") {
			t.Error("who may not close the account is shown how")
		}
		if at := who.post("/console/new-account", "name", "mine"); at.StatusCode != http.StatusForbidden {
			t.Errorf("an account by somebody who is no operator: %s", at.Status)
		}
	}
	if strings.Contains(ada.get("/console/a/acme/").text(), "Nodes and their followers") {
		t.Error("an admin of an account is told of the instance's nodes")
	}
	root := operator(t, g.Server)
	root.get("/console/a/acme/").mustSay(t, "Nodes and their followers", "this one", "needs none", "up to date")
	root.post("/console/new-account", "name", "fresh", "title", "Fresh").mustSay(t, "The account fresh is there")
	root.get("/console/a/acme/settings/close").mustSay(t, "1 active token")
	root.post("/console/a/acme/settings/close").mustSay(t, "closed since")
	root.post("/console/a/acme/settings/reopen").mustSay(t, "work again")
	if got := g.last(2, "account:acme"); got[0] != "account.reopen" || got[1] != "account.close" {
		t.Error(got)
	}
}
