package store

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// Changelog tells what has changed, for whoever remembers facts. Safe for concurrent use.
type Changelog interface {
	// Since returns what changed in the revisions after one, of at most so many. It sees every commit that had returned when
	// it was called.
	Since(ctx context.Context, after keywright.Revision, most int) (History, error)
}

// History is a part of what has changed.
type History struct {
	Head      keywright.Revision // the last revision there is
	Forgotten keywright.Revision // changes up to it are not on file any more: who knows less must begin anew
	Upto      keywright.Revision // the last revision that Commits speaks of
	Commits   []Commit           // those that somebody's facts are to be forgotten for, in their order
}

// Nodes is how the programs that share a database know of each other. Each is a node, which may answer from memory while
// its lease lasts. Leases last by the database's clock. Nothing here waits for a Write. Safe for concurrent use.
type Nodes interface {
	// Register adds a node, which has acknowledged nothing, with a lease from now on. Of n, only ID, Name, Version and Lease
	// count. ErrConflict if there is that id.
	Register(ctx context.Context, n Node) error
	// Renew has a node's lease last from now on and returns the last revision there is. A commit either finds the lease
	// when it looks, after it has returned, for those that are alive, or it is in that revision; unless it looked between the two, and
	// then the lease before was over: whoever gets the answer only after that must take it for none. ErrNotFound: the node is
	// not on file any more.
	Renew(ctx context.Context, id keywright.ID, lease time.Duration) (head keywright.Revision, err error)
	// Acknowledge says that a node answers with nothing older than a revision, now and later.
	Acknowledge(ctx context.Context, id keywright.ID, upto keywright.Revision) error
	// Leave removes a node, which answers from memory no more.
	Leave(ctx context.Context, id keywright.ID) error
	// Live returns the nodes whose leases last, by name.
	Live(ctx context.Context) ([]Node, error)
	// Publish puts on file who follows a node, for people.
	Publish(ctx context.Context, id keywright.ID, f Following) error
	// Present is Live with who follows each.
	Present(ctx context.Context) ([]Present, error)
	// Watch tells of what happens, at other nodes too, until ctx ends. It may miss what happens while the database is
	// away, and then says so: whoever relies on nothing but what is on file loses time, no more.
	Watch(ctx context.Context, h Hints)
}

// Node is a program that has a database open.
type Node struct {
	ID           keywright.ID // of one beginning: whoever begins anew takes another
	Name         string       // for people
	Version      string       // of the program
	StartedAt    time.Time
	Lease        time.Duration // how long it still lasts
	Acknowledged keywright.Revision
}

// Presence is who answers for an instance, for people.
type Presence struct {
	Head  keywright.Revision // the last that there was when the nodes had been looked up
	Nodes []Present          // by name
}

// Present is a node with who follows it.
type Present struct {
	Node
	Following
	Self bool // it is the one that was asked
}

// Following is who follows a node: how many do, and some of them, the furthest behind first.
type Following struct {
	Count int
	Some  []Followed
}

// Followed is a follower, and what it has acknowledged; 0: nothing, since it has just begun.
type Followed struct {
	Follower
	Acknowledged keywright.Revision
}

// Hints are called by Watch, one at a time; they must not block.
type Hints struct {
	Changed      func(keywright.Revision) // there is that revision; 0: there may be any
	Acknowledged func()                   // some node may have acknowledged something, or left
}
