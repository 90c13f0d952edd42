// Package factcache remembers what is on file about tokens, in front of a
// store.Finder. It remembers facts, never verdicts: expiry, scope, audience and network
// are judged at every use.
//
// What it promises: a call that starts after Forget returned never answers with
// what that commit changed, loads under way at the time included.
//
// What is remembered lies packed on shelves (shelf.go, pack.go); what was used last also lies open on a desk (desk.go),
// where looking takes no lock.
package factcache

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Options says how much is remembered.
type Options struct {
	MaxTokens int // the most used ones; 0: 131072
}

const (
	defaultTokens = 1 << 17
	openTokens    = 1 << 13 // that lie open as well
	absentShare   = 8       // of MaxTokens: what is remembered as absent, apart, so that guessing cannot push out what is used
	leastAbsent   = 1 << 10
	mostTenants   = 1 << 14
	mostGateways  = 1 << 12
	openTenants   = 1 << 10
)

// Cache is a store.Finder that remembers. Make it with New. Safe for concurrent use.
type Cache struct {
	next store.Finder

	tokens  *shelves[keywright.ID, string] // packed
	digests *shelves[store.Digest, keywright.ID]
	tenants *shelves[place, keywright.Tenant]
	routes  *shelves[gateway, keywright.Routes]

	absentTokens  *shelves[keywright.ID, struct{}]
	absentDigests *shelves[store.Digest, struct{}]

	usedTokens  desk[keywright.ID, *store.Record]
	usedTenants desk[place, keywright.Tenant]
}

// place is an account and one of its spaces.
type place struct{ account, space string }

// gateway is a name by which proxies ask for an account's rules.
type gateway struct{ account, name string }

// New returns a cache in front of next.
func New(next store.Finder, o Options) *Cache {
	tokens := cmp.Or(o.MaxTokens, defaultTokens)
	absent := max(tokens/absentShare, leastAbsent)
	return &Cache{
		next:          next,
		tokens:        newShelves[keywright.ID, string](tokens, lastOfID),
		digests:       newShelves[store.Digest, keywright.ID](tokens, lastOfDigest),
		tenants:       newShelves[place, keywright.Tenant](mostTenants, func(at place) uint8 { return shelfOf(at.account) }),
		routes:        newShelves[gateway, keywright.Routes](mostGateways, func(g gateway) uint8 { return shelfOf(g.account) }),
		absentTokens:  newShelves[keywright.ID, struct{}](absent, lastOfID),
		absentDigests: newShelves[store.Digest, struct{}](absent, lastOfDigest),
		usedTokens:    newDesk[keywright.ID, *store.Record](min(openTokens, tokens)),
		usedTenants:   newDesk[place, keywright.Tenant](openTenants),
	}
}

// The last bytes of ids and digests are random.
func lastOfID(id keywright.ID) uint8    { return id[len(id)-1] }
func lastOfDigest(d store.Digest) uint8 { return d[len(d)-1] }

// seed spreads names that others choose.
var seed = maphash.MakeSeed()

// shelfOf is on which shelf all spaces of an account are.
func shelfOf(account string) uint8 { return uint8(maphash.String(seed, account)) }

// Find returns the record of a token by its id.
func (c *Cache) Find(ctx context.Context, id keywright.ID) (*store.Record, error) {
	open := uint(binary.BigEndian.Uint16(id[len(id)-2:]))
	if r, ok := c.usedTokens.get(open, id, c.tokens.since(id)); ok {
		return r, nil
	}
	packed, since, ok := c.tokens.get(id)
	if ok {
		if r, ok := unpack(id, packed); ok {
			c.usedTokens.put(open, id, since, r)
			return r, nil
		}
	}
	_, sinceAbsent, ok := c.absentTokens.get(id)
	if ok {
		return nil, keywright.ErrNotFound
	}
	r, err := c.next.Find(ctx, id)
	switch {
	case err == nil:
		c.tokens.set(id, pack(r), since)
	case errors.Is(err, keywright.ErrNotFound):
		c.absentTokens.set(id, struct{}{}, sinceAbsent)
	}
	return r, err
}

