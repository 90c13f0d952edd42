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
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

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
	way     *way   // from the proxy to Keywright
	api     *httptest.Server
	ahead   atomic.Int64 // by how much Keywright's clock is

	reached atomic.Int64 // requests that came to the API
}

// standIn makes everything but the proxy. It takes the rules from the document, too. A proxy that does not ask by
// HTTP asks at another address, which a change makes of a free one and returns.
func standIn(t *testing.T, changes ...func(c *server.Config, free string) (asked string)) *site {
	t.Helper()
	gateways, err := server.ParseGateways([]byte(documented(t, "json")))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, address: freeAddress(t)}
	asked := ""
	s.Server = keywrighttest.New(t, func(c *server.Config) {
		c.Gateways = gateways
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		c.Now = func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
		for _, change := range changes {
			asked = change(c, freeAddress(t))
		}
	})
	if asked == "" {
		asked = strings.TrimPrefix(s.URL, "http://")
	}
	s.way = newWay(t, asked)
	s.api = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.api.Close)
	return s
}

// answer is the API's: the head that it got and how long the body was.
func (s *site) answer(w http.ResponseWriter, r *http.Request) {
	s.reached.Add(1)
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		s.t.Errorf("the body broke off: %v", err)
	}
	fmt.Fprintf(w, "%s %s\nbody: %d\n", r.Method, r.RequestURI, n)
	_ = r.Header.Write(w)
}

// here is a documented configuration with this site's addresses.
func (s *site) here(configuration string) string {
	return strings.NewReplacer(
		"127.0.0.1:8080", s.way.address,
		"127.0.0.1:8083", s.way.address,
		"127.0.0.1:8081", s.address,
		"http://:8081", "http://:"+s.address[strings.LastIndex(s.address, ":")+1:],
		"127.0.0.1:9000", s.api.Listener.Addr().String(),
	).Replace(configuration)
}

// run runs a proxy until the test ends, and waits until it listens.
func (s *site) run(name string, args ...string) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var said bytes.Buffer
	proxy := exec.CommandContext(ctx, name, args...)
	proxy.Cancel = func() error { return proxy.Process.Signal(syscall.SIGTERM) }
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

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
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
	body   string
	passed bool // the request reached the API
}

// send sends a request as it stands: no client between that would put it right.
func (s *site) send(t *testing.T, method, target string, body []byte, headers ...string) reply {
	t.Helper()
	before := s.reached.Load()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
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
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return reply{answer, string(text), s.reached.Load() != before}
}
