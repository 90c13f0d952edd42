package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright/keywrighttest"
)

func TestOperators(t *testing.T) {
	t.Parallel()
	var c clock
	g := govern(t, keywrighttest.WithClock(c.now))
	root := operator(t, g.Server)
	for _, who := range []string{"ada", "audrey", "rita"} {
		p := g.as(who)
		for _, at := range []page{
			p.get("/console/operators"), p.get("/console/operators/new"), p.get("/console/operators/admin/drop"),
			p.post("/console/operators/new", "username", who), p.post("/console/operators/admin/drop"),
		} {
			if at.StatusCode != http.StatusForbidden {
				t.Errorf("%s by %s: %s", at.url, who, at.Status)
			}
		}
		if strings.Contains(p.get("/console/a/acme/").body, "/console/operators") {
			t.Errorf("%s is shown the way to the operators", who)
		}
	}
	if at := root.postFrom("https://evil.example", "/console/operators/new", "username", "ada"); at.StatusCode != http.StatusForbidden {
		t.Errorf("by another site: %s", at.Status)
	}
	if got := g.last(1, "user:ada"); got[0] == "role.grant" && g.events(1, "user:ada")[0].After["role"] == "operator" {
		t.Fatal("who may not has made an operator")
	}

	root.get("/console/a/acme/").mustSay(t, "/console/operators", "/console/accounts")
	root.get("/console/operators").mustSay(t, "admin", "New operator")
	root.post("/console/operators/admin/drop").mustSay(t, "cannot drop the own role")
	root.post("/console/operators/new", "username", "nobody").mustSay(t, "Nobody has this username", `value="nobody"`)
	root.post("/console/operators/new", "username", "ada").mustSay(t, "ada is an operator of the instance", "Take away: operator, from ada")
	root.post("/console/operators/new", "username", "ada").mustSay(t, "exists already")

	if e := g.events(1, "user:ada")[0]; e.Action != "role.grant" || e.Account != "" || e.After["role"] != "operator" {
		t.Errorf("the newest event is %s %v in %q", e.Action, e.After, e.Account)
	}

	ada := g.as("ada")
	ada.post("/console/operators/admin/drop").mustSay(t, "admin is no longer an operator")
	if at := root.get("/console/operators"); at.StatusCode != http.StatusForbidden {
		t.Errorf("who was an operator: %s", at.Status)
	}
	if at := ada.post("/console/operators/ada/drop"); at.StatusCode != http.StatusConflict {
		t.Errorf("the last operator: %s", at.Status)
	}
	ada.get("/console/a/acme/events?all=on&subject=user:admin&action=role.drop").mustSay(t, "Role taken away", "ada")
}

// TestOperatorsAreMadeBySomebodyWhoIsThere: a session that lies about makes no operator.
func TestOperatorsAreMadeBySomebodyWhoIsThere(t *testing.T) {
	t.Parallel()
	var c clock
	g := govern(t, keywrighttest.WithClock(c.now))
	root := operator(t, g.Server)
	c.pass(11 * 60e9)
	before := g.events(1, "user:ada")[0].Seq
	at := root.post("/console/operators/new", "username", "ada")
	if at.StatusCode != http.StatusForbidden || g.events(1, "user:ada")[0].Seq != before {
		t.Errorf("an old sign-in: %s", at.Status)
	}
	at.mustSay(t, "To make somebody an operator, show first that it is you", "again=on", "username%3Dada")
	if rita := g.as("rita"); rita.post("/console/operators/new", "username", "rita").StatusCode != http.StatusForbidden {
		t.Error("a reader makes operators")
	}
	back := root.post("/console/sign-in", "password", keywrighttest.AdminPassword, "next", "/console/operators/new?username=ada")
	back.mustSay(t, `value="ada"`)
	root.post("/console/operators/new", "username", "ada").mustSay(t, "ada is an operator")
}
