package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/keywrighttest"
)

// documented is the configuration of a kind that docs/gateways.md shows.
func documented(t *testing.T, kind string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```" + kind + "\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("docs/gateways.md shows no %s", kind)
	}
	return string(found[1])
}

// site is a proxy as documented, before an API, with Keywright beside it.
type site struct {
	*keywrighttest.Server
	t       *testing.T
	address string // of the proxy

	wayTo  string       // Keywright, for the proxy
	state  atomic.Int32 // of the way
	bodies atomic.Int64 // bytes that came that way

	reached atomic.Int64 // requests that came to the API
}

// The states of the way from the proxy to Keywright.
const (
	open int32 = iota
	hung
	broken
)

// standIn makes everything but the proxy. It takes the rules from the document, too.
func standIn(t *testing.T) *site {
	t.Helper()
	gateways, err := server.ParseGateways([]byte(documented(t, "json")))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, address: freeAddress(t)}
	s.Server = keywrighttest.New(t, func(c *server.Config) {
		c.Gateways = gateways
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	way := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
		r.Out.Header["X-Forwarded-Uri"] = r.In.Header["X-Forwarded-Uri"]
		r.Out.Header["X-Forwarded-Method"] = r.In.Header["X-Forwarded-Method"]
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		s.bodies.Add(n)
		switch s.state.Load() {
		case hung:
			<-r.Context().Done()
		case broken:
			panic(http.ErrAbortHandler)
		default:
			way.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	s.wayTo = front.Listener.Addr().String()
	return s
}

// api answers with the head that it got and how long the body was.
func (s *site) api() *httptest.Server {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.reached.Add(1)
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			s.t.Errorf("the body broke off: %v", err)
		}
		fmt.Fprintf(w, "%s %s\nbody: %d\n", r.Method, r.RequestURI, n)
		_ = r.Header.Write(w)
	}))
	s.t.Cleanup(api.Close)
	return api
}

// configuration is the documented one with this site's addresses.
func (s *site) configuration(kind string) string {
	return strings.NewReplacer(
		"127.0.0.1:8080", s.wayTo,
		"127.0.0.1:8081", s.address,
		"http://:8081", "http://:"+s.address[strings.LastIndex(s.address, ":")+1:],
		"127.0.0.1:9000", s.api().Listener.Addr().String(),
	).Replace(documented(s.t, kind))
}

// run runs a proxy until the test ends, and waits until it listens.
func (s *site) run(name string, args ...string) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var said bytes.Buffer
	proxy := exec.CommandContext(ctx, name, args...)
	proxy.Cancel = func() error { return proxy.Process.Signal(os.Interrupt) }
	proxy.WaitDelay = 5 * time.Second
	proxy.Stdout, proxy.Stderr = &said, &said
	proxy.Env = append(os.Environ(), "HOME="+s.t.TempDir())
	if err := proxy.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- proxy.Wait() }()
	s.t.Cleanup(func() {
		stop()
		<-ended
		if s.t.Failed() {
			s.t.Logf("%s said:\n%s", name, said.String())
		}
	})
	for {
		if c, err := net.Dial("tcp", s.address); err == nil {
			c.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			s.t.Fatalf("%s ended: %v\n%s", name, err, said.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// needed skips a test of a program that is not here, unless every test is asked for.
func needed(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("KEYWRIGHT_TEST_ALL") == "" {
		t.Skipf("%s is not installed; make test installs it", program)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// reply is what came back through the proxy.
type reply struct {
	*http.Response
	body string
}

// send sends a request as it stands: no client between that would put it right.
func (s *site) send(method, target string, body []byte, headers ...string) reply {
	s.t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n", method, target)
	if body != nil {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", len(body))
	}
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&head, "%s: %s\r\n", headers[i], headers[i+1])
	}
	go func() { // beside the answer, which may come before all is sent
		_, _ = io.WriteString(c, head.String()+"\r\n")
		_, _ = c.Write(body)
	}()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return reply{answer, string(text)}
}

// passed reports how often the API was reached while f ran.
func (s *site) passed(f func()) int64 {
	before := s.reached.Load()
	f()
	return s.reached.Load() - before
}

func TestNginx(t *testing.T) {
	t.Parallel()
	nginx := needed(t, "nginx")
	s := standIn(t)
	site := file(t, "site.conf", s.configuration("nginx"))
	dir := filepath.Dir(site)
	whole := file(t, "nginx.conf", fmt.Sprintf(`daemon off; user root; worker_processes 1; pid %[1]s/pid; error_log stderr warn;
		events {} http { access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
		fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s; include %[2]s; }`, dir, site))
	s.run(nginx, "-e", "stderr", "-c", whole)
	s.holds()
}

func TestCaddy(t *testing.T) {
	t.Parallel()
	caddy := needed(t, "caddy")
	s := standIn(t)
	options := "{\n\tadmin off\n\tauto_https off\n}\n"
	s.run(caddy, "run", "--adapter", "caddyfile", "--config", file(t, "Caddyfile", options+s.configuration("caddyfile")))
	s.holds()
}

// holds is what must be true behind every proxy.
func (s *site) holds() {
	t := s.t
	reader := s.Issue(t, keywright.NewToken{Audience: []string{"shop"}, Scopes: []string{"orders:read"}})
	writer := s.Issue(t, keywright.NewToken{Audience: []string{"shop"}, Scopes: []string{"orders:*"}, Lifetime: keywright.LifetimePermanent})
	t.Run("who passes", func(t *testing.T) { s.judges(t, reader, writer) })
	t.Run("who it is", func(t *testing.T) { s.identifies(t, writer) })
	t.Run("paths", func(t *testing.T) { s.canonical(t, writer) })
	t.Run("a body", func(t *testing.T) { s.keepsBodies(t, writer) })
	t.Run("revoked", func(t *testing.T) { s.revokes(t) })
	t.Run("Keywright is away", func(t *testing.T) { s.failsClosed(t, writer) })
}

func (s *site) judges(t *testing.T, reader, writer keywright.Issued) {
	grant, err := http.PostForm(s.URL+"/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {reader.Token.ID.String()}, "client_secret": {reader.ClientSecret.Reveal()},
	})
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(grant.Body)
	grant.Body.Close()
	access := regexp.MustCompile(`"access_token":"([^"]+)"`).FindSubmatch(body)
	if access == nil {
		t.Fatalf("no access token: %s", body)
	}
	key := reader.APIKey.Reveal()
	for _, c := range []struct {
		name    string
		method  string
		headers []string
		status  int
	}{
		{"an API key", "GET", bearer(reader), 200},
		{"an access token", "GET", []string{"Authorization", "Bearer " + string(access[1])}, 200},
		{"a scope too few", "DELETE", bearer(reader), 403},
		{"the scope", "DELETE", bearer(writer), 200},
		{"nobody", "GET", nil, 401},
		{"a wrong key", "GET", []string{"Authorization", "Bearer " + key[:len(key)-1] + "x"}, 401},
		{"a cookie", "GET", []string{"Cookie", "Authorization=Bearer " + key}, 401},
		{"forged method", "DELETE", append(bearer(reader), "X-Forwarded-Method", "GET", "X-Original-Method", "GET", "X-HTTP-Method-Override", "GET"), 403},
		{"forged path", "DELETE", append(bearer(reader), "X-Forwarded-Uri", "/orders/7", "X-Original-URI", "/orders/7", "X-Forwarded-For", "192.0.2.1"), 403},
	} {
		var answer reply
		passed := s.passed(func() { answer = s.send(c.method, "/orders/7", nil, c.headers...) })
		if answer.StatusCode != c.status || passed != 0 != (c.status == 200) {
			t.Errorf("%s: %s, reached the API %d times; want %d", c.name, answer.Status, passed, c.status)
		}
		if challenge := answer.Header.Get("WWW-Authenticate"); c.status == 401 && !strings.HasPrefix(challenge, "Bearer") {
			t.Errorf("%s: WWW-Authenticate: %q", c.name, challenge)
		}
	}
	if got := s.passed(func() { s.send("GET", "/orders/7", nil, append(bearer(writer), bearer(reader)...)...) }); got != 0 {
		t.Error("a request with two credentials passed")
	}
}

