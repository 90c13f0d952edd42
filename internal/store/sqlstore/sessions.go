package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const sessionColumns = "id, user_id, digest, pepper, created_at, expires_at, address, user_agent, sso"

func scanSession(r *row) *store.Session {
	return &store.Session{
		ID: r.id(), User: r.id(), Digest: r.digest(), Pepper: r.text(), CreatedAt: r.time(), ExpiresAt: r.time(),
		Address: r.text(), UserAgent: r.text(), SSO: r.bool(),
	}
}

func (t people) Session(ctx context.Context, id keywright.ID) (s *store.Session, err error) {
	err = t.one(ctx, func(r *row) { s = scanSession(r) }, "SELECT "+sessionColumns+" FROM sessions WHERE id = $1", id)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return s, nil
}

func (t people) SessionsOf(ctx context.Context, user, before keywright.ID, now time.Time, limit int) (list []*store.Session, err error) {
	s := newQuery("SELECT "+sessionColumns+" FROM sessions").where("user_id = ?", user).where("expires_at > ?", now)
	if !before.IsZero() {
		s.where("id < ?", before)
	}
	s.end("ORDER BY id DESC LIMIT ?", limit)
	err = t.each(ctx, func(r *row) { list = append(list, scanSession(r)) }, s.String(), s.args...)
	return list, err
}

func (t people) InsertSession(ctx context.Context, s *store.Session, e store.Event) error {
	_, err := t.exec(ctx, "INSERT INTO sessions ("+sessionColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		s.ID, s.User, s.Digest, s.Pepper, s.CreatedAt, s.ExpiresAt, s.Address, s.UserAgent, s.SSO)
	if err != nil {
		return fmt.Errorf("add session: %w", err)
	}
	t.explain(e)
	return nil
}

func (t people) DeleteSession(ctx context.Context, id keywright.ID, e store.Event) error {
	if err := t.execOne(ctx, "DELETE FROM sessions WHERE id = $1", id); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return t.changed(ctx, e)
}

func (t people) DeleteSessionsOf(ctx context.Context, user, keep keywright.ID, e store.Event) error {
	if _, err := t.exec(ctx, "DELETE FROM sessions WHERE user_id = $1 AND id <> $2", user, keep[:]); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return t.changed(ctx, e)
}

// PruneSessions takes no revision: what has run out is refused already.
func (t people) PruneSessions(ctx context.Context, now time.Time) error {
	_, err := t.exec(ctx, "DELETE FROM sessions WHERE expires_at <= $1", now)
	return err
}
