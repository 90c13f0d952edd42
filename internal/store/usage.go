package store

import (
	"context"
	"net/netip"
	"time"

	"github.com/keywright/keywright"
)

// UsageWriter is the part of a store that notes usage. It takes no revision and
// changes no facts: a last use never goes back, counts add up.
type UsageWriter interface {
	// AddUsage keeps a batch, or nothing of it. A batch that was kept is not counted again, whatever became of the
	// answer: of a writer, only what has a greater number than all before is new. Usage of a token that is gone is dropped.
	AddUsage(ctx context.Context, batch UsageBatch) error
}

// UsageBatch is the usage of some tokens, written together.
type UsageBatch struct {
	Writer keywright.ID // the run of a program that saw it
	Number int64        // 1, 2, 3 … of the writer
	At     time.Time    // when it was put together
	Uses   []Usage
}

// Usage is what has been seen of a token since the last flush.
type Usage struct {
	Token     keywright.ID
	At        time.Time // when it was last accepted; zero: it was not, and From, UserAgent and Door say nothing
	From      netip.Addr
	UserAgent string
	Door      string
	Counts    []Count
	Hour      int64            // since 1970, UTC: in which its scopes were used
	Scopes    keywright.Scopes // of its scopes, those that an attempt used
	Told      bool             // any of its scopes may have been used
}

// Count is how many attempts by one door ended in one way in one hour.
type Count struct {
	Hour   int64            // since 1970, UTC
	Reason keywright.Reason // Allowed: accepted
	Door   string
	N      int64
}

// Accepted is how often the token was accepted.
func (u *Usage) Accepted() (n int64) {
	for _, c := range u.Counts {
		if c.Reason == keywright.Allowed {
			n += c.N
		}
	}
	return n
}

// Listed is a record and how it was used.
type Listed struct {
	*Record
	LastUsedAt    time.Time
	LastUsedFrom  string
	LastUsedAgent string
	LastUsedDoor  string
	Uses          int64
}
