package authority

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	usageShards  = 16
	usagePending = 1 << 14 // tokens a shard holds while the database does not take them
	usageBatch   = 1000
)

// usage gathers what is seen of tokens until it is written. No lock is shared by all verifications.
type usage struct{ shards [usageShards]usageShard }

type usageShard struct {
	mu      sync.Mutex
	pending map[keywright.ID]sighting
	lost    int64
	_       [64]byte // keeps neighbours out of one cache line
}

type sighting struct {
	at    time.Time
	from  netip.Addr
	count int64
}

func newUsage() *usage {
	u := new(usage)
	for i := range u.shards {
		u.shards[i].pending = make(map[keywright.ID]sighting)
	}
	return u
}

// note counts one accepted attempt.
func (u *usage) note(id keywright.ID, from netip.Addr, at time.Time) {
	// The last byte of an id is random.
	u.shards[id[len(id)-1]%usageShards].add(id, sighting{at, from, 1})
}

func (s *usageShard) add(id keywright.ID, n sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.pending[id]
	if !ok && len(s.pending) >= usagePending {
		s.lost += n.count
		return
	}
	n.count += was.count
	if n.at.Before(was.at) {
		n.at, n.from = was.at, was.from
	}
	s.pending[id] = n
}

// take empties the shard.
func (s *usageShard) take() (batch []store.Usage, lost int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost, s.lost = s.lost, 0
	if len(s.pending) == 0 {
		return nil, lost
	}
	batch = make([]store.Usage, 0, len(s.pending))
	for id, n := range s.pending {
		batch = append(batch, store.Usage{Token: id, At: n.at, From: n.from, Count: n.count})
	}
	clear(s.pending)
	return batch, lost
}

// flush writes what was gathered. What cannot be written is kept for the next time.
func (u *usage) flush(ctx context.Context, to store.UsageWriter) (lost int64, err error) {
	var all []store.Usage
	for i := range u.shards {
		batch, n := u.shards[i].take()
		all, lost = append(all, batch...), lost+n
	}
	for len(all) > 0 {
		n := min(len(all), usageBatch)
		if err = to.AddUsage(ctx, all[:n]); err != nil {
			u.giveBack(all)
			return lost, err
		}
		all = all[n:]
	}
	return lost, nil
}

func (u *usage) giveBack(batch []store.Usage) {
	for _, b := range batch {
		u.shards[b.Token[len(b.Token)-1]%usageShards].add(b.Token, sighting{b.At, b.From, b.Count})
	}
}
