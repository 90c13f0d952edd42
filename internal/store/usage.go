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

// Usages reads what a UsageWriter kept. Days and hours are counted from 1970, UTC.
type Usages interface {
	// Days returns what was counted of a token from one day to before another, by day, then reason and door.
	Days(ctx context.Context, token keywright.ID, from, to int64) ([]DayCount, error)
	// Scopes returns the last hour in which each scope was used of those that were, and told, the last in which any may
	// have been; 0: never. A scope that the token has no more may be among them.
	Scopes(ctx context.Context, token keywright.ID) (used map[string]int64, told int64, err error)
	// Sums returns what was counted in an account by day, then reason and door, also of tokens that are gone. What it reads
	// does not grow with the tokens.
	Sums(ctx context.Context, q SumQuery) ([]DaySum, error)
	// Busiest returns at most limit of the tokens that are chosen, those first that were accepted (or, if
	// refused, refused) most often, then by id; none that was not.
	Busiest(ctx context.Context, q UsageQuery, refused bool) ([]Busy, error)
	// CountedSince is when counting began.
	CountedSince(ctx context.Context) (time.Time, error)
	// Prune removes at most so many rows of days, and of scopes last used, before a day, and what is older than that of
	// writers. It reports whether there may be more.
	Prune(ctx context.Context, before int64, most int) (more bool, err error)
}

// UsageQuery chooses tokens, by place and filter, and days from From to before To.
type UsageQuery struct {
	TokenQuery
	From, To int64
}

// SumQuery asks what was counted in a place from one day to before another.
type SumQuery struct {
	Place
	From, To int64
}

// Place is where tokens are.
type Place struct {
	Account string
	Spaces  []string       // only in these; nil: in all of the account; empty: in none
	Kind    keywright.Kind // of the tokens; zero: all
}

// DaySum is how many attempts by one door ended in one way in a day.
type DaySum struct {
	Day    int64
	Reason keywright.Reason
	Door   string
	N      int64
}

// DayCount is how many attempts by one door ended in one way in each hour of a day.
type DayCount struct {
	Day    int64
	Reason keywright.Reason
	Door   string
	Hours  [24]int64
}

// Busy is a token and how often it was accepted or refused.
type Busy struct {
	Token keywright.TokenName
	N     int64
}

// Changes is what is kept of which facts changed in which revision, for those who follow.
type Changes interface {
	// Forgotten is the revision up to which changes are not on file any more: who knows less must begin anew.
	Forgotten(ctx context.Context) (keywright.Revision, error)
	// Prune notes which revision is the last now, and removes at most so many changes that were made before an
	// instant. It reports whether there may be more.
	Prune(ctx context.Context, now, before time.Time, most int) (more bool, err error)
}
