package oauth_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/oauth"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/teststore"
)

const (
	tokenPath      = "/oauth2/token"
	introspectPath = "/oauth2/introspect"
	revokePath     = "/oauth2/revoke"
	metadataPath   = "/.well-known/oauth-authorization-server"
	formType       = "application/x-www-form-urlencoded"
)

// instance is the doors over a real authority, its cache and a real database.
type instance struct {
	t         testing.TB
	url       string // also the issuer, unless the test chose another
	authority *authority.Authority
	store     store.Store
	admin     authority.Caller
	ahead     atomic.Int64 // nanoseconds by which its clock is ahead
}

// start begins an instance whose issuer is its own URL and path.
func start(t testing.TB, path string) *instance {
	t.Helper()
	in := &instance{t: t}
	server := httptest.NewUnstartedServer(nil)
	in.url = "http://" + server.Listener.Addr().String()
	in.open(in.url + path)
	mux := http.NewServeMux()
	doors := &oauth.Server{Authority: in.authority, Issuer: in.url + path, Address: address, Log: in.log()}
	doors.Mount(mux)
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return in
}

func address(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr()
}

// log is seen when the test fails.
func (in *instance) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(in.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (in *instance) open(issuer string) {
	in.t.Helper()
	ctx := in.t.Context()
	master, err := keyring.Generate(rand.Reader)
	must(in.t, err)
	ring, err := keyring.Parse(master)
	must(in.t, err)
	db := teststore.Open(in.t)
	in.store = db
	cache := factcache.New(db, factcache.Options{})
	in.authority, err = authority.New(authority.Config{
		Store: db, Finder: cache, Forget: cache.Forget, Usage: db,
		Keys: ring, Issuer: issuer, Now: in.now, Log: in.log(),
	})
	must(in.t, err)
	first, err := in.authority.Bootstrap(ctx, authority.FirstStart{AdminEmail: "admin@localhost"})
	must(in.t, err)
	session, err := in.authority.Login(ctx, authority.Caller{}, first.Username, first.Generated)
	must(in.t, err)
	in.admin.Credential, err = in.authority.ParseCredential(session.Token.Reveal())
	must(in.t, err)
}

func (in *instance) now() time.Time { return time.Now().Add(time.Duration(in.ahead.Load())) }

// pass lets the instance's clock go on.
func (in *instance) pass(d time.Duration) { in.ahead.Add(int64(d)) }

// issue makes a token as the operator.
func (in *instance) issue(req keywright.NewToken) client {
	in.t.Helper()
	issued, err := in.authority.Issue(in.t.Context(), in.admin, req, "")
	must(in.t, err)
	return clientOf(issued)
}

// client is a token with its credentials.
type client struct {
	id, secret, key string
	token           keywright.ID
}

func clientOf(issued keywright.Issued) client {
	return client{issued.Token.ID.String(), issued.ClientSecret.Reveal(), issued.APIKey.Reveal(), issued.Token.ID}
}

// call is one request at a door; what it leaves out is as a well-behaved client has it.
type call struct {
	method string // default POST
	path   string
	form   url.Values
	raw    string // a body instead of form
	basic  *client
	bearer string
	header http.Header
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any // nil if the body is no JSON object
}

func (in *instance) do(c call) answer {
	in.t.Helper()
	body := c.raw
	if body == "" {
		body = c.form.Encode()
	}
	if c.method == "" {
		c.method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(in.t.Context()), c.method, in.url+c.path, strings.NewReader(body))
	must(in.t, err)
	r.Header.Set("Content-Type", formType)
	if c.basic != nil {
		r.SetBasicAuth(c.basic.id, c.basic.secret)
	}
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	response, err := http.DefaultTransport.RoundTrip(r) // no redirect is followed
	must(in.t, err)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	must(in.t, err)
	a := answer{status: response.StatusCode, header: response.Header, body: string(read)}
	_ = json.Unmarshal(read, &a.json)
	return a
}

// grant gets an access token for the client and fails the test if there is none.
func (in *instance) grant(c client, more url.Values) string {
	in.t.Helper()
	a := in.do(call{path: tokenPath, basic: &c, form: with(more, "grant_type", "client_credentials")})
	token, _ := a.json["access_token"].(string)
	if a.status != http.StatusOK || token == "" {
		in.t.Fatalf("no access token: %d %s", a.status, a.body)
	}
	return token
}

// active asks as the given caller whether a token is active.
func (in *instance) active(caller client, token string) bool {
	in.t.Helper()
	a := in.do(call{path: introspectPath, basic: &caller, form: url.Values{"token": {token}}})
	if a.status != http.StatusOK {
		in.t.Fatalf("introspection: %d %s", a.status, a.body)
	}
	return a.json["active"] == true
}

// with is values and one more.
func with(values url.Values, name, value string) url.Values {
	all := url.Values{name: {value}}
	for name, v := range values {
		all[name] = v
	}
	return all
}

// errorIs checks an answer of RFC 6749 section 5.2.
func (a answer) errorIs(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status || a.json["error"] != code {
		t.Errorf("%d %s, want %d %s", a.status, a.body, status, code)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	a.neverStored(t)
}

// neverStored checks RFC 6749 section 5.1.
func (a answer) neverStored(t *testing.T) {
	t.Helper()
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" {
		t.Errorf("can be stored: %v", a.header)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
