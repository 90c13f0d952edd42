// Package storetest is what every engine of a store must pass. It covers what
// databases disagree on: absence and duplicates, lost updates, precision and zone of
// instants, letter case, NULL against empty, the order of pages, and whether
// a change and its event are there together or not at all.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Run runs the suite; open returns a new, empty store, which is a store.UsageWriter too and is closed
// by the test's end.
func Run(t *testing.T, open func(testing.TB) store.Store) {
	suites := []struct {
		name string
		test func(*fixture)
	}{
		{"find", testFind}, {"record", testRecord}, {"instants", testInstants}, {"absent", testAbsent}, {"duplicate", testDuplicate},
		{"insert all", testInsertAll}, {"numbers", testNumbers}, {"update", testUpdate}, {"delete", testDelete}, {"sealed", testSealed},
		{"descendants", testDescendants}, {"count", testCount}, {"policy at use", testPolicyAtUse}, {"usage", testUsage}, {"usage once", testUsageOnce},
		{"usage by day", testUsageByDay}, {"scopes used", testScopesUsed}, {"busiest", testBusiest}, {"sums", testSums}, {"unused", testUnused},
		{"prune usage", testPruneUsage}, {"prune changes", testPruneChanges},
		{"list order", testListOrder}, {"list filter", testListFilter}, {"list state", testListState}, {"list under inserts", testListUnderInserts},
		{"all or nothing", testAllOrNothing}, {"panic", testPanic}, {"cancel", testCancel}, {"cancel in line", testCancelInLine}, {"ended", testEnded},
		{"read", testRead}, {"lost update", testLostUpdate}, {"quota", testQuota}, {"close", testClose},
		{"revision", testRevision}, {"forget", testForget}, {"since", testSince}, {"since while many write", testSinceWhileWritten}, {"events", testEvents}, {"event filter", testEventFilter},
		{"tenants", testTenants}, {"audiences", testAudiences}, {"gateways", testGateways}, {"people", testPeople}, {"roles", testRoles}, {"rename", testRename},
		{"spaces", testSpaces}, {"users with", testUsersWith}, {"owned", testOwned}, {"delete user", testDeleteUser}, {"sessions of", testSessionsOf}, {"invites", testInvites},
		{"identities", testIdentities}, {"provided roles", testProvidedRoles}, {"offers", testOffers},
		{"sessions", testSessions}, {"idempotent", testIdempotent}, {"signing keys", testSigningKeys}, {"settings", testSettings},
		{"around", testAround}, {"told", testTold}, {"mails", testMails}, {"webhooks", testWebhooks}, {"unqueued", testUnqueued}, {"deliveries", testDeliveries},
	}
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.test(newFixture(t, open(t)))
		})
	}
}

// fixture is a store with the account "acme", its space "default", and the user "ada".
type fixture struct {
	testing.TB
	store store.Store
	usage store.UsageWriter
	ctx   context.Context
	user  keywright.ID
	made  atomic.Uint64
}

// day is when most of it happens.
var day = time.Date(2031, 5, 17, 12, 30, 0, 123456000, time.UTC)

func newFixture(t testing.TB, s store.Store) *fixture {
	f := &fixture{TB: t, store: s, usage: s.(store.UsageWriter), ctx: t.Context()}
	f.user = f.id()
	f.write(func(tx store.Tx) error {
		if err := tx.Tenants().InsertAccount(f.ctx, &store.Account{Name: "acme", Policy: keywright.DefaultPolicy(), CreatedAt: day}, event("account.create")); err != nil {
			return err
		}
		if _, err := tx.Tenants().InsertSpace(f.ctx, &store.Space{Account: "acme", Name: "default", CreatedAt: day}, event("space.create")); err != nil {
			return err
		}
		_, err := tx.People().InsertUser(f.ctx, &store.User{ID: f.user, Username: "Ada", Email: "ada@example.org", CreatedAt: day}, event("user.create"))
		return err
	})
	return f
}

