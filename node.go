package keywright

import "time"

// Nodes is who answers for an instance now: the servers that share its database.
type Nodes struct {
	Revision Revision `json:"revision" doc:"The last change there is"`
	Items    []Node   `json:"items" doc:"By name. A server that has lost its lease is not among them until it has another: it reads the database for every verification"`
}

// Node is one of the servers of an instance.
type Node struct {
	Name          string         `json:"name" doc:"The host, and the port that it listens at"`
	Version       string         `json:"version" doc:"Of the program"`
	Self          bool           `json:"self" doc:"It is the one that answers this"`
	StartedAt     time.Time      `json:"started_at" doc:"When it began to answer: at its start or, after it had lost its lease, when it got another"`
	LeaseMS       int64          `json:"lease_ms,omitempty" doc:"Milliseconds for which its lease still lasts unless it is renewed, which it is three times in a lease; left out: it needs none, on SQLite"`
	Acknowledged  Revision       `json:"acknowledged" doc:"It answers with nothing older than this"`
	Behind        int64          `json:"behind" doc:"How many changes it has not acknowledged yet"`
	FollowerCount int            `json:"follower_count" doc:"How many guards hold a lease of it"`
	Followers     []NodeFollower `json:"followers" doc:"Guards that hold a lease of it: at most 100, the furthest behind first. Of another node than the one that answers, as they were a lease ago at most"`
}

// Lease is how long the node's lease still lasts; 0: it needs none.
func (n Node) Lease() time.Duration { return time.Duration(n.LeaseMS) * time.Millisecond }

// NodeFollower is a guard that remembers facts by a lease of a node.
type NodeFollower struct {
	Token        ID       `json:"token" doc:"The token that it presents"`
	Label        string   `json:"label" doc:"The token's; empty: it is deleted"`
	Account      string   `json:"account" doc:"The token's"`
	Run          ID       `json:"run" doc:"Which guard, of those that present the same token"`
	Acknowledged Revision `json:"acknowledged" doc:"It remembers nothing older than this; 0: it has just begun, and is not known to remember anything"`
	Behind       int64    `json:"behind" doc:"How many changes it has not acknowledged yet"`
}