// FindDigest returns the record of an imported token by the keyed digest of its key. It remembers whose
// digest it is, not the record: that is forgotten by its id. A record that no longer has the digest proves nothing.
func (c *Cache) FindDigest(ctx context.Context, digest store.Digest) (*store.Record, error) {
	id, since, ok := c.digests.get(digest)
	if ok {
		return c.Find(ctx, id)
	}
	_, sinceAbsent, ok := c.absentDigests.get(digest)
	if ok {
		return nil, keywright.ErrNotFound
	}
	r, err := c.next.FindDigest(ctx, digest)
	switch {
	case err == nil:
		c.digests.set(digest, r.Facts.ID, since)
	case errors.Is(err, keywright.ErrNotFound):
		c.absentDigests.set(digest, struct{}{}, sinceAbsent)
	}
	return r, err
}

// FindTenant returns the standing of an account and one of its spaces. All spaces of an account
// are forgotten together. An absent place is not remembered: it may be made.
func (c *Cache) FindTenant(ctx context.Context, account, space string) (keywright.Tenant, error) {
	at := place{account, space}
	open := uint(maphash.String(seed, account)>>8 ^ maphash.String(seed, space))
	if t, ok := c.usedTenants.get(open, at, c.tenants.since(at)); ok {
		return t, nil
	}
	t, since, ok := c.tenants.get(at)
	if ok {
		c.usedTenants.put(open, at, since, t)
		return t, nil
	}
	t, err := c.next.FindTenant(ctx, account, space)
	if err == nil {
		c.tenants.set(at, t, since)
	}
	return t, err
}

// FindRoutes returns the rules of a gateway. All gateways of an account are forgotten together, and with its spaces. An absent
// one is not remembered: it may be made.
func (c *Cache) FindRoutes(ctx context.Context, account, name string) (keywright.Routes, error) {
	at := gateway{account, name}
	routes, since, ok := c.routes.get(at)
	if ok {
		return routes, nil
	}
	routes, err := c.next.FindRoutes(ctx, account, name)
	if err == nil {
		c.routes.set(at, routes, since)
	}
	return routes, err
}

// FindUse is not remembered: every use changes it.
func (c *Cache) FindUse(ctx context.Context, id keywright.ID) (time.Time, error) {
	return c.next.FindUse(ctx, id)
}

// Forget drops what a commit changed. It cannot fail; what it does not understand makes it forget everything.
func (c *Cache) Forget(_ context.Context, done store.Commit) error {
	for _, s := range done.Forget {
		if !c.forget(s) {
			c.forgetAll()
		}
	}
	return nil
}

func (c *Cache) forget(s store.Subject) bool {
	switch s.Kind {
	case store.SubjectToken:
		return c.forgetToken(s.ID)
	case store.SubjectDigest:
		return c.forgetDigest(s.ID)
	case store.SubjectAccount:
		c.tenants.clear(shelfOf(s.ID))
		c.routes.clear(shelfOf(s.ID))
		return true
	}
	return false
}

func (c *Cache) forgetToken(text string) bool {
	id, err := keywright.ParseID(text)
	if err != nil {
		return false
	}
	c.tokens.forget(id)
	c.absentTokens.forget(id)
	return true
}

func (c *Cache) forgetDigest(text string) bool {
	var digest store.Digest
	if len(text) != hex.EncodedLen(len(digest)) {
		return false
	}
	if _, err := hex.Decode(digest[:], []byte(text)); err != nil {
		return false
	}
	c.digests.forget(digest)
	c.absentDigests.forget(digest)
	return true
}

func (c *Cache) forgetAll() {
	c.tokens.clearAll()
	c.absentTokens.clearAll()
	c.digests.clearAll()
	c.absentDigests.clearAll()
	c.tenants.clearAll()
	c.routes.clearAll()
}

// unguarded plants FaultNoFillGuard.
func (c *Cache) unguarded() {
	c.tokens.unguarded, c.absentTokens.unguarded = true, true
	c.digests.unguarded, c.absentDigests.unguarded = true, true
	c.tenants.unguarded, c.routes.unguarded = true, true
}
