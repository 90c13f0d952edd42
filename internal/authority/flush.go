package authority

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// usageBatch is how many tokens one write brings up to date: few, so that no change waits long for its turn.
const usageBatch = 200

// usageFlusher writes usage in numbered batches. What could not be written, or is not known to have been, is written
// again as the same batch, which the store counts once.
type usageFlusher struct {
	mu      sync.Mutex
	writer  keywright.ID // of this run of the program
	number  int64        // of the last batch
	waiting []store.UsageBatch
}

// flush writes what was gathered; what is lost is what the shards had no room for. While the database takes nothing,
// the shards go on gathering.
func (u *usage) flush(ctx context.Context, to store.UsageWriter, now time.Time, random io.Reader) (lost int64, err error) {
	f := &u.flusher
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writer.IsZero() {
		if f.writer, err = keywright.NewID(now, random); err != nil {
			return 0, err
		}
	}
	if err := f.write(ctx, to); err != nil {
		return 0, err
	}
	for i := range u.shards {
		s := &u.shards[i]
		taken, n := s.take()
		f.add(taken, now)
		s.giveBack(taken)
		lost += n
	}
	return lost, f.write(ctx, to)
}

// add makes batches of what was taken.
func (f *usageFlusher) add(taken map[keywright.ID]*tally, now time.Time) {
	for id, t := range taken {
		if n := len(f.waiting); n == 0 || len(f.waiting[n-1].Uses) == usageBatch {
			f.number++
			f.waiting = append(f.waiting, store.UsageBatch{Writer: f.writer, Number: f.number, At: now})
		}
		b := &f.waiting[len(f.waiting)-1]
		b.Uses = append(b.Uses, t.usage(id))
	}
}

// write writes the batches in their order, up to the first that fails.
func (f *usageFlusher) write(ctx context.Context, to store.UsageWriter) error {
	for len(f.waiting) > 0 {
		if err := to.AddUsage(ctx, f.waiting[0]); err != nil {
			return err
		}
		f.waiting = f.waiting[1:]
	}
	f.waiting = nil
	return nil
}
