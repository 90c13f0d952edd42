package console_test

import (
	"bufio"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// governed is a server with the account acme and somebody in each role of it; the password of all is theirs.
type governed struct {
	*keywrighttest.Server
	t *testing.T
}

const theirs = "a long enough password"

func govern(t *testing.T, options ...keywrighttest.Option) governed {
	t.Helper()
	g := governed{keywrighttest.New(t, options...), t}
	for _, account := range []string{"acme", "other"} {
		_, err := g.Client.CreateAccount(t.Context(), account, "")
		must(t, err)
	}
	_, err := g.Client.CreateSpace(t.Context(), "acme", "billing", "Billing")
	must(t, err)
	for username, role := range map[string]keywright.Role{
		"ada": {Name: "admin", Account: "acme"}, "audrey": {Name: "auditor", Account: "acme"}, "owen": {Name: "owner", Account: "acme", Space: "billing"},
		"rita": {Name: "reader", Account: "acme", Space: "billing"}, "eve": {Name: "admin", Account: "other"},
	} {
		_, err := g.Client.CreateUser(t.Context(), role.Account, keywright.NewUser{
			Username: username, Email: username + "@example.com", Password: keywright.NewSecret(theirs), Role: role,
		})
		must(t, err)
	}
	return g
}

func (g governed) as(username string) *person {
	g.t.Helper()
	return signedIn(g.t, g.Server, username, theirs)
}

// last are the actions of the newest events about a subject, the newest first; of all subjects if it is empty.
func (g governed) last(n int, subject string) []string {
	g.t.Helper()
	actions := []string{}
	for _, e := range g.events(n, subject) {
		actions = append(actions, e.Action)
	}
	return actions
}

func (g governed) events(n int, subject string) []keywright.Event {
	g.t.Helper()
	page, err := g.Client.Events(g.t.Context(), keywright.EventQuery{
		ListQuery: keywright.ListQuery{Limit: n}, EventFilter: keywright.EventFilter{All: true, Subject: subject},
	})
	must(g.t, err)
	return page.Items
}

func TestAuditTrail(t *testing.T) {
	t.Parallel()
	g := govern(t)
	issued := g.Issue(t, keywright.NewToken{Account: "acme", Label: "<script>alert(1)</script>", Scopes: []string{"a:read"}})
	_, err := g.Client.EditToken(t.Context(), issued.Token.ID, keywright.EditToken{Scopes: &[]string{"b:read"}})
	must(t, err)
	auditor := g.as("audrey")

	all := auditor.get("/console/a/acme/events")
	all.mustSay(t, "Token edited", "Token created", "&lt;script&gt;alert(1)", "format=csv")
	if strings.Contains(all.body, "<script>alert") {
		t.Error("a label runs")
	}
	for name, c := range map[string]struct {
		query  string
		status int
		says   []string
		not    string
	}{
		"action":      {"action=token.edit", 200, []string{`<option value="token.edit" selected>`, "Clear", "Token edited"}, ">Token created</a>"},
		"family":      {"action=role.", 200, []string{"Role given"}, ">Token created</a>"},
		"subject":     {"subject=token:" + issued.Token.ID.String(), 200, []string{"Token created", "Token edited"}, ">Role given</a>"},
		"actor":       {"actor=user:nobody", 200, []string{"Nothing matches"}, ">Token edited</a>"},
		"days":        {"since=2001-01-01&until=2001-01-02", 200, []string{"Nothing matches", `value="2001-01-02"`}, ">Token edited</a>"},
		"space":       {"space=billing", 200, []string{"Space created"}, ">Token edited</a>"},
		"bad address": {"address=here", 422, []string{"Must be an IP address", `value="here"`, `aria-invalid="true"`}, ">Token edited</a>"},
		"bad day":     {"since=yesterday", 422, []string{"Write the day as"}, ">Token edited</a>"},
		"bad order":   {"since=2001-01-02&until=2001-01-01", 422, []string{"Must be after"}, ">Token edited</a>"},
		"everywhere":  {"all=on&action=instance.", 200, []string{"Nothing matches"}, "First start</a>"},
	} {
		at := auditor.get("/console/a/acme/events?" + c.query)
		at.mustSay(t, c.says...)
		if at.StatusCode != c.status || strings.Contains(at.body, c.not) {
			t.Errorf("%s: %s, says %s", name, at.Status, c.not)
		}
	}
	operator(t, g.Server).get("/console/a/acme/events?all=on&action=instance.").mustSay(t, "First start", "the instance")
}

func TestAuditTrailHasPages(t *testing.T) {
	t.Parallel()
	g := govern(t)
	for range 60 {
		g.Issue(t, keywright.NewToken{Account: "acme"})
	}
	p := g.as("ada")
	first := p.get("/console/a/acme/events?action=token.create")
	_, rest, _ := strings.Cut(first.body, `<nav class="pages"`)
	_, rest, _ = strings.Cut(rest, `href="`)
	next, _, _ := strings.Cut(rest, `"`)
	second := p.get(strings.ReplaceAll(next, "&amp;", "&"))
	if n, m := strings.Count(first.body, "row-link"), strings.Count(second.body, "row-link"); n != 50 || m != 10 {
		t.Errorf("pages of %d and %d", n, m)
	}
	second.mustSay(t, "First page", `<option value="token.create" selected>`)
}

func TestEventPage(t *testing.T) {
	t.Parallel()
	g := govern(t)
	issued := g.Issue(t, keywright.NewToken{Account: "acme", Label: "ci", Scopes: []string{"a:read", "b:read"}})
	_, err := g.Client.EditToken(t.Context(), issued.Token.ID, keywright.EditToken{Scopes: &[]string{"b:read", "c:read"}})
	must(t, err)
	seq := "/events/" + strconv.FormatInt(g.events(1, "")[0].Seq, 10)
	at := g.as("audrey").get("/console/a/acme" + seq)
	at.mustSay(t, "Token edited", "added: c:read", "removed: a:read", "Everything that admin did", "token.edit", "127.0.0.1")
	if strings.Contains(at.body, "removed: </span>b:read") {
		t.Error("what is kept is told as removed")
	}

	eve := g.as("eve")
	for path, why := range map[string]string{
		"/console/a/other" + seq: "another account's event", "/console/a/acme" + seq: "another account", "/console/a/other/events/99999": "no event",
		"/console/a/other/events/x": "no number", "/console/a/other/events/0": "nought", "/console/a/other/events/1": "the instance's event",
	} {
		if at := eve.get(path); at.StatusCode != http.StatusNotFound || strings.Contains(at.body, "c:read") {
			t.Errorf("%s: %s", why, at.Status)
		}
	}
	reader := g.as("rita")
	if at := reader.get("/console/a/acme/events"); at.StatusCode != http.StatusForbidden || strings.Contains(at.body, ">Audit trail") {
		t.Errorf("a reader: %s", at.Status)
	}
	if at := reader.get("/console/a/acme" + seq); at.StatusCode == http.StatusOK {
		t.Errorf("a reader: %s", at.Status)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	g := govern(t)
	g.Issue(t, keywright.NewToken{Account: "acme", Label: "ci"})
	p := g.as("ada")
	at := p.get("/console/a/acme/events/export?format=csv&action=token.")
	rows, err := csv.NewReader(strings.NewReader(at.body)).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][4] != "token.create" {
		t.Errorf("%v, %v", rows, err)
	}
	if d := at.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; filename=\"events-") || !strings.HasSuffix(d, ".csv\"") {
		t.Error(d)
	}
	at = p.get("/console/a/acme/events/export?format=jsonl")
	lines := bufio.NewScanner(strings.NewReader(at.body))
	if lines.Scan(); !strings.HasPrefix(lines.Text(), `{"checkpoint":`) || at.Header.Get("Content-Type") != "application/jsonl; charset=utf-8" {
		t.Errorf("%s: %s", at.Header.Get("Content-Type"), lines.Text())
	}
	for path, status := range map[string]int{
		"/console/a/acme/events/export?since=x":   http.StatusUnprocessableEntity,
		"/console/a/acme/events/export?address=x": http.StatusUnprocessableEntity,
		"/console/a/other/events/export":          http.StatusNotFound,
	} {
		if at := p.get(path); at.StatusCode != status {
			t.Errorf("%s: %s", path, at.Status)
		}
	}
	if at := g.as("rita").get("/console/a/acme/events/export"); at.StatusCode != http.StatusForbidden {
		t.Errorf("a reader: %s", at.Status)
	}
}
