package storetest

import (
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// testAudiences: what is set is there whole, in its order, and lists are by name, each account's by itself.
func testAudiences(f *fixture) {
	f.write(func(tx store.Tx) error {
		return tx.Tenants().InsertAccount(f.ctx, &store.Account{Name: "other", CreatedAt: day}, event("account.create"))
	})
	billing := &store.Audience{
		Account: "acme", Name: "billing", Description: "Bills é", Entries: 2, CreatedAt: day, UpdatedAt: day,
		Scopes: []keywright.CatalogueEntry{
			{Name: "invoices:write", Description: "Write", Group: "Invoices", AdminOnly: true, Since: "2.1", Implies: []string{"invoices:read"}},
			{Name: "invoices:read"},
		},
	}
	none := &store.Audience{Account: "acme", Name: keywright.NoAudience, CreatedAt: day, UpdatedAt: day, Scopes: []keywright.CatalogueEntry{}}
	foreign := &store.Audience{Account: "other", Name: "billing", CreatedAt: day, UpdatedAt: day}
	for _, a := range []*store.Audience{billing, none, foreign} {
		c := f.set(a)
		f.same("revision", c.Revision > 0, true)
		f.same("forget", len(c.Forget), 0)
	}
	get := func(account, name string) (a *store.Audience, err error) {
		err = f.store.Read(f.ctx, func(tx store.Tx) (err error) {
			a, err = tx.Audiences().Get(f.ctx, account, name)
			return err
		})
		return a, err
	}
	got, err := get("acme", "billing")
	f.fails("get", err, nil)
	f.same("audience", got, billing)
	f.read(func(tx store.Tx) error {
		all, err := tx.Audiences().List(f.ctx, "acme", "", 10)
		whole := *billing
		whole.Scopes = nil
		f.same("all", all, []*store.Audience{none, &whole})
		rest, _ := tx.Audiences().List(f.ctx, "acme", keywright.NoAudience, 1)
		f.same("after the first", rest, []*store.Audience{&whole})
		return err
	})
	changed := *billing
	changed.Description, changed.Scopes, changed.Entries = "", billing.Scopes[1:], 1
	changed.CreatedAt, changed.UpdatedAt = day.Add(time.Hour), day.Add(time.Hour)
	f.set(&changed)
	changed.CreatedAt = day
	got, _ = get("acme", "billing")
	f.same("changed", got, &changed)
	got, _ = get("other", "billing")
	f.same("another account's", got, foreign)
	f.withoutAudience(get)
}

func (f *fixture) set(a *store.Audience) store.Commit {
	f.Helper()
	return f.write(func(tx store.Tx) error { return tx.Audiences().Set(f.ctx, a, event("audience.set")) })
}

// withoutAudience removes one and finds it gone; what is not there, or of no account, is not found.
func (f *fixture) withoutAudience(get func(account, name string) (*store.Audience, error)) {
	remove := func(tx store.Tx) error {
		return tx.Audiences().Delete(f.ctx, "acme", "billing", event("audience.delete"))
	}
	f.same("revision", f.write(remove).Revision > 0, true)
	_, err := get("acme", "billing")
	f.fails("gone", err, keywright.ErrNotFound)
	_, err = f.store.Write(f.ctx, remove)
	f.fails("again", err, keywright.ErrNotFound)
	_, err = f.store.Write(f.ctx, func(tx store.Tx) error {
		return tx.Audiences().Set(f.ctx, &store.Audience{Account: "nobody", Name: "a", CreatedAt: day, UpdatedAt: day}, event("audience.set"))
	})
	f.fails("of no account", err, keywright.ErrNotFound)
	err = f.store.Read(f.ctx, remove)
	f.fails("in a Read", err, keywright.ErrUnavailable)
	f.wantTrail("account.create", "audience.set", "audience.set", "audience.set", "audience.set", "audience.delete")
}
