package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	findToken  = "SELECT " + recordColumns + " FROM tokens t WHERE t.id = $1"
	findDigest = "SELECT " + recordColumns + " FROM tokens t WHERE t.foreign_digest = $1"
	findTenant = `SELECT a.policy, s.policy, a.closed_at IS NULL AND s.closed_at IS NULL
		FROM accounts a JOIN spaces s ON s.account = a.name WHERE a.name = $1 AND s.name = $2`
	findUse = "SELECT last_used_at FROM token_usage WHERE token = $1"
)

// Find returns the record of a token by its id: one row, one look into one index.
func (s *Store) Find(ctx context.Context, id keywright.ID) (*store.Record, error) {
	return s.findRecord(ctx, findToken, id)
}

// FindDigest returns the record of an imported token by the keyed digest of its key.
func (s *Store) FindDigest(ctx context.Context, digest store.Digest) (*store.Record, error) {
	return s.findRecord(ctx, findDigest, digest)
}

func (s *Store) findRecord(ctx context.Context, query string, key any) (rec *store.Record, err error) {
	if err := s.find(ctx, func(r *row) { rec = scanRecord(r) }, query, key); err != nil {
		return nil, fmt.Errorf("find token: %w", err)
	}
	return rec, nil
}

// FindTenant returns the standing of an account and one of its spaces.
func (s *Store) FindTenant(ctx context.Context, account, space string) (t keywright.Tenant, err error) {
	err = s.find(ctx, func(r *row) {
		demands, err := keywright.Together(scanPolicy(r), scanSpacePolicy(r))
		r.fail(err)
		t = demands.Tenant(r.bool())
	}, findTenant, account, space)
	if err != nil {
		return keywright.Tenant{}, fmt.Errorf("find space %s of account %s: %w", space, account, err)
	}
	return t, nil
}

// FindUse returns when a token was last used.
func (s *Store) FindUse(ctx context.Context, id keywright.ID) (at time.Time, err error) {
	err = s.find(ctx, func(r *row) { at = r.time() }, findUse, id)
	if err != nil && !errors.Is(err, keywright.ErrNotFound) {
		return time.Time{}, fmt.Errorf("find the last use of a token: %w", err)
	}
	return at, nil
}

// find reads one row outside any transaction: a single statement is its own.
func (s *Store) find(ctx context.Context, scan func(*row), query string, args ...any) error {
	return s.finders.use(ctx, func(c *conn) error { return c.one(ctx, scan, query, args...) })
}
