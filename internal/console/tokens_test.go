package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

const tokensAt = "/console/a/default/tokens"

var hiddenField = regexp.MustCompile(`name="(once|expect)" value="([^"]*)"`)

// hidden is the value of a field that a form brings along.
func (p page) hidden(name string) string {
	for _, found := range hiddenField.FindAllStringSubmatch(p.body, -1) {
		if found[1] == name {
			return found[2]
		}
	}
	return ""
}

var credentialIn = regexp.MustCompile(`<code id="(key|id|secret)">([^<]+)</code>`)

// credentials are those that a page shows.
func (p page) credentials() map[string]string {
	all := map[string]string{}
	for _, found := range credentialIn.FindAllStringSubmatch(p.body, -1) {
		all[found[1]] = found[2]
	}
	return all
}

// create fills in and sends the form of a new token, and returns the page with its credentials.
func (p *person) create(form ...string) (shown page, sent []string) {
	p.t.Helper()
	sent = append([]string{"once", p.get(tokensAt + "/new").hidden("once"), "do", "create"}, form...)
	return p.post(tokensAt+"/new", sent...), sent
}

// made is a new token, from outside of the console.
func made(t *testing.T, s *keywrighttest.Server, token keywright.NewToken) keywright.Issued {
	t.Helper()
	return s.Issue(t, token)
}

// actions are those of the token's events, oldest first.
func actions(t *testing.T, s *keywrighttest.Server, id keywright.ID) string {
	t.Helper()
	page, err := s.Client.Events(t.Context(), keywright.EventQuery{EventFilter: keywright.EventFilter{Subject: "token:" + id.String()}})
	must(t, err)
	var list []string
	for _, e := range slices.Backward(page.Items) {
		list = append(list, strings.TrimPrefix(e.Action, "token."))
	}
	return strings.Join(list, " ")
}

func TestCredentialsAreShownOnce(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	p.get(tokensAt).mustSay(t, "No tokens yet", "Create the first token", "/tokens/new?scopes=invoices:read")
	p.get(tokensAt+"/new?scopes=invoices:read").mustSay(t, "invoices:read</textarea>")

	at, sent := p.create("label", "ci", "kind", "account", "lifetime", "2592000", "scope", "invoices:read", "scopes", "invoices:write\r\ncustomers:*", "metadata", "team = billing")
	shown := at.credentials()
	if at.StatusCode != http.StatusOK || len(shown) != 3 {
		t.Fatalf("%s %v\n%s", at.Status, shown, at.text())
	}
	at.mustSay(t, "curl --json", "Waiting for its first use")
	token, err := keywright.NewClient(s.URL, shown["key"]).Verify(t.Context(), keywright.VerifyRequest{Scopes: []string{"invoices:read"}})
	must(t, err)
	if !token.Valid || token.Token.Label != "ci" || token.Token.Metadata["team"] != "billing" || token.Token.ID.String() != shown["id"] {
		t.Errorf("%+v", token)
	}
	if left := time.Until(*token.Token.ExpiresAt); left < 29*24*time.Hour || left > 30*24*time.Hour {
		t.Errorf("it lives for %s", left)
	}

	again := p.post(tokensAt+"/new", sent...) // such as by going back and reloading
	again.mustSay(t, "made already")
	page := tokensAt + "/" + shown["id"]
	for _, path := range []string{tokensAt, tokensAt + "/new", page, page + "/edit", page + "/first-use", page + "/rotate", page + "/explain", again.url.Path} {
		body := p.get(path).body
		for _, secret := range []string{shown["key"], shown["secret"]} {
			if strings.Contains(body, secret) || strings.Contains(again.body, secret) {
				t.Errorf("%s shows a secret again", path)
			}
		}
	}
	list, err := s.Client.Tokens(t.Context(), keywright.TokenQuery{})
	must(t, err)
	if len(list.Items) != 1 || actions(t, s, list.Items[0].ID) != "create" {
		t.Errorf("the form that was sent twice made %d tokens", len(list.Items))
	}
}

