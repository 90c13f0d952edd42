// Package devo speaks the token operations of Devo's Credentials API, below /ws/accounts/{account}/credentials/tokens.
// testdata has the exchanges, one by one.
//
// A Devo domain is an account, its child domain an account child@parent; a token's id there is its number here, its
// owner and its user are both the user who owns it.
package devo

import (
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/dialect"
	"github.com/keywright/keywright/internal/presented"
)

// bodyLimit is the most that is read of a request's body.
const bodyLimit = 64 << 10

// The headers of this dialect.
const (
	correlationHeader = "X-Devo-Cid"      // names the request, in every answer
	tokenHeader       = "Standalonetoken" // the token by itself, beside Authorization: Bearer
)

type server struct{ dialect.Config }

// New opens the dialect.
func New(cfg dialect.Config) *dialect.Door {
	s := &server{cfg}
	const tokens = "/ws/accounts/{account}/credentials/tokens"
	const token = tokens + "/{token}"
	return &dialect.Door{
		Paths: []string{"/ws/accounts"},
		Routes: map[string]dialect.Methods{
			tokens:             {http.MethodGet: s.serve(s.list), http.MethodPost: s.serve(s.create)},
			token:              {http.MethodGet: s.serve(s.get), http.MethodDelete: s.serve(s.remove)},
			token + "/enable":  {http.MethodPut: s.serve(s.enable)},
			token + "/disable": {http.MethodPut: s.serve(s.disable)},
			token + "/rename":  {http.MethodPut: s.serve(s.rename)},
		},
		Refuse: s.refuseStatus,
	}
}

// operation answers one request; nil without an error is 204.
type operation func(r *http.Request, caller authority.Caller) (any, error)

// serve is the ceremony around every operation.
func (s *server) serve(act operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.correlate(w, r)
		credential, err := s.credential(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		answer, err := act(r, s.Caller(r, credential))
		switch {
		case err != nil:
			s.refuse(w, r, err)
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			dialect.JSON(w, http.StatusOK, answer)
		}
	}
}

// correlate names the request as the log does.
func (s *server) correlate(w http.ResponseWriter, r *http.Request) {
	if s.RequestID != nil {
		w.Header().Set(correlationHeader, s.RequestID(r))
	}
}

// credential is what the request presents, in the one header or the other.
func (s *server) credential(r *http.Request) (keywright.Credential, error) {
	alone := r.Header[tokenHeader]
	switch {
	case len(alone) > 1 || len(alone) == 1 && presented.Any(r):
		return keywright.Credential{}, presented.ErrRepeated
	case len(alone) == 1:
		return s.Authority.ParseCredential(strings.TrimSpace(alone[0]))
	case !presented.Any(r):
		return keywright.Credential{}, errNoCredential
	}
	if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); !strings.EqualFold(scheme, "Bearer") {
		return keywright.Credential{}, keywright.ErrMalformedCredential
	}
	return presented.Credential(s.Authority.ParseCredential, r)
}
