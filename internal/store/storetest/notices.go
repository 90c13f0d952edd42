package storetest

import (
	"errors"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// testAround: each clock has its own order, and who is revoked, permanent or never used is not by that clock.
func testAround(f *fixture) {
	hour := func(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }
	a, b, c, gone := f.record("a"), f.record("b"), f.record("c"), f.record("gone")
	a.Facts.ExpiresAt, a.CreatedAt, a.Facts.RenewedAt = hour(3), hour(1), hour(1)
	b.Facts.ExpiresAt, b.CreatedAt, b.Facts.RenewedAt, b.Facts.NotBefore = hour(3), hour(2), hour(9), hour(5)
	c.CreatedAt, c.Facts.RenewedAt = hour(3), hour(3)
	gone.Facts.ExpiresAt, gone.Facts.RevokedAt = hour(3), day
	f.insert(a, b, c, gone)
	f.fails("usage", f.usage.AddUsage(f.ctx, store.UsageBatch{Writer: f.id(), Number: 1, At: day, Uses: []store.Usage{{Token: c.Facts.ID, At: hour(4)}}}), nil)
	around := func(q store.AroundQuery) string {
		q.Account = "acme"
		if q.Limit == 0 {
			q.Limit = 10
		}
		list := ""
		f.read(func(tx store.Tx) error {
			found, err := tx.Notices().Around(f.ctx, q)
			for _, l := range found {
				list += l.Label + " "
			}
			return err
		})
		return list
	}
	for clock, want := range map[store.Clock]string{
		store.ClockExpiry: "a b ", store.ClockCreation: "a c ", store.ClockRenewal: "b ", store.ClockStart: "b ", store.ClockUse: "c ",
	} {
		f.same(string(clock), around(store.AroundQuery{Clock: clock, UpTo: hour(100)}), want)
	}
	f.same("later than", around(store.AroundQuery{Clock: store.ClockCreation, After: hour(1), UpTo: hour(3)}), "c ")
	f.same("not later than", around(store.AroundQuery{Clock: store.ClockCreation, After: day, UpTo: hour(1)}), "a ")
	f.same("first of two", around(store.AroundQuery{Clock: store.ClockExpiry, UpTo: hour(3), Limit: 1}), "a ")
	f.same("second of two", around(store.AroundQuery{Clock: store.ClockExpiry, After: hour(3), Since: a.Facts.ID, UpTo: hour(3)}), "b ")
	f.read(func(tx store.Tx) error {
		list, err := tx.Notices().Around(f.ctx, store.AroundQuery{Account: "acme", Clock: store.ClockUse, UpTo: hour(100), Limit: 1})
		f.same("last use", list[0].LastUsedAt, hour(4))
		return err
	})
	err := f.store.Read(f.ctx, func(tx store.Tx) error {
		_, err := tx.Notices().Around(f.ctx, store.AroundQuery{Account: "acme", Clock: "sundial"})
		return err
	})
	f.fails("no clock", err, keywright.ErrUnavailable)
}

func testTold(f *fixture) {
	r := f.record("a")
	f.insert(r)
	told := func() (n store.Told) {
		f.read(func(tx store.Tx) (err error) {
			n, err = tx.Notices().Told(f.ctx, r.Facts.ID)
			return err
		})
		return n
	}
	f.same("nothing", told(), store.Told{Token: r.Facts.ID})
	for _, n := range []store.Told{
		{Token: r.Facts.ID, EndsAt: day, Days: 7}, {Token: r.Facts.ID, EndsAt: day.Add(1000), Days: 1, UnusedSince: day},
	} {
		n.EndsAt = n.EndsAt.Truncate(time.Microsecond)
		c := f.write(func(tx store.Tx) error { return tx.Notices().SetTold(f.ctx, n) })
		f.same("told", told(), n)
		f.same("revision", c.Revision, keywright.Revision(0))
	}
	f.write(func(tx store.Tx) error { return tx.Tokens().Delete(f.ctx, r.Facts.ID, event("token.delete")) })
	f.same("deleted", told(), store.Told{Token: r.Facts.ID})

	f.read(func(tx store.Tx) error {
		_, err := tx.Notices().NoticeMark(f.ctx, "acme")
		f.same("no mark", errors.Is(err, keywright.ErrNotFound), true)
		return nil
	})
	for _, m := range []store.NoticeMark{{Account: "acme", At: day, Spans: "{}"}, {Account: "acme", At: day.Add(time.Hour), Spans: "[]"}} {
		f.write(func(tx store.Tx) error { return tx.Notices().SetNoticeMark(f.ctx, m) })
		f.read(func(tx store.Tx) error {
			got, err := tx.Notices().NoticeMark(f.ctx, "acme")
			f.same("mark", got, m)
			return err
		})
	}
	q, all := store.Quota{Account: "acme", Space: "lab", What: "max_tokens"}, store.Quota{Account: "acme", What: "max_tokens"}
	for _, told := range []bool{true, true, false, false} {
		f.write(func(tx store.Tx) error {
			if err := tx.Notices().SetQuotaTold(f.ctx, all, true); err != nil {
				return err
			}
			return tx.Notices().SetQuotaTold(f.ctx, q, told)
		})
		f.read(func(tx store.Tx) error {
			list, err := tx.Notices().QuotasTold(f.ctx, "acme")
			f.same("quotas", len(list), map[bool]int{true: 2, false: 1}[told])
			return err
		})
	}
}
