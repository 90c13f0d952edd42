package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/keywright/keywright/internal/store"
)

type audiences struct{ *tx }

const audienceColumns = "account, name, description, entries, created_at, updated_at"

func scanAudience(r *row) *store.Audience {
	return &store.Audience{
		Account: r.text(), Name: r.text(), Description: r.text(), Entries: r.int(), CreatedAt: r.time(), UpdatedAt: r.time(),
	}
}

func (t audiences) Get(ctx context.Context, account, name string) (a *store.Audience, err error) {
	err = t.one(ctx, func(r *row) {
		a = scanAudience(r)
		r.fail(json.Unmarshal([]byte(r.text()), &a.Scopes))
	}, "SELECT "+audienceColumns+", scopes FROM audiences WHERE account = $1 AND name = $2", account, name)
	if err != nil {
		return nil, fmt.Errorf("audience %s of account %s: %w", name, account, err)
	}
	return a, nil
}

func (t audiences) List(ctx context.Context, account, after string, limit int) (list []*store.Audience, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, scanAudience(r)) },
		"SELECT "+audienceColumns+" FROM audiences WHERE account = $1 AND name > $2 ORDER BY name LIMIT $3", account, after, limit)
	return list, err
}

func (t audiences) Set(ctx context.Context, a *store.Audience, e store.Event) error {
	scopes, err := json.Marshal(a.Scopes)
	if err != nil {
		return fmt.Errorf("write the audience's scopes: %w", err)
	}
	_, err = t.exec(ctx, `INSERT INTO audiences (account, name, description, entries, created_at, updated_at, scopes)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account, name) DO UPDATE SET description = excluded.description,
			entries = excluded.entries, updated_at = excluded.updated_at, scopes = excluded.scopes`,
		a.Account, a.Name, a.Description, len(a.Scopes), a.CreatedAt, a.UpdatedAt, string(scopes))
	if err != nil {
		return fmt.Errorf("set audience %s of account %s: %w", a.Name, a.Account, err)
	}
	return t.changed(ctx, e)
}

func (t audiences) Delete(ctx context.Context, account, name string, e store.Event) error {
	err := t.execOne(ctx, "DELETE FROM audiences WHERE account = $1 AND name = $2", account, name)
	if err != nil {
		return fmt.Errorf("delete audience %s of account %s: %w", name, account, err)
	}
	return t.changed(ctx, e)
}