func (s *site) identifies(t *testing.T, issued keywright.Issued) {
	headers := bearer(issued)
	for _, name := range identity {
		for _, spelling := range []string{"X-Keywright-", "x-keywright-", "X_Keywright_", "X-Keywright_", "X_KEYWRIGHT-"} {
			headers = append(headers, spelling+name, "forged")
		}
	}
	answer := s.send("GET", "/orders/7?a=b", nil, headers...)
	if answer.StatusCode != http.StatusOK || strings.Contains(answer.body, "forged") {
		t.Errorf("%s\n%s", answer.Status, answer.body)
	}
	for name, want := range map[string]string{
		"Token": issued.Token.ID.String(), "Kind": "account", "Account": "default", "Space": "default",
		"Owner": "admin", "Scopes": "orders:*", "Audience": "shop", "Expires": "-",
	} {
		line := "X-Keywright-" + name + ": " + want + "\r\n"
		if strings.Count(answer.body, line) != 1 || strings.Count(answer.body, "X-Keywright-"+name+":") != 1 {
			t.Errorf("the API does not see %q once:\n%s", line, answer.body)
		}
	}
	if strings.Contains(answer.body, issued.APIKey.Reveal()) {
		t.Error("the API sees the key")
	}
}

func (s *site) canonical(t *testing.T, issued keywright.Issued) {
	for _, target := range []string{
		"/orders/x/../7", "/orders/../orders/7", "//orders/7", "/orders//7", "/orders/./7", "/orders/%2e%2e/orders/7", "/orders/%37", "/orders%2f7",
		"/orders/7;a=b", "/orders/7%00", "/orders/7%20", "/ORDERS/7", "/other", "/orders/..%2f..", `/orders\7`, "/_keywright", "/check/caddy",
	} {
		var answer reply
		passed := s.passed(func() { answer = s.send("GET", target, nil, bearer(issued)...) })
		if passed != 0 || answer.StatusCode < 400 || answer.StatusCode >= 500 {
			t.Errorf("%s: %s, reached the API %d times:\n%s", target, answer.Status, passed, answer.body)
		}
	}
	answer := s.send("GET", "/orders/caf%C3%A9?x=/../", nil, bearer(issued)...)
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.body, "GET /orders/caf%C3%A9?x=/../\n") {
		t.Errorf("the path that was judged is not the one the API sees: %s\n%s", answer.Status, answer.body)
	}
}

