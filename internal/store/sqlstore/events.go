package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type events struct{ *tx }

// Append keeps an event that explains no change. It is written, and listed, with the end of the transaction.
func (t events) Append(_ context.Context, e store.Event) error {
	if err := t.usable(); err != nil {
		return err
	}
	if t.readOnly {
		return errReadOnly
	}
	t.explain(e)
	return nil
}

// insertEvent leaves seq to the table: the next after the last, and rows never go.
func (t *tx) insertEvent(ctx context.Context, e store.Event) error {
	before, err := encodeMembers(e.Before)
	if err != nil {
		return err
	}
	after, err := encodeMembers(e.After)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `
		INSERT INTO events (at, action, actor, account, space, subject, old, new,
			address, user_agent, request_id, reason, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		e.At, e.Action, e.Actor, e.Account, e.Space, e.Subject, before, after,
		e.Address, e.UserAgent, e.RequestID, e.Reason, e.Revision)
	return err
}

// List returns events newest first. It walks one index: the subject's, the account's or the whole trail's.
func (t events) List(ctx context.Context, q store.EventQuery) (list []store.Event, err error) {
	if q.Spaces != nil && len(q.Spaces) == 0 {
		return nil, nil
	}
	query := eventQuery(q)
	err = t.each(ctx, func(r *row) { list = append(list, scanEvent(r)) }, query.String(), query.args...)
	return list, err
}

func eventQuery(q store.EventQuery) *query {
	s := newQuery(`SELECT seq, at, action, actor, account, space, subject, old, new,
		address, user_agent, request_id, reason, revision FROM events`)
	if q.Before > 0 {
		s.where("seq < ?", q.Before)
	}
	if q.Subject != "" {
		s.where("subject = ?", q.Subject)
	}
	switch {
	case q.Account != "" && q.Subject != "": // the subject's index is the better one
		s.where("(account || '') = ?", q.Account)
	case q.Account != "":
		s.where("account = ?", q.Account)
	}
	if q.Spaces != nil {
		s.whereIn("space", anys(q.Spaces))
	}
	if strings.HasSuffix(q.Action, ".") {
		s.where("action >= ?", q.Action).where("action < ?", strings.TrimSuffix(q.Action, ".")+"/") // '/' is the byte after '.'
	} else if q.Action != "" {
		s.where("action = ?", q.Action)
	}
	return s.end("ORDER BY seq DESC LIMIT ?", q.Limit)
}

func scanEvent(r *row) store.Event {
	e := store.Event{
		Seq: r.int(), At: r.time(), Action: r.text(), Actor: r.text(),
		Account: r.text(), Space: r.text(), Subject: r.text(),
		Before: scanMembers(r), After: scanMembers(r),
		Address: r.text(), UserAgent: r.text(), RequestID: r.text(), Reason: r.text(),
	}
	e.Revision = keywright.Revision(r.int())
	return e
}

func encodeMembers(m map[string]any) (string, error) {
	if len(m) == 0 {
		return "", nil
	}
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("write its members: %w", err)
	}
	return string(text), nil
}

// scanMembers reads numbers as json.Number: they are to come out as they went in.
func scanMembers(r *row) (m map[string]any) {
	text := r.text()
	if text == "" {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	r.fail(d.Decode(&m))
	return m
}
