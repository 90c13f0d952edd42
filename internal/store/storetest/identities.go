package storetest

import (
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func testIdentities(f *fixture) {
	bob := &store.User{ID: f.id(), Username: "eve@example.org", Email: "Bob@example.org", CreatedAt: day}
	eve := &store.User{ID: f.id(), Username: "eve", Email: "Eve@example.org", CreatedAt: day}
	f.fails("bob", f.addUser(bob), nil)
	f.fails("eve", f.addUser(eve), nil)
	const issuer = "https://id.example"
	identify := func(issuer, subject string, user keywright.ID) error {
		_, err := f.store.Write(f.ctx, func(tx store.Tx) error {
			return tx.People().InsertIdentity(f.ctx, store.Identity{Issuer: issuer, Subject: subject, User: user, CreatedAt: day}, event("user.link"))
		})
		return err
	}
	f.fails("first", identify(issuer, "b", bob.ID), nil)
	f.fails("another case is another subject", identify(issuer, "B", eve.ID), nil)
	f.fails("somebody's subject", identify(issuer, "b", f.user), keywright.ErrConflict)
	f.fails("a second subject", identify(issuer, "b2", bob.ID), keywright.ErrConflict)
	f.fails("at another issuer", identify("https://id.example/", "b2", bob.ID), nil)
	f.read(func(tx store.Tx) error {
		got, err := tx.People().UserIdentified(f.ctx, issuer, "b")
		f.same("by subject", got, bob)
		_, unknown := tx.People().UserIdentified(f.ctx, "https://ID.example", "b")
		f.fails("another issuer", unknown, keywright.ErrNotFound)
		mail, _ := tx.People().UserWithEmail(f.ctx, "EVE@example.org")
		f.same("by e-mail, which is somebody's name", mail, eve)
		_, unknown = tx.People().UserWithEmail(f.ctx, "eve")
		f.fails("a name", unknown, keywright.ErrNotFound)
		_, unknown = tx.People().UserWithEmail(f.ctx, "")
		f.fails("no e-mail", unknown, keywright.ErrNotFound)
		return err
	})
	f.write(func(tx store.Tx) error { return tx.People().DeleteUser(f.ctx, bob.ID, event("user.delete")) })
	f.fails("free again", identify(issuer, "b", f.user), nil)
}

// testProvidedRoles: a role that is given by hand too stays by hand, and no group gives it again.
func testProvidedRoles(f *fixture) {
	role := store.Role{User: f.user, Account: "acme", Name: "admin", Provided: true}
	give := func(r store.Role) error {
		_, err := f.store.Write(f.ctx, func(tx store.Tx) error { return tx.People().InsertRole(f.ctx, r, event("role.grant")) })
		return err
	}
	kept := func() (roles []store.Role) {
		f.read(func(tx store.Tx) (err error) {
			roles, err = tx.People().Roles(f.ctx, f.user)
			return err
		})
		return roles
	}
	f.fails("provided", give(role), nil)
	f.fails("provided again", give(role), keywright.ErrConflict)
	f.same("kept", kept(), []store.Role{role})
	role.Provided = false
	f.fails("by hand", give(role), nil)
	f.fails("by hand again", give(role), keywright.ErrConflict)
	f.same("kept by hand", kept(), []store.Role{role})
	provided := role
	provided.Provided = true
	f.fails("provided then", give(provided), keywright.ErrConflict)
	f.same("kept by hand still", kept(), []store.Role{role})
}

func testOffers(f *fixture) {
	offer := func(ends time.Duration) *store.Offer {
		o := &store.Offer{ID: f.id(), Digest: digest("o"), Pepper: "p1", Challenge: "c", User: f.user, ExpiresAt: day.Add(ends)}
		f.write(func(tx store.Tx) error { return tx.People().InsertOffer(f.ctx, o, event("session.offer")) })
		return o
	}
	take := func(o *store.Offer) error {
		_, err := f.store.Write(f.ctx, func(tx store.Tx) error { return tx.People().TakeOffer(f.ctx, o.ID) })
		return err
	}
	a, past := offer(time.Minute), offer(0)
	f.read(func(tx store.Tx) error {
		got, err := tx.People().Offer(f.ctx, a.ID)
		f.same("offer", got, a)
		_, unknown := tx.People().Offer(f.ctx, f.id())
		f.fails("unknown", unknown, keywright.ErrNotFound)
		return err
	})
	f.write(func(tx store.Tx) error { return tx.People().PruneOffers(f.ctx, day) })
	f.fails("one that ran out", take(past), keywright.ErrNotFound)
	f.fails("the other", take(a), nil)
	f.fails("again", take(a), keywright.ErrNotFound)
}
