package authority

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	refusalEvery     = time.Minute
	refusalsPending  = 1024
	refusalsKnown    = 1 << 14
	refusalsPerWrite = 100
)

// refusals brings refused attempts at known tokens into the audit trail: at most one
// per token and cause a minute, written beside the answers and never before them.
type refusals struct {
	last  *recent[refusal, time.Time]
	queue chan store.Event
	lost  atomic.Int64
}

type refusal struct {
	id     keywright.ID
	reason keywright.Reason
}

func newRefusals() *refusals {
	return &refusals{
		last:  newRecent[refusal, time.Time](refusalsKnown),
		queue: make(chan store.Event, refusalsPending),
	}
}

// note notes a refusal. An unknown id goes the same way as a known one, up to where there is
// nothing to tell, so that both take the same time.
func (r *refusals) note(id keywright.ID, known *store.Record, why keywright.Reason, seen origin, now time.Time) {
	if id.IsZero() || !r.due(refusal{id, why}, now) || known == nil {
		return
	}
	r.push(refusedEvent(known, why, seen, now))
}

func refusedEvent(known *store.Record, why keywright.Reason, seen origin, now time.Time) store.Event {
	e := seen.event("token.refused", now.UTC().Truncate(time.Microsecond))
	e.Account, e.Space, e.Subject = known.Facts.Account, known.Facts.Space, "token:"+known.Facts.ID.String()
	e.Reason = why.String()
	if why != keywright.Unproved {
		e.Actor = e.Subject // it has shown its secret
	}
	return e
}

func (r *refusals) due(what refusal, now time.Time) bool {
	if last, ok := r.last.get(what); ok && now.Sub(last) < refusalEvery {
		return false
	}
	r.last.set(what, now)
	return true
}

func (r *refusals) push(e store.Event) {
	select {
	case r.queue <- e:
	default:
		r.lost.Add(1)
	}
}

// flush writes what waits. What cannot be written waits on.
func (r *refusals) flush(ctx context.Context, to store.Store) (lost int64, err error) {
	lost = r.lost.Swap(0)
	for {
		batch := r.take()
		if len(batch) == 0 {
			return lost, nil
		}
		if _, err := to.Write(ctx, func(tx store.Tx) error { return appendAll(ctx, tx, batch) }); err != nil {
			for _, e := range batch {
				r.push(e)
			}
			return lost, err
		}
	}
}

func (r *refusals) take() (batch []store.Event) {
	for len(batch) < refusalsPerWrite {
		select {
		case e := <-r.queue:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

func appendAll(ctx context.Context, tx store.Tx, events []store.Event) error {
	for _, e := range events {
		if err := tx.Events().Append(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// noteLogin notes why a person who exists could not sign in.
func (r *refusals) noteLogin(user *store.User, caller Caller, why keywright.Reason, now time.Time) {
	if user == nil || !r.due(refusal{user.ID, why}, now) {
		return
	}
	e := caller.event("session.refused", now.UTC().Truncate(time.Microsecond))
	e.Subject = "user:" + user.Username
	e.Reason = why.String()
	r.push(e)
}
