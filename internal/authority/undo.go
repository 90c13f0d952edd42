package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// undoable is for how long somebody can undo what it has disabled.
const undoable = time.Hour

// UndoDisable enables again what a change of the caller's own has disabled, told by the change's revision: all of it or, on an
// error, none. Left as it is is what was disabled before that change already, what somebody has done something else with since,
// and what has expired. It returns how many tokens it has enabled; those that come back with one that made them do not count.
// keywright.ErrNotFound says that the caller has disabled nothing in that revision, or too long ago.
func (a *Authority) UndoDisable(ctx context.Context, caller Caller, revision keywright.Revision) (enabled int64, err error) {
	_, err = a.change(ctx, caller, func(s *scene) error {
		enabled = 0
		done, err := s.disabledIn(ctx, revision)
		if err != nil {
			return err
		}
		for _, e := range done {
			again, err := s.undoDisable(ctx, e)
			if err != nil {
				return err
			}
			if again {
				enabled++
			}
		}
		return nil
	})
	return enabled, err
}

// disabledIn are the events of what the caller has disabled in a revision, in their order: what made others comes before them.
func (s *scene) disabledIn(ctx context.Context, revision keywright.Revision) ([]store.Event, error) {
	if revision <= 0 {
		return nil, fmt.Errorf("change to undo %w", keywright.ErrNotFound)
	}
	q := store.EventQuery{Actor: s.actor.name, Action: "token.disable", Since: s.now.Add(-undoable), Limit: bulkPage}
	var all []store.Event
	for {
		page, err := s.tx.Events().List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.Revision == revision {
				all = append(all, e)
			}
		}
		if len(page) < bulkPage {
			break
		}
		last := page[len(page)-1]
		if last.Revision < revision { // as is all that comes before it
			break
		}
		q.Before = &store.EventPosition{At: last.At, Seq: last.Seq}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("change to undo %w", keywright.ErrNotFound)
	}
	slices.Reverse(all)
	return all, nil
}

// undoDisable enables the token of an event again, if it is as the event has left it.
func (s *scene) undoDisable(ctx context.Context, e store.Event) (bool, error) {
	id, err := keywright.ParseID(strings.TrimPrefix(e.Subject, "token:"))
	if err != nil {
		return false, err
	}
	rec, err := s.token(ctx, id, tokensWrite)
	switch {
	case errors.Is(err, keywright.ErrNotFound): // deleted since
		return false, nil
	case err != nil:
		return false, err
	case !rec.Facts.DisabledAt.Equal(e.At) || !rec.DisabledBy.IsZero() || !rec.Facts.RevokedAt.IsZero() || s.expired(rec):
		return false, nil
	}
	return true, s.enable(ctx, rec)
}
