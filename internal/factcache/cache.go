// Package factcache remembers what is on file about tokens, in front of a
// store.Finder. It remembers facts, never verdicts: expiry, scope, audience and network
// are judged at every use.
//
// What it promises: a call that starts after Forget returned never answers with
// what that commit changed, loads under way at the time included.
package factcache

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Options says how much is remembered.
type Options struct {
	MaxTokens int // the most used ones; 0: 131072
}

const (
	defaultTokens = 1 << 17
	absentShare   = 8 // of MaxTokens: what is remembered as absent, apart, so that guessing cannot push out what is used
	leastAbsent   = 1 << 10
	mostTenants   = 1 << 14
)

// Cache is a store.Finder that remembers. Make it with New. Safe for concurrent use.
type Cache struct {
	next store.Finder

	tokens  *otter.Cache[keywright.ID, *store.Record]
	digests *otter.Cache[store.Digest, keywright.ID]
	tenants *otter.Cache[place, standing]

	absentTokens  *otter.Cache[keywright.ID, struct{}]
	absentDigests *otter.Cache[store.Digest, struct{}]

	ofToken, ofDigest, ofAccount guard
}

// place is an account and one of its spaces.
type place struct{ account, space string }

// standing is what a place adds to its tokens' facts, while the generation of its account lasts.
type standing struct {
	tenant     keywright.Tenant
	generation uint64
}

// New returns a cache in front of next.
func New(next store.Finder, o Options) *Cache {
	tokens := cmp.Or(o.MaxTokens, defaultTokens)
	absent := max(tokens/absentShare, leastAbsent)
	return &Cache{
		next:          next,
		tokens:        bounded[keywright.ID, *store.Record](tokens),
		digests:       bounded[store.Digest, keywright.ID](tokens),
		tenants:       bounded[place, standing](mostTenants),
		absentTokens:  bounded[keywright.ID, struct{}](absent),
		absentDigests: bounded[store.Digest, struct{}](absent),
	}
}

func bounded[K comparable, V any](size int) *otter.Cache[K, V] {
	return otter.Must(&otter.Options[K, V]{MaximumSize: size})
}

// Find returns the record of a token by its id.
func (c *Cache) Find(ctx context.Context, id keywright.ID) (*store.Record, error) {
	if r, ok := c.tokens.GetIfPresent(id); ok {
		return r, nil
	}
	if _, ok := c.absentTokens.GetIfPresent(id); ok {
		return nil, keywright.ErrNotFound
	}
	stripe := c.ofToken.stripe(id[:])
	since := stripe.generation.Load()
	r, err := c.next.Find(ctx, id)
	switch {
	case err == nil:
		stripe.remember(since, func() { c.tokens.Set(id, r) })
	case errors.Is(err, keywright.ErrNotFound):
		stripe.remember(since, func() { c.absentTokens.Set(id, struct{}{}) })
	}
	return r, err
}

// FindDigest returns the record of an imported token by the keyed digest of its key. It remembers whose
// digest it is, not the record: that is forgotten by its id. A record that no longer has the digest proves nothing.
func (c *Cache) FindDigest(ctx context.Context, digest store.Digest) (*store.Record, error) {
	if id, ok := c.digests.GetIfPresent(digest); ok {
		return c.Find(ctx, id)
	}
	if _, ok := c.absentDigests.GetIfPresent(digest); ok {
		return nil, keywright.ErrNotFound
	}
	stripe := c.ofDigest.stripe(digest[:])
	since := stripe.generation.Load()
	r, err := c.next.FindDigest(ctx, digest)
	switch {
	case err == nil:
		stripe.remember(since, func() { c.digests.Set(digest, r.Facts.ID) })
	case errors.Is(err, keywright.ErrNotFound):
		stripe.remember(since, func() { c.absentDigests.Set(digest, struct{}{}) })
	}
	return r, err
}

// FindTenant returns the standing of an account and one of its spaces. All spaces of an account
// are forgotten together, by its generation. An absent place is not remembered: it may be made.
func (c *Cache) FindTenant(ctx context.Context, account, space string) (keywright.Tenant, error) {
	stripe := c.ofAccount.stripeOf(account)
	since := stripe.generation.Load()
	at := place{account, space}
	if s, ok := c.tenants.GetIfPresent(at); ok && s.generation == since {
		return s.tenant, nil
	}
	t, err := c.next.FindTenant(ctx, account, space)
	if err == nil {
		stripe.remember(since, func() { c.tenants.Set(at, standing{t, since}) })
	}
	return t, err
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
		c.ofAccount.stripeOf(s.ID).forget(func() {})
		return true
	}
	return false
}

func (c *Cache) forgetToken(text string) bool {
	id, err := keywright.ParseID(text)
	if err != nil {
		return false
	}
	c.ofToken.stripe(id[:]).forget(func() {
		c.tokens.Invalidate(id)
		c.absentTokens.Invalidate(id)
	})
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
	c.ofDigest.stripe(digest[:]).forget(func() {
		c.digests.Invalidate(digest)
		c.absentDigests.Invalidate(digest)
	})
	return true
}

// forgetAll outdates every load under way before it drops what is there.
func (c *Cache) forgetAll() {
	c.ofToken.outdate()
	c.ofDigest.outdate()
	c.ofAccount.outdate()
	c.tokens.InvalidateAll()
	c.absentTokens.InvalidateAll()
	c.digests.InvalidateAll()
	c.absentDigests.InvalidateAll()
}
