package authority

import (
	"context"
	"fmt"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// An account's gateways are the rules by which proxies ask. Whoever has a part in the account reads them; to change
// them takes keywright:policy:write: what they demand is a demand on its tokens.

// How much there may be of each thing in a gateway.
const (
	maxRoutes  = 1000
	maxMethods = 20
	maxPath    = 2000 // bytes of a pattern
)

// Routes returns the rules that proxies ask by under a name: the server's own, or the account's. That there are none is
// keywright.ErrNotFound; that they are not known is keywright.ErrUnavailable.
func (a *Authority) Routes(ctx context.Context, account, name string) (keywright.Routes, error) {
	if routes, ok := a.fixedRoutes(account, name); ok {
		return routes, nil
	}
	routes, err := a.memory().FindRoutes(ctx, account, name)
	if err != nil && !isAbsent(err) {
		return nil, notKnown(err)
	}
	return routes, err
}

func (a *Authority) fixedRoutes(account, name string) (routes keywright.Routes, ok bool) {
	routes, ok = a.cfg.Gateways[account][name]
	return routes, ok
}

// Gateways returns a page of an account's gateways, by name. Those that the server was started with are not among them.
func (a *Authority) Gateways(ctx context.Context, caller Caller, account string, q ListQuery) (keywright.Page[keywright.GatewaySummary], error) {
	var page keywright.Page[keywright.GatewaySummary]
	err := a.view(ctx, caller, func(s *scene) error {
		account, err := s.ownAccount(ctx, account)
		if err != nil {
			return err
		}
		list := "gateways of " + account
		after, limit, err := q.begin(list)
		if err != nil {
			return err
		}
		found, err := s.tx.Gateways().List(ctx, account, after, limit+1)
		page = pageOf(found, limit, list, gatewaySummary, func(g *store.Gateway) string { return g.Name })
		return err
	})
	return page, err
}

// Gateway returns one of an account's gateways with its rules.
func (a *Authority) Gateway(ctx context.Context, caller Caller, account, name string) (keywright.Gateway, error) {
	var shown keywright.Gateway
	err := a.view(ctx, caller, func(s *scene) error {
		account, err := s.ownAccount(ctx, account)
		if err != nil {
			return err
		}
		found, err := s.tx.Gateways().Get(ctx, account, name)
		if err != nil {
			return missing("gateway", err)
		}
		shown = gatewayResource(found)
		return nil
	})
	return shown, err
}

// SetGateway makes a gateway or replaces its rules, if they are of the version that the request replaces. When it has
// returned, no proxy is answered by the rules that were.
func (a *Authority) SetGateway(ctx context.Context, caller Caller, account, name string, req keywright.NewGateway) (keywright.Gateway, error) {
	var shown keywright.Gateway
	done, err := a.change(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, account, policyWrite)
		if err != nil {
			return err
		}
		routes, err := readRoutes(name, req)
		if err != nil {
			return err
		}
		if _, fixed := a.fixedRoutes(t.account.Name, name); fixed {
			return fmt.Errorf("%w: the server was started with rules %s of account %s: take them out of its file first", keywright.ErrConflict, name, t.account.Name)
		}
		set, err := s.setGateway(ctx, t.account.Name, name, req.Version, routes)
		if err == nil {
			shown = gatewayResource(set)
		}
		return err
	})
	shown.Revision = done.Revision
	return shown, err
}

func (s *scene) setGateway(ctx context.Context, account, name string, replaces int64, routes keywright.Routes) (*store.Gateway, error) {
	was, err := s.tx.Gateways().Get(ctx, account, name)
	if isAbsent(err) {
		was, err = &store.Gateway{Account: account, Name: name, CreatedAt: s.now}, nil
	}
	if err != nil {
		return nil, err
	}
	if was.Version != replaces {
		return nil, fmt.Errorf("%w: the rules are of version %d, not %d: read them again", keywright.ErrConflict, was.Version, replaces)
	}
	set := *was
	set.Version, set.Routes, set.UpdatedAt = was.Version+1, routes, s.now
	e := s.gatewayEvent("gateway.rules", account, name)
	e.Before, e.After = changes(gatewayStory(was), gatewayStory(&set))
	return &set, s.tx.Gateways().Set(ctx, &set, e)
}

