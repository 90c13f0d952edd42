package factcache

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// bubble runs a test on a clock of its own.
func bubble(t *testing.T, f func(*testing.T, *primary)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newPrimary()) })
}

// TestChangeElsewhere: what changed at one node is known at the other when Forget returns, which is at once; without
// notifications it takes until the next renewal.
func TestChangeElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		a, b := p.run(t, "", nil), p.run(t, "", nil)
		if !a.fromMemory(t, idA) || !b.fromMemory(t, idA) {
			t.Fatal("facts are not remembered")
		}
		if took := a.forget(t, p.change(idA, "new")); took != 0 || a.find(t, idA) != "new" || b.find(t, idA) != "new" {
			t.Errorf("after %s found %q and %q", took, a.find(t, idA), b.find(t, idA))
		}
		b.deaf.Store(true)
		took := a.forget(t, p.change(idA, "newer"))
		if took == 0 || took > testLease/renewals || b.find(t, idA) != "newer" {
			t.Errorf("without notifications: after %s found %q", took, b.find(t, idA))
		}
		a.deaf.Store(true)
		if took := b.forget(t, p.change(idA, "newest")); took == 0 || took > 2*testLease/renewals || a.find(t, idA) != "newest" {
			t.Errorf("without any notification: after %s found %q", took, a.find(t, idA))
		}
	})
}

// cut is a way on which nothing arrives any more once it is closed.
func cut(closed *atomic.Bool) func(context.Context, string, bool) error {
	return func(ctx context.Context, op string, _ bool) error {
		if !closed.Load() || op == "find" {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

// TestCutOff: a change waits for a node that does not answer as long as its lease lasts; after that the node reads the
// database, until it has caught up.
func TestCutOff(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		var closed atomic.Bool
		a, b := p.run(t, "", nil), p.run(t, "", cut(&closed))
		b.find(t, idA)
		time.Sleep(testLease / 2)
		closed.Store(true)
		took := a.forget(t, p.change(idA, "new"))
		if took == 0 || took > testLease || b.find(t, idA) != "new" || b.fromMemory(t, idA) {
			t.Errorf("after %s the node that was cut off found %q", took, b.find(t, idA))
		}
		if took := a.forget(t, p.change(idA, "newer")); took != 0 {
			t.Errorf("the next change waited %s for it again", took)
		}
	})
}

// TestLateRenewal: a renewal that is answered after the lease was over is none; the node begins anew, with another id.
func TestLateRenewal(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		var slow atomic.Int64
		n := p.run(t, "", func(_ context.Context, op string, back bool) error {
			if op == "renew" && !back {
				time.Sleep(time.Duration(slow.Load()))
			}
			return nil
		})
		id := *n.id.Load()
		slow.Store(int64(testLease)) // sent after a third of the lease, and so answered when it is over
		time.Sleep(testLease/renewals + testLease + time.Millisecond)
		if n.lease.lasts() {
			t.Error("the lease lasts by a renewal that was late")
		}
		slow.Store(0)
		time.Sleep(testLease)
		if !n.lease.lasts() || *n.id.Load() == id || p.onFile() != 1 {
			t.Errorf("it did not begin anew: %d nodes on file, id %s", p.onFile(), *n.id.Load())
		}
	})
}

// TestLeaseFromSending: however long the answer is on its way, the lease lasts from when the renewal was sent.
func TestLeaseFromSending(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		begin := time.Now()
		n := p.run(t, "", func(_ context.Context, op string, back bool) error {
			if op == "renew" && back {
				time.Sleep(time.Second)
			}
			return nil
		})
		time.Sleep(testLease/renewals + time.Second + time.Millisecond)
		want := begin.Add(testLease/renewals + testLease - testLease/margin)
		if end, ok := n.LeaseEnd(); !ok || !end.Equal(want) {
			t.Errorf("the lease ends %s after the beginning, want %s", end.Sub(begin), want.Sub(begin))
		}
	})
}

// TestCatchesUpFirst: between its registration and what has changed meanwhile, a node answers from nothing it remembers.
func TestCatchesUpFirst(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		var closed, slow atomic.Bool
		way := cut(&closed)
		a := p.run(t, "", nil)
		b := p.run(t, "", func(ctx context.Context, op string, back bool) error {
			if slow.Load() && op == "since" && back {
				time.Sleep(time.Second)
			}
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return way(ctx, op, back)
		})
		b.find(t, idA)
		closed.Store(true)
		time.Sleep(2 * testLease)
		a.forget(t, p.change(idA, "new"))
		slow.Store(true)
		closed.Store(false)
		for before := *b.id.Load(); *b.id.Load() == before; {
			time.Sleep(time.Millisecond)
		}
		if b.lease.lasts() || b.find(t, idA) != "new" {
			t.Errorf("it answers %q from memory before it has caught up", b.find(t, idA))
		}
		time.Sleep(testLease)
		if !b.fromMemory(t, idA) || b.find(t, idA) != "new" {
			t.Errorf("after it has caught up it finds %q", b.find(t, idA))
		}
	})
}

// TestShortHistory: who was away for longer than changes are kept forgets everything, and so does who finds a database
// that is behind.
func TestShortHistory(t *testing.T) {
	for what, happen := range map[string]func(*primary){
		"pruned": func(p *primary) { p.change(idA, "new"); p.prune() },
		"restored": func(p *primary) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.head--
			p.records[idA] = &store.Record{Label: "new", Facts: keywright.Facts{ID: idA}}
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *primary) {
				n := p.run(t, "", nil)
				n.forget(t, p.change(idB, "x"))
				n.find(t, idA)
				n.deaf.Store(true)
				happen(p)
				n.look(0)
				time.Sleep(testLease)
				if got := n.find(t, idA); got != "new" || n.Applied() != p.since() {
					t.Errorf("found %q at revision %d", got, n.Applied())
				}
			})
		})
	}
}

