package storetest

import (
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// full is a token with everything a token can have, and what databases trip over: quotes, wildcards,
// NUL, four-byte characters, the largest instant.
func (f *fixture) full() *store.Record {
	r := f.record(`O'Brien "100%" _\ 🦊 ÄÖ`)
	r.Facts.Scopes = f.scopes("invoices:read", "keywright:tokens:read", "table://my.app.**")
	r.Implied = f.scopes("keywright:tokens:read")
	r.Facts.Audience = []string{"http", "api v2", "a%20b"}
	r.Facts.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	r.Facts.NotBefore = day.Add(-time.Hour)
	r.Facts.ExpiresAt = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	r.Facts.RenewedAt = day.Add(time.Microsecond)
	r.Facts.DisabledAt, r.Facts.RevokedAt = day.Add(time.Second), day.Add(2*time.Second)
	r.DisabledBy, r.RevokedReason, r.Parent = f.id(), "leaked\x00", f.id()
	r.Metadata = map[string]string{"team": "blue", "": "empty key", "note": ""}
	r.Recoverable = true
	r.Secrets = []store.Secret{
		{Number: 2, Digest: digest("new"), Pepper: "p2"},
		{Number: 1, Foreign: true, Digest: digest("old"), Pepper: "p1", Until: day.Add(24 * time.Hour)},
	}
	r.AccessSince = day.Add(-time.Minute)
	r.AccessRevoked = []store.RevokedAccess{{JTI: "j1", ExpiresAt: day.Add(5 * time.Minute)}}
	return r
}

func testRecord(f *fixture) {
	bare, full := f.record("bare"), f.full()
	empty := f.record("empty") // nothing in it, but not nil
	empty.Facts.Scopes, empty.Facts.Audience = keywright.Scopes{}, []string{}
	empty.Facts.Networks, empty.Metadata = []netip.Prefix{}, map[string]string{}
	empty.AccessRevoked = []store.RevokedAccess{}
	f.insert(bare, full, empty)
	for _, r := range []*store.Record{bare, full, empty} {
		f.same("found "+r.Label, f.find(r.Facts.ID), r)
		f.read(func(tx store.Tx) error {
			got, err := tx.Tokens().Get(f.ctx, r.Facts.ID)
			f.same("got "+r.Label, got, r)
			return err
		})
	}
	for _, at := range []time.Time{f.find(full.Facts.ID).Facts.ExpiresAt, f.find(full.Facts.ID).Secrets[1].Until} {
		if at.Location() != time.UTC {
			f.Errorf("%v is not in UTC", at)
		}
	}
}

// testInstants: any zone goes in, UTC comes out, to the microsecond and never rounded up.
func testInstants(f *fixture) {
	r := f.record("zoned")
	r.Facts.ExpiresAt = time.Date(2031, 5, 17, 23, 0, 0, 123456999, time.FixedZone("", -5*3600))
	r.Facts.NotBefore = time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)
	f.insert(r)
	got := f.find(r.Facts.ID).Facts
	f.same("expiry", got.ExpiresAt.String(), "2031-05-18 04:00:00.123456 +0000 UTC")
	f.same("before 1970", got.NotBefore.String(), "1969-12-31 00:00:00 +0000 UTC")
}

func testFind(f *fixture) {
	imported := f.record("imported")
	imported.Secrets[0] = store.Secret{Number: 1, Foreign: true, Digest: digest("theirs"), Pepper: "p1"}
	f.insert(imported)
	got, err := f.store.FindDigest(f.ctx, digest("theirs"))
	f.fails("by digest", err, nil)
	f.same("by digest", got, imported)
	_, err = f.store.FindDigest(f.ctx, digest("unknown"))
	f.fails("unknown digest", err, keywright.ErrNotFound)
	own := f.record("own")
	f.insert(own)
	_, err = f.store.FindDigest(f.ctx, own.Secrets[0].Digest)
	f.fails("a digest of a secret that is not foreign", err, keywright.ErrNotFound)
	f.read(func(tx store.Tx) error {
		got, err := tx.Tokens().GetDigest(f.ctx, digest("theirs"))
		f.same("got by digest", got, imported)
		return err
	})
	f.read(func(tx store.Tx) error {
		got, err := tx.Tokens().GetNumber(f.ctx, "acme", imported.Number)
		f.same("got by number", got, imported)
		return err
	})
}

