// Package gateway answers what a proxy asks before it lets a request pass: may whoever sent
// it do this? The proxy sends the request's head without its body (forward authentication); a 200 with headers that
// say who it is lets it pass.
//
// What a request needs is said by the proxy's configuration, in the path that it asks at, and never by anything
// that the client sends: not its query, not its headers, not a cookie.
package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/presented"
)

// Server answers proxies. Authority is required.
type Server struct {
	Authority *authority.Authority
	Rules     Rules        // nil: there are none
	Log       *slog.Logger // nil: discarded

	Address   func(*http.Request) netip.Addr // of the client; nil: not known
	RequestID func(*http.Request) string     // nil: none

	needs sync.Map // of path → *need: as many as the configurations of proxies name
	known int      // entries of needs, bounded by maxNeeds
	mu    sync.Mutex
}

const checkPath = "/check/"

// Mount adds the doors to mux, for every method: some proxies ask with the one of the request that they hold back.
func (s *Server) Mount(mux *http.ServeMux) {
	mux.HandleFunc(checkPath+"{proxy}", s.check) // of its own: without it, mux redirects
	mux.HandleFunc(checkPath+"{proxy}/{need...}", s.check)
}

// check is one question of a proxy:
//
//  1. what the path says that the proxy asks at
//  2. what the request needs: just that, or what rules say of its method and path
//  3. the verdict about whoever sent it
//  4. who that is, as headers for the proxy to pass on, or the refusal
func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	asked, err := s.need(r)
	if err != nil {
		s.misconfigured(w, r, err)
		return
	}
	wanted, err := s.ruled(r, asked)
	if err != nil {
		s.refuse(w, r, asked, err)
		return
	}
	verdict, err := s.judge(r, wanted)
	if err != nil {
		s.refuse(w, r, wanted, err)
		return
	}
	token, ok := verdict.Token()
	if !ok {
		wanted.deny(w, verdict.Decision)
		return
	}
	identify(w.Header(), &token)
	w.WriteHeader(http.StatusOK)
}

// judge finds out who sent the request that a proxy holds back, and whether it may pass.
func (s *Server) judge(r *http.Request, asked *need) (authority.Verdict, error) {
	c, err := s.credential(r)
	if err != nil {
		return authority.Verdict{}, err
	}
	caller := authority.Caller{Credential: c, UserAgent: r.UserAgent(), RequestID: s.requestID(r), Door: keywright.DoorCheck}
	if s.Address != nil {
		caller.Address = s.Address(r)
	}
	return s.Authority.Check(r.Context(), caller, "", asked.access)
}

// standAlone is the header in which Devo's clients present a token.
const standAlone = "Standalonetoken"

// errAbsent says that nothing was presented.
var errAbsent = errors.New("no credential was presented")

// credential is what was presented: in the Authorization header, or as Devo's clients do. One request has one.
func (s *Server) credential(r *http.Request) (keywright.Credential, error) {
	alone := r.Header[standAlone]
	switch {
	case len(alone) == 0 && !presented.Any(r):
		return keywright.Credential{}, errAbsent
	case len(alone) == 0:
		return presented.Credential(s.Authority.ParseCredential, r)
	case len(alone) > 1 || presented.Any(r):
		return keywright.Credential{}, presented.ErrRepeated
	}
	return s.Authority.ParseCredential(alone[0])
}
