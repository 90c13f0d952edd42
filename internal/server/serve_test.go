package server

// A stop loses nothing that was acknowledged or counted, a slow client holds nothing for
// long, and TLS has no way around it.

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

const password = "correct horse battery staple"

// instance is a server that a test starts and stops by hand.
type instance struct {
	*Server
	stop func() error
}

func start(t testing.TB, cfg Config) *instance {
	t.Helper()
	if cfg.Data == "" {
		cfg.Data = filepath.Join(t.TempDir(), "data")
	}
	cfg.Listen, cfg.AdminEmail, cfg.AdminPassword = "127.0.0.1:0", "admin@localhost", keywright.NewSecret(password)
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return errors.Join(<-served, s.Close())
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return &instance{s, stop}
}

func (i *instance) admin(t testing.TB) *keywright.Client {
	t.Helper()
	session, err := keywright.NewClient(i.Opened.URL, "").Login(t.Context(), "admin", keywright.NewSecret(password))
	if err != nil {
		t.Fatal(err)
	}
	return keywright.NewClient(i.Opened.URL, session.Token.Reveal())
}

func TestStopLosesNoUsage(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	first := start(t, Config{Data: data})
	issued, err := first.admin(t).CreateToken(t.Context(), keywright.NewToken{Scopes: []string{"a"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	const uses = 137
	holder := keywright.NewClient(first.Opened.URL, issued.APIKey.Reveal())
	for range uses {
		if verdict, err := holder.Verify(t.Context(), keywright.VerifyRequest{}); err != nil || !verdict.Valid {
			t.Fatal(verdict, err)
		}
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	token, err := start(t, Config{Data: data}).admin(t).Token(t.Context(), issued.Token.ID)
	if err != nil || token.Uses != uses || token.LastUsedAt == nil || token.LastUsedFrom != "127.0.0.1" {
		t.Errorf("%d uses, last %v from %q, %v; want %d", token.Uses, token.LastUsedAt, token.LastUsedFrom, err, uses)
	}
}

// A request whose body is still coming when the server is told to stop is answered.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	issued, err := s.admin(t).CreateToken(t.Context(), keywright.NewToken{Scopes: []string{"a"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, s)
	const body = `{"scopes":["a"]}`
	fmt.Fprintf(conn, "POST /api/v1/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		issued.APIKey.Reveal(), len(body))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100") { // the handler reads
		t.Fatal(line, err)
	}
	_, _ = answers.ReadString('\n')
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	for refused := false; !refused; { // the listener is closed: the stop has begun
		other, err := net.Dial("tcp", s.Addr().String())
		if refused = err != nil; !refused {
			other.Close()
		}
	}
	fmt.Fprint(conn, body)
	answer, err := http.ReadResponse(answers, nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", answer, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A server that a load balancer watches takes requests until that has had the time to notice that it stops: on connections that there are
// and on new ones, each of which then ends with its answer.
func TestStopIsNoticedFirst(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DrainDelay: 3 * time.Second})
	ask := func(conn net.Conn, path string) *http.Response {
		t.Helper()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	kept := dial(t, s)
	if answer := ask(kept, "/readyz"); answer.StatusCode != http.StatusOK || answer.Close {
		t.Fatalf("before: %d, the connection ends: %t", answer.StatusCode, answer.Close)
	}
	ended := make(chan error, 1)
	begun := time.Now()
	go func() { ended <- s.stop() }()
	<-s.health.stopping
	for _, conn := range []net.Conn{kept, dial(t, s)} {
		if answer := ask(conn, "/healthz"); answer.StatusCode != http.StatusOK || !answer.Close {
			t.Errorf("meanwhile: %d, the connection ends: %t", answer.StatusCode, answer.Close)
		}
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the last answer: %d, %v", n, err)
		}
	}
	if answer := ask(dial(t, s), "/readyz"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readiness: %d", answer.StatusCode)
	}
	if err := <-ended; err != nil || time.Since(begun) < s.cfg.DrainDelay {
		t.Errorf("ended after %s: %v", time.Since(begun), err)
	}
}

// Nobody waits for load balancers where there are none.
func TestStopUnwatched(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DrainDelay: mostDrainDelay})
	s.admin(t)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	for _, wrong := range []time.Duration{-1, mostDrainDelay + 1} {
		if _, err := Open(t.Context(), Config{Data: t.TempDir(), Listen: "127.0.0.1:0", DrainDelay: wrong}); err == nil || !strings.Contains(err.Error(), "want 0 to 5m") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func dial(t *testing.T, s *instance) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Slow clients are let go: with half a header, half a body, or after an answer.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Limits: Limits{ReadHeader: 100 * time.Millisecond, Read: 200 * time.Millisecond, Idle: 100 * time.Millisecond}})
	for name, sent := range map[string]string{
		"nothing":       "",
		"half a header": "POST /api/v1/verify HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"half a body":   "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"user",
		"idle":          "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, s)
			fmt.Fprint(conn, sent)
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still held")
			}
		})
	}
}

func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	r, err := http.NewRequest("GET", s.Opened.URL+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Large", strings.Repeat("x", 64<<10))
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := selfSigned(t)
	s := start(t, Config{TLSCert: cert, TLSKey: key})
	if !strings.HasPrefix(s.Opened.URL, "https://127.0.0.1:") {
		t.Fatalf("public URL %s", s.Opened.URL)
	}
	for protocol, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: http2, TLSClientConfig: &tls.Config{RootCAs: pool}}}
		answer, err := client.Get(s.Opened.URL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.Proto != protocol || answer.StatusCode != 200 || answer.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %s %d %v", protocol, answer.Proto, answer.StatusCode, answer.Header)
		}
		client.CloseIdleConnections()
	}
	// A client that leaks its key over plain HTTP hears so, and is not helped on.
	answer, err := http.Get("http://" + s.Addr().String() + "/api/v1/whoami")
	if err != nil || answer.StatusCode != http.StatusBadRequest || answer.Header.Get("Location") != "" {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	old := &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}
	if conn, err := tls.Dial("tcp", s.Addr().String(), old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

func selfSigned(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	cfg := Config{TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")}
	writeCertificate(t, cfg, 1, time.Now())
	text, err := os.ReadFile(cfg.TLSCert)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return cfg.TLSCert, cfg.TLSKey, pool
}

// The public URL is made of the address unless it is given, and never of a request.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                          "http://127.0.0.1:",
		"https://keys.example.com/": "https://keys.example.com",
		"https://example.com/keys":  "https://example.com/keys",
	} {
		if s := start(t, Config{PublicURL: given}); !strings.HasPrefix(s.Opened.URL, want) {
			t.Errorf("%q: %s", given, s.Opened.URL)
		}
	}
	for _, bad := range []string{"keys.example.com", "ftp://x", "https://", "https://x?y", "https://x#y", "https://user@x"} {
		cfg := Config{Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0", PublicURL: bad}
		if s, err := Open(t.Context(), cfg); err == nil {
			s.Close()
			t.Errorf("%q is taken", bad)
		}
	}
}
