package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type notices struct{ *tx }

// around says for each clock where an index holds (account, key, id), and what else the index demands.
var around = map[store.Clock]struct{ from, account, key, id, of string }{
	store.ClockExpiry:   {fromTokens, "t.account", "t.expires_key", "t.id", ""},
	store.ClockCreation: {fromTokens, "t.account", "t.created_at", "t.id", "t.renewed_at <= t.created_at"},
	store.ClockRenewal:  {fromTokens, "t.account", "t.renewed_at", "t.id", "t.renewed_at > t.created_at"},
	store.ClockStart:    {fromTokens, "t.account", "t.not_before", "t.id", "t.not_before IS NOT NULL"},
	store.ClockUse:      {fromUsage, "u.account", "u.last_used_key", "u.token", ""},
}

// Around walks one index in its order.
func (t notices) Around(ctx context.Context, q store.AroundQuery) (list []store.Listed, err error) {
	c, known := around[q.Clock]
	if !known {
		return nil, fmt.Errorf("%w: tokens have no clock %q", keywright.ErrUnavailable, q.Clock)
	}
	s := newQuery("SELECT "+recordColumns+", "+usageColumns+c.from).where("u.token = t.id").where(c.account+" = ?", q.Account)
	if c.of != "" {
		s.where(c.of)
	}
	if q.Since.IsZero() {
		s.where(c.key+" > ?", instantOrFirst(q.After))
	} else {
		s.where("("+c.key+", "+c.id+") > (?, ?)", instantOrFirst(q.After), q.Since)
	}
	s.where(c.key+" <= ?", instantOrFirst(q.UpTo)).where("t.revoked_at IS NULL").end("ORDER BY "+c.key+", "+c.id+" LIMIT ?", q.Limit)
	err = t.each(ctx, func(r *row) { list = append(list, scanListed(r)) }, s.String(), s.args...)
	return list, err
}

func (t notices) Told(ctx context.Context, token keywright.ID) (store.Told, error) {
	told := store.Told{Token: token}
	err := t.one(ctx, func(r *row) { told.EndsAt, told.Days, told.UnusedSince = r.time(), r.int(), r.time() },
		"SELECT ends_at, days, unused_since FROM notices WHERE token = $1", token)
	if errors.Is(err, keywright.ErrNotFound) {
		err = nil
	}
	return told, err
}

func (t notices) SetTold(ctx context.Context, n store.Told) error {
	_, err := t.exec(ctx, `INSERT INTO notices (token, ends_at, days, unused_since) VALUES ($1, $2, $3, $4)
		ON CONFLICT (token) DO UPDATE SET ends_at = excluded.ends_at, days = excluded.days, unused_since = excluded.unused_since`,
		n.Token, n.EndsAt, n.Days, n.UnusedSince)
	if err != nil {
		return fmt.Errorf("note a notice: %w", err)
	}
	return nil
}

func (t notices) NoticeMark(ctx context.Context, account string) (store.NoticeMark, error) {
	m := store.NoticeMark{Account: account}
	err := t.one(ctx, func(r *row) { m.At, m.Spans = r.time(), r.text() }, "SELECT at, spans FROM notice_marks WHERE account = $1", account)
	if err != nil {
		return m, fmt.Errorf("mark of account %s: %w", account, err)
	}
	return m, nil
}

func (t notices) SetNoticeMark(ctx context.Context, m store.NoticeMark) error {
	_, err := t.exec(ctx, `INSERT INTO notice_marks (account, at, spans) VALUES ($1, $2, $3)
		ON CONFLICT (account) DO UPDATE SET at = excluded.at, spans = excluded.spans`, m.Account, m.At, m.Spans)
	if err != nil {
		return fmt.Errorf("mark account %s: %w", m.Account, err)
	}
	return nil
}

func (t notices) QuotasTold(ctx context.Context, account string) (list []store.Quota, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, store.Quota{Account: account, Space: r.text(), What: r.text()}) },
		"SELECT space, what FROM quota_notices WHERE account = $1", account)
	return list, err
}

func (t notices) SetQuotaTold(ctx context.Context, q store.Quota, told bool) error {
	change := "DELETE FROM quota_notices WHERE account = $1 AND space = $2 AND what = $3"
	if told {
		change = "INSERT INTO quota_notices (account, space, what) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
	}
	if _, err := t.exec(ctx, change, q.Account, q.Space, q.What); err != nil {
		return fmt.Errorf("note of a quota: %w", err)
	}
	return nil
}
