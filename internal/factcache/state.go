package factcache

import (
	"context"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
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

// Nodes returns the nodes that are alive, by name. One that has its database alone is the only one, with an endless lease: 0.
// self is this one's id; zero: it is not on file.
func (n *Node) Nodes(ctx context.Context) (list []store.Node, self keywright.ID, err error) {
	if n.nodes == nil {
		only := store.Node{Name: n.options.Name, Version: n.options.Version, StartedAt: n.started, Acknowledged: n.Applied()}
		return []store.Node{only}, self, nil
	}
	if id := n.id.Load(); id != nil {
		self = *id
	}
	list, err = n.nodes.Live(ctx)
	return list, self, err
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
