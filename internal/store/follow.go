package store

import (
	"time"

	"github.com/keywright/keywright"
)

// Follower is whoever remembers facts outside of our nodes and hears what to forget: one run of a guard,
// known by an id of its own among those that present the same token.
type Follower struct {
	Token keywright.ID
	Run   keywright.ID
}

// News is what a follower is to forget, and until when it may go by what it remembers.
type News struct {
	Revision keywright.Revision // everything up to it is in Forget, or was told before
	All      bool               // forget everything
	Forget   []Subject
	Lease    time.Duration // counted from when the follower asked
}
