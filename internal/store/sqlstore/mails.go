package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type mails struct{ *tx }

const mailColumns = "id, user_id, account, line, created_at, attempt, next_at"

func scanMail(r *row) *store.Mail {
	return &store.Mail{
		ID: r.id(), User: r.id(), Account: r.text(), Line: r.text(), CreatedAt: r.time(), Attempt: r.int(), NextAt: r.time(),
	}
}

func (t mails) InsertMail(ctx context.Context, m *store.Mail) error {
	_, err := t.exec(ctx, "INSERT INTO mails ("+mailColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7)",
		m.ID, m.User, m.Account, m.Line, m.CreatedAt, m.Attempt, m.NextAt)
	if err != nil {
		return fmt.Errorf("add mail: %w", err)
	}
	return nil
}

func (t mails) Recipients(ctx context.Context, now time.Time, limit int) (users []keywright.ID, err error) {
	err = t.each(ctx, func(r *row) { users = append(users, r.id()) }, `SELECT DISTINCT user_id FROM mails
		WHERE next_at <= $1 AND (lease_until IS NULL OR lease_until <= $1) LIMIT $2`, now, limit)
	return users, err
}

func (t mails) LeaseMails(ctx context.Context, user keywright.ID, now, until time.Time, limit int) (list []*store.Mail, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, scanMail(r)) }, "SELECT "+mailColumns+` FROM mails
		WHERE user_id = $1 AND next_at <= $2 AND (lease_until IS NULL OR lease_until <= $2) ORDER BY next_at, id LIMIT $3`, user, now, limit)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if err := t.execOne(ctx, "UPDATE mails SET lease_until = $2 WHERE id = $1", m.ID, until); err != nil {
			return nil, fmt.Errorf("lease mail: %w", err)
		}
	}
	return list, nil
}

func (t mails) RetryMail(ctx context.Context, m *store.Mail) error {
	err := t.execOne(ctx, "UPDATE mails SET attempt = $2, next_at = $3, lease_until = NULL WHERE id = $1", m.ID, m.Attempt, m.NextAt)
	if err != nil {
		return fmt.Errorf("change mail: %w", err)
	}
	return nil
}

func (t mails) DeleteMail(ctx context.Context, id keywright.ID) error {
	if err := t.execOne(ctx, "DELETE FROM mails WHERE id = $1", id); err != nil {
		return fmt.Errorf("delete mail: %w", err)
	}
	return nil
}