// TestFillUnderWay: what a node was reading while it was changed elsewhere is not remembered.
func TestFillUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		var slow atomic.Int64
		a := p.run(t, "", nil)
		b := p.run(t, "", func(_ context.Context, op string, back bool) error {
			if op == "find" && back {
				time.Sleep(time.Duration(slow.Load()))
			}
			return nil
		})
		slow.Store(int64(time.Second))
		read := make(chan string)
		go func() { read <- b.find(t, idA) }()
		time.Sleep(time.Second / 2)
		a.forget(t, p.change(idA, "new"))
		if got := <-read; got != "old" {
			t.Errorf("what began before the change found %q", got)
		}
		if got := b.find(t, idA); got != "new" {
			t.Errorf("what began after it found %q", got)
		}
	})
}

// TestStopped: nobody waits for a node that has stopped, unless a follower still answers by a lease of it.
func TestStopped(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		a, b, c := p.run(t, "", nil), p.run(t, "", nil), p.run(t, "", nil)
		b.stop()
		if took := a.forget(t, p.change(idA, "new")); took != 0 || b.find(t, idA) != "new" || p.onFile() != 2 {
			t.Errorf("after %s, %d nodes on file", took, p.onFile())
		}
		end, _ := c.LeaseEnd()
		if _, err := c.followers.Poll(t.Context(), store.Follower{Run: idB}, 0, end); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		c.stop()
		if took := time.Since(begin); took < testLease/2 || took > testLease || p.onFile() != 1 {
			t.Errorf("it left %s after its follower had got a lease, %d nodes on file", took, p.onFile())
		}
	})
}

// TestFollowersFirst: a node acknowledges only what its followers have forgotten, or when they cannot answer any more.
func TestFollowersFirst(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		a, b := p.run(t, "", nil), p.run(t, "", nil)
		who := store.Follower{Run: idB}
		end, _ := b.LeaseEnd()
		news, err := b.followers.Poll(t.Context(), who, 0, end)
		if err != nil || !news.All {
			t.Fatal(news, err)
		}
		go func() {
			time.Sleep(testLease / 10)
			end, _ := b.LeaseEnd()
			news, _ := b.followers.Poll(context.Background(), who, news.Revision, end)
			time.Sleep(testLease / 10)
			_, _ = b.followers.Poll(context.Background(), who, news.Revision, end)
		}()
		if took := a.forget(t, p.change(idA, "new")); took != testLease/5 {
			t.Errorf("it waited %s for the follower", took)
		}
		if took := b.forget(t, p.change(idA, "newer")); took < testLease/2 || took > testLease {
			t.Errorf("it waited %s for a follower that does not come back", took)
		}
	})
}

// TestRemoved: a node that is not on file any more begins anew at once.
func TestRemoved(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		n := p.run(t, "", nil)
		id := *n.id.Load()
		p.mu.Lock()
		clear(p.rows)
		p.mu.Unlock()
		time.Sleep(testLease)
		if !n.lease.lasts() || *n.id.Load() == id || p.onFile() != 1 {
			t.Errorf("%d nodes on file", p.onFile())
		}
	})
}

// TestDatabaseAway: without the database nothing is said of what is not known, and a change that cannot be followed up is
// not reported as done.
func TestDatabaseAway(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		var away atomic.Bool
		n := p.run(t, "", func(context.Context, string, bool) error {
			if away.Load() {
				return keywright.ErrUnavailable
			}
			return nil
		})
		if !n.fromMemory(t, idA) {
			t.Fatal("not remembered")
		}
		c := p.change(idA, "new")
		away.Store(true)
		begin := time.Now()
		if err := n.Forget(t.Context(), c); !errors.Is(err, keywright.ErrUnavailable) || time.Since(begin) > 3*testLease {
			t.Errorf("Forget after %s: %v", time.Since(begin), err)
		}
		if _, err := n.Node.Find(t.Context(), idA); !errors.Is(err, keywright.ErrUnavailable) {
			t.Errorf("Find: %v", err)
		}
		away.Store(false)
		time.Sleep(testLease)
		if got := n.find(t, idA); got != "new" || !n.fromMemory(t, idA) {
			t.Errorf("with the database back: %q", got)
		}
	})
}

// TestDeadline: who does not want to wait is told so, and what changed is forgotten all the same.
func TestDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		a, b := p.run(t, "", nil), p.run(t, "", nil)
		b.find(t, idA)
		b.deaf.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := a.Forget(ctx, p.change(idA, "new")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Forget: %v", err)
		}
		time.Sleep(testLease)
		if got := b.find(t, idA); got != "new" {
			t.Errorf("found %q", got)
		}
	})
}

// TestAlone: the only program that has its database open remembers without a lease, and its followers are waited for.
func TestAlone(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		n := NewNode(p.line(), NodeOptions{})
		ctx, stop := context.WithCancel(t.Context())
		go n.Run(ctx)
		synctest.Wait()
		if _, ok := n.LeaseEnd(); ok {
			t.Error("the lease ends")
		}
		news, err := n.followers.Poll(t.Context(), store.Follower{Run: idB}, 0, time.Time{})
		if err != nil || news.Revision != n.Applied() {
			t.Fatal(news, err)
		}
		begin := time.Now()
		if err := n.Forget(t.Context(), p.change(idA, "new")); err != nil || time.Since(begin) == 0 {
			t.Errorf("Forget after %s: %v", time.Since(begin), err)
		}
		stop()
		synctest.Wait()
	})
}