// TestFirstUseCanArrive: the line that is shown to try a key with is one that says yes, or the page says why there is none.
func TestFirstUseCanArrive(t *testing.T) {
	t.Parallel()
	p := operator(t, keywrighttest.New(t))
	none, _ := p.create("label", "none", "kind", "account", "lifetime", "default")
	none.mustSay(t, "It has no scopes yet", "Give it some")
	if strings.Contains(none.text(), "Waiting for its first use") {
		t.Error("a use is waited for that cannot come")
	}
	manager, _ := p.create("label", "manager", "kind", "manager", "lifetime", "default", "scopes", "keywright:tokens:read")
	manager.mustSay(t, "/api/v1/whoami", "Waiting for its first use", "keys.Tokens(ctx")
	account, _ := p.create("label", "account", "kind", "account", "lifetime", "default", "scopes", "a:read", "audiences", "shop")
	account.mustSay(t, "&#34;scopes&#34;:[&#34;a:read&#34;],&#34;audience&#34;:&#34;shop&#34;", "/api/v1/verify")
}

func TestWhatIsWrongWithANewToken(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	for name, c := range map[string]struct {
		form []string
		says string
	}{
		"scope":       {[]string{"scopes", "invoices::read"}, "at position 9"},
		"network":     {[]string{"networks", "300.0.0.0/8"}, "field-wrong"},
		"no date":     {[]string{"lifetime", "date"}, "RFC 3339"},
		"past date":   {[]string{"lifetime", "date", "date", "2020-01-01"}, "past"},
		"lifetime":    {[]string{"lifetime", "for ever"}, "Must be default, temporary or permanent"},
		"metadata":    {[]string{"metadata", "team"}, "name=value"},
		"owner":       {[]string{"owner", "nobody"}, "No user of that name"},
		"recoverable": {[]string{"recoverable", "on"}, "does not allow a copy"},
		"manager":     {[]string{"kind", "manager", "scopes", "a:b"}, "manager token may hold only"},
	} {
		at, _ := p.create(append([]string{"label", "kept as it was"}, c.form...)...)
		if at.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, at.Status)
		}
		at.mustSay(t, c.says, `value="kept as it was"`)
	}
	list, err := s.Client.Tokens(t.Context(), keywright.TokenQuery{})
	must(t, err)
	if len(list.Items) != 0 {
		t.Errorf("%d tokens were made", len(list.Items))
	}
}

func TestWouldAllow(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	_, err := s.Client.SetAudience(t.Context(), "default", "http", keywright.NewAudience{Scopes: []keywright.CatalogueEntry{
		{Name: "invoices:read", Group: "Invoices", Description: "Read them"}, {Name: "invoices:write", Group: "Invoices", Implies: []string{"audit:note"}}, {Name: "customers:read"},
	}})
	must(t, err)
	p := operator(t, s)
	p.get(tokensAt+"/new").mustSay(t, "Scopes of http", "Read them", "with audit:note")
	at := p.post(tokensAt+"/new", "do", "check", "audience", "http", "scopes", "invoices:* custmers:read")
	at.mustSay(t, "At http", "invoices:write", "audit:note", "custmers:read is not in the catalogue", "did you mean")
	p.post(tokensAt+"/new", "do", "check", "scopes", "x:y").mustSay(t, "no catalogue")
	p.post(tokensAt+"/new", "do", "check", "scopes", "x::y").mustSay(t, "at position 2")
}

func TestPolicyGreysLifetimes(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	policy := keywright.DefaultPolicy()
	policy.MaxLifetime, policy.DefaultLifetime = 40*24*60*60, 0
	_, err := s.Client.SetPolicy(t.Context(), "default", keywright.NewPolicy{Policy: policy})
	must(t, err)
	at := operator(t, s).get(tokensAt + "/new")
	for value, allowed := range map[string]bool{"default": true, "2592000": true, "7776000": false, "permanent": false} {
		found := regexp.MustCompile(`name="lifetime" value="` + value + `"([^>]*)>`).FindStringSubmatch(at.body)
		if found == nil || strings.Contains(found[1], "disabled") == allowed {
			t.Errorf("lifetime %s: %v", value, found)
		}
	}
	at.mustSay(t, "Default (40 days)", "the policy allows at most 40 days")
}

