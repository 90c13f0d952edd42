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
}

// tenant is what a tenancy adds to a token's facts.
func (t tenancy) tenant() keywright.Tenant {
	return keywright.Tenant{
		Open:        t.account.ClosedAt.IsZero() && (t.space == nil || t.space.ClosedAt.IsZero()),
		MaxLifetime: seconds(t.account.Policy.MaxLifetime),
	}
}

func (t tenancy) policy() keywright.Policy { return t.account.Policy }

// tenancy reads an account and, if the place names one, its space; once in a scene.
func (s *scene) tenancy(ctx context.Context, at place) (tenancy, error) {
	if t, ok := s.tenants[at]; ok {
		return t, nil
	}
	account, err := s.tx.Tenants().Account(ctx, at.account)
	if err != nil {
		return tenancy{}, missing("account", err)
	}
	t := tenancy{account: account}
	if at.space != "" {
		if t.space, err = s.tx.Tenants().Space(ctx, at.account, at.space); err != nil {
			return tenancy{}, missing("space", err)
		}
	}
	s.tenants[at] = t
	return t, nil
}

// situate adds to a record's facts what its account and space make of them.
func (s *scene) situate(ctx context.Context, rec *store.Record) error {
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
