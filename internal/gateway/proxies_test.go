package gateway_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/server"
)

func TestNginx(t *testing.T) {
	t.Parallel()
	nginx := needed(t, "nginx")
	s := standIn(t)
	site := file(t, "site.conf", s.here(documented(t, "nginx")))
	dir := filepath.Dir(site)
	whole := file(t, "nginx.conf", fmt.Sprintf(`daemon off; user root; worker_processes 1; pid %[1]s/pid; error_log stderr warn;
		events {} http { access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
		fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s; include %[2]s; }`, dir, site))
	s.run(nginx, "-e", "stderr", "-c", whole)
	s.holds(expected{doubled: 400})
}

func TestCaddy(t *testing.T) {
	t.Parallel()
	caddy := needed(t, "caddy")
	s := standIn(t)
	options := "{\n\tadmin off\n\tauto_https off\n}\n"
	s.run(caddy, "run", "--adapter", "caddyfile", "--config", file(t, "Caddyfile", options+s.here(documented(t, "caddyfile"))))
	s.holds(expected{})
}

func TestHAProxy(t *testing.T) {
	t.Parallel()
	haproxy := needed(t, "haproxy")
	s := standIn(t, func(c *server.Config, free string) string {
		c.SPOE = free
		return free
	})
	agent := file(t, "keywright.spoe", documented(t, "spoe"))
	whole := strings.ReplaceAll(s.here(documented(t, "haproxy")), "/etc/haproxy/keywright.spoe", agent)
	s.run(haproxy, "-db", "-f", file(t, "haproxy.cfg", whole))
	s.holds(expected{})
}
