package authority

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// EventQuery asks for one page of the audit trail, newest first.
type EventQuery struct {
	ListQuery
	EventFilter
}

// EventFilter chooses events; of several members all must match.
type EventFilter struct {
	Account string // default: the caller's
	All     bool   // of every account and of the instance itself: for operators; not with Account
	Space   string
	Subject string
	Actor   string // user:NAME, token:ID or system
	Action  string // "token." matches every action that begins so
	Address string // from which it was done
	Since   time.Time
	Until   time.Time // before it
}

// whole reports whether the filter chooses the whole log.
func (f EventFilter) whole() bool { return f == EventFilter{All: true} }

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
	find, err := s.chooseEvents(&q.EventFilter)
	if err != nil {
		return page, err
	}
	var p problems
	limit := p.limit(q.Limit)
	if err := p.err(); err != nil {
		return page, err
	}
	find.Limit = limit + 1
	name := listOf("events", q.EventFilter)
	if q.Cursor != "" {
		c, err := parseCursor(q.Cursor, name)
		if err != nil {
			return page, err
		}
		find.Before = &store.EventPosition{At: c.Time, Seq: c.Seq}
	}
	found, err := s.tx.Events().List(ctx, find)
	if err != nil {
		return page, err
	}
	if len(found) > limit {
		found = found[:limit]
		last := found[limit-1]
		page.Next = cursor{Of: name, Time: last.At, Seq: last.Seq}.encode()
	}
	page.Items = append(page.Items, found...)
	return page, nil
}

// chooseEvents begins a search for events that the actor may see, and fills in what the filter leaves out.
func (s *scene) chooseEvents(f *EventFilter) (store.EventQuery, error) {
	if err := f.read(); err != nil {
		return store.EventQuery{}, err
	}
	find := store.EventQuery{
		Subject: f.Subject, Actor: f.Actor, Action: f.Action, Address: f.Address, Since: f.Since, Until: f.Until,
	}
	if f.Space != "" {
		find.Spaces = []string{f.Space}
	}
	if f.All {
		return find, s.seesAll()
	}
	f.Account = cmp.Or(f.Account, s.actor.account)
	sight, err := s.sight(f.Account, auditRead)
	if err != nil {
		return find, missing("account", err)
	}
	find.Account = f.Account
	if !sight.all {
		find.Spaces = common(sight.spaces, find.Spaces)
	}
	return find, nil
}

// common is which of the spaces seen are asked for; none asked for: all that are seen.
func common(seen, asked []string) []string {
	if asked == nil {
		return seen
	}
	return slices.DeleteFunc(slices.Clone(asked), func(space string) bool { return !slices.Contains(seen, space) })
}

// seesAll refuses whoever does not read the trail of every account and of the instance.
func (s *scene) seesAll() error {
	err := s.require(place{}, auditRead)
	if errors.Is(err, keywright.ErrForbidden) || errors.Is(err, keywright.ErrNotFound) {
		return fmt.Errorf("%w: only an operator reads the whole audit trail; name an account", keywright.ErrForbidden)
	}
	return err
}

// Event returns one event of the audit trail by its number; keywright.ErrNotFound if the caller may not see it.
func (a *Authority) Event(ctx context.Context, caller Caller, seq int64) (keywright.Event, error) {
	var e keywright.Event
	err := a.view(ctx, caller, func(s *scene) error {
		found, err := s.eventSeen(ctx, seq)
		if err == nil {
			e = found.Event
		}
		return err
	})
	return e, err
}

// eventSeen reads one event that the actor may see.
func (s *scene) eventSeen(ctx context.Context, seq int64) (store.Logged, error) {
	absent := fmt.Errorf("event %d %w", seq, keywright.ErrNotFound)
	if seq < 1 {
		return store.Logged{}, absent
	}
	found, err := s.tx.Events().Log(ctx, seq-1, seq, 1)
	if err != nil {
		return store.Logged{}, err
	}
	if len(found) == 0 {
		return store.Logged{}, absent
	}
	return found[0], missing("event", s.seesEvent(&found[0].Event))
}

// seesEvent reports, as an error, whether the actor may see one event; for who may not there is none.
func (s *scene) seesEvent(e *keywright.Event) error {
	if e.Account == "" && s.seesAll() != nil {
		return keywright.ErrNotFound
	} else if e.Account == "" {
		return nil
	}
	sight, err := s.sight(e.Account, auditRead)
	if err == nil && !sight.all && !slices.Contains(sight.spaces, e.Space) {
		err = keywright.ErrNotFound
	}
	return err
}

// read checks the filter and puts its address in the form in which addresses are kept.
func (f *EventFilter) read() error {
	var p problems
	for _, text := range []struct{ member, value string }{
		{"subject", f.Subject}, {"action", f.Action}, {"actor", f.Actor}, {"space", f.Space},
	} {
		p.text(text.member, text.value, maxFilterText, maxFilterText)
	}
	if f.All && f.Account != "" {
		p.add("all", "goes without account")
	}
	if f.Address != "" {
		address, err := netip.ParseAddr(strings.TrimSpace(f.Address))
		if err != nil {
			p.add("address", "must be an IP address")
		}
		f.Address = address.Unmap().String()
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		p.add("until", "must be after since")
	}
	f.Since, f.Until = upToMicro(f.Since), upToMicro(f.Until)
	return p.err()
}

// upToMicro is an instant as one that is kept compares with it: the first microsecond that is not before it.
func upToMicro(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Add(time.Microsecond - 1).Truncate(time.Microsecond)
}
