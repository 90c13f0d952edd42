// Package rest is Keywright's own API: JSON over HTTP, described by OpenAPI 3.1,
// refusals as RFC 9457 problems. It translates; every rule is the authority's.
//
// A request passes in one order: the route (rest.go), who asks (credentials.go),
// the parameters (params.go), the body (json.go), one method of the authority
// (tokens.go, tenants.go, audiences.go, gateways.go, people.go, follow.go, nodes.go, audit.go), the answer or the problem (problem.go). The
// same declaration that routes an operation documents it (operation.go,
// document.go). The two doors that are called for every request of somebody
// else's API, verify and its batch, are written by hand (verify.go).
package rest

import (
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/internal/authority"
)

// API is the REST API of an instance. Authority is required.
type API struct {
	Authority *authority.Authority
	Log       *slog.Logger                   // nil: discarded
	Address   func(*http.Request) netip.Addr // of the client; nil: not known
	RequestID func(*http.Request) string     // as the request log has it; nil: none
	Version   string                         // of the program, for the document
	BaseURL   string                         // https://…: where clients reach the instance, for the document
}

// documentPath is where the OpenAPI document is served.
const documentPath = "/api/openapi.json"

// Mount adds the API to mux: everything below /api/ that no other pattern of it takes.
func (a *API) Mount(mux *http.ServeMux) {
	s := newSpoke(a)
	mux.Handle("/api", s)
	mux.Handle("/api/", s)
	mux.Handle("POST "+verifyPath, s.hot(s.verify))
	mux.Handle("POST "+verifyBatchPath, s.hot(s.verifyBatch))
}

// Document returns the OpenAPI 3.1 document as JSON.
func (a *API) Document() ([]byte, error) { return newSpoke(a).document.MarshalJSON() }

// spoke is an API with its routes and their documentation.
type spoke struct {
	API
	mux      *http.ServeMux
	routes   []string // the mux's patterns
	document *huma.OpenAPI
	buffers  sync.Pool // of *buffer, for the hot doors
}

func newSpoke(a *API) *spoke {
	s := &spoke{API: *a, mux: http.NewServeMux(), document: newDocument(a)}
	s.buffers.New = func() any { return &buffer{} }
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Address == nil {
		s.Address = func(*http.Request) netip.Addr { return netip.Addr{} }
	}
	if s.RequestID == nil {
		s.RequestID = func(*http.Request) string { return "" }
	}
	s.routeTokens()
	s.routeTenants()
	s.routePolicy()
	s.routeAudiences()
	s.routeGateways()
	s.routePeople()
	s.routeStanding()
	s.routeMembers()
	s.routeReports()
	s.routeAudit()
	s.routeWebhooks()
	s.routeVerify()
	s.routeFollow()
	s.routeNodes()
	s.routeDocument()
	return s
}

func (s *spoke) route(pattern string, handler http.Handler) {
	s.routes = append(s.routes, pattern)
	s.mux.Handle(pattern, handler)
}

// ServeHTTP answers what the routes do not take with a problem of its own,
// where the mux would answer in plain text or redirect, which makes a client
// send its credentials twice.
func (s *spoke) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	otherwise, pattern := s.mux.Handler(r)
	switch {
	case pattern == "" || path.Clean(r.URL.Path) != r.URL.Path:
		s.noRoute(w, r, otherwise)
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// noRoute answers 404, or 405 with the methods that the mux says the path has.
func (s *spoke) noRoute(w http.ResponseWriter, r *http.Request, otherwise http.Handler) {
	muted := mutedWriter{header: http.Header{}}
	otherwise.ServeHTTP(&muted, r)
	if muted.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", muted.header.Get("Allow"))
		s.write(w, r, refusal{Status: muted.status, Detail: "This path does not have the method " + r.Method + "."})
		return
	}
	s.write(w, r, refusal{Status: http.StatusNotFound, Detail: "There is no such path."})
}

// mutedWriter hears what a handler would answer.
type mutedWriter struct {
	header http.Header
	status int
}

func (w *mutedWriter) Header() http.Header         { return w.header }
func (w *mutedWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *mutedWriter) WriteHeader(status int)      { w.status = status }

// The values of the headers that every answer has. They are shared by all answers and never changed.
var (
	noStore    = []string{"no-store"}
	noSniff    = []string{"nosniff"}
	noContents = []string{"default-src 'none'; frame-ancestors 'none'; sandbox"}
	typeJSON   = []string{"application/json; charset=utf-8"}
)

// secure keeps an answer out of caches, and a browser that is shown one from making anything of it.
func secure(h http.Header) {
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
	h["Content-Security-Policy"] = noContents
}
