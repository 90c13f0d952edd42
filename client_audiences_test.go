package keywright_test

import (
	"context"

	"github.com/keywright/keywright"
)

// audienceCalls are the calls about what scopes an API knows.
func audienceCalls(ctx context.Context) []clientCall {
	type client = *keywright.Client
	const at = "/api/v1/accounts/eu@acme/audiences"
	return []clientCall{
		{"GET " + at + "?limit=3", "", func(c client) error { return only(c.Audiences(ctx, "eu@acme", keywright.ListQuery{Limit: 3})) }},
		{"GET " + at + "/-", "", func(c client) error { return only(c.Audience(ctx, "eu@acme", keywright.NoAudience)) }},
		{"PUT " + at + "/billing", `{"description":"Bills","scopes":[{"name":"a","admin_only":true,"implies":["b"]}]}`, func(c client) error {
			return only(c.SetAudience(ctx, "eu@acme", "billing", keywright.NewAudience{
				Description: "Bills", Scopes: []keywright.CatalogueEntry{{Name: "a", AdminOnly: true, Implies: []string{"b"}}},
			}))
		}},
		{"PUT " + at + "/billing", `{"scopes":[]}`, func(c client) error {
			return only(c.SetAudience(ctx, "eu@acme", "billing", keywright.NewAudience{}))
		}},
		{"DELETE " + at + "/billing", "", func(c client) error { return only(c.DeleteAudience(ctx, "eu@acme", "billing")) }},
		{"POST " + at + "/billing/covered", `{"scopes":["a","b:*"]}`, func(c client) error { return only(c.Covered(ctx, "eu@acme", "billing", "a", "b:*")) }},
		{"GET /api/v1/catalogues", "", func(c client) error { return only(c.Catalogues(ctx)) }},
		{"POST /api/v1/accounts/eu@acme/catalogues/devo/adopt", "", func(c client) error { return only(c.AdoptCatalogue(ctx, "eu@acme", "devo")) }},
	}
}
