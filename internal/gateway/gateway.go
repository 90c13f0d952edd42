// Package gateway answers what a proxy asks before it lets a request pass: may whoever sent
// it do this? Judge is the one answer; proxies ask in their own ways. Here they send the request's head without its body
// (forward authentication), and a 200 with headers that say who it is lets it pass. Package extauthz is for Envoy's gRPC, package
// spoe for HAProxy's agents.
//
// What a request needs is said by the proxy's configuration, in the path that it asks at, and never by anything
// that the client sends: not its query, not its headers, not a cookie.
package gateway

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/keywright/keywright"
)

// Server answers proxies that ask by HTTP. Judge is required. It must not be copied.
type Server struct {
	Judge *Judge

	Address   func(*http.Request) netip.Addr // of the client; nil: not known
	RequestID func(*http.Request) string     // nil: none

	doors remembered[*door]
}

// door is what a path says that a proxy asks at.
type door struct {
	proxy proxy
	need  *Need
}

// Pattern is the route of every path that a proxy asks at.
const Pattern = checkPath + "{proxy}/{need...}"

const checkPath = "/check/"

// Mount adds the doors to mux, for every method: some proxies ask with the one of the request that they hold back.
func (s *Server) Mount(mux *http.ServeMux) {
	mux.Handle(checkPath+"{proxy}", s) // of its own: without it, mux redirects
	mux.Handle(Pattern, s)
}

// Knows reports whether a proxy has asked at the path before, so that nothing is left to be found out about it.
func (s *Server) Knows(path string) bool {
	_, ok := s.doors.get(path)
	return ok
}

// ServeHTTP answers one question of a proxy.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := Asked{Header: r.Header}
	if s.RequestID != nil {
		asked.RequestID = s.RequestID(r)
	}
	d, err := s.door(r)
	if err != nil {
		ruling := s.Judge.Misconfigured(r.Context(), asked.RequestID, err)
		refuse(w, &ruling)
		return
	}
	asked.Need = d.need
	if d.proxy.asks {
		s.introspect(w, r, &asked)
		return
	}
	asked.Method, asked.URI = d.proxy.request(r)
	if s.Address != nil {
		asked.Address = s.Address(r)
	}
	ruling := s.Judge.Ask(r.Context(), &asked)
	if !ruling.Passes() {
		refuse(w, d.proxy.understood(&ruling))
		return
	}
	identify(w.Header(), ruling.Token)
	w.WriteHeader(http.StatusOK)
}

// door reads what the path says, once for each path; where the path of the request that is held back follows, that is no part of it.
func (s *Server) door(r *http.Request) (*door, error) {
	path := r.URL.Path
	if known, ok := s.doors.get(path); ok {
		return known, nil
	}
	kind, pairs, _ := strings.Cut(strings.TrimPrefix(path, checkPath), "/")
	p, ok := proxies[kind]
	if !ok {
		return nil, keywright.Invalid("path", "%q is no kind of proxy: want one of %s", kind, proxyNames())
	}
	own, follows := pairs, false
	if p.end != "" {
		own, _, follows = strings.Cut("/"+pairs, p.end)
		own = strings.TrimPrefix(own, "/")
	}
	n, err := s.Judge.Need(own)
	if err != nil {
		return nil, err
	}
	if p.asks && n.rules != "" {
		return nil, keywright.Invalid("path", "%s tells nothing that rules could be looked up by: name audience and scopes", kind)
	}
	d := &door{p, n}
	if !follows {
		s.doors.put(strings.Clone(path), d)
	}
	return d, nil
}

func identify(h http.Header, t *keywright.VerifiedToken) {
	values := Identify(t)
	for i, name := range Identity {
		h[name] = values[i : i+1 : i+1]
	}
}

// refuse writes a refusal, which some proxies hand to the client.
func refuse(w http.ResponseWriter, r *Ruling) {
	h := w.Header()
	if r.Challenge != "" {
		h.Set("WWW-Authenticate", r.Challenge)
	}
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(r.RetryAfter))
	}
	h.Set("Content-Type", ProblemType)
	w.WriteHeader(r.Status)
	_, _ = w.Write(r.Problem())
}