// TestDeeds does everything that can be done to a token, and looks for its event.
func TestDeeds(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	issued := made(t, s, keywright.NewToken{Label: "ci", Scopes: []string{"a:read"}})
	at := tokensAt + "/" + issued.Token.ID.String()
	valid := func(key string) bool {
		v, err := keywright.NewClient(s.URL, key).Verify(t.Context(), keywright.VerifyRequest{Scopes: []string{"a:read"}})
		return err == nil && v.Valid
	}
	key := issued.APIKey.Reveal()

	p.get(at+"/disable").mustSay(t, "Disable ci?", "never used")
	maker := made(t, s, keywright.NewToken{Label: "maker", Scopes: []string{"a:*", "keywright:tokens:write"}})
	_, err := s.ClientFor(maker).CreateToken(t.Context(), keywright.NewToken{Label: "descendant", Scopes: []string{"a:read"}}, "")
	must(t, err)
	for _, deed := range []string{"disable", "revoke", "delete"} {
		p.get(tokensAt+"/"+maker.Token.ID.String()+"/"+deed).mustSay(t, "It has made 1 active token", "descendant")
	}
	disabled := p.post(at + "/disable")
	disabled.mustSay(t, "ci is disabled", "Undo")
	if valid(key) {
		t.Error("it is disabled and works")
	}
	p.post(disabled.undo()).mustSay(t, "1 token enabled again")
	if !valid(key) {
		t.Error("that it was disabled is undone, and it does not work")
	}
	if gone := p.post("/console/a/default/undo/x"); gone.StatusCode != http.StatusNotFound {
		t.Errorf("undoing nothing: %s", gone.Status)
	}
	p.post(at + "/disable")
	if again := p.post(at + "/disable"); again.undo() != "" {
		t.Error("what has changed nothing could be undone")
	}
	p.post(at+"/enable").mustSay(t, "ci is enabled")

	rotated := p.post(at+"/rotate", "overlap", "3600", "once", p.get(at+"/rotate").hidden("once"))
	newer := rotated.credentials()["key"]
	if newer == "" || !valid(newer) || !valid(key) {
		t.Errorf("after a rotation: %s", rotated.text())
	}
	p.get(at).mustSay(t, "The one before", "Cancel rotation")
	p.post(at+"/rotate", "overlap", "3600", "once", "x").mustSay(t, "Rotate ci?") // refused, on the page that asked
	p.post(at+"/cancel-rotation").mustSay(t, "is cancelled")
	if valid(newer) || !valid(key) {
		t.Error("a cancelled rotation has left the wrong secret")
	}

	p.post(at+"/edit", "do", "save", "label", "ci", "scopes", "a:read", "lifetime", "keep").mustSay(t, "Nothing was changed")
	p.post(at+"/edit", "do", "save", "label", "renamed", "scopes", "b:read", "lifetime", "keep").mustSay(t, "Saved", "renamed")
	if valid(key) {
		t.Error("a scope that was taken away still counts")
	}
	p.post(at+"/edit", "do", "save", "label", "renamed", "scopes", "b::read", "lifetime", "keep").mustSay(t, "at position 2")

	p.post(at+"/revoke", "reason", "leaked").mustSay(t, "renamed is revoked", "leaked")
	refused := p.post(at + "/enable")
	if refused.StatusCode != http.StatusConflict {
		t.Errorf("enabling what is revoked: %s", refused.Status)
	}
	wrong := p.post(at+"/delete", "repeat", "rename")
	if wrong.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("deleted with another label: %s", wrong.Status)
	}
	gone := p.post(at+"/delete", "repeat", "renamed")
	gone.mustSay(t, "renamed is deleted")
	if gone.url.Path != tokensAt {
		t.Errorf("after the deletion: %s", gone.url)
	}
	if left := p.get(at); left.StatusCode != http.StatusNotFound {
		t.Errorf("a deleted token's page: %s", left.Status)
	}
	want := "create disable enable disable enable rotate cancel_rotation edit refused revoke delete"
	if got := strings.ReplaceAll(actions(t, s, issued.Token.ID), "refused refused", "refused"); withoutRefusals(got) != withoutRefusals(want) {
		t.Errorf("events: %s", got)
	}
}

// withoutRefusals leaves out what is written a moment later, by the second.
func withoutRefusals(list string) string { return strings.ReplaceAll(list, " refused", "") }