func testAbsent(f *fixture) {
	nobody := f.id()
	for what, get := range map[string]func(store.Tx) error{
		"token":   func(tx store.Tx) error { _, err := tx.Tokens().Get(f.ctx, nobody); return err },
		"number":  func(tx store.Tx) error { _, err := tx.Tokens().GetNumber(f.ctx, "acme", 99); return err },
		"digest":  func(tx store.Tx) error { _, err := tx.Tokens().GetDigest(f.ctx, digest("x")); return err },
		"sealed":  func(tx store.Tx) error { _, err := tx.Tokens().Sealed(f.ctx, nobody); return err },
		"account": func(tx store.Tx) error { _, err := tx.Tenants().Account(f.ctx, "ACME"); return err },
		"space":   func(tx store.Tx) error { _, err := tx.Tenants().Space(f.ctx, "acme", "none"); return err },
		"space's number": func(tx store.Tx) error {
			_, err := tx.Tenants().SpaceNumbered(f.ctx, "acme", 99)
			return err
		},
		"user":        func(tx store.Tx) error { _, err := tx.People().User(f.ctx, nobody); return err },
		"user's name": func(tx store.Tx) error { _, err := tx.People().UserNamed(f.ctx, "bob"); return err },
		"no name":     func(tx store.Tx) error { _, err := tx.People().UserNamed(f.ctx, ""); return err },
		"session":     func(tx store.Tx) error { _, err := tx.People().Session(f.ctx, nobody); return err },
		"answer":      func(tx store.Tx) error { _, err := tx.Keys().Idempotent(f.ctx, "user:Ada", digest("k")); return err },
		"setting":     func(tx store.Tx) error { _, err := tx.Keys().Setting(f.ctx, "none"); return err },
	} {
		f.fails(what, f.store.Read(f.ctx, get), keywright.ErrNotFound)
	}
	_, err := f.store.FindTenant(f.ctx, "acme", "none")
	f.fails("tenant", err, keywright.ErrNotFound)
	f.absentChanges(nobody)
	f.wantTrail()
}

// absentChanges: what is not there cannot be changed, and the attempt leaves no event.
func (f *fixture) absentChanges(nobody keywright.ID) {
	gone, e := f.record("gone"), event("x")
	stray, lost := f.record("stray"), f.record("lost")
	stray.Facts.Account, lost.Facts.Space = "none", "none"
	for what, change := range map[string]func(store.Tx) error{
		"update":         func(tx store.Tx) error { return tx.Tokens().Update(f.ctx, gone, e) },
		"delete":         func(tx store.Tx) error { return tx.Tokens().Delete(f.ctx, nobody, e) },
		"no account":     func(tx store.Tx) error { _, err := tx.Tokens().Insert(f.ctx, stray, e); return err },
		"no space":       func(tx store.Tx) error { _, err := tx.Tokens().Insert(f.ctx, lost, e); return err },
		"hold":           func(tx store.Tx) error { return tx.Tenants().Hold(f.ctx, "none") },
		"update account": func(tx store.Tx) error { return tx.Tenants().UpdateAccount(f.ctx, &store.Account{Name: "none"}, e) },
		"update user":    func(tx store.Tx) error { return tx.People().UpdateUser(f.ctx, &store.User{ID: nobody}, e) },
		"delete role": func(tx store.Tx) error {
			return tx.People().DeleteRole(f.ctx, store.Role{User: f.user, Name: "operator"}, e)
		},
		"role of nobody": func(tx store.Tx) error {
			return tx.People().InsertRole(f.ctx, store.Role{User: nobody, Name: "operator"}, e)
		},
		"end session": func(tx store.Tx) error { return tx.People().DeleteSession(f.ctx, nobody, e) },
		"delete key":  func(tx store.Tx) error { return tx.Keys().DeleteSigningKey(f.ctx, "none", e) },
	} {
		_, err := f.store.Write(f.ctx, change)
		f.fails(what, err, keywright.ErrNotFound)
	}
}

// testDuplicate: what must be unique is, and a refused change leaves the transaction usable.
func testDuplicate(f *fixture) {
	imported := f.record("imported")
	imported.Secrets[0] = store.Secret{Number: 1, Foreign: true, Digest: digest("theirs"), Pepper: "p1"}
	f.insert(imported)
	sameID, sameDigest, other := f.record("same id"), f.record("same digest"), f.record("other")
	sameID.Facts.ID = imported.Facts.ID
	sameDigest.Secrets = imported.Secrets
	f.write(func(tx store.Tx) error {
		_, err := tx.Tokens().Insert(f.ctx, sameID, event("refused"))
		f.fails("same id", err, keywright.ErrConflict)
		_, err = tx.Tokens().Insert(f.ctx, sameDigest, event("refused"))
		f.fails("same digest", err, keywright.ErrConflict)
		_, err = tx.Tokens().Insert(f.ctx, other, event("token.create"))
		return err
	})
	_, err := f.store.Find(f.ctx, sameDigest.Facts.ID)
	f.fails("the refused one", err, keywright.ErrNotFound)
	f.find(other.Facts.ID)
	f.wantTrail("token.create", "token.create")
}

