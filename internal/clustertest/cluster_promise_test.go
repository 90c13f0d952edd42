package clustertest

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/factcache"
)

const (
	calm      = time.Second // before a fault
	leastRate = 100         // operations a second in it; with less a run says nothing
	pooled    = 80
)

// round is one fault under load, and what came of it.
type round struct {
	fault      string
	operations int
	rate       float64 // before the fault
	finding
}

// run inflicts a fault on a cluster under load and judges the history.
func (c *cluster) run(f fault, victim *node) round {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	l := newLoad(ctx, c)
	pool, unseen := l.pool(ctx, pooled), l.unseen(ctx, pooled)
	var clients, changes sync.WaitGroup
	for _, d := range l.doors {
		for range 2 {
			clients.Go(func() { l.watch(ctx, d, patience) })
			clients.Go(func() { l.watch(ctx, d, impatience) })
		}
	}
	for range 4 {
		clients.Go(func() { l.race(ctx) })
	}
	for range 2 {
		clients.Go(func() { l.toggle(ctx) })
	}
	before := l.len()
	time.Sleep(calm)
	r := round{fault: f.name, rate: float64(l.len()-before) / calm.Seconds()}
	changes.Go(func() { evenly(ctx, pool, f.lasts, func(s *subject) { l.drain(ctx, s) }) })
	changes.Go(func() { evenly(ctx, unseen, f.lasts, func(s *subject) { l.snatch(ctx, s) }) })
	f.inflict(c, victim)
	changes.Wait()
	time.Sleep(lease * 3 / 4)
	stop()
	clients.Wait()
	for range mostBursts { // none is under way any more
		l.bursts <- struct{}{}
	}
	r.operations, r.finding = l.len(), l.check(l.imported)
	return r
}

func (r round) String() string {
	return fmt.Sprintf("%s: %d operations, %.0f a second before; %d verifications of what was taken away; %d violations",
		r.fault, r.operations, r.rate, r.after, r.violations())
}

// build makes the real program, with the race detector if that is how everything is built.
func build(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go to build the server with")
	}
	program := filepath.Join(t.TempDir(), "keywright")
	cmd := exec.Command("go", "build", "-o", program, "github.com/keywright/keywright/cmd/keywright")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// TestPromise holds three servers to the promise under every fault, once.
func TestPromise(t *testing.T) {
	if os.Getenv("KEYWRIGHT_TEST_ALL") == "" || testing.Short() {
		t.Skip("takes a minute: make test does it")
	}
	c := newCluster(t, 3, build(t), "")
	c.breath = longBreath
	for _, f := range faults() {
		r := c.run(f, c.nodes[mathrand.IntN(len(c.nodes))])
		t.Log(r)
		r.judge(t)
	}
}

// judge fails the test of a round with violations, or one that says nothing.
func (r round) judge(t *testing.T) {
	t.Helper()
	if r.rate < leastRate {
		t.Errorf("%s: void: %.0f operations a second before it", r.fault, r.rate)
	}
	for _, story := range r.stories {
		t.Errorf("%s: accepted after it was taken away:\n%s", r.fault, story)
	}
	if len(r.unlike) > 0 || len(r.undecided) > 0 {
		t.Errorf("%s: no life explains the tokens %v; not decided: %v", r.fault, r.unlike, r.undecided)
	}
}

// TestBugs has the two bugs caught that need no fault to show; TestProof all.
func TestBugs(t *testing.T) {
	if os.Getenv("KEYWRIGHT_TEST_ALL") == "" || testing.Short() {
		t.Skip("takes half a minute: make test does it")
	}
	for _, m := range mutants() {
		if m.bug != factcache.FaultNoWait && m.bug != factcache.FaultFollowerNotWaited {
			continue
		}
		t.Run(string(m.bug), func(t *testing.T) {
			c := newCluster(t, 2, "", m.bug)
			c.breath = longBreath
			if tries, last := c.hunt(m); tries > mostTries {
				t.Errorf("not caught in %d tries of: %s", mostTries, last)
			}
		})
	}
}