// DeleteGateway forgets a gateway. Proxies that ask by its name let nothing pass then.
func (a *Authority) DeleteGateway(ctx context.Context, caller Caller, account, name string) (keywright.Revision, error) {
	done, err := a.change(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, account, policyWrite)
		if err != nil {
			return err
		}
		was, err := s.tx.Gateways().Get(ctx, t.account.Name, name)
		if err != nil {
			return missing("gateway", err)
		}
		e := s.gatewayEvent("gateway.delete", was.Account, name)
		e.Before = gatewayStory(was)
		return s.tx.Gateways().Delete(ctx, was.Account, name, e)
	})
	return done.Revision, err
}

func (s *scene) gatewayEvent(action, account, name string) store.Event {
	return s.event(action, account, "", "gateway:"+name)
}

// gatewayStory is what the audit trail tells of a gateway.
func gatewayStory(g *store.Gateway) map[string]any {
	routes := make([]any, len(g.Routes))
	for i, r := range g.Routes {
		routes[i] = map[string]any{
			"methods": append([]string{}, r.Methods...), "path": r.Path.String(), "audience": r.Audience, "space": r.Space, "scopes": r.Scopes.Strings(),
		}
	}
	return map[string]any{"version": g.Version, "routes": routes}
}

// readRoutes checks rules before they are kept.
func readRoutes(name string, req keywright.NewGateway) (keywright.Routes, error) {
	var p problems
	if !isName(name) {
		p.add("gateway", "must be a name of at most %d letters, digits, '.', '_' or '-'", maxNameBytes)
	}
	if req.Version < 0 {
		p.add("/version", "must not be negative")
	}
	if len(req.Routes) > maxRoutes {
		p.add("/routes", "has %d rules; at most %d are allowed", len(req.Routes), maxRoutes)
		return nil, p.err()
	}
	routes := make(keywright.Routes, len(req.Routes))
	for i, r := range req.Routes {
		routes[i] = p.route(fmt.Sprintf("/routes/%d", i), r)
	}
	return routes, p.err()
}

func (p *problems) route(at string, r keywright.NewRoute) keywright.Route {
	pattern, err := keywright.ParsePathPattern(r.Path)
	switch {
	case len(r.Path) > maxPath:
		p.add(at+"/path", "has %d bytes; at most %d are allowed", len(r.Path), maxPath)
	case err != nil:
		p.add(at+"/path", "%v", err)
	}
	if len(r.Methods) > maxMethods {
		p.add(at+"/methods", "has %d methods; at most %d are allowed", len(r.Methods), maxMethods)
	}
	for i, method := range r.Methods {
		if method == "" || len(method) > maxNameBytes || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			p.add(fmt.Sprintf("%s/methods/%d", at, i), "must be an HTTP method, in capital letters")
		}
	}
	if r.Audience != "" {
		p.audience(at+"/audience", []string{r.Audience})
	}
	if r.Space != "" && !isName(r.Space) {
		p.add(at+"/space", "must be the name of a space")
	}
	return keywright.Route{Methods: r.Methods, Path: pattern, Audience: r.Audience, Space: r.Space, Scopes: p.scopes(at+"/scopes", r.Scopes)}
}

func gatewaySummary(g *store.Gateway) keywright.GatewaySummary {
	return keywright.GatewaySummary{Account: g.Account, Name: g.Name, Version: g.Version, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt}
}

func gatewayResource(g *store.Gateway) keywright.Gateway {
	return keywright.Gateway{
		Account: g.Account, Name: g.Name, Version: g.Version, Routes: append(keywright.Routes{}, g.Routes...), CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt,
	}
}
