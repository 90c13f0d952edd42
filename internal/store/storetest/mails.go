package storetest

import (
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// testMails: what is due is leased once, and goes with its user.
func testMails(f *fixture) {
	bob := &store.User{ID: f.id(), Username: "Bob", CreatedAt: day}
	f.fails("bob", f.addUser(bob), nil)
	mail := func(user keywright.ID, at time.Time) *store.Mail {
		m := &store.Mail{ID: f.id(), User: user, Account: "acme", Line: "The token \"ü\" ends.", CreatedAt: day, NextAt: at}
		f.write(func(tx store.Tx) error { return tx.Mails().InsertMail(f.ctx, m) })
		return m
	}
	first, second := mail(f.user, day), mail(f.user, day.Add(-time.Minute))
	mail(f.user, day.Add(time.Hour))
	bobs := mail(bob.ID, day)
	recipients := func(at time.Time) (n int) {
		f.read(func(tx store.Tx) error {
			users, err := tx.Mails().Recipients(f.ctx, at, 10)
			n = len(users)
			one, _ := tx.Mails().Recipients(f.ctx, at, 1)
			f.same("one at most", len(one), min(n, 1))
			return err
		})
		return n
	}
	lease := func(user keywright.ID, at time.Time, limit int) (list []*store.Mail) {
		f.write(func(tx store.Tx) (err error) {
			list, err = tx.Mails().LeaseMails(f.ctx, user, at, at.Add(time.Minute), limit)
			return err
		})
		return list
	}
	f.same("recipients", recipients(day), 2)
	f.same("before", recipients(day.Add(-time.Hour)), 0)
	f.same("the oldest", lease(f.user, day, 1), []*store.Mail{second})
	f.same("the next", lease(f.user, day, 10), []*store.Mail{first})
	f.same("no more", len(lease(f.user, day, 10)), 0)
	f.same("leased", recipients(day), 1)
	f.same("run out", lease(f.user, day.Add(time.Minute), 10), []*store.Mail{second, first})
	first.Attempt, first.NextAt = 1, day.Add(2*time.Hour)
	f.write(func(tx store.Tx) error {
		if err := tx.Mails().RetryMail(f.ctx, first); err != nil {
			return err
		}
		return tx.Mails().DeleteMail(f.ctx, second.ID)
	})
	f.same("again", lease(f.user, day.Add(3*time.Hour), 10)[1], first)
	_, err := f.store.Write(f.ctx, func(tx store.Tx) error { return tx.Mails().DeleteMail(f.ctx, second.ID) })
	f.fails("deleted", err, keywright.ErrNotFound)
	f.write(func(tx store.Tx) error { return tx.People().DeleteUser(f.ctx, bob.ID, event("user.delete")) })
	_, err = f.store.Write(f.ctx, func(tx store.Tx) error { return tx.Mails().RetryMail(f.ctx, bobs) })
	f.fails("gone with its user", err, keywright.ErrNotFound)
	_, err = f.store.Write(f.ctx, func(tx store.Tx) error { return tx.Mails().InsertMail(f.ctx, bobs) })
	f.fails("to nobody", err, keywright.ErrNotFound)
}