// testInsertAll: all are there, or none; what was refused can be done without, in the same Write.
func testInsertAll(f *fixture) {
	all := func(records ...*store.Record) (list []store.NewToken) {
		for _, r := range records {
			list = append(list, store.NewToken{Record: r, Event: event("token.create")})
		}
		return list
	}
	a, b, c, nowhere := f.record("a"), f.record("b"), f.record("c"), f.record("nowhere")
	again := f.record("again")
	again.Facts.ID, nowhere.Facts.Space = a.Facts.ID, "nowhere"
	imported := f.record("imported")
	imported.Secrets = []store.Secret{{Number: 1, Foreign: true, Digest: digest("theirs"), Pepper: "p1"}}
	commit := f.write(func(tx store.Tx) error {
		numbers, err := tx.Tokens().InsertAll(f.ctx, all(a, b))
		f.fails("two", err, nil)
		f.same("numbers", numbers, []int64{1, 2})
		_, err = tx.Tokens().InsertAll(f.ctx, all(c, again))
		f.fails("the second is there", err, keywright.ErrConflict)
		_, err = tx.Tokens().InsertAll(f.ctx, all(nowhere, c))
		f.fails("the first is nowhere", err, keywright.ErrNotFound)
		_, err = tx.Tokens().Get(f.ctx, c.Facts.ID)
		f.fails("what was refused with another", err, keywright.ErrNotFound)
		numbers, err = tx.Tokens().InsertAll(f.ctx, all(c, imported))
		f.same("later numbers", len(numbers) == 2 && numbers[0] > 2 && numbers[1] > numbers[0], true)
		return err
	})
	f.same("an imported key is forgotten as unknown", len(commit.Forget), 1)
	f.same("tokens", sorted(f.list(store.TokenQuery{})), "a b c imported")
	f.wantTrail("token.create", "token.create", "token.create", "token.create")
	f.use(used(c.Facts.ID, day, 1))
	f.same("uses", f.list(store.TokenQuery{Filter: keywright.TokenFilter{Label: "c"}})[0].Uses, int64(1))
}

func testNumbers(f *fixture) {
	f.write(func(tx store.Tx) error {
		if err := tx.Tenants().InsertAccount(f.ctx, &store.Account{Name: "other", CreatedAt: day}, event("x")); err != nil {
			return err
		}
		n, err := tx.Tenants().InsertSpace(f.ctx, &store.Space{Account: "other", Name: "default", CreatedAt: day}, event("x"))
		f.same("first space's number", n, int64(1))
		return err
	})
	a, b, c := f.record("a"), f.record("b"), f.record("c")
	c.Facts.Account = "other"
	f.insert(a, b, c)
	f.same("numbers", []int64{a.Number, b.Number, c.Number}, []int64{1, 2, 1})
	f.delete(b.Facts.ID)
	d := f.record("d")
	f.insert(d)
	f.same("number after a deletion", d.Number, int64(3))
}

func (f *fixture) delete(id keywright.ID) store.Commit {
	f.Helper()
	return f.write(func(tx store.Tx) error { return tx.Tokens().Delete(f.ctx, id, event("token.delete")) })
}

func testUpdate(f *fixture) {
	r := f.full()
	f.insert(r)
	next := f.record("next")
	next.Facts.ID, next.Number, next.Parent = r.Facts.ID, r.Number, r.Parent
	next.UpdatedAt = day.Add(time.Hour)
	f.update(next)
	f.same("updated to the bare", f.find(r.Facts.ID), next)
	_, err := f.store.FindDigest(f.ctx, digest("old"))
	f.fails("the foreign key it had", err, keywright.ErrNotFound)

	stubborn := *r
	stubborn.Number, stubborn.CreatedBy, stubborn.CreatedAt, stubborn.Parent = 77, "token:x", day.Add(-time.Hour), f.id()
	f.update(&stubborn)
	f.same("what was true at its creation stays", f.find(r.Facts.ID), r)
}

