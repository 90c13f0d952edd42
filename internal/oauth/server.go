// Package oauth is the door for OAuth clients: the token endpoint (RFC 6749,
// RFC 8693), introspection (RFC 7662), revocation (RFC 7009), metadata (RFC
// 8414) and the public keys (RFC 7517). It translates between these and the
// authority and decides nothing itself.
package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// Server answers OAuth clients. Authority and Issuer are required.
type Server struct {
	Authority *authority.Authority
	Issuer    string       // https://…: what every URL of the metadata begins with; never built from a request
	Log       *slog.Logger // nil: discarded

	Address   func(*http.Request) netip.Addr // of the client; nil: not known
	RequestID func(*http.Request) string     // nil: none
}

// The paths of the doors below the issuer.
const (
	tokenPath      = "/oauth2/token"
	introspectPath = "/oauth2/introspect"
	revokePath     = "/oauth2/revoke"
	jwksPath       = "/.well-known/jwks.json"
	metadataPath   = "/.well-known/oauth-authorization-server"
)

// Mount adds the doors to mux. Where the issuer has a path, they answer below
// it too, for a proxy that passes the path on as for one that takes it off; the
// metadata answers only where RFC 8414 section 3.1 has clients look for it.
func (s *Server) Mount(mux *http.ServeMux) {
	below := issuerPath(s.Issuer)
	mux.Handle(metadataPath+below, s.metadata())
	doors := map[string]http.Handler{
		tokenPath:      s.protocol(keywright.DoorToken, clientOrSubject, s.token),
		introspectPath: s.protocol(keywright.DoorIntrospect, clientOrBearer, s.introspect),
		revokePath:     s.protocol(keywright.DoorRevoke, clientOrBearer, s.revoke),
		jwksPath:       s.published(s.jwks),
	}
	for path, door := range doors {
		mux.Handle(path, door)
		if below != "" {
			mux.Handle(below+path, door)
		}
	}
}

// issuerPath is the path of the issuer without a slash at its end.
func issuerPath(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}

// endpoint serves one call of a protocol endpoint and returns the JSON it
// answers with, or nil for an empty 200.
type endpoint func(context.Context, *request) ([]byte, error)

// request is one call of a protocol endpoint as it was read: well-formed, and
// not yet believed.
type request struct {
	form   form
	method method // how the caller authenticates
	caller authority.Caller
}

// protocol is the ceremony around every protocol endpoint:
//
//  1. nothing of it is stored on the way (RFC 6749 section 5.1)
//  2. only POST
//  3. no parameter of the protocol in the URL
//  4. the form, strictly read
//  5. the caller, by one method
//  6. the endpoint itself
//  7. its answer, or its error in the one form of section 5.2
func (s *Server) protocol(door string, accept accepted, serve endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		neverStored(w.Header())
		q, err := s.read(w, r, accept)
		if err != nil {
			s.refuse(w, r, q.method, err)
			return
		}
		q.caller.Door = door
		answer, err := serve(r.Context(), q)
		if err != nil {
			s.refuse(w, r, q.method, err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	})
}

// read is steps 2 to 5. The request it returns with an error says as much as was known by then.
func (s *Server) read(w http.ResponseWriter, r *http.Request, accept accepted) (*request, error) {
	q := &request{}
	if r.Method != http.MethodPost {
		return q, notAllowed(http.MethodPost)
	}
	if err := checkURL(r.URL.RawQuery); err != nil {
		return q, err
	}
	var err error
	if q.form, err = readForm(w, r); err != nil {
		return q, err
	}
	q.method, q.caller.Credential, err = s.authenticate(r, q.form, accept)
	q.caller.Address = s.address(r)
	q.caller.UserAgent = r.UserAgent()
	q.caller.RequestID = s.requestID(r)
	return q, err
}

func (s *Server) address(r *http.Request) netip.Addr {
	if s.Address == nil {
		return netip.Addr{}
	}
	return s.Address(r)
}

func (s *Server) requestID(r *http.Request) string {
	if s.RequestID == nil {
		return ""
	}
	return s.RequestID(r)
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
