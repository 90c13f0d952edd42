package gateway_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/server"
)

// apache runs Apache with a site of docs/gateways.md.
func (s *site) apache(kind string) {
	s.t.Helper()
	program := needed(s.t, "apache2")
	const modules = "/usr/lib/apache2/modules"
	if _, err := os.Stat(filepath.Join(modules, "mod_oauth2.so")); err != nil && os.Getenv("KEYWRIGHT_TEST_ALL") == "" {
		s.t.Skip("mod_oauth2 is not installed; make test installs it")
	}
	site := file(s.t, "site.conf", s.here(documented(s.t, kind)))
	dir := filepath.Dir(site)
	whole := fmt.Sprintf("ServerName shop.example\nPidFile %[1]s/pid\nErrorLog /dev/stderr\nDefaultRuntimeDir %[1]s\n", dir)
	for _, module := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "headers", "rewrite", "proxy", "proxy_http", "oauth2"} {
		whole += fmt.Sprintf("LoadModule %s_module %s/mod_%s.so\n", module, modules, module)
	}
	s.run(program, "-d", dir, "-DFOREGROUND", "-f", file(s.t, "apache2.conf", whole+"Include "+site+"\n"))
}

func TestApache(t *testing.T) {
	t.Parallel()
	s := standIn(t)
	s.apache("apache")
	s.holds(expected{lacking: 401, unknown: []int{401}})
}

// With public keys alone Apache takes access tokens, until they end.
func TestApacheKeys(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	ahead.Store(int64(-time.Hour))
	s := standIn(t, func(c *server.Config, _ string) string {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		return ""
	})
	s.apache("apache jwks")
	reader := s.Issue(t, keywright.NewToken{Audience: []string{"shop"}, Scopes: []string{"orders:read"}})
	other := s.Issue(t, keywright.NewToken{Audience: []string{"till"}, Scopes: []string{"orders:read"}})
	expired := "Bearer " + s.access(reader)
	ahead.Store(0)
	good := "Bearer " + s.access(reader)
	for _, c := range []struct {
		name, authorization string
		status              int
	}{
		{"an access token", good, 200},
		{"for another API", "Bearer " + s.access(other), 403},
		{"changed", good[:len(good)-10] + "AAAAAAAAAA", 401},
		{"an API key", "Bearer " + reader.APIKey.Reveal(), 401},
		{"expired", expired, 401},
		{"nobody", "", 401},
	} {
		var headers []string
		if c.authorization != "" {
			headers = []string{"Authorization", c.authorization}
		}
		answer := s.send(t, "GET", "/orders/7", nil, headers...)
		if answer.StatusCode != c.status || answer.passed != (c.status == 200) {
			t.Errorf("%s: %s, reached the API: %t; want %d", c.name, answer.Status, answer.passed, c.status)
		}
	}
}
