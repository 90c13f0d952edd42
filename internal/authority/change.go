package authority

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// scene is where a change or a view takes place: a transaction, who acts in it,
// and the instant at which it happens. It lives as long as the transaction.
type scene struct {
	a       *Authority
	tx      store.Tx
	actor   *actor
	caller  Caller
	now     time.Time
	tenants map[place]tenancy // what was read of accounts and spaces so far

	catalogues map[api]entries // likewise
}

// change is the way of every change by a caller: in one transaction it establishes who
// the caller is now, from rows read there, and lets f act; after the commit
// every cache has forgotten what changed before it returns. f may be called
// again and must reset what it captured.
func (a *Authority) change(ctx context.Context, c Caller, f func(*scene) error) (store.Commit, error) {
	return a.commitFor(ctx, c.Effect, func(tx store.Tx) error { return a.play(ctx, tx, c, f) })
}

// view is change for what changes nothing: f sees one consistent snapshot.
func (a *Authority) view(ctx context.Context, c Caller, f func(*scene) error) error {
	return a.cfg.Store.Read(ctx, func(tx store.Tx) error { return a.play(ctx, tx, c, f) })
}

func (a *Authority) play(ctx context.Context, tx store.Tx, c Caller, f func(*scene) error) error {
	s := &scene{a: a, tx: tx, caller: c, now: a.instant(), tenants: map[place]tenancy{}}
	var err error
	if s.actor, err = s.establish(ctx); err != nil {
		return err
	}
	return f(s)
}

// commit runs f in a transaction and has every cache forget what it changed.
// It is for what acts without a caller; callers act through change.
//
// When forgetting fails the change stands, and the error says so: the caller
// must not be told that nothing happened, nor that it has taken effect everywhere.
func (a *Authority) commit(ctx context.Context, f func(store.Tx) error) (store.Commit, error) {
	done, err := a.cfg.Store.Write(ctx, f)
	if err != nil || a.cfg.Forget == nil || len(done.Forget) == 0 {
		return done, err
	}
	return done, a.forget(ctx, nil, done)
}

// commitFor is commit for a caller. What was so already is waited for as well: it may be the caller's second attempt, after
// one whose end it did not wait for, and others may not have forgotten yet what that one changed.
func (a *Authority) commitFor(ctx context.Context, e *Effect, f func(store.Tx) error) (store.Commit, error) {
	done, err := a.cfg.Store.Write(ctx, f)
	if err != nil {
		return done, err
	}
	e.changed(done.Revision)
	if a.cfg.Forget == nil || len(done.Forget) == 0 && !done.Quiet {
		return done, nil
	}
	return done, a.forget(ctx, e, done)
}

// forget waits until every cache has forgotten what a commit changed, or, of one that changed nothing, what any did before it, or until it is not to be waited for any longer. The change
// is durable: a caller that has gone away is no reason to leave caches behind.
func (a *Authority) forget(ctx context.Context, e *Effect, done store.Commit) error {
	waiting, cancel := e.patience(context.WithoutCancel(ctx))
	defer cancel()
	begin := time.Now() // what is measured is no matter of the configured clock
	err := a.cfg.Forget(waiting, done)
	pending := err != nil && waiting.Err() != nil
	e.waited(time.Since(begin), pending)
	if err == nil || pending {
		return nil
	}
	return fmt.Errorf("%w: the change is made, but it is not known to have reached every verifier: %w", keywright.ErrUnavailable, err)
}

// instant is now as it is kept: UTC, to the microsecond.
func (a *Authority) instant() time.Time { return a.cfg.Now().UTC().Truncate(time.Microsecond) }

// event begins the line of the audit trail that explains a change of this scene.
func (s *scene) event(action, account, space, subject string) store.Event {
	e := s.caller.event(action, s.now)
	e.Actor, e.Account, e.Space, e.Subject = s.actor.name, account, space, subject
	return e
}

// event begins a line of the audit trail about something the caller brought about.
func (c Caller) event(action string, at time.Time) store.Event { return c.origin().event(action, at) }

func (c Caller) origin() origin { return origin{c.Door, c.Address, c.UserAgent, c.RequestID} }

func (o origin) event(action string, at time.Time) store.Event {
	e := store.Event{
		At:        at,
		Action:    action,
		Actor:     "system",
		UserAgent: printable(o.userAgent, maxUserAgent),
		RequestID: printable(o.requestID, 128),
	}
	if o.address.IsValid() {
		e.Address = o.address.Unmap().String()
	}
	return e
}

// maxUserAgent is how many bytes are kept of what a client calls itself.
const maxUserAgent = 256

// printable makes what a client sent about itself fit to be kept and shown: at
// most limit bytes, valid UTF-8, control and direction characters dropped.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unclean(r) {
			return -1
		}
		return r
	}, s)
	for len(s) > limit {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
