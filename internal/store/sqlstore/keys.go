package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type keys struct{ *tx }

func (t keys) Idempotent(ctx context.Context, caller string, key store.Digest) (i *store.Idempotent, err error) {
	err = t.one(ctx, func(r *row) {
		i = &store.Idempotent{Caller: r.text(), Key: r.digest(), Request: r.digest(), Sealed: r.bytes(), ExpiresAt: r.time()}
	}, `SELECT caller, key, request, sealed, expires_at FROM idempotent_answers WHERE caller = $1 AND key = $2`, caller, key)
	if err != nil {
		return nil, fmt.Errorf("idempotency key: %w", err)
	}
	return i, nil
}

func (t keys) InsertIdempotent(ctx context.Context, i *store.Idempotent) error {
	_, err := t.exec(ctx, `INSERT INTO idempotent_answers (caller, key, request, sealed, expires_at)
		VALUES ($1, $2, $3, $4, $5)`, i.Caller, i.Key, i.Request, i.Sealed, i.ExpiresAt)
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	return nil
}

func (t keys) PruneIdempotent(ctx context.Context, now time.Time) error {
	_, err := t.exec(ctx, "DELETE FROM idempotent_answers WHERE expires_at <= $1", now)
	return err
}

// SigningKeys returns all of them, oldest first.
func (t keys) SigningKeys(ctx context.Context) (list []*store.SigningKey, err error) {
	err = t.each(ctx, func(r *row) {
		list = append(list, &store.SigningKey{
			KID: r.text(), Public: r.bytes(), Sealed: r.bytes(),
			CreatedAt: r.time(), ActiveAt: r.time(), RetireAt: r.time(),
		})
	}, "SELECT kid, public, sealed, created_at, active_at, retire_at FROM signing_keys ORDER BY active_at, kid")
	return list, err
}

func (t keys) InsertSigningKey(ctx context.Context, k *store.SigningKey, e store.Event) error {
	_, err := t.exec(ctx, `INSERT INTO signing_keys (kid, public, sealed, created_at, active_at, retire_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, k.KID, k.Public, k.Sealed, k.CreatedAt, k.ActiveAt, k.RetireAt)
	if err != nil {
		return fmt.Errorf("add signing key: %w", err)
	}
	t.explain(e)
	return nil
}

func (t keys) DeleteSigningKey(ctx context.Context, kid string, e store.Event) error {
	if err := t.execOne(ctx, "DELETE FROM signing_keys WHERE kid = $1", kid); err != nil {
		return fmt.Errorf("remove signing key: %w", err)
	}
	return t.changed(ctx, e)
}

func (t keys) Setting(ctx context.Context, name string) (v string, err error) {
	err = t.one(ctx, func(r *row) { v = r.text() }, "SELECT value FROM settings WHERE name = $1", name)
	if err != nil {
		return "", fmt.Errorf("setting %s: %w", name, err)
	}
	return v, nil
}

// SetSetting takes a revision if it changes one that was set.
func (t keys) SetSetting(ctx context.Context, name, value string, e store.Event) error {
	err := t.execOne(ctx, "UPDATE settings SET value = $2 WHERE name = $1", name, value)
	if err == nil {
		return t.changed(ctx, e)
	}
	if !errors.Is(err, keywright.ErrNotFound) {
		return fmt.Errorf("change setting %s: %w", name, err)
	}
	if _, err := t.exec(ctx, "INSERT INTO settings (name, value) VALUES ($1, $2)", name, value); err != nil {
		return fmt.Errorf("add setting %s: %w", name, err)
	}
	t.explain(e)
	return nil
}

// AuditKey returns the newest.
func (t keys) AuditKey(ctx context.Context) (k *store.AuditKey, err error) {
	err = t.one(ctx, func(r *row) { k = &store.AuditKey{Verifier: r.text(), Sealed: r.bytes(), CreatedAt: r.time()} },
		"SELECT verifier, sealed, created_at FROM audit_keys ORDER BY created_at DESC, verifier LIMIT 1")
	if err != nil {
		return nil, fmt.Errorf("audit key: %w", err)
	}
	return k, nil
}

func (t keys) InsertAuditKey(ctx context.Context, k *store.AuditKey, e store.Event) error {
	_, err := t.exec(ctx, "INSERT INTO audit_keys (verifier, sealed, created_at) VALUES ($1, $2, $3)", k.Verifier, k.Sealed, k.CreatedAt)
	if err != nil {
		return fmt.Errorf("add audit key: %w", err)
	}
	t.explain(e)
	return nil
}
