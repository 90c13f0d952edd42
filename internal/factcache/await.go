package factcache

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	firstLook  = 10 * time.Millisecond // at who has acknowledged, if no hint comes before; twice as much each time after
	askAgain   = 50 * time.Millisecond // after an error of the database
	mostLeases = 2                     // of errors, then it is given up
)

// awaitOthers returns when every other node has acknowledged a revision, or its lease is over. A node that registers later
// reads that revision before it answers from memory.
func (n *Node) awaitOthers(ctx context.Context, revision keywright.Revision) error {
	if n.nodes == nil {
		return nil
	}
	for wait := firstLook; ; wait = min(2*wait, n.options.Lease/renewals) {
		stirred := n.board.stirred()
		var left time.Duration
		err := n.patiently(ctx, func() (err error) {
			left, err = n.othersBehind(ctx, revision)
			return err
		})
		if err != nil || left <= 0 {
			return err
		}
		if err := either(ctx, stirred, min(left, wait)); err != nil {
			return err
		}
	}
}

// othersBehind is how long the shortest lease lasts of those who have not acknowledged a revision; 0: all have. One that
// seems to run out may have been renewed meanwhile.
func (n *Node) othersBehind(ctx context.Context, revision keywright.Revision) (left time.Duration, err error) {
	list, err := n.board.look(ctx)
	if err != nil {
		return 0, err
	}
	self := n.id.Load()
	for _, other := range list {
		if other.Acknowledged >= revision || self != nil && other.ID == *self {
			continue
		}
		if left == 0 || other.Lease < left {
			left = other.Lease
		}
	}
	return left, nil
}

// patiently tries something again that the database refuses for the moment.
func (n *Node) patiently(ctx context.Context, f func() error) error {
	begin := time.Now()
	for {
		err := f()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(begin) > mostLeases*n.options.Lease:
			return fmt.Errorf("other nodes are not known to have forgotten it: %w", err)
		}
		pause(ctx, askAgain)
	}
}

// either waits for a channel to be closed, or so long.
func either(ctx context.Context, c <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// board is where it is looked up who has acknowledged what. Many look at once what one has asked the database, if it asked
// after they came.
type board struct {
	nodes   store.Nodes
	turn    chan struct{} // whose it is asks
	mu      sync.Mutex
	next    *sight        // of who asks next
	stirrer chan struct{} // closed at the next hint
}

// sight is one answer of the database.
type sight struct {
	done chan struct{} // closed when the rest is there
	list []store.Node
	err  error
}

func newBoard(nodes store.Nodes) board {
	return board{nodes: nodes, turn: make(chan struct{}, 1), stirrer: make(chan struct{})}
}

// stir says that there may be something new to see.
func (b *board) stir() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.stirrer)
	b.stirrer = make(chan struct{})
}

// stirred is closed when there may be something new after now.
func (b *board) stirred() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stirrer
}

// look returns the nodes that are alive, as they are after it was called.
func (b *board) look(ctx context.Context) ([]store.Node, error) {
	b.mu.Lock()
	s := b.next
	if s == nil {
		s = &sight{done: make(chan struct{})}
		b.next = s
		go b.ask(context.WithoutCancel(ctx), s)
	}
	b.mu.Unlock()
	select {
	case <-s.done:
		return s.list, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ask asks the database in its turn; from then on others need another answer.
func (b *board) ask(ctx context.Context, s *sight) {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.mu.Lock()
	b.next = nil
	b.mu.Unlock()
	s.list, s.err = b.nodes.Live(ctx)
	close(s.done)
}
