// Package keywrighttest runs a real Keywright for a test, in one line: the server on a
// temporary SQLite file, at a free port of this machine.
//
//	func TestAPI(t *testing.T) {
//		keys := keywrighttest.New(t)
//		issued := keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:read"}})
//		api := newAPI(keys.URL)
//		…call api with issued.APIKey…
//	}
package keywrighttest

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
	"github.com/keywright/keywright/internal/server"
)

// AdminUsername and AdminPassword sign in as the operator of every Server.
const (
	AdminUsername = "admin"
	AdminPassword = "correct horse battery staple"
)

// Server is a running instance. It stops with its test.
type Server struct {
	URL    string            // such as http://127.0.0.1:40123
	Client *keywright.Client // the operator's, signed in
}

// Option changes how a Server runs.
type Option func(*server.Config)

// WithLog sends the server's log to l; without it nothing is logged.
func WithLog(l *slog.Logger) Option { return func(c *server.Config) { c.Log = l } }

// WithClock has the server take the time from now, such as to let tokens expire.
func WithClock(now func() time.Time) Option { return func(c *server.Config) { c.Now = now } }

// WithPrefix has API keys begin with prefix.
func WithPrefix(prefix string) Option { return func(c *server.Config) { c.Prefix = prefix } }

// WithPublicURL has the server call itself url.
func WithPublicURL(url string) Option { return func(c *server.Config) { c.PublicURL = url } }

// WithData keeps the data in dir, so that a second Server can go on where a first has stopped.
func WithData(dir string) Option { return func(c *server.Config) { c.Data = dir } }

// WithWebhooksTo lets webhooks go to networks that are not public, also by http, such as to a receiver of the test itself.
func WithWebhooksTo(networks ...netip.Prefix) Option {
	return func(c *server.Config) { c.WebhookNetworks = networks }
}

// New starts a server and signs in as its operator.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	cfg := server.Config{
		Listen:        "127.0.0.1:0",
		AdminEmail:    "admin@localhost",
		AdminPassword: keywright.NewSecret(AdminPassword),
	}
	for _, option := range options {
		option(&cfg)
	}
	if cfg.Data == "" {
		cfg.Data = filepath.Join(t.TempDir(), "keywright") // that of testing itself can be read by others
	}
	address := run(t, cfg)
	s := &Server{URL: "http://" + address}
	s.Client = s.SignIn(t, AdminUsername, AdminPassword)
	return s
}

// run opens and serves until the test ends, and returns the address.
func run(t testing.TB, cfg server.Config) string {
	t.Helper()
	s, err := server.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("keywrighttest: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("keywrighttest: serve: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("keywrighttest: close: %v", err)
		}
	})
	return s.Addr().String()
}

// SignIn returns a client that acts for a user.
func (s *Server) SignIn(t testing.TB, username, password string) *keywright.Client {
	t.Helper()
	session, err := keywright.NewClient(s.URL, "").Login(t.Context(), username, keywright.NewSecret(password))
	if err != nil {
		t.Fatalf("keywrighttest: sign in as %s: %v", username, err)
	}
	return keywright.NewClient(s.URL, session.Token.Reveal())
}

// Issue makes a token, as the operator.
func (s *Server) Issue(t testing.TB, token keywright.NewToken) keywright.Issued {
	t.Helper()
	issued, err := s.Client.CreateToken(t.Context(), token, "")
	if err != nil {
		t.Fatalf("keywrighttest: create a token: %v", err)
	}
	return issued
}

// Guard returns a guard of this server, for an API that is tested, which is closed with the test.
func (s *Server) Guard(t testing.TB, options ...guard.Option) *guard.Guard {
	t.Helper()
	verifier := s.Issue(t, keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	g := guard.New(s.ClientFor(verifier), options...)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := g.Close(ctx); err != nil {
			t.Errorf("keywrighttest: close the guard: %v", err)
		}
	})
	return g
}

// ClientFor returns a client that presents a token's API key.
func (s *Server) ClientFor(issued keywright.Issued) *keywright.Client {
	return keywright.NewClient(s.URL, issued.APIKey.Reveal())
}
