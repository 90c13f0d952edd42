package rest

// What is not known is 503 and never "no"; too many failures are 429, and never
// lock out who has the right secret.

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/keywright/keywright"
)

func TestUnavailable(t *testing.T) {
	t.Parallel()
	in := start(t)
	id := in.issue(keywright.NewToken{Label: "here"}).Token.ID.String()
	must(t, in.store.Close())
	for _, tt := range []struct{ method, path, body string }{
		{"GET", "/api/v1/whoami", ""},
		{"GET", tokensPath, ""},
		{"POST", tokensPath, `{}`},
		{"POST", tokensPath + "/" + id + "/revoke", ""},
		{"DELETE", tokensPath + "/" + id, ""},
		{"POST", verifyPath, `{"token":"` + keywright.FormatAPIKey("kw", keywright.ID{1}, strings.Repeat("a", 43)) + `"}`},
		{"POST", "/api/v1/login", `{"username":"admin","password":"` + in.password + `"}`},
	} {
		a := in.call(in.admin, tt.method, tt.path, tt.body)
		p := a.refused(t, http.StatusServiceUnavailable)
		if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 || p.Code != "unavailable" {
			t.Errorf("%s %s: Retry-After %q, code %s", tt.method, tt.path, a.Header.Get("Retry-After"), p.Code)
		}
		if strings.Contains(a.body, "sql") || strings.Contains(a.body, "database") {
			t.Errorf("%s %s tells what is behind it: %s", tt.method, tt.path, a.body)
		}
	}
}

func TestThrottled(t *testing.T) {
	t.Parallel()
	in := start(t)
	made := in.issue(keywright.NewToken{Label: "attacked"})
	guess := keywright.FormatAPIKey("kw", made.Token.ID, strings.Repeat("a", 43))
	const most = 2000
	for tries := 1; ; tries++ {
		a := in.call(guess, http.MethodGet, "/api/v1/whoami", "")
		if a.StatusCode == http.StatusUnauthorized && tries < most {
			continue
		}
		p := a.refused(t, http.StatusTooManyRequests)
		if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 || p.Code != "throttled" {
			t.Errorf("after %d tries: Retry-After %q, code %s", tries, a.Header.Get("Retry-After"), p.Code)
		}
		break
	}
	in.says(made.APIKey, "", "insufficient_scope") // the owner is not locked out
	if a := in.call(made.APIKey.Reveal(), http.MethodPost, verifyPath, `{}`); a.StatusCode != http.StatusOK {
		t.Errorf("the owner from the same address: %d %s", a.StatusCode, a.body)
	}
}
