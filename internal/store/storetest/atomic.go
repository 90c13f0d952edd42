package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

var errOwn = errors.New("f's own")

// everything changes something in every part of the store.
func (f *fixture) everything(r *store.Record) func(store.Tx) error {
	return func(tx store.Tx) error {
		fresh := f.record("fresh")
		_, inserted := tx.Tokens().Insert(f.ctx, fresh, event("token.create"))
		return errors.Join(inserted,
			tx.Tokens().Delete(f.ctx, r.Facts.ID, event("token.delete")),
			tx.Tenants().UpdateAccount(f.ctx, &store.Account{Name: "acme", Title: "changed", ClosedAt: day}, event("account.policy")),
			tx.People().InsertRole(f.ctx, store.Role{User: f.user, Name: "operator"}, event("role.grant")),
			tx.Keys().SetSetting(f.ctx, "name", "value", event("x")),
			tx.Events().Append(f.ctx, event("token.refused")))
	}
}

// unchanged checks that nothing of everything is there.
func (f *fixture) unchanged(what string, r *store.Record) {
	f.Helper()
	f.same(what+": token", f.find(r.Facts.ID), r)
	f.same(what+": tokens", sorted(f.list(store.TokenQuery{})), r.Label)
	f.read(func(tx store.Tx) error {
		a, err := tx.Tenants().Account(f.ctx, "acme")
		f.same(what+": account", a.Title, "")
		roles, _ := tx.People().Roles(f.ctx, f.user)
		f.same(what+": roles", len(roles), 0)
		_, unset := tx.Keys().Setting(f.ctx, "name")
		f.fails(what+": setting", unset, keywright.ErrNotFound)
		return err
	})
	f.wantTrail("token.create")
}

// testAllOrNothing: with f's error nothing stays, the event least of all, and no revision is used up.
func testAllOrNothing(f *fixture) {
	r := f.record("kept")
	f.insert(r)
	before := f.update(r).Revision
	f.store.Write(f.ctx, func(tx store.Tx) error { return errors.Join(f.everything(r)(tx), errOwn) })
	_, err := f.store.Write(f.ctx, func(tx store.Tx) error {
		if err := f.everything(r)(tx); err != nil {
			return err
		}
		return errOwn
	})
	if err != errOwn {
		f.Errorf("Write returned %v, not what f returned", err)
	}
	f.same("token", f.find(r.Facts.ID), r)
	f.wantTrail("token.create", "token.edit")
	f.same("next revision", f.update(r).Revision, before+1)
	c := f.write(f.everything(r))
	f.same("revision of all", c.Revision, before+2)
	f.wantTrail("token.create", "token.edit", "token.edit", "token.create", "token.delete", "account.policy", "role.grant", "x", "token.refused")
}

func testPanic(f *fixture) {
	r := f.record("kept")
	f.insert(r)
	func() {
		defer func() { f.same("recovered", recover(), "f's own") }()
		f.store.Write(f.ctx, func(tx store.Tx) error {
			f.fails("change", f.everything(r)(tx), nil)
			panic("f's own")
		})
	}()
	f.unchanged("after a panic", r)
	func() {
		defer func() { f.same("recovered from a Read", recover(), "f's own") }()
		f.store.Read(f.ctx, func(store.Tx) error { panic("f's own") })
	}()
	f.write(func(store.Tx) error { return nil })
}

// testCancel: a context that has ended before or meanwhile changes nothing, and hinders nobody else.
func testCancel(f *fixture) {
	r := f.record("kept")
	f.insert(r)
	before, cancel := context.WithCancel(f.ctx)
	cancel()
	_, err := f.store.Write(before, func(store.Tx) error { f.Error("f ran"); return nil })
	f.fails("Write", err, context.Canceled)
	f.fails("Read", f.store.Read(before, func(store.Tx) error { return nil }), context.Canceled)
	_, err = f.store.Find(before, r.Facts.ID)
	f.fails("Find", err, context.Canceled)
	f.fails("usage", f.usage.AddUsage(before, store.UsageBatch{Writer: f.id(), Number: 1, At: day, Uses: []store.Usage{used(r.Facts.ID, day, 1)}}), context.Canceled)

	during, cancel := context.WithCancel(f.ctx)
	_, err = f.store.Write(during, func(tx store.Tx) error {
		if err := f.everything(r)(tx); err != nil {
			return err
		}
		cancel()
		_, err := tx.Tokens().Get(during, r.Facts.ID)
		return err
	})
	f.fails("Write", err, context.Canceled)
	f.unchanged("after the cancellation", r)

	past, cancel := context.WithTimeout(f.ctx, -time.Second)
	defer cancel()
	_, err = f.store.Find(past, r.Facts.ID)
	f.fails("Find", err, context.DeadlineExceeded)
	if errors.Is(err, keywright.ErrNotFound) {
		f.Error("a deadline looks like an absent token")
	}
}

