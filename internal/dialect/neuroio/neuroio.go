// Package neuroio speaks the token API of NeuroIO's identity and access management, below /v1, as its clients
// neuroio-python 0.1.2 and @neuroio/rest-api 4.2.2 do on the wire. testdata has the exchanges, one by one.
//
// A token's id there is its number here, a space's likewise. Requests do not say of which kind of token they are about: it
// is the kind of the token that they show.
package neuroio

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

type server struct{ dialect.Config }

// New opens the dialect. All its paths end in a slash.
func New(cfg dialect.Config) *dialect.Door {
	s := &server{cfg}
	return &dialect.Door{
		Paths: []string{"/v1"},
		Routes: map[string]dialect.Methods{
			"/v1/auth/token/{$}":           {http.MethodPost: s.serve(http.StatusOK, s.stranger, s.login)},
			"/v1/auth/password/change/{$}": {http.MethodPost: s.serve(http.StatusNoContent, s.known, s.changePassword)},
			"/v1/whoami/{$}":               {http.MethodGet: s.serve(http.StatusOK, s.known, s.whoami)},
			"/v1/tokens/{$}": {
				http.MethodGet:    s.serve(http.StatusOK, s.known, s.list),
				http.MethodPost:   s.serve(http.StatusCreated, s.known, s.create),
				http.MethodDelete: s.serve(http.StatusNoContent, s.known, s.clear),
			},
			"/v1/tokens/{token}/{$}": {
				http.MethodGet:    s.serve(http.StatusOK, s.known, s.get),
				http.MethodPatch:  s.serve(http.StatusOK, s.known, s.update),
				http.MethodPut:    s.serve(http.StatusOK, s.known, s.update),
				http.MethodDelete: s.serve(http.StatusNoContent, s.known, s.remove),
			},
			"/v1/spaces/{space}/tokens/{$}": {http.MethodPost: s.serve(http.StatusCreated, s.known, s.createInSpace)},
		},
		Refuse: refuseStatus,
	}
}

type (
	// identify says who sends a request, as it presents itself.
	identify func(*http.Request) (authority.Caller, error)
	// operation answers one request.
	operation func(*http.Request, authority.Caller) (any, error)
)

// serve is the ceremony around every operation; the status is that of success.
func (s *server) serve(status int, who identify, act operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		caller, err := who(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		answer, err := act(r, caller)
		switch {
		case err != nil:
			s.refuse(w, r, err)
		case status == http.StatusNoContent:
			w.WriteHeader(status)
		default:
			dialect.JSON(w, status, answer)
		}
	}
}

// stranger is who logs in: whatever it presents is not looked at.
func (s *server) stranger(r *http.Request) (authority.Caller, error) {
	return s.Caller(r, keywright.Credential{}), nil
}

// known is who shows a token: in the header Authorization or, as one of the clients has it, in one of the name
// token. One that sends both logged in with the one after it was made with the other, and means Authorization.
func (s *server) known(r *http.Request) (authority.Caller, error) {
	headers := r.Header["Authorization"]
	if len(headers) == 0 {
		headers = r.Header["Token"]
	}
	switch len(headers) {
	case 0:
		return authority.Caller{}, errNoCredential
	case 1:
	default:
		return authority.Caller{}, presented.ErrRepeated
	}
	scheme, key, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Token") {
		return authority.Caller{}, keywright.ErrMalformedCredential
	}
	credential, err := s.Authority.ParseCredential(strings.TrimSpace(key))
	return s.Caller(r, credential), err
}