func testDelete(f *fixture) {
	r, child := f.full(), f.record("child")
	child.Parent = r.Facts.ID
	f.insert(r, child)
	f.seal(r.Facts.ID, []byte("sealed"))
	f.use(used(r.Facts.ID, day, 1))
	f.delete(r.Facts.ID)
	_, err := f.store.Find(f.ctx, r.Facts.ID)
	f.fails("by id", err, keywright.ErrNotFound)
	_, err = f.store.FindDigest(f.ctx, digest("old"))
	f.fails("by digest", err, keywright.ErrNotFound)
	f.fails("sealed", f.store.Read(f.ctx, func(tx store.Tx) error { _, err := tx.Tokens().Sealed(f.ctx, r.Facts.ID); return err }), keywright.ErrNotFound)
	f.same("the child's parent", f.find(child.Facts.ID).Parent, r.Facts.ID)
	f.use(used(r.Facts.ID, day, 1)) // of what is gone
	f.insert(r)                     // nothing is left of it
	f.same("uses", f.list(store.TokenQuery{Filter: keywright.TokenFilter{IDs: []keywright.ID{r.Facts.ID}}})[0].Uses, int64(0))
	f.wantTrail("token.create", "token.create", "token.edit", "token.delete", "token.create")
}

func (f *fixture) seal(id keywright.ID, sealed []byte) {
	f.Helper()
	f.write(func(tx store.Tx) error {
		if err := tx.Events().Append(f.ctx, event("token.edit")); err != nil {
			return err
		}
		return tx.Tokens().Seal(f.ctx, id, sealed)
	})
}

func testSealed(f *fixture) {
	r := f.record("recoverable")
	f.insert(r)
	for _, sealed := range []string{"first", "second\x00\xff"} {
		f.seal(r.Facts.ID, []byte(sealed))
		f.read(func(tx store.Tx) error {
			got, err := tx.Tokens().Sealed(f.ctx, r.Facts.ID)
			f.same("sealed", string(got), sealed)
			return err
		})
	}
	f.seal(r.Facts.ID, nil)
	f.fails("removed", f.store.Read(f.ctx, func(tx store.Tx) error { _, err := tx.Tokens().Sealed(f.ctx, r.Facts.ID); return err }), keywright.ErrNotFound)
}

// testDescendants: parents come before children, then the older, whatever their ids and labels.
func testDescendants(f *fixture) {
	family := map[string]*store.Record{}
	for _, pair := range strings.Fields("root: z:root a:z y:root b:y c:b stranger:") {
		name, parent, _ := strings.Cut(pair, ":")
		r := f.record(name)
		if parent != "" {
			r.Parent = family[parent].Facts.ID
		}
		family[name] = r
	}
	for _, name := range strings.Fields("c b a root y stranger z") {
		f.insert(family[name])
	}
	f.read(func(tx store.Tx) error {
		below, err := tx.Tokens().Descendants(f.ctx, family["root"].Facts.ID)
		var got []string
		for _, r := range below {
			got = append(got, r.Label)
		}
		f.same("below root", strings.Join(got, " "), "y z b a c")
		none, _ := tx.Tokens().Descendants(f.ctx, family["c"].Facts.ID)
		f.same("below c", len(none), 0)
		return err
	})
}

func testCount(f *fixture) {
	f.space("lab")
	for _, edit := range []func(*keywright.Facts){
		func(*keywright.Facts) {},
		func(t *keywright.Facts) { t.DisabledAt = day },
		func(t *keywright.Facts) { t.Space = "lab" },
		func(t *keywright.Facts) { t.ExpiresAt = day.Add(time.Microsecond) },
		func(t *keywright.Facts) { t.ExpiresAt = day }, // expired now
		func(t *keywright.Facts) { t.RevokedAt = day },
		func(t *keywright.Facts) { t.RenewedAt = day.Add(-time.Hour) },
	} {
		r := f.record("counted")
		edit(&r.Facts)
		f.insert(r)
	}
	f.wantCount("default", 5, 3)
	f.wantCount("lab", 5, 1)
	f.setPolicy(func(p *keywright.Policy) { p.MaxLifetime = 3600 })
	f.wantCount("default", 4, 2)
	f.setPolicy(func(p *keywright.Policy) { p.MaxLifetime = math.MaxInt64 })
	f.wantCount("default", 5, 3)
}

