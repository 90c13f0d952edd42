// Package meerschaum speaks the token API of Meerschaum: POST /login, the routes below /tokens, and
// GET /users/{username}/id, as the servers and clients of its version 3.4 do on the wire. testdata has the
// exchanges, one by one.
//
// A Meerschaum server knows users and their tokens, no tenants: whoever calls reaches its own tokens, and makes
// tokens where a person of its roles makes them.
package meerschaum

import (
	"net/http"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/dialect"
)

// bodyLimit is the most that is read of a request's body.
const bodyLimit = 64 << 10

type server struct{ dialect.Config }

// New opens the dialect.
func New(cfg dialect.Config) *dialect.Door {
	s := &server{cfg}
	return &dialect.Door{
		Paths: []string{"/login", "/tokens", "/users"},
		Routes: map[string]dialect.Methods{
			"/login":                  {http.MethodPost: s.answer(s.login)},
			"/tokens":                 {http.MethodGet: s.known(s.list)},
			"/tokens/register":        {http.MethodPost: s.known(s.register)},
			"/tokens/validate":        {http.MethodPost: s.answer(s.validate)},
			"/tokens/{id}":            {http.MethodGet: s.known(s.get), http.MethodDelete: s.known(s.remove)},
			"/tokens/{id}/edit":       {http.MethodPost: s.known(s.edit)},
			"/tokens/{id}/invalidate": {http.MethodPost: s.known(s.invalidate)},
			"/users/{username}/id":    {http.MethodGet: s.known(s.userID)},
		},
		Refuse: refuseStatus,
	}
}

// answer makes a handler of what answers with a value or fails.
func (s *server) answer(act func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := act(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		dialect.JSON(w, http.StatusOK, body)
	}
}

// client is who calls, and its user's number.
type client struct {
	authority.Caller
	user int64
}

// known is answer for what needs a caller. It is known before anything else of the request is looked at, and reaches its
// own tokens only.
func (s *server) known(act func(*http.Request, client) (any, error)) http.HandlerFunc {
	return s.answer(func(r *http.Request) (any, error) {
		credential, err := s.presentedIn(r)
		if err != nil {
			return nil, err
		}
		c := client{Caller: s.Caller(r, credential)}
		c.Own = true
		if c.user, err = s.Authority.UserNumber(r.Context(), c.Caller, ""); err != nil {
			return nil, err
		}
		return act(r, c)
	})
}
