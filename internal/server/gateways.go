package server

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright"
)

// Gateways are rules for proxies, by account and by the name that a proxy asks with.
type Gateways map[string]map[string]keywright.Routes

// ParseGateways reads rules as JSON: {"ACCOUNT": {"NAME": [route, …]}}. A route needs a path; without scopes any token of the
// account with any scope passes.
func ParseGateways(text []byte) (Gateways, error) {
	var g Gateways
	if err := json.Unmarshal(text, &g, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("rules of gateways: %w", err)
	}
	for account, gateways := range g {
		for name, routes := range gateways {
			for i, route := range routes {
				if route.Path.String() == "" {
					return nil, fmt.Errorf("gateway %s of account %s: route %d has no path", name, account, i+1)
				}
			}
		}
	}
	return g, nil
}

func (g Gateways) find(_ context.Context, account, name string) (keywright.Routes, error) {
	routes, ok := g[account][name]
	if !ok {
		return nil, keywright.ErrNotFound
	}
	return routes, nil
}