func TestRevealAsksWhoItIs(t *testing.T) {
	t.Parallel()
	var c clock
	s := keywrighttest.New(t, keywrighttest.WithClock(c.now))
	policy := keywright.DefaultPolicy()
	policy.RecoverableAllowed = true
	_, err := s.Client.SetPolicy(t.Context(), "default", keywright.NewPolicy{Policy: policy})
	must(t, err)
	issued := made(t, s, keywright.NewToken{Label: "kept", Scopes: []string{"a:b"}, Recoverable: true})
	p := operator(t, s)
	at := tokensAt + "/" + issued.Token.ID.String() + "/reveal"
	c.pass(11 * time.Minute)
	for _, asked := range []page{p.get(at), p.post(at)} {
		if asked.url.Path != "/console/sign-in" || strings.Contains(asked.body, issued.APIKey.Reveal()) {
			t.Fatalf("an old sign-in is at %s", asked.url)
		}
	}
	back := p.post("/console/sign-in", "username", "somebody else", "password", keywrighttest.AdminPassword, "next", at)
	back.mustSay(t, "Reveal the key of kept?")
	if key := p.post(at).credentials()["key"]; key != issued.APIKey.Reveal() {
		t.Errorf("revealed: %q", key)
	}
	if got := actions(t, s, issued.Token.ID); got != "create reveal" {
		t.Errorf("events: %s", got)
	}
}

func TestBulk(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	var ids []string
	for i := range 4 {
		ids = append(ids, made(t, s, keywright.NewToken{Label: fmt.Sprintf("batch %d", i), Scopes: []string{"a:b"}}).Token.ID.String())
	}
	states := func() string {
		list, err := s.Client.Tokens(t.Context(), keywright.TokenQuery{Sort: "label"})
		must(t, err)
		text := ""
		for _, token := range list.Items {
			text += string(token.State)[:1]
		}
		return text
	}
	none := p.post(tokensAt+"/bulk", "do", "revoke")
	if none.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("nothing ticked: %s", none.Status)
	}
	asked := p.post(tokensAt+"/bulk", "do", "disable", "id", ids[0], "id", ids[1])
	asked.mustSay(t, "Disable 2 tokens?", "batch 0", "never used")
	if asked.hidden("expect") != "2" || states() != "aaaa" {
		t.Errorf("asking has changed something: %s", states())
	}
	_, err := s.Client.DisableToken(t.Context(), one(t, ids[2]))
	must(t, err)
	disabled := p.post(tokensAt+"/bulk", "do", "disable", "id", ids[0], "id", ids[1], "id", ids[2], "expect", "3", "q", "batch")
	disabled.mustSay(t, "2 tokens disabled", "Undo")
	if disabled.url.Query().Get("q") != "batch" {
		t.Errorf("the search is forgotten: %s", disabled.url)
	}
	p.post(disabled.undo()).mustSay(t, "2 tokens enabled again")
	if states() != "aada" {
		t.Errorf("undone: %s", states())
	}
	_, err = s.Client.EnableToken(t.Context(), one(t, ids[2]))
	must(t, err)
	p.post(tokensAt+"/bulk", "do", "disable", "id", ids[0], "id", ids[1], "expect", "2").mustSay(t, "2 tokens disabled")
	if other := p.post(tokensAt+"/bulk", "do", "revoke", "whole", "on", "state", "active", "expect", "3"); other.StatusCode != http.StatusConflict || states() != "ddaa" {
		t.Errorf("another count than was shown: %s %s", other.Status, states())
	}
	p.post(tokensAt+"/bulk", "do", "revoke", "whole", "on", "state", "active").mustSay(t, "Revoke 2 tokens?")
	p.post(tokensAt+"/bulk", "do", "revoke", "whole", "on", "state", "active", "expect", "2").mustSay(t, "2 tokens revoked")
	p.post(tokensAt+"/bulk", "do", "delete", "whole", "on").mustSay(t, "Delete 4 tokens?")
	p.post(tokensAt+"/bulk", "do", "delete", "whole", "on", "expect", "4", "repeat", "3").mustSay(t, "Type the number")
	if states() != "ddrr" {
		t.Errorf("deleted without the number: %s", states())
	}
	p.post(tokensAt+"/bulk", "do", "delete", "whole", "on", "expect", "4", "repeat", "4").mustSay(t, "4 tokens deleted")
	if states() != "" {
		t.Errorf("left: %s", states())
	}
}

var undoForm = regexp.MustCompile(`action="([^"]*)" class="undo"`)

