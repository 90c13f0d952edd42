package factcache

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// NodeOptions says what a node is. Its zero value is of the only program that has a database open.
type NodeOptions struct {
	Options               // of what is remembered
	Nodes     store.Nodes // nil: nobody else changes what is remembered, and memory answers without a lease
	Followers *Followers  // nil: nobody follows
	// Lease is how long memory may answer after the database was last heard of, and so how long a change may have to
	// wait for a node that is dead; 0: 3 seconds. It is renewed three times in that time.
	Lease   time.Duration
	Name    string       // for people
	Version string       // of the program
	Random  io.Reader    // nil: crypto/rand.Reader
	Log     *slog.Logger // nil: discarded
	Fault   Fault        // for tests of tests
}

// margin is the part of a lease by which the clocks of the database and of this machine may differ after it.
const margin = 10

// Source is what a node remembers facts of: the primary database.
type Source interface {
	store.Finder
	store.Changelog
}

// Node is a store.Finder that remembers, one of any number in front of the same database. What it promises: a call that
// starts, at whatever node, after Forget has returned at one of them, never answers with what that commit changed.
//
// It answers from memory only while it holds a lease. Forget has this node forget, and waits until every other has
// acknowledged that it forgot, or its lease is over. A node whose lease is over reads the database for every answer,
// until it has begun anew: under another id, and after it has caught up with what changed meanwhile. Make it with
// NewNode, and Run it. Safe for concurrent use.
type Node struct {
	memory    *Cache
	source    Source
	nodes     store.Nodes
	followers *Followers
	options   NodeOptions
	log       *slog.Logger

	lease  term
	id     atomic.Pointer[keywright.ID] // of this beginning; nil: there was none
	lapsed bool                         // the lease of that one was over by itself; it is Run's

	// What follows is of whoever applies, who has put something into applying.
	applying chan struct{}
	begun    bool
	applied  atomic.Int64 // the last revision that memory has nothing older than
	told     atomic.Pointer[telling]

	heard  atomic.Int64  // the last revision that was heard of
	behind chan struct{} // there may be something to apply
	due    chan struct{} // there may be something to acknowledge
	board  board

	head       atomic.Int64 // the last revision that the database has spoken of
	beginnings atomic.Int64 // leases that were got
	failures   atomic.Int64 // renewals that were tried again
}

// telling is how far followers were told: of everything up to a revision, the last of which somebody's facts are forgotten for is
// another, or the same.
type telling struct{ upto, last keywright.Revision }

// NewNode returns a node in front of a database. It does no I/O.
func NewNode(source Source, o NodeOptions) *Node {
	o.Lease = cmp.Or(o.Lease, defaultLease)
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Followers == nil {
		o.Followers = new(Followers)
	}
	n := &Node{
		memory: New(source, o.Options), source: source, nodes: o.Nodes, followers: o.Followers, options: o, log: o.Log,
		applying: make(chan struct{}, 1), behind: make(chan struct{}, 1), due: make(chan struct{}, 1),
		board: newBoard(o.Nodes),
	}
	n.lease.begin = time.Now()
	if o.Nodes == nil {
		n.lease.until.Store(endless)
	}
	if o.Fault == FaultNoFillGuard {
		n.memory.unguarded()
	}
	return n
}

// Find returns the record of a token by its id.
func (n *Node) Find(ctx context.Context, id keywright.ID) (*store.Record, error) {
	if n.lease.lasts() {
		return n.memory.Find(ctx, id)
	}
	return n.source.Find(ctx, id)
}

// FindDigest returns the record of an imported token by the keyed digest of its key.
func (n *Node) FindDigest(ctx context.Context, digest store.Digest) (*store.Record, error) {
	if n.lease.lasts() {
		return n.memory.FindDigest(ctx, digest)
	}
	return n.source.FindDigest(ctx, digest)
}

// FindTenant returns the standing of an account and one of its spaces.
func (n *Node) FindTenant(ctx context.Context, account, space string) (keywright.Tenant, error) {
	if n.lease.lasts() {
		return n.memory.FindTenant(ctx, account, space)
	}
	return n.source.FindTenant(ctx, account, space)
}

// FindRoutes returns the rules of a gateway.
func (n *Node) FindRoutes(ctx context.Context, account, name string) (keywright.Routes, error) {
	if n.lease.lasts() {
		return n.memory.FindRoutes(ctx, account, name)
	}
	return n.source.FindRoutes(ctx, account, name)
}

// FindUse is not remembered.
func (n *Node) FindUse(ctx context.Context, id keywright.ID) (time.Time, error) {
	return n.source.FindUse(ctx, id)
}

// Applied is the last revision of which nothing older is remembered here.
func (n *Node) Applied() keywright.Revision { return keywright.Revision(n.applied.Load()) }

// LeaseEnd is when memory stops answering, unless the lease is renewed before; ok is false if that is never.
func (n *Node) LeaseEnd() (end time.Time, ok bool) { return n.lease.end() }

// Forget has what a commit of this program changed forgotten, here first and then everywhere, and returns when no verification
// that starts later is answered with it, at any node and by any follower. It takes no longer than the leases that are
// out. After an error that is not known; the change stands, and is forgotten everywhere sooner or later.
//
// A commit without a revision stands for all that are on file: who finds that something is so already has to wait as whoever
// made it so.
func (n *Node) Forget(ctx context.Context, done store.Commit) error {
	_ = n.memory.Forget(ctx, done)
	if n.options.Fault == FaultNoWait {
		n.look(done.Revision)
		return nil
	}
	err := n.patiently(ctx, func() error { return n.catchUp(ctx, done.Revision) })
	if err != nil {
		return err
	}
	told := *n.told.Load()
	upto := cmp.Or(done.Revision, told.upto)
	if err := n.followers.Wait(ctx, min(upto, told.last)); err != nil { // what comes after the last concerns no follower
		return err
	}
	return n.awaitOthers(ctx, upto)
}

// look has somebody apply what changed up to a revision; 0: whatever it is.
func (n *Node) look(upto keywright.Revision) {
	if upto > 0 && upto <= n.Applied() {
		return
	}
	if upto > 0 {
		n.heard.Store(int64(upto))
	}
	signal(n.behind)
}

// signal wakes who waits for it, or has it not wait the next time.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pause waits, or not for as long if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
