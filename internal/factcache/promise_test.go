package factcache

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywright/keywright"
)

// TestPromise: three nodes on a primary that is now slow, now cut off, with notifications that get lost. Nothing that is
// asked after a change has returned is answered with what was there before.
func TestPromise(t *testing.T) {
	t.Parallel()
	answers := 0
	for seed := range uint64(30) {
		w := simulate(t, "", seed)
		if w.stale.Load() > 0 {
			t.Errorf("seed %d: %d answers are older than what had returned", seed, w.stale.Load())
		}
		answers += int(w.answers.Load())
	}
	t.Logf("%d answers", answers)
}

// TestPromiseIsTested: TestPromise finds each bug that a node may have.
func TestPromiseIsTested(t *testing.T) {
	t.Parallel()
	for _, f := range []Fault{
		FaultNoWait, FaultNoLeaseCheck, FaultLeaseFromArrival, FaultNoFillGuard,
		FaultAcknowledgeBeforeForget, FaultNotifyOnly, FaultLateRenewal, FaultAnswerBeforeCatchingUp,
	} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2000) {
				if simulate(t, f, seed).stale.Load() > 0 {
					t.Logf("found with seed %d", seed)
					return
				}
			}
			t.Error("not found")
		})
	}
}

// weather is what happens to some nodes on one primary.
type weather struct {
	*primary
	mu   sync.Mutex
	rand *rand.Rand

	returned atomic.Int64 // the last revision whose Forget has returned
	answers  atomic.Int64
	stale    atomic.Int64
}

func (w *weather) chance(one, in int) bool { return w.number(in) < one }

func (w *weather) number(below int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rand.IntN(below)
}

func (w *weather) upTo(d time.Duration) time.Duration { return time.Duration(w.number(int(d))) }

// way is a line's: mostly quick, sometimes very slow, and cut off for a while now and then.
func (w *weather) way(cutOff *atomic.Bool) func(context.Context, string, bool) error {
	return func(ctx context.Context, op string, back bool) error {
		for cutOff.Load() && op != "find" {
			if w.chance(1, 20) {
				return keywright.ErrUnavailable
			}
			pause(ctx, 100*time.Millisecond)
		}
		switch {
		case w.chance(1, 30):
			pause(ctx, w.upTo(2*testLease))
		case w.chance(1, 3):
			pause(ctx, w.upTo(50*time.Millisecond))
		}
		return ctx.Err()
	}
}

// simulate lets nodes live for a while.
func simulate(t *testing.T, f Fault, seed uint64) *weather {
	w := &weather{rand: rand.New(rand.NewPCG(seed, 1))}
	synctest.Test(t, func(t *testing.T) {
		w.primary = newPrimary()
		w.commit()
		ctx, stop := context.WithTimeout(t.Context(), 40*time.Second)
		defer stop()
		var all []*running
		var wait sync.WaitGroup
		for range 3 {
			var cutOff atomic.Bool
			n := w.run(t, f, w.way(&cutOff))
			all = append(all, n)
			wait.Go(func() { w.storms(ctx, n, &cutOff) })
			for range 2 {
				wait.Go(func() { w.ask(ctx, n) })
			}
		}
		wait.Go(func() { w.changes(ctx, all) })
		wait.Wait()
		time.Sleep(10 * testLease) // for what nobody waits for any more
	})
	return w
}

// storms cut a node off, or have it miss notifications, for a while.
func (w *weather) storms(ctx context.Context, n *running, cutOff *atomic.Bool) {
	for ctx.Err() == nil {
		pause(ctx, w.upTo(3*testLease))
		cutOff.Store(w.chance(1, 3))
		n.deaf.Store(w.chance(1, 2))
		pause(ctx, w.upTo(2*testLease))
		cutOff.Store(false)
		n.deaf.Store(false)
	}
}

// commit changes the one token to its revision.
func (w *weather) commit() keywright.Revision {
	return w.change(idA, strconv.FormatInt(int64(w.since())+1, 10)).Revision
}

func (w *weather) changes(ctx context.Context, all []*running) {
	var wait sync.WaitGroup
	for ctx.Err() == nil {
		c := tokenChanged(idA)
		c.Revision = w.commit()
		n := all[w.number(len(all))]
		wait.Go(func() {
			if n.Forget(ctx, c) != nil {
				return
			}
			for r := w.returned.Load(); r < int64(c.Revision) && !w.returned.CompareAndSwap(r, int64(c.Revision)); {
				r = w.returned.Load()
			}
		})
		pause(ctx, w.upTo(time.Second))
	}
	wait.Wait()
}

// ask holds every answer against what had returned when it was asked for.
func (w *weather) ask(ctx context.Context, n *running) {
	for ctx.Err() == nil {
		before := w.returned.Load()
		r, err := n.Node.Find(ctx, idA)
		if err == nil {
			w.answers.Add(1)
			if revision, _ := strconv.ParseInt(r.Label, 10, 64); revision < before {
				w.stale.Add(1)
			}
		}
		pause(ctx, w.upTo(20*time.Millisecond))
	}
}
