package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/keywrighttest"
)

// rules are those of the tests, as somebody writes them.
const rules = `{"default": {"shop": [
	{"methods": ["GET"], "path": "/orders/{id}", "audience": "shop", "scopes": ["orders:read"]},
	{"path": "/orders/{rest...}", "audience": "shop", "scopes": ["orders:write"]}
]}}`

func start(t *testing.T) *keywrighttest.Server {
	t.Helper()
	gateways, err := server.ParseGateways([]byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	return keywrighttest.New(t, func(c *server.Config) { c.Gateways = gateways })
}

// ask is what a proxy asks: at a path, with headers as pairs.
func ask(t *testing.T, s *keywrighttest.Server, method, path string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer
}

// identity is every header that says who a request is from.
var identity = []string{"Token", "Kind", "Account", "Space", "Owner", "Scopes", "Audience", "Expires"}

func bearer(issued keywright.Issued) []string {
	return []string{"Authorization", "Bearer " + issued.APIKey.Reveal()}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := start(t)
	if _, err := s.Client.CreateAccount(t.Context(), "other", ""); err != nil {
		t.Fatal(err)
	}
	reader := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}})
	permanent := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:*"}, Lifetime: keywright.LifetimePermanent, Audience: []string{"shop"}})
	foreign := s.Issue(t, keywright.NewToken{Account: "other", Scopes: []string{"**"}})
	manager := s.Issue(t, keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{"keywright:tokens:read"}})
	elsewhere := s.Issue(t, keywright.NewToken{Scopes: []string{"**"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	revoked := s.Issue(t, keywright.NewToken{Scopes: []string{"**"}})
	if _, err := s.Client.RevokeToken(t.Context(), revoked.Token.ID, ""); err != nil {
		t.Fatal(err)
	}
	key := func(i keywright.Issued) string { return i.APIKey.Reveal() }
	basic := func(i keywright.Issued) []string {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth(i.Token.ID.String(), i.ClientSecret.Reveal())
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	for _, c := range []struct {
		name, path string
		headers    []string
		status     int
		challenge  string
	}{
		{"any token", "/check/nginx", bearer(reader), 200, ""},
		{"a scope it has", "/check/nginx/scope/orders:read", bearer(reader), 200, ""},
		{"by id and secret", "/check/nginx/scope/orders:read", basic(reader), 200, ""},
		{"as Devo's clients do", "/check/nginx/scope/orders:read", []string{"standAloneToken", key(reader)}, 200, ""},
		{"two scopes", "/check/caddy/scope/orders:read/scope/orders:write/audience/shop", bearer(permanent), 200, ""},
		{"its account named", "/check/traefik/account/other/scope/x", bearer(foreign), 200, ""},
		{"Envoy's way", "/check/envoy/scope/orders:read/-/scope/orders:write", bearer(reader), 200, ""},
		{"nobody", "/check/nginx/scope/orders:read", nil, 401, `Bearer realm="keywright"`},
		{"a cookie", "/check/nginx/scope/orders:read", []string{"Cookie", "Authorization=Bearer " + key(reader)}, 401, `Bearer realm="keywright"`},
		{"in the query", "/check/nginx/scope/orders:read?access_token=" + key(reader), nil, 401, `Bearer realm="keywright"`},
		{"nonsense", "/check/nginx", []string{"Authorization", "Bearer x"}, 401, "invalid_token"},
		{"revoked", "/check/nginx", bearer(revoked), 401, "invalid_token"},
		{"of another tenant", "/check/nginx", bearer(foreign), 401, "invalid_token"},
		{"for no audience", "/check/nginx/audience/shop", bearer(reader), 401, "invalid_token"},
		{"for another audience", "/check/nginx/audience/till/scope/orders:read", bearer(permanent), 401, "invalid_token"},
		{"a manager token", "/check/nginx", bearer(manager), 401, "invalid_token"},
		{"from elsewhere", "/check/nginx", bearer(elsewhere), 403, ""},
		{"too little scope", "/check/nginx/scope/orders:write", bearer(reader), 403, `insufficient_scope", scope="orders:write"`},
		{"twice", "/check/nginx", append(bearer(reader), bearer(reader)...), 401, "invalid_token"},
		{"in two ways", "/check/nginx", append(bearer(reader), "standAloneToken", key(reader)), 401, "invalid_token"},
		{"a requirement in the query", "/check/nginx/scope/orders:write?scope=orders:read", bearer(reader), 403, "insufficient_scope"},
		{"a requirement in a header", "/check/nginx/scope/orders:write", append(bearer(reader), "Scope", "orders:read"), 403, "insufficient_scope"},
		{"an unknown proxy", "/check/squid/scope/orders:read", bearer(reader), 403, ""},
		{"a misspelt requirement", "/check/nginx/scopes/orders:read", bearer(reader), 403, ""},
		{"a requirement without value", "/check/nginx/scope", bearer(reader), 403, ""},
		{"two audiences", "/check/nginx/audience/a/audience/b", bearer(reader), 403, ""},
		{"a malformed scope", "/check/nginx/scope/orders::read", bearer(reader), 403, ""},
		{"rules and scopes", "/check/nginx/rules/shop/scope/orders:read", bearer(reader), 403, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			answer := ask(t, s, http.MethodGet, c.path, c.headers...)
			if challenge := answer.Header.Get("WWW-Authenticate"); answer.StatusCode != c.status || !strings.Contains(challenge, c.challenge) || c.challenge == "" && challenge != "" {
				t.Errorf("%s, %q; want %d, %q", answer.Status, challenge, c.status, c.challenge)
			}
			for _, name := range identity {
				if got := answer.Header["X-Keywright-"+name]; answer.StatusCode == 200 && (len(got) != 1 || got[0] == "") || answer.StatusCode != 200 && got != nil {
					t.Errorf("X-Keywright-%s: %q", name, got)
				}
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	s := start(t)
	issued := s.Issue(t, keywright.NewToken{Label: "forger", Scopes: []string{"b:*", "a:read"}, Lifetime: keywright.LifetimePermanent})
	forged := bearer(issued)
	for _, name := range identity {
		forged = append(forged, "X-Keywright-"+name, "forged", "X_Keywright_"+name, "forged")
	}
	answer := ask(t, s, http.MethodGet, "/check/nginx", forged...)
	for name, want := range map[string]string{
		"Token": issued.Token.ID.String(), "Kind": "account", "Account": "default", "Space": "default",
		"Owner": "admin", "Scopes": strings.Join(issued.Token.Scopes.Strings(), " "), "Audience": "-", "Expires": "-",
	} {
		if got := answer.Header["X-Keywright-"+name]; len(got) != 1 || got[0] != want {
			t.Errorf("X-Keywright-%s: %q, want %q", name, got, want)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	s := start(t)
	reader := s.Issue(t, keywright.NewToken{Audience: []string{"shop"}, Scopes: []string{"orders:read"}})
	writer := s.Issue(t, keywright.NewToken{Audience: []string{"shop"}, Scopes: []string{"orders:*"}})
	for _, c := range []struct {
		name, method, uri string
		who               keywright.Issued
		status            int
	}{
		{"read", "GET", "/orders/7", reader, 200},
		{"read with a query", "GET", "/orders/7?x=/orders/../", reader, 200},
		{"write", "DELETE", "/orders/7", reader, 403},
		{"write with the scope", "DELETE", "/orders/7", writer, 200},
		{"no rule", "GET", "/customers", writer, 403},
		{"encoded", "GET", "/orders/%37", writer, 403},
		{"dots", "GET", "/orders/x/../7", writer, 403},
		{"a parameter", "GET", "/orders/7;a=b", writer, 403},
		{"a slash too many", "GET", "//orders/7", writer, 403},
		{"no path", "GET", "", writer, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for proxy, names := range map[string][2]string{
				"nginx": {"X-Original-Method", "X-Original-URI"},
				"caddy": {"X-Forwarded-Method", "X-Forwarded-Uri"},
			} {
				headers := append(bearer(c.who), names[0], c.method, names[1], c.uri)
				if got := ask(t, s, http.MethodGet, "/check/"+proxy+"/rules/shop", headers...); got.StatusCode != c.status {
					t.Errorf("%s: %s, want %d", proxy, got.Status, c.status)
				}
			}
		})
	}
	t.Run("Envoy sends method and path as they are", func(t *testing.T) {
		t.Parallel()
		for path, status := range map[string]int{"/orders/7": 403, "/orders/7/../8": 400, "/orders/%37": 403} {
			if got := ask(t, s, http.MethodDelete, "/check/envoy/rules/shop/-"+path, bearer(reader)...); got.StatusCode != status {
				t.Errorf("%s: %s, want %d", path, got.Status, status)
			}
		}
		if got := ask(t, s, http.MethodDelete, "/check/envoy/rules/shop/-/orders/7", bearer(writer)...); got.StatusCode != http.StatusOK {
			t.Error(got.Status)
		}
	})
	t.Run("told twice", func(t *testing.T) {
		t.Parallel()
		headers := append(bearer(writer), "X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/orders/7", "X-Forwarded-Uri", "/orders/8")
		if got := ask(t, s, http.MethodGet, "/check/caddy/rules/shop", headers...); got.StatusCode != http.StatusForbidden {
			t.Error(got.Status)
		}
	})
	t.Run("rules that there are not", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/check/caddy/rules/till", "/check/caddy/account/other/rules/shop"} {
			headers := append(bearer(writer), "X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/orders/7")
			if got := ask(t, s, http.MethodGet, path, headers...); got.StatusCode != http.StatusForbidden {
				t.Error(path, got.Status)
			}
		}
	})
}

// What was found out about a path once is as good the second time, and of paths that clients choose nothing is kept.
func TestKnows(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := &gateway.Server{Judge: &gateway.Judge{}}
	mux := http.NewServeMux()
	proxy.Mount(mux)
	for path, known := range map[string]bool{
		"/check/nginx/scope/orders:read":              true,
		"/check/nginx":                                true,
		"/check/envoy/scope/orders:read":              true,
		"/check/envoy/scope/orders:read/-/orders/7":   false,
		"/check/envoy/-/orders/7":                     false,
		"/check/nginx/scope/orders::read":             false,
		"/check/squid/scope/orders:read":              false,
		"/check/nginx/scope/orders:read/-/orders/../": false,
	} {
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		if got := proxy.Knows(path); got != known {
			t.Errorf("%s is known: %t", path, got)
		}
	}
	reader := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}})
	for range 2 {
		for path, status := range map[string]int{"/check/nginx/scope/orders:read": 200, "/check/nginx/scope/orders:write": 403, "/check/envoy/-/orders/7": 200} {
			if got := ask(t, s, http.MethodGet, path, bearer(reader)...); got.StatusCode != status || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %s, %q", path, got.Status, got.Header)
			}
		}
	}
}
