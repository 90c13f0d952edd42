package factcache

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	defaultLease   = 3 * time.Second
	leaseMargin    = 30 // the part of a lease by which clocks may differ in their rates
	leastLease     = 10 // the part of a lease that is worth granting
	pollsPerLease  = 3
	mostFollowers  = 1 << 12
	mostOfOneToken = 1 << 10
	rememberedNews = 1 << 14 // subjects
)

// Followers are those outside of this node who remember what it told them: what changes, they hear by long polls, and a
// poll for what is after a revision acknowledges all up to it. Until they have acknowledged, or their leases have run
// out, this node must not say of a change that it is forgotten. The zero value is ready. Safe for concurrent use.
//
// A lease is granted with an answer, and an answer holds everything that was told before it. So whoever is waited for
// is known when a change is told: nothing that a follower does later makes the wait longer.
//
// Leases are counted on the monotonic clock, which no configuration replaces.
type Followers struct {
	Lease time.Duration // the longest; 0: 3 seconds
	Fault Fault         // for tests of tests

	mu      sync.Mutex
	known   map[store.Follower]*follower
	waiting map[*wait]struct{}
	history history
	told    chan struct{} // closed when something is told, or polls end
	stopped bool
}

// follower is one of them, as far as it is known here.
type follower struct {
	acknowledged keywright.Revision
	until        time.Time     // the end of the last lease that it was granted; zero: it was granted none
	superseded   chan struct{} // closed when it polls again; nil: it is not polling
	expelled     bool          // it has to begin anew
}

// wait is somebody who waits until a revision is forgotten everywhere.
type wait struct {
	revision keywright.Revision
	pending  map[*follower]time.Time // who has not acknowledged it, and the end of the lease as it was then
	done     chan struct{}           // closed when pending is empty
}

// Tell tells followers what is to be forgotten. It is called in the order of revisions, each after this node has
// forgotten it itself. What was told before is ignored.
func (f *Followers) Tell(revision keywright.Revision, what []store.Subject) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin()
	if revision <= f.history.told {
		return
	}
	f.history.add(revision, what)
	f.wake()
}

// TellAll has followers forget everything: when a node begins to know what changes, at a revision, and when it has missed
// something. Revisions may begin anew with it, as those of a database do that was restored: so those who follow have to begin
// anew too, and nothing that they acknowledge counts any more.
func (f *Followers) TellAll(revision keywright.Revision) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin()
	f.history.restart(revision)
	for _, one := range f.known {
		one.expelled, one.acknowledged = true, -1
	}
	f.wake()
}

func (f *Followers) longest() time.Duration { return cmp.Or(f.Lease, defaultLease) }

// begin makes the zero value usable.
func (f *Followers) begin() {
	if f.known == nil {
		f.known, f.waiting = make(map[store.Follower]*follower), make(map[*wait]struct{})
		f.history.limit = rememberedNews
		f.told = make(chan struct{})
	}
}

func (f *Followers) wake() {
	close(f.told)
	f.told = make(chan struct{})
}

// Stop ends all polls at once, and grants no leases any more. Wait goes on to wait for those that were granted.
func (f *Followers) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin()
	f.stopped = true
	f.wake()
}

// Wait returns when every follower has forgotten what was told up to a revision: it has acknowledged it, or its lease has
// run out. That takes no longer than a lease. An error means only that ctx has ended.
func (f *Followers) Wait(ctx context.Context, revision keywright.Revision) error {
	w := f.enter(revision)
	if w == nil {
		return nil
	}
	defer f.leave(w)
	for {
		left, ok := f.left(w)
		if !ok {
			return nil
		}
		lapse := time.NewTimer(left)
		select {
		case <-w.done:
			lapse.Stop()
			return nil
		case <-ctx.Done():
			lapse.Stop()
			return ctx.Err()
		case <-lapse.C:
		}
	}
}

// enter finds out who is to be waited for; nil if it is nobody.
func (f *Followers) enter(revision keywright.Revision) *wait {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	w := &wait{revision: revision, pending: make(map[*follower]time.Time), done: make(chan struct{})}
	for who, one := range f.known {
		switch {
		case one.gone(now):
			delete(f.known, who)
		case one.acknowledged < revision && now.Before(one.until):
			w.pending[one] = one.until
		}
	}
	if len(w.pending) == 0 || f.Fault == FaultFollowerNotWaited {
		return nil
	}
	f.waiting[w] = struct{}{}
	return w
}

func (f *Followers) leave(w *wait) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, w)
}

// left is how long it takes until the next lease runs out of those that are waited for; ok is false if there is none.
func (f *Followers) left(w *wait) (left time.Duration, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for one, until := range w.pending {
		rest := until.Sub(now)
		switch {
		case rest <= 0:
			delete(w.pending, one)
		case !ok || rest < left:
			left, ok = rest, true
		}
	}
	return left, ok
}

