package authority

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// defaultName is the account of a first start, and the space that every account has.
const defaultName = "default"

// tenancy is an account and one of its spaces as they stand in the transaction.
type tenancy struct {
	account *store.Account
	space   *store.Space // nil if only the account was asked for
	demands keywright.Demands
}

// newTenancy finds out what the account and the space (nil: none) demand together.
func newTenancy(account *store.Account, space *store.Space) (tenancy, error) {
	t := tenancy{account: account, space: space}
	var own keywright.SpacePolicy
	if space != nil {
		own = space.Policy
	}
	var err error
	if t.demands, err = keywright.Together(account.Policy, own); err != nil {
		return tenancy{}, notKnown(fmt.Errorf("authority: account %s: %w", account.Name, err))
	}
	return t, nil
}

// tenant is what a tenancy adds to a token's facts.
func (t tenancy) tenant() keywright.Tenant {
	return t.demands.Tenant(t.account.ClosedAt.IsZero() && (t.space == nil || t.space.ClosedAt.IsZero()))
}

// policy is what holds: the stricter of the account's and the space's.
func (t tenancy) policy() keywright.Policy { return t.demands.Policy }

// tenancy reads an account and, if the place names one, its space; once in a scene.
func (s *scene) tenancy(ctx context.Context, at place) (tenancy, error) {
	if t, ok := s.tenants[at]; ok {
		return t, nil
	}
	account, err := s.tx.Tenants().Account(ctx, at.account)
	if err != nil {
		return tenancy{}, missing("account", err)
	}
	var space *store.Space
	if at.space != "" {
		if space, err = s.tx.Tenants().Space(ctx, at.account, at.space); err != nil {
			return tenancy{}, missing("space", err)
		}
	}
	t, err := newTenancy(account, space)
	if err == nil {
		s.tenants[at] = t
	}
	return t, err
}

// situate adds to a record's facts what its account and space make of them, and its last use if that matters to them.
func (s *scene) situate(ctx context.Context, rec *store.Record) error {
	if err := s.settleIn(ctx, rec); err != nil || rec.Facts.Tenant.MaxUnused <= 0 {
		return err
	}
	var err error
	rec.Facts.LastUsedAt, err = s.a.lastUse(ctx, within(s.tx), rec.Facts, s.now)
	return err
}

func (s *scene) settleIn(ctx context.Context, rec *store.Record) error {
	t, err := s.tenancy(ctx, place{rec.Facts.Account, rec.Facts.Space})
	if err != nil {
		return err
	}
	rec.Facts.Tenant = t.tenant()
	return nil
}

// missing says the same of what is not there and of what is another tenant's.
func missing(what string, err error) error {
	return gone(err, fmt.Errorf("%s %w", what, keywright.ErrNotFound))
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }
