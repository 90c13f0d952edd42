package storetest

import (
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// testSpaces: a space is closed and gone for a verification that begins later, and does not go while anything is in it.
func testSpaces(f *fixture) {
	f.space("lab")
	lab := &store.Space{Account: "acme", Name: "lab", Number: 2, Title: "Lab", ClosedAt: day, CreatedAt: day}
	c := f.write(func(tx store.Tx) error { return tx.Tenants().UpdateSpace(f.ctx, lab, event("space.close")) })
	f.same("forget", c.Forget, []store.Subject{{Kind: store.SubjectAccount, ID: "acme"}})
	f.read(func(tx store.Tx) error {
		got, err := tx.Tenants().Space(f.ctx, "acme", "lab")
		f.same("space", got, lab)
		f.fails("space", err, nil)
		got, err = tx.Tenants().SpaceNumbered(f.ctx, "acme", 2)
		f.same("space by number", got, lab)
		return err
	})
	closed, err := f.store.FindTenant(f.ctx, "acme", "lab")
	f.fails("tenant", err, nil)
	f.same("tenant", closed.Open, false)
	r := f.record("in it")
	r.Facts.Kind, r.Facts.Space = keywright.KindSpace, "lab"
	f.insert(r)
	role := store.Role{User: f.user, Account: "acme", Space: "lab", Name: "owner"}
	f.write(func(tx store.Tx) error { return tx.People().InsertRole(f.ctx, role, event("role.grant")) })
	remove := func(tx store.Tx) error {
		return tx.Tenants().DeleteSpace(f.ctx, "acme", "lab", event("space.delete"))
	}
	inUse := func(what string) {
		f.Helper()
		_, err := f.store.Write(f.ctx, remove)
		f.fails(what, err, keywright.ErrConflict)
	}
	inUse("with a token and a role")
	f.write(func(tx store.Tx) error { return tx.Tokens().Delete(f.ctx, r.Facts.ID, event("token.delete")) })
	inUse("with a role")
	f.write(func(tx store.Tx) error { return tx.People().DeleteRole(f.ctx, role, event("role.drop")) })
	c = f.write(remove)
	f.same("forget", c.Forget, []store.Subject{{Kind: store.SubjectAccount, ID: "acme"}})
	_, err = f.store.FindTenant(f.ctx, "acme", "lab")
	f.fails("tenant that is gone", err, keywright.ErrNotFound)
	_, err = f.store.Write(f.ctx, remove)
	f.fails("again", err, keywright.ErrNotFound)
	_, err = f.store.Write(f.ctx, func(tx store.Tx) error { return tx.Tenants().UpdateSpace(f.ctx, lab, event("x")) })
	f.fails("change of what is gone", err, keywright.ErrNotFound)
}

func testUsersWith(f *fixture) {
	bob := &store.User{ID: f.id(), Username: "Bob", CreatedAt: day}
	f.fails("bob", f.addUser(bob), nil)
	f.space("lab")
	for _, r := range []store.Role{
		{User: f.user, Account: "acme", Name: "admin"}, {User: f.user, Name: "operator"},
		{User: bob.ID, Account: "acme", Name: "auditor"}, {User: bob.ID, Account: "acme", Space: "lab", Name: "owner"},
	} {
		f.write(func(tx store.Tx) error { return tx.People().InsertRole(f.ctx, r, event("role.grant")) })
	}
	f.read(func(tx store.Tx) error {
		with := func(r store.Role, after string, limit int) string {
			return usernames(tx.People().UsersWith(f.ctx, r, after, limit))
		}
		f.same("of the account", with(store.Role{Account: "acme"}, "", 10), "Ada Bob ")
		f.same("one of them", with(store.Role{Account: "acme"}, "", 1), "Ada ")
		f.same("after ADA", with(store.Role{Account: "acme"}, "ADA", 10), "Bob ")
		f.same("admins", with(store.Role{Account: "acme", Name: "admin"}, "", 10), "Ada ")
		f.same("of the space", with(store.Role{Account: "acme", Space: "lab"}, "", 10), "Bob ")
		f.same("managers of the space", with(store.Role{Account: "acme", Space: "lab", Name: "manager"}, "", 10), "")
		f.same("operators", with(store.Role{Name: "operator"}, "", 10), "Ada ")
		return nil
	})
}

// testOwned: a user's tokens that are not revoked, of every account, the oldest first.
func testOwned(f *fixture) {
	f.write(func(tx store.Tx) error {
		if err := tx.Tenants().InsertAccount(f.ctx, &store.Account{Name: "other", CreatedAt: day}, event("account.create")); err != nil {
			return err
		}
		_, err := tx.Tenants().InsertSpace(f.ctx, &store.Space{Account: "other", Name: "default", CreatedAt: day}, event("space.create"))
		return err
	})
	young, old, revoked, nobodys := f.record("young"), f.record("old"), f.record("revoked"), f.record("nobody's")
	old.CreatedAt, old.Facts.Account = day.Add(-time.Hour), "other"
	old.Facts.DisabledAt = day
	young.Facts.ExpiresAt = day.Add(-time.Minute)
	revoked.Facts.RevokedAt = day
	nobodys.Owner = keywright.ID{}
	f.insert(young, old, revoked, nobodys)
	f.read(func(tx store.Tx) error {
		got, err := tx.Tokens().OwnedBy(f.ctx, f.user, 10)
		f.same("owned", labels(got), "old young ")
		one, _ := tx.Tokens().OwnedBy(f.ctx, f.user, 1)
		f.same("one", labels(one), "old ")
		return err
	})
}

func labels(list []*store.Record) (all string) {
	for _, r := range list {
		all += r.Label + " "
	}
	return all
}

// testDeleteUser: a user does not go while anything of it could act; what cannot keeps the name it had.
func testDeleteUser(f *fixture) {
	live, revoked := f.record("live"), f.record("revoked")
	revoked.Facts.RevokedAt = day
	f.insert(live, revoked)
	role := store.Role{User: f.user, Account: "acme", Name: "admin"}
	session := &store.Session{ID: f.id(), User: f.user, Digest: digest("s"), Pepper: "p1", CreatedAt: day, ExpiresAt: day}
	f.write(func(tx store.Tx) error {
		if err := tx.People().InsertRole(f.ctx, role, event("role.grant")); err != nil {
			return err
		}
		return tx.People().InsertSession(f.ctx, session, event("session.begin"))
	})
	remove := func(tx store.Tx) error { return tx.People().DeleteUser(f.ctx, f.user, event("user.delete")) }
	for _, step := range []func(store.Tx) error{
		func(tx store.Tx) error { return tx.People().DeleteRole(f.ctx, role, event("role.drop")) },
		func(tx store.Tx) error {
			return tx.People().DeleteSessionsOf(f.ctx, f.user, keywright.ID{}, event("session.end"))
		},
		func(tx store.Tx) error { return tx.Tokens().Delete(f.ctx, live.Facts.ID, event("token.delete")) },
	} {
		_, err := f.store.Write(f.ctx, remove)
		f.fails("in use", err, keywright.ErrConflict)
		f.write(step)
	}
	c := f.write(remove)
	f.same("forget", c.Forget, []store.Subject{{Kind: store.SubjectToken, ID: revoked.Facts.ID.String()}})
	kept := f.find(revoked.Facts.ID)
	f.same("owner", kept.Owner, keywright.ID{})
	f.same("owner's name", kept.OwnerName, "Ada")
	_, err := f.store.Write(f.ctx, remove)
	f.fails("again", err, keywright.ErrNotFound)
}

func testSessionsOf(f *fixture) {
	var made []*store.Session
	for _, ends := range []time.Duration{time.Hour, 0, time.Hour, time.Minute} {
		s := &store.Session{ID: f.id(), User: f.user, Digest: digest("s"), Pepper: "p1", CreatedAt: day, ExpiresAt: day.Add(ends)}
		f.write(func(tx store.Tx) error { return tx.People().InsertSession(f.ctx, s, event("session.begin")) })
		made = append(made, s)
	}
	f.read(func(tx store.Tx) error {
		got, err := tx.People().SessionsOf(f.ctx, f.user, keywright.ID{}, day, 2)
		f.same("newest", got, []*store.Session{made[3], made[2]})
		got, _ = tx.People().SessionsOf(f.ctx, f.user, made[2].ID, day, 2)
		f.same("older", got, []*store.Session{made[0]})
		got, _ = tx.People().SessionsOf(f.ctx, f.id(), keywright.ID{}, day, 2)
		f.same("nobody's", len(got), 0)
		return err
	})
}

func testInvites(f *fixture) {
	f.space("lab")
	first := &store.Invite{
		ID: f.id(), Digest: digest("i"), Pepper: "p1", Username: "Eve", Email: "eve@example.org",
		Role:   store.Role{Account: "acme", Space: "lab", Name: "owner"},
		ByUser: f.user, ByToken: f.id(), InvitedBy: "token:x", CreatedAt: day, ExpiresAt: day.Add(time.Hour),
	}
	second := *first
	second.ID, second.ByToken, second.Role.Space, second.ExpiresAt = f.id(), keywright.ID{}, "", day
	for _, i := range []*store.Invite{first, &second} {
		f.write(func(tx store.Tx) error { return tx.People().InsertInvite(f.ctx, i, event("invite.create")) })
	}
	f.read(func(tx store.Tx) error {
		got, err := tx.People().Invite(f.ctx, first.ID)
		f.same("invitation", got, first)
		all, _ := tx.People().InvitesTo(f.ctx, "acme", keywright.ID{}, 10)
		f.same("to acme", all, []*store.Invite{first, &second})
		rest, _ := tx.People().InvitesTo(f.ctx, "acme", first.ID, 10)
		f.same("after the first", rest, []*store.Invite{&second})
		none, _ := tx.People().InvitesTo(f.ctx, "other", keywright.ID{}, 10)
		f.same("to another", len(none), 0)
		return err
	})
	f.write(func(tx store.Tx) error { return tx.People().PruneInvites(f.ctx, day) })
	end := func(i *store.Invite) error {
		_, err := f.store.Write(f.ctx, func(tx store.Tx) error { return tx.People().DeleteInvite(f.ctx, i.ID, event("invite.accept")) })
		return err
	}
	f.fails("one that ran out", end(&second), keywright.ErrNotFound)
	f.fails("the other", end(first), nil)
	f.fails("again", end(first), keywright.ErrNotFound)
}