// undo is where the page's button to undo leads; empty: there is none.
func (p page) undo() string {
	if found := undoForm.FindStringSubmatch(p.body); found != nil {
		return found[1]
	}
	return ""
}

// one is the id that a text says.
func one(t *testing.T, text string) keywright.ID {
	t.Helper()
	id, err := keywright.ParseID(text)
	must(t, err)
	return id
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	one := made(t, s, keywright.NewToken{Label: "alpha", Scopes: []string{"a:b"}, Lifetime: "permanent"})
	two := made(t, s, keywright.NewToken{Label: "beta", Scopes: []string{"a:b"}})
	_, err := s.Client.RevokeToken(t.Context(), two.Token.ID, "")
	must(t, err)
	for query, want := range map[string]string{
		"": "ab", "q=ALP": "a", "q=%232": "b", "q=" + two.Token.ID.String(): "b", "state=revoked": "b", "permanent=true": "a", "permanent=false": "b",
		"kind=space": "", "q=none": "", "sort=label": "ab", "owner=admin&state=active": "a", "state=odd": "!", "sort=odd": "!", "cursor=odd": "!",
	} {
		at := p.get(tokensAt + "?" + query)
		got := ""
		if strings.Contains(at.body, ">alpha</a>") {
			got = "a"
		}
		if strings.Contains(at.body, ">beta</a>") {
			got += "b"
		}
		if at.StatusCode >= 400 && at.StatusCode < 500 {
			got = "!"
		}
		if got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	p.get(tokensAt+"?owner=admin&state=active").mustSay(t, "Owner: <bdi>admin</bdi>", `href="/console/a/default/tokens?sort=-created&amp;state=active"`, `type="hidden" name="owner" value="admin"`)
	at := p.get(tokensAt + "?q=" + one.APIKey.Reveal())
	at.mustSay(t, "a key does not belong in a search")
	if strings.Contains(at.body, one.APIKey.Reveal()) {
		t.Error("the page says the key back")
	}
}

// TestPages goes through a list that is longer than a page.
func TestPages(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	batch := make([]keywright.NewToken, 120)
	for i := range batch {
		batch[i] = keywright.NewToken{Label: fmt.Sprintf("t%03d", i), Scopes: []string{"a:b"}}
	}
	_, err := s.Client.CreateTokens(t.Context(), batch, "")
	must(t, err)
	next := regexp.MustCompile(`href="([^"]*)" rel="next"`)
	seen := map[string]bool{}
	path := tokensAt + "?sort=label&state=active"
	for range 3 {
		at := p.get(path)
		for _, label := range regexp.MustCompile(`>(t\d{3})</a>`).FindAllStringSubmatch(at.body, -1) {
			seen[label[1]] = true
		}
		if found := next.FindStringSubmatch(at.body); found != nil {
			path = strings.ReplaceAll(found[1], "&amp;", "&")
			if !strings.Contains(path, "state=active") {
				t.Errorf("the next page forgets the filter: %s", path)
			}
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d of 120 are on three pages", len(seen))
	}
}

// TestWhoSeesWhat has people of little or no say at every page of a token.
func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	_, err := s.Client.CreateAccount(t.Context(), "other", "Other")
	must(t, err)
	_, err = s.Client.CreateSpace(t.Context(), "default", "lab", "Lab")
	must(t, err)
	const password = "a long enough password"
	for name, at := range map[string]struct {
		account string
		role    keywright.Role
	}{
		"eve": {"other", keywright.Role{Name: "admin"}}, "rita": {"default", keywright.Role{Name: "reader", Space: "lab"}},
		"mel": {"default", keywright.Role{Name: "manager", Space: "lab"}}, "audi": {"default", keywright.Role{Name: "auditor"}},
	} {
		_, err := s.Client.CreateUser(t.Context(), at.account, keywright.NewUser{Username: name, Email: name + "@example.com", Password: keywright.NewSecret(password), Role: at.role})
		must(t, err)
	}
	ours := made(t, s, keywright.NewToken{Label: "ours", Scopes: []string{"a:b"}}).Token.ID.String()
	lab := made(t, s, keywright.NewToken{Label: "of the lab", Scopes: []string{"a:b"}, Space: "lab"}).Token.ID.String()

	pages := []string{"", "/edit", "/disable", "/enable", "/revoke", "/delete", "/rotate", "/cancel-rotation", "/explain", "/first-use"}
	eve := signedIn(t, s, "eve", password)
	for _, below := range pages {
		for _, base := range []string{"/console/a/default/tokens/", "/console/a/other/tokens/"} {
			if at := eve.get(base + ours + below); at.StatusCode != http.StatusNotFound {
				t.Errorf("another tenant at %s%s: %s", base, below, at.Status)
			}
			if below == "" || below == "/explain" || below == "/first-use" {
				continue
			}
			if at := eve.post(base+ours+below, "do", "save", "repeat", "ours", "overlap", "0"); at.StatusCode != http.StatusNotFound {
				t.Errorf("another tenant posts to %s%s: %s", base, below, at.Status)
			}
		}
	}
	rita := signedIn(t, s, "rita", password)
	list := rita.get(tokensAt)
	list.mustSay(t, "of the lab")
	for _, hidden := range []string{">ours<", "New token", "bulk-bar", "/revoke", "/new"} {
		if strings.Contains(list.body, hidden) {
			t.Errorf("a reader sees %s", hidden)
		}
	}
	for _, at := range []page{
		rita.post(tokensAt + "/" + lab + "/revoke"), rita.get(tokensAt + "/" + lab + "/edit"), rita.post(tokensAt+"/new", "label", "x"), rita.get(tokensAt + "/new"),
		rita.post(tokensAt+"/bulk", "do", "revoke", "id", lab, "expect", "1"),
	} {
		if at.StatusCode != http.StatusForbidden {
			t.Errorf("a reader at %s: %s", at.url, at.Status)
		}
	}
	if at := rita.get(tokensAt + "/" + ours); at.StatusCode != http.StatusForbidden && at.StatusCode != http.StatusNotFound {
		t.Errorf("a reader at the account's token: %s", at.Status)
	}
	mel := signedIn(t, s, "mel", password)
	mel.get(tokensAt+"/new").mustSay(t, "Space: acts in one space only")
	at, _ := mel.create("label", "by mel", "kind", "space", "space", "lab", "scopes", "a:b", "lifetime", "default")
	if at.credentials()["key"] == "" {
		t.Errorf("a manager makes no token: %s", at.text())
	}
	audi := signedIn(t, s, "audi", password)
	audi.get(tokensAt+"/"+ours).mustSay(t, "What happened", "Created")
	if strings.Contains(audi.get(tokensAt).body, "New token") {
		t.Error("an auditor is offered to make tokens")
	}
	if got := actions(t, s, mustID(t, ours)); got != "create" {
		t.Errorf("events of a token that nobody may touch: %s", got)
	}
}

func mustID(t *testing.T, text string) keywright.ID {
	t.Helper()
	id, err := keywright.ParseID(text)
	must(t, err)
	return id
}

// TestHostileTexts has texts that would be markup shown as they are.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	for _, text := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' autofocus onfocus='alert(1)`, `{{7*7}}`, `</title><svg/onload=alert(1)>`, `javascript:alert(1)`,
	} {
		at, _ := p.create("label", text, "scopes", "a:b", "metadata", "note="+text)
		id := at.credentials()["id"]
		for _, shown := range []page{at, p.get(tokensAt), p.get(tokensAt + "/" + id), p.get(tokensAt + "/" + id + "/delete"), p.get(tokensAt + "/" + id + "/edit")} {
			for _, bad := range []string{"<script>alert", "<img src=x", "<svg/onload", "' onfocus='", `href="javascript:`} {
				if strings.Contains(shown.body, bad) {
					t.Errorf("%s: %q becomes markup", shown.url, text)
				}
			}
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	at := tokensAt + "/" + made(t, s, keywright.NewToken{Label: "ci", Scopes: []string{"a:read"}, AllowedCIDRs: []string{"10.0.0.0/8"}}).Token.ID.String() + "/explain"
	p.get(at).mustSay(t, "Scopes asked for")
	p.get(at+"?ask=on&scopes=a:read&address=10.1.2.3").mustSay(t, "allowed")
	p.get(at+"?ask=on&scopes=a:write&address=192.0.2.1").mustSay(t, "refused: from another network", "wrong_network", "It may not be used from there", "missing", "a:write")
	p.get(at+"?ask=on&scopes=a::b").mustSay(t, "at position 2")
	p.get(at+"?ask=on&address=here").mustSay(t, "Must be an IP address")
}
