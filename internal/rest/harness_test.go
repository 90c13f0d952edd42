package rest

// The tests below talk HTTP to a real authority over a real database. Every
// request that is accepted and every answer is held against the document.

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/teststore"
)

// instance is the API over a real authority and a real database.
type instance struct {
	t         testing.TB
	url       string
	authority *authority.Authority
	store     store.Store
	admin     string // a session of the operator
	password  string // of the operator
}

// providerOfTests signs people in whose group is ops.
const providerOfTests = "https://id.example"

func start(t *testing.T) *instance {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	in := open(t, "http://"+server.Listener.Addr().String())
	api := &API{
		Authority: in.authority, Version: "test", BaseURL: in.url,
		Address: func(r *http.Request) netip.Addr {
			peer, _ := netip.ParseAddrPort(r.RemoteAddr)
			return peer.Addr()
		},
		RequestID: func(*http.Request) string { return "request-1" },
	}
	mux := http.NewServeMux()
	api.Mount(mux)
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return in
}

// open begins an instance without its API.
func open(t testing.TB, url string) *instance {
	t.Helper()
	in := &instance{t: t, url: url}
	ctx := t.Context()
	master, err := keyring.Generate(rand.Reader)
	must(in.t, err)
	ring, err := keyring.Parse(master)
	must(in.t, err)
	db := teststore.Open(in.t)
	in.store = db
	remembered := factcache.New(db, factcache.Options{})
	followers := &factcache.Followers{}
	var applied atomic.Int64
	in.authority, err = authority.New(authority.Config{
		Store: db, Finder: remembered, Usage: db, Keys: ring, Issuer: in.url,
		Forget: func(ctx context.Context, done store.Commit) error { // one change at a time, as tests make them
			must(t, remembered.Forget(ctx, done))
			applied.Store(int64(done.Revision))
			followers.Tell(done.Revision, done.Forget)
			return followers.Wait(ctx, done.Revision)
		},
		Applied: func() keywright.Revision { return keywright.Revision(applied.Load()) },
		Follow: func(ctx context.Context, who store.Follower, since keywright.Revision) (store.News, error) {
			return followers.Poll(ctx, who, since, time.Time{})
		},
		Nodes: factcache.NewNode(db, factcache.NodeOptions{Name: "here:80"}).Presence,
		SSO:   authority.SingleSignOn{Issuer: providerOfTests, Roles: []authority.GroupRole{{Group: "ops", Role: keywright.Role{Name: "operator", Provided: true}}}},
	})
	must(in.t, err)
	first, err := in.authority.Bootstrap(ctx, authority.FirstStart{AdminEmail: "admin@localhost"})
	must(in.t, err)
	in.password = first.Generated.Reveal()
	session, err := in.authority.Login(ctx, authority.Caller{}, first.Username, first.Generated)
	must(in.t, err)
	in.admin = session.Token.Reveal()
	return in
}

// checker holds exchanges against the document, which it reads once for all tests.
var checker = sync.OnceValues(func() (validator.Validator, error) {
	text, err := (&API{Authority: new(authority.Authority)}).Document()
	if err != nil {
		return nil, err
	}
	parsed, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(parsed)
	return v, errors.Join(errs...)
})

// client is the SDK's client with a credential of this instance.
func (in *instance) client(key string) *keywright.Client {
	c := keywright.NewClient(in.url, key)
	c.HTTP = &http.Client{Transport: in}
	return c
}

// RoundTrip sends a request and holds what is exchanged against the document.
func (in *instance) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(answer))
	r.Body = io.NopCloser(bytes.NewReader(body))
	in.check(r, res)
	res.Body = io.NopCloser(bytes.NewReader(answer))
	return res, nil
}

// check holds an exchange against the document; a request only if it was accepted.
func (in *instance) check(r *http.Request, res *http.Response) {
	in.t.Helper()
	document, err := checker()
	must(in.t, err)
	if res.StatusCode < 400 && r.Method != http.MethodHead {
		if ok, errs := document.ValidateHttpRequest(r); !ok {
			for _, e := range errs {
				in.t.Errorf("%s %s was accepted, and the document says: %s: %s", r.Method, r.URL.Path, e.Message, e.Reason)
			}
		}
	}
	if res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusMethodNotAllowed || r.Method == http.MethodHead {
		return // of no operation
	}
	if ok, errs := document.ValidateHttpResponse(r, res); !ok {
		for _, e := range errs {
			in.t.Errorf("%s %s answers %d, and the document says: %s: %s", r.Method, r.URL.Path, res.StatusCode, e.Message, e.Reason)
		}
	}
}

// response is what came back.
type response struct {
	*http.Response
	body string
}

// call sends a request as somebody; headers are name, value, name, value.
func (in *instance) call(key, method, path, body string, headers ...string) response {
	in.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(in.t.Context(), method, in.url+path, reader)
	must(in.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := in.RoundTrip(r)
	must(in.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(in.t, err)
	return response{res, string(text)}
}

// refused checks that an answer is the problem it should be, and returns it.
func (a response) refused(t *testing.T, status int) refusal {
	t.Helper()
	w := httptest.NewRecorder()
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.StatusCode)
	w.Body.WriteString(a.body)
	p := checkProblem(t, w, status)
	if p.RequestID != "request-1" {
		t.Errorf("request_id %q", p.RequestID)
	}
	return p
}

func (in *instance) operator() authority.Caller {
	c, err := in.authority.ParseCredential(in.admin)
	must(in.t, err)
	return authority.Caller{Credential: c}
}

// issue makes a token as the operator.
func (in *instance) issue(req keywright.NewToken) keywright.Issued {
	in.t.Helper()
	made, err := in.authority.Issue(in.t.Context(), in.operator(), req, "")
	must(in.t, err)
	return made
}

// actions lists the actions of the audit trail, oldest first.
func (in *instance) actions() []string {
	in.t.Helper()
	var list []string
	err := in.store.Read(context.WithoutCancel(in.t.Context()), func(tx store.Tx) error {
		events, err := tx.Events().List(in.t.Context(), store.EventQuery{Limit: 10_000})
		list = nil
		for _, e := range events {
			list = append([]string{e.Action}, list...)
		}
		return err
	})
	must(in.t, err)
	return list
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
