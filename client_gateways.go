package keywright

import "context"

// Gateways returns a page of an account's gateways, without their rules.
func (c *Client) Gateways(ctx context.Context, account string, q ListQuery) (Page[GatewaySummary], error) {
	return call[Page[GatewaySummary]](ctx, c, request{
		method: "GET", path: v1("accounts", account, "gateways"), query: listValues(q.Limit, q.Cursor),
	})
}

// Gateway returns one of an account's gateways with its rules.
func (c *Client) Gateway(ctx context.Context, account, name string) (Gateway, error) {
	return call[Gateway](ctx, c, request{method: "GET", path: v1("accounts", account, "gateways", name)})
}

// SetGateway makes a gateway, or replaces its rules if they are still of the version that is named; else it is ErrConflict. When it
// has returned, no proxy is answered by the rules that were.
func (c *Client) SetGateway(ctx context.Context, account, name string, gateway NewGateway) (Gateway, error) {
	gateway.Routes = append([]NewRoute{}, gateway.Routes...) // [], not null
	return call[Gateway](ctx, c, request{method: "PUT", path: v1("accounts", account, "gateways", name), body: gateway})
}

// DeleteGateway forgets a gateway. Proxies that ask by its name let nothing pass then.
func (c *Client) DeleteGateway(ctx context.Context, account, name string) (Revision, error) {
	gone, err := call[struct {
		Revision Revision `json:"revision"`
	}](ctx, c, request{method: "DELETE", path: v1("accounts", account, "gateways", name)})
	return gone.Revision, err
}
