package gateway

import (
	"context"
	"net/http"
	"strings"

	"github.com/keywright/keywright"
)

// Rules finds the routes of a gateway by account and name. That there is none is keywright.ErrNotFound.
type Rules func(ctx context.Context, account, name string) (keywright.Routes, error)

// errNoRoute says that no rule is about the request, or that its path can be read in more than one way.
type errNoRoute struct{ reason string }

func (e errNoRoute) Error() string { return e.reason }

// ruled is what rules demand of the request that the proxy holds back.
func (s *Server) ruled(r *http.Request, n *need) (*need, error) {
	if n.rules == "" {
		return n, nil
	}
	method, path, ok := n.proxy.request(r)
	if !ok {
		return nil, errNoRoute{"the proxy does not tell of the request as it should, see docs/gateways.md"}
	}
	if s.Rules == nil {
		return nil, keywright.ErrNotFound
	}
	routes, err := s.Rules(r.Context(), n.access.Account, n.rules)
	if err != nil {
		return nil, err
	}
	route, ok := routes.Find(method, path)
	if !ok {
		return nil, errNoRoute{"no rule is about this request"}
	}
	found := *n
	found.access.Space, found.access.Audience, found.access.Scopes = route.Space, route.Audience, route.Scopes
	found.shown = strings.Join(route.Scopes.Strings(), " ")
	return &found, nil
}
