// Package meerschaum speaks the token API of Meerschaum: POST /login, the routes below /tokens, and
// GET /users/{username}/id, as the servers and clients of its version 3.4 do on the wire. testdata has the
// exchanges, one by one.
package meerschaum

import (
	"net/http"

	"github.com/keywright/keywright/internal/dialect"
)

// bodyLimit is the most that is read of a request's body.
const bodyLimit = 64 << 10

type server struct{ dialect.Config }

// New opens the dialect.
func New(cfg dialect.Config) *dialect.Door {
	s := &server{cfg}
	return &dialect.Door{
		Paths: []string{"/login"},
		Routes: map[string]dialect.Methods{
			"/login": {http.MethodPost: s.login},
		},
		Refuse: refuseStatus,
	}
}