func (s *site) keepsBodies(t *testing.T, issued keywright.Issued) {
	const size = 10 << 20
	before := s.bodies.Load()
	answer := s.send("POST", "/orders/7", bytes.Repeat([]byte{'x'}, size), bearer(issued)...)
	if answer.StatusCode != http.StatusOK || !strings.Contains(answer.body, fmt.Sprintf("body: %d\n", size)) {
		t.Errorf("%s\n%s", answer.Status, answer.body)
	}
	if got := s.bodies.Load() - before; got != 0 {
		t.Errorf("Keywright was sent %d bytes of a body", got)
	}
}

func (s *site) revokes(t *testing.T) {
	for range 10 {
		issued := s.Issue(t, keywright.NewToken{Audience: []string{"shop"}, Scopes: []string{"orders:read"}})
		if got := s.send("GET", "/orders/7", nil, bearer(issued)...); got.StatusCode != http.StatusOK {
			t.Fatalf("before: %s", got.Status)
		}
		if _, err := s.Client.RevokeToken(t.Context(), issued.Token.ID, ""); err != nil {
			t.Fatal(err)
		}
		if got := s.send("GET", "/orders/7", nil, bearer(issued)...); got.StatusCode != http.StatusUnauthorized {
			t.Fatalf("after: %s", got.Status)
		}
	}
}

func (s *site) failsClosed(t *testing.T, issued keywright.Issued) {
	defer s.state.Store(open)
	for _, state := range []int32{broken, hung} {
		s.state.Store(state)
		var answer reply
		passed := s.passed(func() { answer = s.send("GET", "/orders/7", nil, bearer(issued)...) })
		if passed != 0 || !slices.Contains([]int{500, 502, 503, 504}, answer.StatusCode) {
			t.Errorf("in state %d: %s, reached the API %d times", state, answer.Status, passed)
		}
	}
	s.state.Store(open)
	if got := s.send("GET", "/orders/7", nil, bearer(issued)...); got.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s", got.Status)
	}
}
