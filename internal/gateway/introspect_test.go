package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright"
)

func TestIntrospect(t *testing.T) {
	t.Parallel()
	s := start(t)
	issued := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:*"}})
	bound := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:*"}, AllowedCIDRs: []string{"127.0.0.0/8"}})
	key := issued.APIKey.Reveal()
	for _, c := range []struct {
		name, method, path, form string
		status                   int
		active                   bool
	}{
		{"good", "POST", "/check/apache/scope/orders:read", "token=" + key + "&token_type_hint=access_token", 200, true},
		{"too little", "POST", "/check/apache/scope/bills:read", "token=" + key, 200, false},
		{"another audience", "POST", "/check/apache/audience/till/scope/orders:read", "token=" + key, 200, false},
		{"bound to networks, of which none is told", "POST", "/check/apache/scope/orders:read", "token=" + bound.APIKey.Reveal(), 200, false},
		{"nonsense", "POST", "/check/apache/scope/orders:read", "token=x", 200, false},
		{"two in one", "POST", "/check/apache/scope/orders:read", "token=" + key + ",+Bearer+" + key, 200, false},
		{"two", "POST", "/check/apache/scope/orders:read", "token=" + key + "&token=" + key, 400, false},
		{"none", "POST", "/check/apache/scope/orders:read", "", 400, false},
		{"in the query", "POST", "/check/apache/scope/orders:read?token=" + key, "", 400, false},
		{"by GET", "GET", "/check/apache/scope/orders:read", "token=" + key, 400, false},
		{"too long", "POST", "/check/apache/scope/orders:read", "token=" + strings.Repeat("x", 20<<10), 400, false},
		{"rules", "POST", "/check/apache/rules/shop", "token=" + key, 403, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), c.method, s.URL+c.path, strings.NewReader(c.form))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, _ := io.ReadAll(answer.Body)
			if got := strings.Contains(string(body), `"active":true`); answer.StatusCode != c.status || got != c.active {
				t.Errorf("%s\n%s", answer.Status, body)
			}
			if c.status == 200 && !c.active && string(body) != `{"active":false}` {
				t.Errorf("tells why: %s", body)
			}
			for _, member := range []string{`"sub":"` + issued.Token.ID.String() + `"`, `"token":"` + issued.Token.ID.String() + `"`, `"scopes":"orders:*"`, `"audience":"-"`, `"space":"default"`} {
				if c.active && !strings.Contains(string(body), member) {
					t.Errorf("%s is not in %s", member, body)
				}
			}
		})
	}
}
