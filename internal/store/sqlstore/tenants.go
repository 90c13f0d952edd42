package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type tenants struct{ *tx }

const (
	accountColumns = "name, title, policy, closed_at, created_at"
	spaceColumns   = "account, name, number, title, policy, closed_at, created_at"
)

func scanAccount(r *row) *store.Account {
	a := &store.Account{Name: r.text(), Title: r.text(), Policy: scanPolicy(r)}
	a.ClosedAt, a.CreatedAt = r.time(), r.time()
	return a
}

func scanSpace(r *row) *store.Space {
	return &store.Space{
		Account: r.text(), Name: r.text(), Number: r.int(), Title: r.text(), Policy: scanSpacePolicy(r),
		ClosedAt: r.time(), CreatedAt: r.time(),
	}
}

func (t tenants) Account(ctx context.Context, name string) (a *store.Account, err error) {
	err = t.one(ctx, func(r *row) { a = scanAccount(r) },
		"SELECT "+accountColumns+" FROM accounts WHERE name = $1", name)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", name, err)
	}
	return a, nil
}

func (t tenants) Accounts(ctx context.Context, after string, limit int) (list []*store.Account, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, scanAccount(r)) },
		"SELECT "+accountColumns+" FROM accounts WHERE name > $1 ORDER BY name LIMIT $2", after, limit)
	return list, err
}

func (t tenants) InsertAccount(ctx context.Context, a *store.Account, e store.Event) error {
	policy, err := json.Marshal(a.Policy)
	if err != nil {
		return fmt.Errorf("write the account's policy: %w", err)
	}
	_, err = t.exec(ctx, `INSERT INTO accounts (name, title, policy, max_lifetime, max_unused, closed_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		a.Name, a.Title, string(policy), micros(a.Policy.MaxLifetime), micros(a.Policy.MaxUnused), a.ClosedAt, a.CreatedAt)
	if err != nil {
		return fmt.Errorf("add account %s: %w", a.Name, err)
	}
	return t.changed(ctx, e, accountSubject(a.Name))
}

func (t tenants) UpdateAccount(ctx context.Context, a *store.Account, e store.Event) error {
	policy, err := json.Marshal(a.Policy)
	if err != nil {
		return fmt.Errorf("write the account's policy: %w", err)
	}
	err = t.execOne(ctx, "UPDATE accounts SET title = $2, policy = $3, max_lifetime = $4, max_unused = $5, closed_at = $6 WHERE name = $1",
		a.Name, a.Title, string(policy), micros(a.Policy.MaxLifetime), micros(a.Policy.MaxUnused), a.ClosedAt)
	if err != nil {
		return fmt.Errorf("change account %s: %w", a.Name, err)
	}
	return t.changed(ctx, e, accountSubject(a.Name))
}

func accountSubject(name string) store.Subject {
	return store.Subject{Kind: store.SubjectAccount, ID: name}
}

func (t tenants) Space(ctx context.Context, account, name string) (s *store.Space, err error) {
	err = t.one(ctx, func(r *row) { s = scanSpace(r) },
		"SELECT "+spaceColumns+" FROM spaces WHERE account = $1 AND name = $2", account, name)
	if err != nil {
		return nil, fmt.Errorf("space %s of account %s: %w", name, account, err)
	}
	return s, nil
}

func (t tenants) SpaceNumbered(ctx context.Context, account string, number int64) (s *store.Space, err error) {
	err = t.one(ctx, func(r *row) { s = scanSpace(r) },
		"SELECT "+spaceColumns+" FROM spaces WHERE account = $1 AND number = $2", account, number)
	if err != nil {
		return nil, fmt.Errorf("space %d of account %s: %w", number, account, err)
	}
	return s, nil
}

func (t tenants) Spaces(ctx context.Context, account, after string, limit int) (list []*store.Space, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, scanSpace(r)) },
		"SELECT "+spaceColumns+" FROM spaces WHERE account = $1 AND name > $2 ORDER BY name LIMIT $3", account, after, limit)
	return list, err
}

func (t tenants) InsertSpace(ctx context.Context, s *store.Space, e store.Event) (number int64, err error) {
	err = t.changeOne(ctx, func(r *row) { number = r.int() },
		"UPDATE accounts SET last_space = last_space + 1 WHERE name = $1 RETURNING last_space", s.Account)
	if err != nil {
		return 0, fmt.Errorf("account %s: %w", s.Account, err)
	}
	_, err = t.exec(ctx, `INSERT INTO spaces (account, name, number, title, closed_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, s.Account, s.Name, number, s.Title, s.ClosedAt, s.CreatedAt)
	if err != nil {
		return 0, fmt.Errorf("add space %s: %w", s.Name, err)
	}
	return number, t.changed(ctx, e, accountSubject(s.Account))
}

func (t tenants) UpdateSpace(ctx context.Context, s *store.Space, e store.Event) error {
	err := t.execOne(ctx, "UPDATE spaces SET title = $3, closed_at = $4 WHERE account = $1 AND name = $2",
		s.Account, s.Name, s.Title, s.ClosedAt)
	if err != nil {
		return fmt.Errorf("change space %s: %w", s.Name, err)
	}
	return t.changed(ctx, e, accountSubject(s.Account))
}

func (t tenants) DeleteSpace(ctx context.Context, account, name string, e store.Event) error {
	inUse := 0
	err := t.each(ctx, func(r *row) { inUse++ }, `SELECT 1 FROM tokens WHERE account = $1 AND space = $2
		UNION ALL SELECT 1 FROM roles WHERE account = $1 AND space = $2 LIMIT 1`, account, name)
	if err == nil && inUse > 0 {
		err = keywright.ErrConflict
	}
	if err == nil {
		err = t.execOne(ctx, "DELETE FROM spaces WHERE account = $1 AND name = $2", account, name)
	}
	if err == nil { // another of the name begins anew
		_, err = t.exec(ctx, "DELETE FROM usage_days WHERE account = $1 AND space = $2", account, name)
	}
	if err != nil {
		return fmt.Errorf("delete space %s: %w", name, err)
	}
	return t.changed(ctx, e, accountSubject(account))
}

// Hold has nothing to do but look: there is only one writer at a time.
func (t tenants) Hold(ctx context.Context, account string) error {
	if t.readOnly {
		return errReadOnly
	}
	err := t.one(ctx, func(r *row) { r.int() }, "SELECT 1 FROM accounts WHERE name = $1", account)
	if err != nil {
		return fmt.Errorf("account %s: %w", account, err)
	}
	return nil
}