// testPolicyAtUse: what an account's and a space's policy have ended is expired, in lists and in counts, as
// keywright.Facts has it. A use, a renewal and a beginning keep a token from ending for want of use.
func testPolicyAtUse(f *fixture) {
	f.space("lab")
	const hour = 3600
	busy := f.record("used")
	for label, edit := range map[string]func(*keywright.Facts){
		"idle":   func(*keywright.Facts) {},
		"lab":    func(t *keywright.Facts) { t.Space = "lab" },
		"renew":  func(t *keywright.Facts) { t.RenewedAt = day.Add(-time.Hour + time.Microsecond) },
		"begins": func(t *keywright.Facts) { t.NotBefore = day.Add(-time.Minute) },
		"used":   func(*keywright.Facts) {},
	} {
		r := f.record(label)
		if label == "used" {
			r = busy
		}
		r.Facts.RenewedAt = day.Add(-2 * time.Hour)
		edit(&r.Facts)
		f.insert(r)
	}
	f.use(used(busy.Facts.ID, day.Add(-time.Minute), 1))
	n := func(seconds int64) *int64 { return &seconds }
	for _, row := range []struct {
		account keywright.Policy
		lab     keywright.SpacePolicy
		live    string
		lives   int64 // in lab
	}{
		{live: "begins idle lab renew used", lives: 1},
		{account: keywright.Policy{MaxUnused: hour}, live: "begins renew used"},
		{account: keywright.Policy{MaxUnused: 2*hour + 1}, live: "begins idle lab renew used", lives: 1},
		{account: keywright.Policy{MaxLifetime: hour}, live: "renew"},
		{lab: keywright.SpacePolicy{MaxUnused: n(hour)}, live: "begins idle renew used"},
		{lab: keywright.SpacePolicy{MaxLifetime: n(hour)}, live: "begins idle renew used"},
		{account: keywright.Policy{MaxUnused: hour}, lab: keywright.SpacePolicy{MaxLifetime: n(9 * hour)}, live: "begins renew used"},
	} {
		f.setPolicy(func(p *keywright.Policy) { *p = row.account })
		c := f.write(func(tx store.Tx) error {
			return tx.Tenants().SetSpacePolicy(f.ctx, "acme", "lab", row.lab, event("space.policy"))
		})
		f.same("forgotten", c.Forget, []store.Subject{{Kind: store.SubjectAccount, ID: "acme"}})
		got := f.list(store.TokenQuery{Filter: keywright.TokenFilter{State: keywright.StateActive}, Now: day})
		f.same("live", sorted(got), row.live)
		gone := f.list(store.TokenQuery{Filter: keywright.TokenFilter{State: keywright.StateExpired}, Now: day})
		f.same("expired", len(gone), 5-len(got))
		f.wantStates(store.Place{})
		f.wantStates(store.Place{Spaces: []string{"lab"}})
		f.wantStates(store.Place{Spaces: []string{}})
		f.read(func(tx store.Tx) error {
			all, err := tx.Tokens().Count(f.ctx, "acme", "", day)
			f.same("count", all, int64(len(got)))
			lab, _ := tx.Tokens().Count(f.ctx, "acme", "lab", day)
			f.same("count of lab", lab, row.lives)
			space, _ := tx.Tenants().Space(f.ctx, "acme", "lab")
			f.same("space's policy", space.Policy, row.lab)
			return err
		})
		tenant, err := f.store.FindTenant(f.ctx, "acme", "lab")
		f.fails("tenant", err, nil)
		demands, _ := keywright.Together(row.account, row.lab)
		f.same("tenant", tenant, demands.Tenant(true))
	}
	at, err := f.store.FindUse(f.ctx, busy.Facts.ID)
	f.fails("last use", err, nil)
	f.same("last use", at, day.Add(-time.Minute))
	at, err = f.store.FindUse(f.ctx, f.id())
	f.fails("last use of nothing", err, nil)
	f.same("last use of nothing", at.IsZero(), true)
}

func (f *fixture) wantCount(space string, all, permanent int64) {
	f.Helper()
	f.read(func(tx store.Tx) error {
		n, err := tx.Tokens().Count(f.ctx, "acme", "", day)
		f.same("count", n, all)
		f.fails("count", err, nil)
		n, err = tx.Tokens().CountPermanent(f.ctx, "acme", space, day)
		f.same("count of the permanent of "+space, n, permanent)
		return err
	})
}

func (f *fixture) setPolicy(change func(*keywright.Policy)) {
	f.Helper()
	f.write(func(tx store.Tx) error {
		a := &store.Account{Name: "acme", Policy: keywright.DefaultPolicy()}
		change(&a.Policy)
		return tx.Tenants().UpdateAccount(f.ctx, a, event("account.policy"))
	})
}
