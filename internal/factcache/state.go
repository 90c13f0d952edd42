package factcache

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// State is what a node is doing, for who watches over it.
type State struct {
	Leased     bool               // memory answers
	Head       keywright.Revision // the last that the database has spoken of
	Applied    keywright.Revision // the last that memory has nothing older than
	Beginnings int64              // leases that were got; all but the first after one was lost
	Failures   int64              // renewals that failed and were tried again
	Followers  int                // who hold a lease of this node
	Tokens     int                // remembered
	Absent     int                // remembered as not being there
}

// State looks through what is remembered: ask seldom.
func (n *Node) State() State {
	m := n.memory
	return State{
		Leased: n.lease.lasts(), Head: keywright.Revision(n.head.Load()), Applied: n.Applied(),
		Beginnings: n.beginnings.Load(), Failures: n.failures.Load(), Followers: n.followers.count(),
		Tokens: m.tokens.kept(), Absent: m.absentTokens.kept() + m.absentDigests.kept(),
	}
}

// Nodes is how many nodes are alive, this one among them.
func (n *Node) Nodes(ctx context.Context) (int, error) {
	if n.nodes == nil {
		return 1, nil
	}
	list, err := n.board.look(ctx)
	return len(list), err
}

// count is how many followers hold a lease.
func (f *Followers) count() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for _, one := range f.known {
		if now.Before(one.until) {
			n++
		}
	}
	return n
}
