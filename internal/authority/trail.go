package authority

import (
	"cmp"
	"context"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// EventQuery asks for one page of the audit trail, newest first.
type EventQuery struct {
	ListQuery
	Account string // default: the caller's
	Subject string
	Action  string // "token." matches every action that begins so
}

// Events returns a page of the audit trail.
func (a *Authority) Events(ctx context.Context, caller Caller, q EventQuery) (keywright.Page[keywright.Event], error) {
	var page keywright.Page[keywright.Event]
	err := a.view(ctx, caller, func(s *scene) (err error) {
		page, err = s.trail(ctx, q)
		return err
	})
	return page, err
}

func (s *scene) trail(ctx context.Context, q EventQuery) (keywright.Page[keywright.Event], error) {
	page := keywright.Page[keywright.Event]{Items: []keywright.Event{}}
	q.Account = cmp.Or(q.Account, s.actor.account)
	sight, err := s.sight(q.Account, auditRead)
	if err != nil {
		return page, missing("account", err)
	}
	var p problems
	limit := p.limit(q.Limit)
	p.text("subject", q.Subject, maxFilterText, maxFilterText)
	p.text("action", q.Action, maxFilterText, maxFilterText)
	if err := p.err(); err != nil {
		return page, err
	}
	find := store.EventQuery{
		Account: q.Account,
		Spaces:  sight.spaces,
		Subject: q.Subject,
		Action:  q.Action,
		Limit:   limit + 1,
	}
	name := listOf("events", q.Account, q.Subject, q.Action)
	if q.Cursor != "" {
		c, err := parseCursor(q.Cursor, name)
		if err != nil {
			return page, err
		}
		find.Before = &store.EventPosition{At: c.Time, Seq: c.Seq}
	}
	if page.Items, err = s.tx.Events().List(ctx, find); err != nil {
		return page, err
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		page.Next = cursor{Of: name, Time: page.Items[limit-1].At, Seq: page.Items[limit-1].Seq}.encode()
	}
	return page, nil
}
