package keywright

import "context"

// Nodes returns who answers for the instance now, and the guards that follow them. It is for operators.
func (c *Client) Nodes(ctx context.Context) (Nodes, error) {
	return call[Nodes](ctx, c, request{method: "GET", path: v1("nodes")})
}
