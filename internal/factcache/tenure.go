package factcache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	renewals   = 3                      // in the time of a lease
	leaseTries = 12                     // as much, of a renewal that failed
	beginAgain = 100 * time.Millisecond // after a beginning that failed, and twice as much after each that follows
	farewell   = 2 * time.Second        // for what is told the database at the end
)

// Run holds the lease and applies what others change, until ctx ends. Then it answers from memory no more and, when no
// follower does either, says so, so that nobody waits for this node.
func (n *Node) Run(ctx context.Context) {
	if n.nodes == nil {
		n.follow(ctx)
		return
	}
	var beside sync.WaitGroup
	beside.Go(func() { n.nodes.Watch(ctx, store.Hints{Changed: n.look, Acknowledged: n.board.stir}) })
	beside.Go(func() { n.acknowledge(ctx) })
	beside.Go(func() { n.publish(ctx) })
	n.hold(ctx)
	beside.Wait()
	n.leave(context.WithoutCancel(ctx))
}

// Retire sends followers to other nodes, before this one stops.
func (n *Node) Retire() { n.followers.Stop() }

// follow is Run where nobody else changes anything: only followers have to know where it began.
func (n *Node) follow(ctx context.Context) {
	for ctx.Err() == nil {
		err := n.catchUp(ctx, 0)
		if err == nil {
			break
		}
		n.log.Warn("what has changed could not be read, it is tried again", "error", err)
		pause(ctx, beginAgain)
	}
	<-ctx.Done()
	n.followers.Stop()
}

// hold begins, and begins anew whenever the lease is lost.
func (n *Node) hold(ctx context.Context) {
	wait := beginAgain
	for ctx.Err() == nil {
		held, err := n.tenure(ctx)
		n.drop()
		if ctx.Err() != nil {
			return
		}
		if held {
			wait = beginAgain
		}
		n.log.Warn("the lease is lost: every verification reads the database until there is another", "error", err)
		pause(ctx, wait)
		wait = min(2*wait, n.options.Lease/renewals)
	}
}

// drop has memory answer no more.
func (n *Node) drop() {
	n.lapsed = !n.lease.lasts()
	n.lease.drop(n.options.Fault)
}

// leave takes this node off the file, when nobody answers from memory any more by a lease of its.
func (n *Node) leave(ctx context.Context) {
	n.followers.Stop()
	id := n.id.Load()
	if n.followers.Wait(ctx, math.MaxInt64) != nil || id == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	if err := n.nodes.Leave(ctx, *id); err != nil {
		n.log.Warn("this node could not be taken off the database's list: changes wait until its lease is over", "error", err)
	}
}

// tenure is one beginning and what follows on it, until the lease is lost. What counts is the order: who asks for those that
// are alive finds this node before it reads what has changed, and it answers from memory only after it has applied that.
func (n *Node) tenure(ctx context.Context) (held bool, err error) {
	sent := time.Now()
	id, err := n.register(ctx)
	if err != nil {
		return false, err
	}
	if n.options.Fault == FaultAnswerBeforeCatchingUp {
		n.lease.set(n.ends(sent), n.options.Fault)
	}
	err = n.catchUp(ctx, 0)
	end := n.ends(sent)
	if err == nil && !time.Now().Before(end) {
		err = errLate
	}
	if err != nil { // nobody is to wait for what never answered
		return false, errors.Join(err, n.nodes.Leave(ctx, id))
	}
	n.lease.set(end, n.options.Fault)
	n.beginnings.Add(1)
	n.log.Info("facts are remembered while the lease lasts", "node", id, "lease", n.options.Lease, "revision", n.Applied())
	return true, n.renewing(ctx, id)
}

var errLate = fmt.Errorf("%w: the database answered too late", keywright.ErrUnavailable)

// register puts this node on file under a fresh id. The one before is taken off it if its lease is over by itself, and so those
// of followers are too.
func (n *Node) register(ctx context.Context) (keywright.ID, error) {
	id, err := keywright.NewID(time.Now(), n.options.Random)
	if err != nil {
		return id, err
	}
	o := &n.options
	if err := n.nodes.Register(ctx, store.Node{ID: id, Name: o.Name, Version: o.Version, Lease: o.Lease}); err != nil {
		return id, err
	}
	if before := n.id.Swap(&id); before != nil && n.lapsed {
		if err := n.nodes.Leave(ctx, *before); err != nil {
			return id, err
		}
	}
	return id, nil
}

// renewing renews the lease in time and applies what others change, until one of them fails for good.
func (n *Node) renewing(ctx context.Context, id keywright.ID) error {
	next := time.NewTimer(n.options.Lease / renewals)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.behind:
			if err := n.follows(ctx, id); err != nil {
				return err
			}
		case <-next.C:
			wait, err := n.renew(ctx, id)
			if err != nil {
				return err
			}
			next.Reset(wait)
		}
	}
}

// renew returns when to do so the next time. A renewal that failed is tried again while the lease lasts. One that is
// answered only after the lease was over is none: others may have stopped waiting for this node before the database saw it.
func (n *Node) renew(ctx context.Context, id keywright.ID) (wait time.Duration, err error) {
	sent := time.Now()
	head, err := n.nodes.Renew(ctx, id, n.options.Lease)
	late := !n.lease.lasts() && n.options.Fault != FaultLateRenewal
	switch {
	case errors.Is(err, keywright.ErrNotFound) || late && err != nil:
		return 0, err
	case late:
		return 0, errLate
	case err != nil:
		n.failures.Add(1)
		n.log.Warn("the lease could not be renewed, it is tried again", "error", err)
		return n.options.Lease / leaseTries, nil
	}
	n.lease.set(n.ends(sent), n.options.Fault)
	if n.options.Fault == FaultNotifyOnly {
		n.applied.Store(max(n.applied.Load(), int64(head)))
		n.told.Store(&telling{head, head})
		signal(n.due)
	}
	n.head.Store(max(n.head.Load(), int64(head)))
	n.look(head)
	signal(n.due) // again, should anything have come between
	return n.options.Lease / renewals, nil
}

// follows applies what others have changed.
func (n *Node) follows(ctx context.Context, id keywright.ID) error {
	heard := keywright.Revision(n.heard.Load())
	switch {
	case n.options.Fault == FaultAcknowledgeBeforeForget:
		_ = n.nodes.Acknowledge(ctx, id, heard)
	case n.options.Fault == FaultNotifyOnly && heard <= n.Applied():
		return nil
	}
	return n.catchUp(ctx, 0)
}

// ends is when a lease is over whose renewal was sent at an instant.
func (n *Node) ends(sent time.Time) time.Time {
	if n.options.Fault == FaultLeaseFromArrival {
		sent = time.Now()
	}
	return sent.Add(n.options.Lease - n.options.Lease/margin)
}