// id returns an id that no other is like; later ones are greater.
func (f *fixture) id() (id keywright.ID) {
	binary.BigEndian.PutUint64(id[8:], f.made.Add(1))
	id[0] = 1
	return id
}

func digest(of string) store.Digest { return sha256.Sum256([]byte(of)) }

func event(action string) store.Event {
	return store.Event{At: day, Action: action, Actor: "system", Account: "acme", Subject: "test"}
}

// record is a token with only what every token has.
func (f *fixture) record(label string) *store.Record {
	id := f.id()
	return &store.Record{
		Facts: keywright.Facts{ID: id, Kind: keywright.KindAccount, Account: "acme", Space: "default", RenewedAt: day},
		Label: label, Owner: f.user, OwnerName: "Ada", CreatedBy: "user:Ada", CreatedAt: day, UpdatedAt: day,
		Secrets: []store.Secret{{Number: 1, Digest: digest(id.String()), Pepper: "p1"}},
	}
}

func (f *fixture) scopes(list ...string) keywright.Scopes {
	scopes, err := keywright.ParseScopes(list...)
	if err != nil {
		f.Fatal(err)
	}
	return scopes
}

func (f *fixture) write(do func(store.Tx) error) store.Commit {
	f.Helper()
	c, err := f.store.Write(f.ctx, do)
	if err != nil {
		f.Fatalf("Write: %v", err)
	}
	return c
}

func (f *fixture) read(do func(store.Tx) error) {
	f.Helper()
	if err := f.store.Read(f.ctx, do); err != nil {
		f.Fatalf("Read: %v", err)
	}
}

// insert adds tokens, each by a Write of its own, and fills in their numbers.
func (f *fixture) insert(records ...*store.Record) {
	f.Helper()
	for _, r := range records {
		f.write(func(tx store.Tx) (err error) {
			r.Number, err = tx.Tokens().Insert(f.ctx, r, event("token.create"))
			return err
		})
	}
}

func (f *fixture) update(r *store.Record) store.Commit {
	f.Helper()
	return f.write(func(tx store.Tx) error { return tx.Tokens().Update(f.ctx, r, event("token.edit")) })
}

func (f *fixture) space(name string) {
	f.Helper()
	f.write(func(tx store.Tx) error {
		_, err := tx.Tenants().InsertSpace(f.ctx, &store.Space{Account: "acme", Name: name, CreatedAt: day}, event("space.create"))
		return err
	})
}

func (f *fixture) find(id keywright.ID) *store.Record {
	f.Helper()
	r, err := f.store.Find(f.ctx, id)
	if err != nil {
		f.Fatalf("Find: %v", err)
	}
	return r
}

// trail returns the actions of all events, oldest first.
func (f *fixture) trail() (actions []string) {
	f.Helper()
	f.read(func(tx store.Tx) error {
		list, err := tx.Events().List(f.ctx, store.EventQuery{Limit: 10000})
		actions = nil
		for _, e := range slices.Backward(list) {
			actions = append(actions, e.Action)
		}
		return err
	})
	return actions
}

// wantTrail checks what was added to the trail of an empty fixture.
func (f *fixture) wantTrail(actions ...string) {
	f.Helper()
	want := append([]string{"account.create", "space.create", "user.create"}, actions...)
	f.same("trail", f.trail(), want)
}

// same compares; nil and empty are the same, and scopes are what they say.
func (f *fixture) same(what string, got, want any) {
	f.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(),
		cmp.Transformer("scope", keywright.Scope.String), cmp.Transformer("network", netip.Prefix.String), cmp.Transformer("pattern", keywright.PathPattern.String)); diff != "" {
		f.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// fails checks which of keywright's errors an error is.
func (f *fixture) fails(what string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Errorf("%s: error is %v, want %v", what, err, want)
	}
}
