// Package meshstack speaks the API of meshStack's API keys: POST /api/login, the meshApiKey objects, and GET /mesh/info, as
// the vendor's Terraform provider, command line, runner and GitHub action call them. testdata has the exchanges, one by one.
//
// A workspace is a space, an organization admin an admin of the account, a permission a scope. The admin workspace is the
// space default: a key of it with permissions for all workspaces is a token of the account, every other one of its space.
package meshstack

import (
	"context"
	"net/http"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/dialect"
	"github.com/keywright/keywright/internal/presented"
)

const (
	bodyLimit = 64 << 10
	keysPath  = "/api/meshobjects/meshapikeys"
	// adminWorkspace is where the keys are that reach all workspaces.
	adminWorkspace = "default"
)

type server struct{ dialect.Config }

// New opens the dialect.
func New(cfg dialect.Config) *dialect.Door {
	s := &server{cfg}
	return &dialect.Door{
		Paths: []string{"/api/login", keysPath, "/mesh/info"},
		Routes: map[string]dialect.Methods{
			"/api/login":         {http.MethodPost: s.login},
			"/mesh/info":         {http.MethodGet: s.info},
			keysPath:             {http.MethodGet: s.keys(s.list), http.MethodPost: s.keys(s.create)},
			keysPath + "/self":   {http.MethodGet: s.keys(s.self)},
			keysPath + "/{uuid}": {http.MethodGet: s.keys(s.get), http.MethodPut: s.keys(s.update), http.MethodDelete: s.keys(s.remove)},
		},
		Refuse: refuseStatus,
	}
}

// request is one about API keys, from somebody known.
type request struct {
	*http.Request
	ctx    context.Context
	caller authority.Caller
	who    keywright.Self
}

// reply is an answer to it; without a body the status says it all.
type reply struct {
	status int
	body   any
}

// keys is the ceremony around every request about API keys: who calls, what is accepted, what is sent.
func (s *server) keys(act func(request) (reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := s.read(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		answer, err := act(q)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		write(w, mediaType, answer)
	}
}

func (s *server) read(r *http.Request) (request, error) {
	q := request{Request: r, ctx: r.Context()}
	credential, err := presented.Credential(s.Authority.ParseCredential, r)
	if err != nil {
		return q, err
	}
	q.caller = s.Caller(r, credential)
	if q.who, err = s.Authority.Whoami(q.ctx, q.caller); err != nil {
		return q, err
	}
	return q, negotiate(r)
}

// info answers GET /mesh/info, which is asked before the first login. The version is that of the API that is spoken.
func (s *server) info(w http.ResponseWriter, _ *http.Request) {
	write(w, "application/json", reply{http.StatusOK, struct {
		Version        string            `json:"version"`
		Is4EP          bool              `json:"is4EPEnabled"`
		Metadata       map[string]string `json:"metadata"`
		AdminWorkspace string            `json:"adminWorkspaceIdentifier"`
	}{"2026.40.0", false, map[string]string{}, adminWorkspace}})
}
