package server

import (
	"context"
	"errors"
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

// checkGateways refuses rules that the database has under the same name: a proxy that asks by it would be answered by one of the two.
func (s *Server) checkGateways(ctx context.Context) error {
	for account, gateways := range s.cfg.Gateways {
		for name := range gateways {
			_, err := s.store.FindRoutes(ctx, account, name)
			switch {
			case err == nil:
				return fmt.Errorf("the rules %s of account %s are in the file and in the database: take them out of one", name, account)
			case !errors.Is(err, keywright.ErrNotFound):
				return err
			}
		}
	}
	return nil
}