// testCancelInLine: one of many Writes at the same time gives up; the others are kept.
func testCancelInLine(f *fixture) {
	var wait sync.WaitGroup
	for i := range 64 {
		ctx, cancel := context.WithCancel(f.ctx)
		wait.Go(func() {
			defer cancel()
			r := f.record("kept")
			if i%4 == 0 {
				r.Label = "cancelled"
			}
			_, err := f.store.Write(ctx, func(tx store.Tx) error {
				_, err := tx.Tokens().Insert(ctx, r, event("token.create"))
				if i%4 == 0 {
					cancel()
					return errors.Join(err, ctx.Err())
				}
				return err
			})
			if _, found := f.store.Find(f.ctx, r.Facts.ID); (err == nil) != (found == nil) {
				f.Errorf("Write: %v, but Find: %v", err, found)
			}
		})
		if i%4 == 1 {
			go cancel()
		}
	}
	wait.Wait()
	f.same("events for tokens", len(f.trail())-3, len(f.list(store.TokenQuery{})))
}

// testEnded: a Tx serves only the function it is given to.
func testEnded(f *fixture) {
	r := f.record("late")
	var kept store.Tx
	f.write(func(tx store.Tx) error { kept = tx; return nil })
	if _, err := kept.Tokens().Insert(f.ctx, r, event("token.create")); err == nil {
		f.Error("a Tx inserts after its end")
	}
	f.read(func(tx store.Tx) error { kept = tx; return nil })
	if _, err := kept.Tokens().Get(f.ctx, r.Facts.ID); err == nil || errors.Is(err, keywright.ErrNotFound) {
		f.Errorf("a Tx answers after its end: %v", err)
	}
	f.wantTrail()
}

// testRead: a Read changes nothing, and what it sees stays as it was when it began.
func testRead(f *fixture) {
	r := f.record("first")
	f.insert(r)
	f.read(func(tx store.Tx) error {
		before, err := tx.Tokens().Get(f.ctx, r.Facts.ID)
		if err != nil {
			return err
		}
		renamed := *r
		renamed.Label = "second"
		f.update(&renamed)
		after, err := tx.Tokens().Get(f.ctx, r.Facts.ID)
		f.same("in the snapshot", after, before)
		f.same("outside of it", f.find(r.Facts.ID).Label, "second")
		if err := f.everything(r)(tx); !errors.Is(err, keywright.ErrUnavailable) {
			f.Errorf("a Read changes something: %v", err)
		}
		if err := tx.Events().Append(f.ctx, event("x")); err == nil {
			f.Error("a Read appends an event")
		}
		return err
	})
	f.fails("f's own error", f.store.Read(f.ctx, func(store.Tx) error { return errOwn }), errOwn)
	f.wantTrail("token.create", "token.edit")
}

// testLostUpdate: of Writes that read and then write the same row, none is lost.
func testLostUpdate(f *fixture) {
	r := f.record("0")
	r.Metadata = map[string]string{}
	f.insert(r)
	var wait sync.WaitGroup
	const n = 50
	for range n {
		wait.Go(func() {
			_, err := f.store.Write(f.ctx, func(tx store.Tx) error {
				r, err := tx.Tokens().Get(f.ctx, r.Facts.ID)
				if err != nil {
					return err
				}
				r.Label += "1"
				return tx.Tokens().Update(f.ctx, r, event("token.edit"))
			})
			f.fails("Write", err, nil)
		})
	}
	wait.Wait()
	f.same("increments", len(f.find(r.Facts.ID).Label), n+1)
}

// testQuota: what was counted under Hold stays true until it is used.
func testQuota(f *fixture) {
	const quota = 5
	var wait sync.WaitGroup
	for range 200 {
		r := f.record("one")
		wait.Go(func() {
			_, err := f.store.Write(f.ctx, func(tx store.Tx) error {
				if err := tx.Tenants().Hold(f.ctx, "acme"); err != nil {
					return err
				}
				n, err := tx.Tokens().CountPermanent(f.ctx, "acme", "default", day)
				if err != nil {
					return err
				}
				if n >= quota {
					return keywright.ErrQuota
				}
				_, err = tx.Tokens().Insert(f.ctx, r, event("token.create"))
				return err
			})
			if err != nil && !errors.Is(err, keywright.ErrQuota) {
				f.Errorf("Write: %v", err)
			}
		})
	}
	wait.Wait()
	f.same("tokens", len(f.list(store.TokenQuery{})), quota)
	f.same("events", len(f.trail()), 3+quota)
}

// testClose: after Close nothing is answered, neither yes nor no.
func testClose(f *fixture) {
	f.fails("Ping", f.store.Ping(f.ctx), nil)
	r := f.record("kept")
	f.insert(r)
	f.fails("Close", f.store.Close(), nil)
	_, err := f.store.Find(f.ctx, r.Facts.ID)
	f.fails("Find", err, keywright.ErrUnavailable)
	_, err = f.store.Write(f.ctx, func(store.Tx) error { return nil })
	f.fails("Write", err, keywright.ErrUnavailable)
	f.fails("Read", f.store.Read(f.ctx, func(store.Tx) error { return nil }), keywright.ErrUnavailable)
	f.fails("Ping", f.store.Ping(f.ctx), keywright.ErrUnavailable)
	f.fails("Close again", f.store.Close(), nil)
}
