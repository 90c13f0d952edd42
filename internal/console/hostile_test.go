package console_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// hostile would leave an attribute, an element and a line of a header, if it were not written as the text that it is.
const hostile = `"'><script>alert(1)</script><a href=x onmouseover="x()"> %0d%0aSet-Cookie: a=b {{.}} javascript:x`

// TestHostileNames gives everything that has a free text the worst one, and looks at every page that shows it.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	g := govern(t, keywrighttest.WithWebhooksTo(netip.MustParsePrefix("127.0.0.0/8")))
	ctx, c := t.Context(), g.Client
	_, err := c.EditAccount(ctx, "acme", hostile)
	must(t, err)
	_, err = c.CreateSpace(ctx, "acme", "bad", hostile)
	must(t, err)
	_, err = c.SetAudience(ctx, "acme", "api", keywright.NewAudience{Description: hostile, Scopes: []keywright.CatalogueEntry{
		{Name: "a:read", Group: hostile, Description: hostile, Since: "1"},
	}})
	must(t, err)
	hook, err := c.CreateWebhook(ctx, "acme", keywright.NewWebhook{URL: "https://127.0.0.1:1024/?" + "%22%3E%3Cscript%3E", Events: []string{"token.*"}, Description: hostile})
	must(t, err)
	issued := g.Issue(t, keywright.NewToken{Account: "acme", Label: hostile, Scopes: []string{"a:read"}, Audience: []string{"api"}, Metadata: map[string]string{"note": hostile}})
	token := "/tokens/" + issued.Token.ID.String()
	_, err = c.RotateToken(ctx, issued.Token.ID, nil, "")
	must(t, err)
	label := issued.Token.Label

	ada := g.as("ada")
	ada.post("/console/a/acme"+token+"/disable").mustSay(t, "is disabled", "Undo")
	ada.post("/console/a/acme"+token+"/revoke", "reason", hostile)
	for _, path := range []string{
		"/", "/tokens", "/tokens?owner=" + "%22%3E%3Cscript%3Ealert(1)", "/tokens/new", token, token + "/explain?ask=on&scopes=a:read", token + "/delete", token + "/first-use",
		"/spaces", "/spaces/bad", "/spaces/bad/edit", "/spaces/bad/delete", "/audiences", "/audiences/api", "/audiences/api/edit", "/audiences/api/delete",
		"/webhooks", "/webhooks/" + hook.Webhook.ID.String(), "/webhooks/" + hook.Webhook.ID.String() + "/delete", "/events", "/settings", "/policy",
	} {
		at := ada.get("/console/a/acme" + path)
		if at.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, at.Status)
		}
		for _, raw := range []string{"<script>alert", `onmouseover="x`, `"'><`} {
			if strings.Contains(at.body, raw) {
				t.Errorf("%s has %s in it", path, raw)
			}
		}
	}
	for path, want := range map[string]string{token: label, "/spaces/bad": hostile, "/audiences/api": hostile, "/webhooks/" + hook.Webhook.ID.String(): hostile} {
		if said := unescaped.Replace(ada.get("/console/a/acme" + path).body); !strings.Contains(said, want) {
			t.Errorf("%s does not say %q as it is", path, want)
		}
	}
	for _, path := range []string{"/audiences/api/export", "/events/export?format=csv", "/events/export?format=jsonl%22%0d%0aSet-Cookie:%20a=b"} {
		at := ada.get("/console/a/acme" + path)
		name, ok := strings.CutPrefix(at.Header.Get("Content-Disposition"), `attachment; filename="`)
		if at.StatusCode == http.StatusOK && (!ok || strings.Trim(name, `abcdefghijklmnopqrstuvwxyz-0123456789."`) != "") || at.Header.Get("Set-Cookie") != "" && strings.Contains(at.Header.Get("Set-Cookie"), "a=b") {
			t.Errorf("%s: %s %v", path, at.Status, at.Header)
		}
	}
}

var unescaped = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&amp;", "&")
