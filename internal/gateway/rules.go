package gateway

import (
	"context"
	"strings"

	"github.com/keywright/keywright"
)

// Rules finds the routes of a gateway by account and name. That there is none is keywright.ErrNotFound.
type Rules func(ctx context.Context, account, name string) (keywright.Routes, error)

// errNoRoute says that no rule is about the request, or that its path can be read in more than one way.
type errNoRoute struct{ reason string }

func (e errNoRoute) Error() string { return e.reason }

// access is what is demanded of the request that the proxy holds back.
func (j *Judge) access(ctx context.Context, q *Asked) (keywright.Access, error) {
	access := q.Need.access
	if q.Need.rules == "" {
		return access, nil
	}
	if q.Method == "" || q.URI == "" {
		return access, errNoRoute{"the proxy does not tell of the request as it should, see docs/gateways.md"}
	}
	if j.Rules == nil {
		return access, keywright.ErrNotFound
	}
	routes, err := j.Rules(ctx, access.Account, q.Need.rules)
	if err != nil {
		return access, err
	}
	path, _, _ := strings.Cut(q.URI, "?")
	route, ok := routes.Find(q.Method, path)
	if !ok {
		return access, errNoRoute{"no rule is about this request"}
	}
	access.Space, access.Audience, access.Scopes = route.Space, route.Audience, route.Scopes
	return access, nil
}
