package storetest

import (
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// testGateways: what is set is there whole, in its order; a change has the account's facts forgotten; lists are by name, each
// account's by itself.
func testGateways(f *fixture) {
	f.write(func(tx store.Tx) error {
		return tx.Tenants().InsertAccount(f.ctx, &store.Account{Name: "other", CreatedAt: day}, event("account.create"))
	})
	shop := &store.Gateway{Account: "acme", Name: "shop", Version: 1, CreatedAt: day, UpdatedAt: day, Routes: keywright.Routes{
		{Methods: []string{"GET"}, Path: pattern("/orders/{id}"), Audience: "shop", Space: "a", Scopes: f.scopes("orders:read")},
		{Path: pattern("/caf%C3%A9/{rest...}")},
	}}
	till := &store.Gateway{Account: "acme", Name: "till", Version: 1, CreatedAt: day, UpdatedAt: day, Routes: keywright.Routes{}}
	foreign := &store.Gateway{Account: "other", Name: "shop", Version: 1, CreatedAt: day, UpdatedAt: day, Routes: keywright.Routes{}}
	for _, g := range []*store.Gateway{till, shop, foreign} {
		f.gateway(g)
	}
	_, err := f.store.FindRoutes(f.ctx, "acme", "none")
	f.fails("absent", err, keywright.ErrNotFound)
	f.read(func(tx store.Tx) error {
		got, err := tx.Gateways().Get(f.ctx, "acme", "shop")
		f.same("gateway", got, shop)
		bare := *shop
		bare.Routes = nil
		all, _ := tx.Gateways().List(f.ctx, "acme", "", 1)
		f.same("the first", all, []*store.Gateway{&bare})
		rest, _ := tx.Gateways().List(f.ctx, "acme", "shop", 10)
		f.same("after it", len(rest), 1)
		return err
	})
	changed := *shop
	changed.Version, changed.Routes, changed.CreatedAt, changed.UpdatedAt = 2, shop.Routes[1:], day.Add(time.Hour), day.Add(time.Hour)
	f.gateway(&changed)
	routes, err := f.store.FindRoutes(f.ctx, "acme", "shop")
	f.fails("find", err, nil)
	f.same("changed", routes, changed.Routes)
	f.withoutGateway()
}

// gateway sets one, finds it as it is, and its account among what is to be forgotten.
func (f *fixture) gateway(g *store.Gateway) {
	f.Helper()
	done := f.write(func(tx store.Tx) error { return tx.Gateways().Set(f.ctx, g, event("gateway.rules")) })
	f.same("revision", done.Revision > 0, true)
	f.same("forget", done.Forget, []store.Subject{{Kind: store.SubjectAccount, ID: g.Account}})
	routes, err := f.store.FindRoutes(f.ctx, g.Account, g.Name)
	f.fails("find", err, nil)
	f.same("routes", routes, g.Routes)
}

func (f *fixture) withoutGateway() {
	remove := func(tx store.Tx) error {
		return tx.Gateways().Delete(f.ctx, "acme", "shop", event("gateway.delete"))
	}
	f.same("forget", f.write(remove).Forget, []store.Subject{{Kind: store.SubjectAccount, ID: "acme"}})
	_, err := f.store.FindRoutes(f.ctx, "acme", "shop")
	f.fails("gone", err, keywright.ErrNotFound)
	_, err = f.store.Write(f.ctx, remove)
	f.fails("again", err, keywright.ErrNotFound)
	_, err = f.store.Write(f.ctx, func(tx store.Tx) error {
		return tx.Gateways().Set(f.ctx, &store.Gateway{Account: "nobody", Name: "a", CreatedAt: day, UpdatedAt: day}, event("gateway.rules"))
	})
	f.fails("of no account", err, keywright.ErrNotFound)
	f.wantTrail("account.create", "gateway.rules", "gateway.rules", "gateway.rules", "gateway.rules", "gateway.delete")
}

func pattern(text string) keywright.PathPattern {
	p, err := keywright.ParsePathPattern(text)
	if err != nil {
		panic(err) // the test's own text
	}
	return p
}
