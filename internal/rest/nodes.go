package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// routeNodes routes who answers.
func (s *spoke) routeNodes() {
	serve(s, operation[struct{}]{
		id: "listNodes", method: http.MethodGet, path: "/api/v1/nodes", tag: "nodes", summary: "List the nodes",
		detail: "The servers that share the database and hold a lease, how far each is behind, and the guards that follow them. On SQLite, the one there is. For operators.",
	}, func(ctx context.Context, caller authority.Caller, _ *struct{}) (keywright.Nodes, error) {
		return s.Authority.Nodes(ctx, caller)
	})
}
