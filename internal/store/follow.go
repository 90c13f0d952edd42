package store

import (
	"math"
	"time"

	"github.com/keywright/keywright"
)

// Follower is whoever remembers facts outside of our nodes and hears what to forget: one run of a guard,
// known by an id of its own among those that present the same token.
type Follower struct {
	Token keywright.ID
	Run   keywright.ID
}

// Goodbye acknowledges all that will ever change: a follower that says so is not waited for any more.
const Goodbye keywright.Revision = math.MaxInt64

// News is what a follower is to forget, and until when it may go by what it remembers.
type News struct {
	Revision keywright.Revision // everything up to it is in Forget, or was told before
	All      bool               // forget everything
	Forget   []Subject
	Lease    time.Duration // counted from when the follower asked
}
