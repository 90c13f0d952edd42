package authority

import (
	"context"
	"sync"
	"time"

	"github.com/keywright/keywright"
)

const (
	lastUseShards  = 16
	lastUseEntries = 1 << 13 // of a shard
)

// lastUses remembers when tokens were last seen used, for those whose policy ends what goes unused. What it remembers is
// never later than the truth, so that it can only be too strict; then the database is asked.
type lastUses struct{ shards [lastUseShards]lastUseShard }

type lastUseShard struct {
	mu sync.Mutex
	at map[keywright.ID]time.Time
}

func (l *lastUses) shard(id keywright.ID) *lastUseShard {
	return &l.shards[id[len(id)-1]%lastUseShards]
}

func (l *lastUses) of(id keywright.ID) time.Time {
	s := l.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at[id]
}

// learn never goes back. A shard that is full begins anew: whatever it knew is in the database.
func (l *lastUses) learn(id keywright.ID, at time.Time) {
	s := l.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil || len(s.at) >= lastUseEntries {
		s.at = make(map[keywright.ID]time.Time)
	}
	if at.After(s.at[id]) {
		s.at[id] = at
	}
}

// lastUse is when a token was last used, as far as that decides whether it has ended for want of use: the database is
// asked only if what is known here would let it end.
func (a *Authority) lastUse(ctx context.Context, from source, f keywright.Facts, now time.Time) (time.Time, error) {
	f.LastUsedAt = a.lastUses.of(f.ID)
	if now.Before(f.Lapses()) {
		return f.LastUsedAt, nil
	}
	kept, err := from.FindUse(ctx, f.ID)
	if err != nil {
		return time.Time{}, err
	}
	if kept.Before(f.LastUsedAt) {
		return f.LastUsedAt, nil
	}
	a.lastUses.learn(f.ID, kept)
	return kept, nil
}
