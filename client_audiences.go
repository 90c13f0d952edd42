package keywright

import "context"

// Audiences returns a page of an account's audiences, without their catalogues.
func (c *Client) Audiences(ctx context.Context, account string, q ListQuery) (Page[AudienceSummary], error) {
	return call[Page[AudienceSummary]](ctx, c, request{
		method: "GET", path: v1("accounts", account, "audiences"), query: listValues(q.Limit, q.Cursor),
	})
}

// Audience returns one of an account's audiences with its catalogue; NoAudience that of the tokens that name none.
func (c *Client) Audience(ctx context.Context, account, name string) (Audience, error) {
	return call[Audience](ctx, c, request{method: "GET", path: v1("accounts", account, "audiences", name)})
}

// SetAudience registers an audience or replaces all of it.
func (c *Client) SetAudience(ctx context.Context, account, name string, audience NewAudience) (Audience, error) {
	audience.Scopes = append([]CatalogueEntry{}, audience.Scopes...) // [], not null
	return call[Audience](ctx, c, request{method: "PUT", path: v1("accounts", account, "audiences", name), body: audience})
}

// DeleteAudience forgets an audience and its catalogue.
func (c *Client) DeleteAudience(ctx context.Context, account, name string) (Revision, error) {
	gone, err := call[struct {
		Revision Revision `json:"revision"`
	}](ctx, c, request{method: "DELETE", path: v1("accounts", account, "audiences", name)})
	return gone.Revision, err
}

// Covered says which entries of an audience's catalogue scopes cover, and what they imply.
func (c *Client) Covered(ctx context.Context, account, audience string, scopes ...string) (Coverage, error) {
	return call[Coverage](ctx, c, request{
		method: "POST", path: v1("accounts", account, "audiences", audience, "covered"),
		body: map[string][]string{"scopes": append([]string{}, scopes...)},
	})
}

// Catalogues returns the catalogues that come with the server.
func (c *Client) Catalogues(ctx context.Context) ([]Catalogue, error) {
	all, err := call[items[Catalogue]](ctx, c, request{method: "GET", path: v1("catalogues")})
	return all.Items, err
}

// AdoptCatalogue registers the audiences of a catalogue that comes with the server, and returns them as they are then.
func (c *Client) AdoptCatalogue(ctx context.Context, account, name string) ([]Audience, error) {
	adopted, err := call[items[Audience]](ctx, c, request{method: "POST", path: v1("accounts", account, "catalogues", name, "adopt")})
	return adopted.Items, err
}
