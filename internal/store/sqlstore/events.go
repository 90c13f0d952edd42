package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
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

// insertEvent adds the event that is next in the log, and its leaf to the tree. The numbers of events have no
// holes: the tree grows by nothing else.
func (t *tx) insertEvent(ctx context.Context, e store.Event) error {
	e = auditlog.Canonical(e)
	e.Seq = t.tree.Size() + 1
	before, err := auditlog.Members(e.Before)
	if err != nil {
		return err
	}
	after, err := auditlog.Members(e.After)
	if err != nil {
		return err
	}
	err = t.post(ctx, `
		INSERT INTO events (seq, at, action, actor, account, space, subject, old, new,
			address, user_agent, request_id, reason, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		e.Seq, e.At.UnixMicro(), e.Action, e.Actor, e.Account, e.Space, e.Subject, before, after,
		e.Address, e.UserAgent, e.RequestID, e.Reason, e.Revision)
	if err != nil {
		return changedFromOutside(err, e.Seq)
	}
	return t.insertLeaf(ctx, e.Seq, auditlog.LeafHash(&e, before, after))
}

// changedFromOutside: a number that is taken means that the table is not as this program left it. That is no conflict
// that a caller could resolve.
func changedFromOutside(err error, seq int64) error {
	if !errors.Is(err, keywright.ErrConflict) {
		return err
	}
	return fmt.Errorf("%w: the audit trail was changed from outside, event %d is there already: run keywright audit verify", keywright.ErrUnavailable, seq)
}

const eventColumns = `e.seq, e.at, e.action, e.actor, e.account, e.space, e.subject, e.old, e.new,
	e.address, e.user_agent, e.request_id, e.reason, e.revision`

// List returns events newest first. It walks one index in its order: the subject's, the actor's, the account's or
// that of time.
func (t events) List(ctx context.Context, q store.EventQuery) (list []store.Event, err error) {
	if q.Spaces != nil && len(q.Spaces) == 0 {
		return nil, nil
	}
	s := eventQuery(q)
	err = t.each(ctx, func(r *row) { list = append(list, scanEvent(r)) }, s.String(), s.args...)
	return list, err
}

func eventQuery(q store.EventQuery) *query {
	s := newQuery("SELECT " + eventColumns + " FROM events e")
	if q.Before != nil {
		s.where("e.at <= ?", q.Before.At).where("(e.at < ? OR e.seq < ?)", q.Before.At, q.Before.Seq)
	}
	return filterEvents(s, q).end("ORDER BY e.at DESC, e.seq DESC LIMIT ?", q.Limit)
}

// Walk walks the same indexes from their other end.
func (t events) Walk(ctx context.Context, q store.EventQuery, after store.EventPosition, upTo int64) ([]store.Logged, error) {
	if q.Spaces != nil && len(q.Spaces) == 0 {
		return nil, nil
	}
	return t.logged(ctx, walkQuery(q, after, upTo))
}

func walkQuery(q store.EventQuery, after store.EventPosition, upTo int64) *query {
	s := newQuery(selectLogged).where("e.seq <= ?", upTo)
	if after.Seq != 0 {
		s.where("e.at >= ?", after.At).where("(e.at > ? OR e.seq > ?)", after.At, after.Seq)
	}
	return filterEvents(s, q).end("ORDER BY e.at, e.seq LIMIT ?", q.Limit)
}

const selectLogged = "SELECT " + eventColumns + ", substr(t.hashes, 1, 32) FROM events e JOIN tree t ON t.leaf = e.seq - 1"

// Log walks the table itself.
func (t events) Log(ctx context.Context, after, upTo int64, limit int) ([]store.Logged, error) {
	return t.logged(ctx, newQuery(selectLogged).where("e.seq > ?", after).where("e.seq <= ?", upTo).end("ORDER BY e.seq LIMIT ?", limit))
}

func (t events) logged(ctx context.Context, s *query) (list []store.Logged, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, store.Logged{Event: scanEvent(r), Hash: r.digest()}) }, s.String(), s.args...)
	return list, err
}

// filterEvents adds the conditions of a filter. Of those that have an index the best one keeps it, and the others are
// written so that no index serves them.
func filterEvents(s *query, q store.EventQuery) *query {
	indexed := false
	for _, c := range []struct{ column, value string }{{"e.subject", q.Subject}, {"e.actor", q.Actor}, {"e.account", q.Account}} {
		switch {
		case c.value == "":
		case indexed:
			s.where("("+c.column+" || '') = ?", c.value)
		default:
			s.where(c.column+" = ?", c.value)
			indexed = true
		}
	}
	if q.Spaces != nil {
		s.whereIn("e.space", anys(q.Spaces))
	}
	if q.Address != "" {
		s.where("e.address = ?", q.Address)
	}
	if !q.Since.IsZero() {
		s.where("e.at >= ?", q.Since)
	}
	if !q.Until.IsZero() {
		s.where("e.at < ?", q.Until)
	}
	if strings.HasSuffix(q.Action, ".") {
		s.where("e.action >= ?", q.Action).where("e.action < ?", strings.TrimSuffix(q.Action, ".")+"/") // '/' is the byte after '.'
	} else if q.Action != "" {
		s.where("e.action = ?", q.Action)
	}
	return s
}

func scanEvent(r *row) store.Event {
	e, before, after := scanEventText(r)
	var err error
	e.Before, err = auditlog.ParseMembers(before)
	r.fail(err)
	e.After, err = auditlog.ParseMembers(after)
	r.fail(err)
	return e
}

// scanEventText leaves the members as they are written.
func scanEventText(r *row) (e store.Event, before, after string) {
	e = store.Event{
		Seq: r.int(), At: r.time(), Action: r.text(), Actor: r.text(),
		Account: r.text(), Space: r.text(), Subject: r.text(),
	}
	before, after = r.text(), r.text()
	e.Address, e.UserAgent, e.RequestID, e.Reason = r.text(), r.text(), r.text(), r.text()
	e.Revision = keywright.Revision(r.int())
	return e, before, after
}
