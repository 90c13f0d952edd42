package factcache

import (
	"context"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// mostRevisions are read at once.
const mostRevisions = 1000

// catchUp forgets what has changed, by what is on file of it: up to the head, or at least up to a revision if that is not
// 0. Whoever follows is told of it in the order of revisions, after it was forgotten here.
func (n *Node) catchUp(ctx context.Context, upto keywright.Revision) error {
	select {
	case n.applying <- struct{}{}:
		defer func() { <-n.applying }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if n.begun && upto > 0 && upto <= n.Applied() {
		return nil
	}
	for {
		h, err := n.source.Since(ctx, n.Applied(), mostRevisions)
		if err != nil {
			return err
		}
		if n.apply(h); n.Applied() >= h.Head {
			return nil
		}
	}
}

// apply forgets what follows on what was forgotten before. Where that is not on file, it is everything.
func (n *Node) apply(h store.History) {
	defer signal(n.due)
	n.head.Store(int64(h.Head))
	known := n.Applied()
	if !n.begun || known < h.Forgotten || known > h.Head {
		n.memory.forgetAll()
		n.begun = true
		n.applied.Store(int64(h.Head))
		n.followers.TellAll(h.Head)
		n.told.Store(&telling{h.Head, h.Head})
		return
	}
	for _, c := range h.Commits {
		_ = n.memory.Forget(context.Background(), c)
	}
	n.applied.Store(int64(h.Upto))
	last := n.told.Load().last
	for _, c := range h.Commits {
		n.followers.Tell(c.Revision, c.Forget)
		last = c.Revision
	}
	n.told.Store(&telling{h.Upto, last})
}

// acknowledge tells the others what is forgotten here, as often as there may be more of it, until ctx ends. It waits for
// followers first, no longer than their leases, and for those no longer for what comes after.
func (n *Node) acknowledge(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.due:
		}
		told, id := n.told.Load(), n.id.Load()
		if told == nil || id == nil || n.followers.Wait(ctx, told.last) != nil {
			continue
		}
		if err := n.nodes.Acknowledge(ctx, *id, told.upto); err != nil && ctx.Err() == nil {
			n.log.Warn("what is forgotten here could not be told to other nodes, it is tried again", "error", err)
			pause(ctx, n.options.Lease/leaseTries)
			signal(n.due)
		}
	}
}
