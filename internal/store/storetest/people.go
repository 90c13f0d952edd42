package storetest

import (
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func testTenants(f *fixture) {
	want := &store.Account{Name: "child@acme", Title: "Ärmel's", Policy: keywright.DefaultPolicy(), CreatedAt: day}
	want.Policy.MaxLifetime = 7200
	want.Policy.AllowedScopes = []string{"a:*"}
	f.write(func(tx store.Tx) error {
		f.fails("duplicate", tx.Tenants().InsertAccount(f.ctx, &store.Account{Name: "acme", CreatedAt: day}, event("x")), keywright.ErrConflict)
		_, err := tx.Tenants().InsertSpace(f.ctx, &store.Space{Account: "acme", Name: "default", CreatedAt: day}, event("x"))
		f.fails("duplicate space", err, keywright.ErrConflict)
		if err := tx.Tenants().InsertAccount(f.ctx, want, event("account.create")); err != nil {
			return err
		}
		_, err = tx.Tenants().InsertSpace(f.ctx, &store.Space{Account: "child@acme", Name: "default", CreatedAt: day}, event("space.create"))
		return err
	})
	f.wantTrail("account.create", "space.create")
	f.read(func(tx store.Tx) error {
		got, err := tx.Tenants().Account(f.ctx, "child@acme")
		f.same("account", got, want)
		all, _ := tx.Tenants().Accounts(f.ctx, "", 10)
		f.same("accounts", []string{all[0].Name, all[1].Name}, []string{"acme", "child@acme"})
		rest, _ := tx.Tenants().Accounts(f.ctx, "acme", 10)
		f.same("accounts after acme", len(rest), 1)
		spaces, _ := tx.Tenants().Spaces(f.ctx, "acme", "", 10)
		f.same("spaces", *spaces[0], store.Space{Account: "acme", Name: "default", Number: 1, CreatedAt: day})
		return err
	})
	limits := []keywright.Limit{{Scopes: f.scopes("a:*")}}
	f.wantTenant("child@acme", keywright.Tenant{Open: true, MaxLifetime: 2 * time.Hour, Limits: limits})
	f.wantTenant("acme", keywright.Tenant{Open: true})
	want.ClosedAt = day
	f.write(func(tx store.Tx) error { return tx.Tenants().UpdateAccount(f.ctx, want, event("account.policy")) })
	f.wantTenant("child@acme", keywright.Tenant{MaxLifetime: 2 * time.Hour, Limits: limits})
}

func (f *fixture) wantTenant(account string, want keywright.Tenant) {
	f.Helper()
	got, err := f.store.FindTenant(f.ctx, account, "default")
	f.fails("tenant", err, nil)
	f.same("tenant "+account, got, want)
}

func (f *fixture) addUser(u *store.User) (err error) {
	_, err = f.store.Write(f.ctx, func(tx store.Tx) error {
		u.Number, err = tx.People().InsertUser(f.ctx, u, event("user.create"))
		return err
	})
	return err
}

// testPeople: names and addresses are found and are unique without regard to case; many may have no address.
func testPeople(f *fixture) {
	bob := &store.User{ID: f.id(), Username: "Bob", Email: "Bob@Example.org", PasswordHash: "$argon2id$x", CreatedAt: day}
	eve, zoe := &store.User{ID: f.id(), Username: "eve", CreatedAt: day}, &store.User{ID: f.id(), Username: "Zoë", CreatedAt: day}
	for _, u := range []*store.User{bob, eve, zoe} {
		f.fails(u.Username, f.addUser(u), nil)
	}
	f.fails("same name", f.addUser(&store.User{ID: f.id(), Username: "zOË", CreatedAt: day}), keywright.ErrConflict)
	f.fails("same address", f.addUser(&store.User{ID: f.id(), Username: "x", Email: "BOB@example.ORG", CreatedAt: day}), keywright.ErrConflict)
	f.same("number", bob.Number, int64(2))
	f.read(func(tx store.Tx) error {
		for _, name := range []string{"bob", "BOB", "bob@example.org"} {
			got, err := tx.People().UserNamed(f.ctx, name)
			f.fails(name, err, nil)
			f.same(name, got, bob)
		}
		got, err := tx.People().User(f.ctx, zoe.ID)
		f.same("by id", got, zoe)
		f.same("all", usernames(tx.People().Users(f.ctx, "", "", 10)), "Ada Bob eve Zoë ")
		f.same("after BOB", usernames(tx.People().Users(f.ctx, "", "BOB", 1)), "eve ")
		return err
	})
	bob.Email, bob.DisabledAt = "", day
	f.write(func(tx store.Tx) error { return tx.People().UpdateUser(f.ctx, bob, event("user.password")) })
	f.read(func(tx store.Tx) error {
		got, err := tx.People().User(f.ctx, bob.ID)
		f.same("updated", got, bob)
		_, gone := tx.People().UserNamed(f.ctx, "bob@example.org")
		f.fails("address he had", gone, keywright.ErrNotFound)
		return err
	})
}

func usernames(list []*store.User, err error) (names string) {
	if err != nil {
		return err.Error()
	}
	for _, u := range list {
		names += u.Username + " "
	}
	return names
}

func testRoles(f *fixture) {
	reader := store.Role{User: f.user, Account: "acme", Space: "default", Name: "reader"}
	admin := store.Role{User: f.user, Account: "acme", Name: "admin"}
	operator := store.Role{User: f.user, Name: "operator"}
	other := &store.User{ID: f.id(), Username: "other", CreatedAt: day}
	f.fails("other", f.addUser(other), nil)
	for _, r := range []store.Role{reader, operator, admin} {
		f.write(func(tx store.Tx) error { return tx.People().InsertRole(f.ctx, r, event("role.grant")) })
	}
	_, err := f.store.Write(f.ctx, func(tx store.Tx) error { return tx.People().InsertRole(f.ctx, admin, event("role.grant")) })
	f.fails("twice the same", err, keywright.ErrConflict)
	c := f.write(func(tx store.Tx) error { return tx.People().DeleteRole(f.ctx, reader, event("role.drop")) })
	if c.Revision == 0 {
		f.Error("a dropped role took no revision")
	}
	f.read(func(tx store.Tx) error {
		got, err := tx.People().Roles(f.ctx, f.user)
		f.same("roles", got, []store.Role{operator, admin})
		none, _ := tx.People().Roles(f.ctx, other.ID)
		f.same("roles of another", len(none), 0)
		f.same("users of acme", usernames(tx.People().Users(f.ctx, "acme", "", 10)), "Ada ")
		return err
	})
}

// testRename: a token shows its owner's name as it is now, and is forgotten when that changes.
func testRename(f *fixture) {
	r, nobodys := f.record("r"), f.record("nobody's")
	nobodys.Owner = keywright.ID{}
	f.insert(r, nobodys)
	c := f.write(func(tx store.Tx) error {
		return tx.People().UpdateUser(f.ctx, &store.User{ID: f.user, Username: "Ada Lovelace"}, event("user.edit"))
	})
	f.same("forget", c.Forget, []store.Subject{{Kind: store.SubjectToken, ID: r.Facts.ID.String()}})
	f.same("owner's name", f.find(r.Facts.ID).OwnerName, "Ada Lovelace")
	f.same("nobody's name", f.find(nobodys.Facts.ID).OwnerName, "")
	c = f.write(func(tx store.Tx) error {
		return tx.People().UpdateUser(f.ctx, &store.User{ID: f.user, Username: "Ada Lovelace", PasswordHash: "x"}, event("user.password"))
	})
	f.same("forget with the same name", len(c.Forget), 0)
}

func testSessions(f *fixture) {
	session := func(ends time.Duration) *store.Session {
		s := &store.Session{
			ID: f.id(), User: f.user, Digest: digest("s"), Pepper: "p1", CreatedAt: day, ExpiresAt: day.Add(ends),
			Address: "192.0.2.1", UserAgent: "Mozilla", SSO: ends > 0,
		}
		f.write(func(tx store.Tx) error { return tx.People().InsertSession(f.ctx, s, event("session.begin")) })
		return s
	}
	exists := func(s *store.Session) bool {
		return f.store.Read(f.ctx, func(tx store.Tx) error {
			got, err := tx.People().Session(f.ctx, s.ID)
			if err == nil {
				f.same("session", got, s)
			}
			return err
		}) == nil
	}
	a, b, c, past := session(time.Hour), session(time.Hour), session(time.Hour), session(0)
	f.write(func(tx store.Tx) error { return tx.People().PruneSessions(f.ctx, day) })
	f.same("after pruning", []bool{exists(a), exists(b), exists(c), exists(past)}, []bool{true, true, true, false})
	f.write(func(tx store.Tx) error { return tx.People().DeleteSession(f.ctx, a.ID, event("session.end")) })
	f.write(func(tx store.Tx) error {
		return tx.People().DeleteSessionsOf(f.ctx, f.user, b.ID, event("session.end"))
	})
	f.same("after ending others", []bool{exists(a), exists(b), exists(c)}, []bool{false, true, false})
	f.write(func(tx store.Tx) error {
		return tx.People().DeleteSessionsOf(f.ctx, f.user, keywright.ID{}, event("session.end"))
	})
	f.same("after ending all", exists(b), false)
}

func testIdempotent(f *fixture) {
	i := &store.Idempotent{Caller: "user:Ada", Key: digest("k"), Request: digest("r"), Sealed: []byte{0, 1, 255}, ExpiresAt: day.Add(time.Hour)}
	insert := func(i store.Idempotent) error {
		_, err := f.store.Write(f.ctx, func(tx store.Tx) error { return tx.Keys().InsertIdempotent(f.ctx, &i) })
		return err
	}
	f.fails("first", insert(*i), nil)
	f.fails("again", insert(*i), keywright.ErrConflict)
	other := *i
	other.Caller = "user:ada"
	f.fails("another caller's", insert(other), nil)
	f.read(func(tx store.Tx) error {
		got, err := tx.Keys().Idempotent(f.ctx, "user:Ada", digest("k"))
		f.same("answer", got, i)
		return err
	})
	f.write(func(tx store.Tx) error { return tx.Keys().PruneIdempotent(f.ctx, i.ExpiresAt.Add(-time.Microsecond)) })
	f.fails("before its end", insert(*i), keywright.ErrConflict)
	f.write(func(tx store.Tx) error { return tx.Keys().PruneIdempotent(f.ctx, i.ExpiresAt) })
	f.fails("after its end", insert(*i), nil)
	f.wantTrail()
}

func testSigningKeys(f *fixture) {
	later := &store.SigningKey{KID: "a", Public: []byte("p"), Sealed: []byte{0, 1}, CreatedAt: day, ActiveAt: day.Add(time.Hour)}
	first := &store.SigningKey{KID: "b", Public: []byte("q"), Sealed: []byte{2}, CreatedAt: day, ActiveAt: day, RetireAt: day.Add(time.Hour)}
	for _, k := range []*store.SigningKey{later, first} {
		f.write(func(tx store.Tx) error { return tx.Keys().InsertSigningKey(f.ctx, k, event("key.add")) })
	}
	_, err := f.store.Write(f.ctx, func(tx store.Tx) error { return tx.Keys().InsertSigningKey(f.ctx, first, event("key.add")) })
	f.fails("twice the same", err, keywright.ErrConflict)
	f.read(func(tx store.Tx) error {
		got, err := tx.Keys().SigningKeys(f.ctx)
		f.same("keys", got, []*store.SigningKey{first, later})
		return err
	})
	f.write(func(tx store.Tx) error { return tx.Keys().DeleteSigningKey(f.ctx, "b", event("key.retire")) })
	f.wantTrail("key.add", "key.add", "key.retire")
}

func testSettings(f *fixture) {
	for _, value := range []string{"", "ä", "second"} {
		f.write(func(tx store.Tx) error { return tx.Keys().SetSetting(f.ctx, "name", value, event("instance.start")) })
		f.read(func(tx store.Tx) error {
			got, err := tx.Keys().Setting(f.ctx, "name")
			f.same("setting", got, value)
			return err
		})
	}
	f.wantTrail("instance.start", "instance.start", "instance.start")
}
