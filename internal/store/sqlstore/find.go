package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	findToken  = "SELECT " + recordColumns + " FROM tokens t WHERE t.id = $1"
	findDigest = "SELECT " + recordColumns + " FROM tokens t WHERE t.foreign_digest = $1"
	findTenant = `SELECT a.max_lifetime, a.closed_at IS NULL AND s.closed_at IS NULL
		FROM accounts a JOIN spaces s ON s.account = a.name WHERE a.name = $1 AND s.name = $2`
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
		t.MaxLifetime, t.Open = time.Duration(r.int())*time.Microsecond, r.int() == 1
	}, findTenant, account, space)
	if err != nil {
		return keywright.Tenant{}, fmt.Errorf("find space %s of account %s: %w", space, account, err)
	}
	return t, nil
}

// find reads one row outside any transaction: a single statement is its own.
func (s *Store) find(ctx context.Context, scan func(*row), query string, args ...any) error {
	c, err := s.finders.get(ctx)
	if err != nil {
		return err
	}
	defer s.finders.put(c)
	return c.one(ctx, scan, query, args...)
}
