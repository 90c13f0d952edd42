package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type gateways struct{ *tx }

const (
	gatewayColumns = "account, name, version, created_at, updated_at"
	findRoutes     = "SELECT routes FROM gateways WHERE account = $1 AND name = $2"
)

func scanGateway(r *row) *store.Gateway {
	return &store.Gateway{Account: r.text(), Name: r.text(), Version: r.int(), CreatedAt: r.time(), UpdatedAt: r.time()}
}

// FindRoutes returns the rules of a gateway.
func (s *Store) FindRoutes(ctx context.Context, account, name string) (routes keywright.Routes, err error) {
	err = s.find(ctx, func(r *row) { r.fail(json.Unmarshal([]byte(r.text()), &routes)) }, findRoutes, account, name)
	if err != nil {
		return nil, fmt.Errorf("find the gateway %s of account %s: %w", name, account, err)
	}
	return routes, nil
}

func (t gateways) Get(ctx context.Context, account, name string) (g *store.Gateway, err error) {
	err = t.one(ctx, func(r *row) {
		g = scanGateway(r)
		r.fail(json.Unmarshal([]byte(r.text()), &g.Routes))
	}, "SELECT "+gatewayColumns+", routes FROM gateways WHERE account = $1 AND name = $2", account, name)
	if err != nil {
		return nil, fmt.Errorf("gateway %s of account %s: %w", name, account, err)
	}
	return g, nil
}

func (t gateways) List(ctx context.Context, account, after string, limit int) (list []*store.Gateway, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, scanGateway(r)) },
		"SELECT "+gatewayColumns+" FROM gateways WHERE account = $1 AND name > $2 ORDER BY name LIMIT $3", account, after, limit)
	return list, err
}

func (t gateways) Set(ctx context.Context, g *store.Gateway, e store.Event) error {
	routes, err := json.Marshal(g.Routes)
	if err != nil {
		return fmt.Errorf("write the gateway's rules: %w", err)
	}
	_, err = t.exec(ctx, `INSERT INTO gateways (account, name, version, created_at, updated_at, routes)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, name) DO UPDATE SET version = excluded.version,
			updated_at = excluded.updated_at, routes = excluded.routes`,
		g.Account, g.Name, g.Version, g.CreatedAt, g.UpdatedAt, string(routes))
	if err != nil {
		return fmt.Errorf("set gateway %s of account %s: %w", g.Name, g.Account, err)
	}
	return t.changed(ctx, e, accountSubject(g.Account))
}

func (t gateways) Delete(ctx context.Context, account, name string, e store.Event) error {
	if err := t.execOne(ctx, "DELETE FROM gateways WHERE account = $1 AND name = $2", account, name); err != nil {
		return fmt.Errorf("delete gateway %s of account %s: %w", name, account, err)
	}
	return t.changed(ctx, e, accountSubject(account))
}
