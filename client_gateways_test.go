package keywright_test

import (
	"context"

	"github.com/keywright/keywright"
)

// gatewayCalls are the calls about the rules by which proxies ask.
func gatewayCalls(ctx context.Context) []clientCall {
	type client = *keywright.Client
	const at = "/api/v1/accounts/eu@acme/gateways"
	return []clientCall{
		{"GET " + at + "?limit=3", "", func(c client) error { return only(c.Gateways(ctx, "eu@acme", keywright.ListQuery{Limit: 3})) }},
		{"GET " + at + "/shop", "", func(c client) error { return only(c.Gateway(ctx, "eu@acme", "shop")) }},
		{"PUT " + at + "/shop", `{"version":2,"routes":[{"methods":["GET"],"path":"/a","audience":"b","space":"c","scopes":["d"]}]}`, func(c client) error {
			return only(c.SetGateway(ctx, "eu@acme", "shop", keywright.NewGateway{
				Version: 2, Routes: []keywright.NewRoute{{Methods: []string{"GET"}, Path: "/a", Audience: "b", Space: "c", Scopes: []string{"d"}}},
			}))
		}},
		{"PUT " + at + "/shop", `{"version":0,"routes":[]}`, func(c client) error { return only(c.SetGateway(ctx, "eu@acme", "shop", keywright.NewGateway{})) }},
		{"DELETE " + at + "/shop", "", func(c client) error { return only(c.DeleteGateway(ctx, "eu@acme", "shop")) }},
	}
}
