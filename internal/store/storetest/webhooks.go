package storetest

import (
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func (f *fixture) webhook(account string, after int64) *store.Webhook {
	w := &store.Webhook{
		ID: f.id(), Account: account, URL: "https://hooks.example/x", Events: []string{"*", "notice.*"}, Description: "ours",
		Sealed: []byte{1, 2, 3}, AfterEvent: after, CreatedBy: "user:Ada", CreatedAt: day, UpdatedAt: day,
	}
	f.write(func(tx store.Tx) error { return tx.Webhooks().InsertWebhook(f.ctx, w, event("webhook.create")) })
	return w
}

func testWebhooks(f *fixture) {
	w, second := f.webhook("acme", 0), f.webhook("acme", 0)
	f.read(func(tx store.Tx) error {
		got, err := tx.Webhooks().Webhook(f.ctx, w.ID)
		f.same("webhook", got, w)
		list, _ := tx.Webhooks().OfAccount(f.ctx, "acme", w.ID, 10)
		f.same("after the first", list, []*store.Webhook{second})
		list, _ = tx.Webhooks().OfAccount(f.ctx, "acme", keywright.ID{}, 1)
		f.same("one", list, []*store.Webhook{w})
		list, _ = tx.Webhooks().OfAccount(f.ctx, "nowhere", keywright.ID{}, 1)
		f.same("elsewhere", len(list), 0)
		return err
	})
	w.OldSealed, w.OldUntil, w.Events, w.DisabledAt, w.DisabledReason, w.URL, w.AfterEvent = []byte{9}, day, []string{"a.b"}, day, "gone", "https://b", 3
	c := f.write(func(tx store.Tx) error { return tx.Webhooks().UpdateWebhook(f.ctx, w, event("webhook.edit")) })
	f.same("revision", c.Revision > 0, true)
	w.Failures, w.FailingSince, w.PausedUntil = 3, day, day.Add(time.Minute)
	c = f.write(func(tx store.Tx) error { return tx.Webhooks().NoteWebhook(f.ctx, w) })
	f.same("revision of a note", c.Revision, keywright.Revision(0))
	f.read(func(tx store.Tx) error {
		got, err := tx.Webhooks().Webhook(f.ctx, w.ID)
		f.same("changed", got, w)
		return err
	})
	f.write(func(tx store.Tx) error { return tx.Webhooks().DeleteWebhook(f.ctx, w.ID, event("webhook.delete")) })
	gone := func(what string, change func(store.Tx) error) {
		_, err := f.store.Write(f.ctx, change)
		f.fails(what, err, keywright.ErrNotFound)
	}
	gone("delete", func(tx store.Tx) error { return tx.Webhooks().DeleteWebhook(f.ctx, w.ID, event("x")) })
	gone("update", func(tx store.Tx) error { return tx.Webhooks().UpdateWebhook(f.ctx, w, event("x")) })
	gone("note", func(tx store.Tx) error { return tx.Webhooks().NoteWebhook(f.ctx, w) })
	gone("delivery", func(tx store.Tx) error {
		_, err := tx.Webhooks().Delivery(f.ctx, w.ID)
		return err
	})
}

func (f *fixture) delivery(w *store.Webhook, seq int64, at time.Time) *store.Delivery {
	return &store.Delivery{
		ID: f.id(), Webhook: w.ID, Event: seq, Action: "account.create", State: keywright.DeliveryPending, CreatedAt: at, NextAt: at,
	}
}

// testUnqueued: what is looked at is what somebody hears of and nobody was told of, in the order of the log.
func testUnqueued(f *fixture) {
	unqueued := func(after int64, limit int) (seqs []int64, upTo int64) {
		f.read(func(tx store.Tx) error {
			events, to, err := tx.Webhooks().Unqueued(f.ctx, after, limit)
			for _, e := range events {
				seqs = append(seqs, e.Seq)
			}
			upTo = to
			return err
		})
		return seqs, upTo
	}
	told := func(what string, after int64, limit int, want ...int64) {
		f.Helper()
		got, upTo := unqueued(after, limit)
		f.same(what, append(got, upTo), want)
	}
	told("without webhooks", 0, 10, 3) // the fixture's three events
	w := f.webhook("acme", 1)          // event 4
	elsewhere := event("elsewhere")
	elsewhere.Account = "other"
	f.write(func(tx store.Tx) error { return tx.Events().Append(f.ctx, elsewhere) })     // 5
	f.write(func(tx store.Tx) error { return tx.Events().Append(f.ctx, event("more")) }) // 6
	told("of the account", 0, 10, 2, 3, 4, 6, 6)
	told("two", 0, 2, 2, 3, 3)
	told("after", 3, 10, 4, 6, 6)
	told("after all", 6, 10, 6)
	f.write(func(tx store.Tx) error {
		return tx.Webhooks().Queue(f.ctx, []*store.Delivery{f.delivery(w, 2, day), f.delivery(w, 3, day), f.delivery(w, 3, day)}, 3)
	})
	told("the rest", 0, 10, 4, 6, 6)
	f.write(func(tx store.Tx) error { return tx.Webhooks().Queue(f.ctx, nil, 2) })
	told("never back", 0, 10, 4, 6, 6)
	f.read(func(tx store.Tx) error {
		list, err := tx.Webhooks().DeliveriesTo(f.ctx, w.ID, keywright.ID{}, 10)
		f.same("once each", len(list), 2)
		return err
	})
	w.DisabledAt = day
	f.write(func(tx store.Tx) error { return tx.Webhooks().UpdateWebhook(f.ctx, w, event("webhook.edit")) })
	told("disabled", 0, 10, 7)
}

// testDeliveries: what is leased is nobody else's until the lease has run out, and what has ended is not due.
func testDeliveries(f *fixture) {
	w, other := f.webhook("acme", 0), f.webhook("acme", 0)
	first, second, later := f.delivery(w, 1, day), f.delivery(w, 2, day.Add(-time.Minute)), f.delivery(w, 3, day.Add(time.Hour))
	elsewhere := f.delivery(other, 1, day)
	f.write(func(tx store.Tx) error {
		return tx.Webhooks().Queue(f.ctx, []*store.Delivery{first, second, later, elsewhere}, 3)
	})
	due := func(at time.Time, after keywright.ID) (list []keywright.ID) {
		f.read(func(tx store.Tx) (err error) {
			list, err = tx.Webhooks().Due(f.ctx, at, after, 10)
			return err
		})
		return list
	}
	lease := func(at time.Time, limit int) (list []*store.Delivery) {
		f.write(func(tx store.Tx) (err error) {
			list, err = tx.Webhooks().Lease(f.ctx, w.ID, at, at.Add(time.Minute), limit)
			return err
		})
		return list
	}
	f.same("due", due(day, keywright.ID{}), []keywright.ID{w.ID, other.ID})
	f.same("due after", due(day, w.ID), []keywright.ID{other.ID})
	f.same("due before", len(due(day.Add(-time.Hour), keywright.ID{})), 0)
	f.same("the oldest", lease(day, 1), []*store.Delivery{second})
	f.same("the next", lease(day, 5), []*store.Delivery{first})
	f.same("no more", len(lease(day, 5)), 0)
	f.same("due, all leased", due(day, keywright.ID{}), []keywright.ID{other.ID})
	f.same("run out", lease(day.Add(time.Minute), 5), []*store.Delivery{second, first})
	first.State, first.Attempt, first.NextAt = keywright.DeliveryDelivered, 1, time.Time{}
	first.Tries = []keywright.DeliveryTry{{At: day, Try: 1, Status: 200, DurationMS: 12}, {At: day, Try: 2, Error: "no \"answer\""}}
	second.Attempt, second.NextAt = 1, day.Add(2*time.Minute)
	f.write(func(tx store.Tx) error {
		if err := tx.Webhooks().UpdateDelivery(f.ctx, first); err != nil {
			return err
		}
		return tx.Webhooks().UpdateDelivery(f.ctx, second)
	})
	f.read(func(tx store.Tx) error {
		got, err := tx.Webhooks().Delivery(f.ctx, first.ID)
		f.same("delivered", got, first)
		list, _ := tx.Webhooks().DeliveriesTo(f.ctx, w.ID, keywright.ID{}, 2)
		f.same("the newest", list, []*store.Delivery{later, second})
		list, _ = tx.Webhooks().DeliveriesTo(f.ctx, w.ID, second.ID, 2)
		f.same("older", list, []*store.Delivery{first})
		return err
	})
	f.same("again", lease(day.Add(2*time.Minute), 5), []*store.Delivery{second})
	w.PausedUntil = day.Add(2 * time.Hour)
	f.write(func(tx store.Tx) error { return tx.Webhooks().NoteWebhook(f.ctx, w) })
	f.same("paused", due(day.Add(90*time.Minute), keywright.ID{}), []keywright.ID{other.ID})
	f.same("paused no more", due(day.Add(2*time.Hour), keywright.ID{}), []keywright.ID{w.ID, other.ID})
	f.write(func(tx store.Tx) error { return tx.Webhooks().GiveUp(f.ctx, w.ID) })
	f.same("given up", due(day.Add(2*time.Hour), keywright.ID{}), []keywright.ID{other.ID})
	left := func(limit int) (list []*store.Delivery) {
		f.write(func(tx store.Tx) error { return tx.Webhooks().PruneDeliveries(f.ctx, day.Add(time.Minute), limit) })
		f.read(func(tx store.Tx) (err error) {
			list, err = tx.Webhooks().DeliveriesTo(f.ctx, w.ID, keywright.ID{}, 10)
			return err
		})
		return list
	}
	later.State, later.NextAt = keywright.DeliveryFailed, time.Time{}
	f.same("one pruned", left(1), []*store.Delivery{later, first})
	f.same("left", left(10), []*store.Delivery{later})
	f.write(func(tx store.Tx) error { return tx.Webhooks().DeleteWebhook(f.ctx, w.ID, event("webhook.delete")) })
}