// Poll acknowledges for a follower everything up to a revision, and returns what is to be forgotten after it: at once if
// there is something or the follower has no lease, else after a third of the lease. The lease ends no later than nodeEnd,
// which is when this node's own does; zero: it has no end. Without a lease to give it is keywright.ErrUnavailable. It is
// keywright.ErrConflict for a follower that has to begin anew, and for a poll whose follower has begun another.
func (f *Followers) Poll(ctx context.Context, who store.Follower, since keywright.Revision, nodeEnd time.Time) (store.News, error) {
	p, err := f.arrive(who, since, nodeEnd)
	if err != nil {
		return store.News{}, err
	}
	defer f.depart(p)
	held := time.NewTimer(p.hold)
	defer held.Stop()
	for due := false; ; {
		news, told, err := f.answer(p, due)
		if told == nil {
			return news, err
		}
		select {
		case <-told:
		case <-held.C:
			due = true
		case <-p.superseded:
			return store.News{}, fmt.Errorf("%w: this follower has begun another poll", keywright.ErrConflict)
		case <-ctx.Done():
			return store.News{}, ctx.Err()
		}
	}
}

// poll is one of a follower's polls.
type poll struct {
	*follower
	since      keywright.Revision
	arrived    time.Time
	lease      time.Duration
	hold       time.Duration // until it is answered, if nothing happens: long before the lease before is over
	fresh      bool          // the follower has begun just now
	superseded chan struct{}
}

var (
	errNoLease  = fmt.Errorf("%w: this node has no lease to share", keywright.ErrUnavailable)
	errExpelled = fmt.Errorf("%w: begin anew: this server does not know any more what this follower has heard of", keywright.ErrConflict)
)

// arrive notes a poll and what it acknowledges.
func (f *Followers) arrive(who store.Follower, since keywright.Revision, nodeEnd time.Time) (*poll, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin()
	longest := f.longest()
	p := &poll{since: since, arrived: time.Now(), lease: longest, superseded: make(chan struct{})}
	if !nodeEnd.IsZero() && f.Fault != FaultFollowerOutlivesNode {
		p.lease = min(p.lease, nodeEnd.Sub(p.arrived))
	}
	if f.stopped || p.lease < longest/leastLease {
		return nil, errNoLease
	}
	one := f.known[who]
	switch {
	case one != nil && one.expelled:
		return nil, errExpelled
	case one == nil:
		if err := f.room(who, p.arrived); err != nil {
			return nil, err
		}
		one, p.fresh = new(follower), true
		f.known[who] = one
	}
	if one.superseded != nil {
		close(one.superseded)
	}
	p.follower, one.superseded = one, p.superseded
	if p.hold = min(p.lease/pollsPerLease, max(0, one.until.Sub(p.arrived)/2)); since == store.Goodbye {
		p.hold = 0
	}
	f.acknowledge(one, since)
	return p, nil
}

func (f *Followers) acknowledge(one *follower, since keywright.Revision) {
	one.acknowledged = max(one.acknowledged, since)
	for w := range f.waiting {
		if w.revision > one.acknowledged {
			continue
		}
		if delete(w.pending, one); len(w.pending) == 0 {
			close(w.done)
			delete(f.waiting, w)
		}
	}
}

// room makes room for one more follower, or refuses it.
func (f *Followers) room(who store.Follower, now time.Time) error {
	ofToken := 0
	for other, one := range f.known {
		switch {
		case one.gone(now):
			delete(f.known, other)
		case other.Token == who.Token:
			ofToken++
		}
	}
	if len(f.known) >= mostFollowers || ofToken >= mostOfOneToken {
		return &keywright.ThrottledError{RetryAfter: f.longest()}
	}
	return nil
}

// gone reports whether a follower neither holds a lease nor asks for one.
func (one *follower) gone(now time.Time) bool { return one.superseded == nil && !now.Before(one.until) }

func (f *Followers) depart(p *poll) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.follower.superseded == p.superseded {
		p.follower.superseded = nil
	}
}

// answer is what a poll has to be told now, with its lease. If that is nothing and the answer is not due yet, told is
// closed when it is worth asking again.
func (f *Followers) answer(p *poll, due bool) (news store.News, told <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what, ok := f.history.after(p.since)
	all := !ok || p.fresh && p.since == 0
	switch {
	case f.stopped:
		return news, nil, errNoLease
	case p.expelled:
		return news, nil, errExpelled
	case p.follower.superseded != p.superseded:
		return news, f.told, nil // the next poll answers
	case !all && len(what) == 0 && !due:
		return news, f.told, nil
	}
	if until := p.arrived.Add(p.lease); until.After(p.until) {
		p.until = until
	}
	news = store.News{Revision: f.history.told, All: all, Lease: p.lease - p.lease/leaseMargin}
	if !all {
		news.Forget = what
	}
	return news, nil, nil
}
