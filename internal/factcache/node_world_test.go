package factcache

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// primary is a ledger that several nodes share, on the clock of a bubble: what a PostgreSQL database is to them.
type primary struct {
	*ledger
	head, forgotten keywright.Revision
	commits         []store.Commit
	rows            map[keywright.ID]*row
	lines           []*line
}

type row struct {
	store.Node
	until     time.Time
	following store.Following
}

func newPrimary() *primary {
	return &primary{ledger: newLedger(), rows: map[keywright.ID]*row{}}
}

// change gives a token another label and tells those who listen.
func (p *primary) change(id keywright.ID, label string) store.Commit {
	p.mu.Lock()
	p.records[id] = &store.Record{Label: label, Facts: keywright.Facts{ID: id}}
	p.head++
	c := store.Commit{Revision: p.head, Forget: tokenChanged(id).Forget}
	p.commits = append(p.commits, c)
	lines := slices.Clone(p.lines)
	p.mu.Unlock()
	for _, l := range lines {
		l.hint(func(h store.Hints) { h.Changed(c.Revision) })
	}
	return c
}

// pass is a revision for which nothing is forgotten, which nobody is told of.
func (p *primary) pass() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.head++
}

// prune forgets all that has changed so far.
func (p *primary) prune() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgotten, p.commits = p.head, nil
}

// onFile is how many nodes are.
func (p *primary) onFile() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rows)
}

func (p *primary) since() keywright.Revision {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.head
}

// line is one node's way to the primary: a Source and store.Nodes. What is asked may take time on its way there and back.
type line struct {
	*primary
	way  func(ctx context.Context, op string, back bool) error // nil: no time
	deaf atomic.Bool                                           // no hint arrives

	watching sync.Mutex
	hints    *store.Hints
}

func (p *primary) line() *line {
	l := &line{primary: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, l)
	return l
}

// ask goes there, does something that nobody sees half of, and comes back.
func (l *line) ask(ctx context.Context, op string, do func() error) error {
	if err := l.travel(ctx, op, false); err != nil {
		return err
	}
	l.mu.Lock()
	err := do()
	l.mu.Unlock()
	if late := l.travel(ctx, op, true); late != nil {
		return late
	}
	return err
}

func (l *line) travel(ctx context.Context, op string, back bool) error {
	if l.way == nil {
		return ctx.Err()
	}
	return l.way(ctx, op, back)
}

func (l *line) Find(ctx context.Context, id keywright.ID) (r *store.Record, err error) {
	err = l.ask(ctx, "find", func() error {
		l.loads.Add(1)
		if r = l.records[id]; r == nil {
			return keywright.ErrNotFound
		}
		return nil
	})
	return r, err
}

func (l *line) Since(ctx context.Context, after keywright.Revision, most int) (h store.History, err error) {
	err = l.ask(ctx, "since", func() error {
		h = store.History{Head: l.head, Forgotten: l.forgotten, Upto: min(l.head, after+keywright.Revision(most))}
		for _, c := range l.commits {
			if c.Revision > after && c.Revision <= h.Upto {
				h.Commits = append(h.Commits, c)
			}
		}
		return nil
	})
	return h, err
}

func (l *line) Register(ctx context.Context, n store.Node) error {
	return l.ask(ctx, "register", func() error {
		l.rows[n.ID] = &row{Node: n, until: time.Now().Add(n.Lease)}
		return nil
	})
}

// Renew sees the head a moment before others see the lease, as one statement of PostgreSQL does.
func (l *line) Renew(ctx context.Context, id keywright.ID, lease time.Duration) (head keywright.Revision, err error) {
	var until time.Time
	if err := l.travel(ctx, "renew", false); err != nil {
		return 0, err
	}
	l.mu.Lock()
	head, until = l.head, time.Now().Add(lease)
	l.mu.Unlock()
	if err := l.travel(ctx, "commit", false); err != nil {
		return 0, err
	}
	l.mu.Lock()
	if r := l.rows[id]; r != nil {
		r.until = until
	} else {
		err = keywright.ErrNotFound
	}
	l.mu.Unlock()
	if late := l.travel(ctx, "renew", true); late != nil {
		return 0, late
	}
	return head, err
}

func (l *line) Acknowledge(ctx context.Context, id keywright.ID, upto keywright.Revision) error {
	err := l.ask(ctx, "acknowledge", func() error {
		if r := l.rows[id]; r != nil {
			r.Acknowledged = max(r.Acknowledged, upto)
		}
		return nil
	})
	l.stirAll()
	return err
}

func (l *line) Leave(ctx context.Context, id keywright.ID) error {
	err := l.ask(ctx, "leave", func() error {
		delete(l.rows, id)
		return nil
	})
	l.stirAll()
	return err
}

func (l *line) stirAll() {
	l.mu.Lock()
	lines := slices.Clone(l.lines)
	l.mu.Unlock()
	for _, other := range lines {
		other.hint(func(h store.Hints) { h.Acknowledged() })
	}
}

func (l *line) Live(ctx context.Context) (list []store.Node, err error) {
	err = l.ask(ctx, "live", func() error {
		for _, r := range l.rows {
			if n := r.Node; time.Until(r.until) > 0 {
				n.Lease = time.Until(r.until)
				list = append(list, n)
			}
		}
		slices.SortFunc(list, func(a, b store.Node) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
	return list, err
}

func (l *line) Publish(ctx context.Context, id keywright.ID, f store.Following) error {
	return l.ask(ctx, "publish", func() error {
		if r := l.rows[id]; r != nil {
			r.following = f
		}
		return nil
	})
}

func (l *line) Present(ctx context.Context) (list []store.Present, err error) {
	live, err := l.Live(ctx)
	if err != nil {
		return nil, err
	}
	err = l.ask(ctx, "present", func() error {
		for _, n := range live {
			if r := l.rows[n.ID]; r != nil {
				list = append(list, store.Present{Node: n, Following: r.following})
			}
		}
		return nil
	})
	return list, err
}

func (l *line) Watch(ctx context.Context, h store.Hints) {
	l.watching.Lock()
	l.hints = &h
	l.watching.Unlock()
	h.Changed(0)
	<-ctx.Done()
	l.watching.Lock()
	l.hints = nil
	l.watching.Unlock()
}

func (l *line) hint(tell func(store.Hints)) {
	l.watching.Lock()
	defer l.watching.Unlock()
	if l.hints != nil && !l.deaf.Load() {
		tell(*l.hints)
	}
}

// running is a node whose Run a test may end.
type running struct {
	*Node
	*line
	stop func()
}

const testLease = 3 * time.Second

// run starts a node in a bubble and waits until it holds a lease or waits for something.
func (p *primary) run(t *testing.T, f Fault, way func(context.Context, string, bool) error) *running {
	l := p.line()
	l.way = way
	name := string('a' + rune(len(p.lines)) - 1)
	n := NewNode(l, NodeOptions{Nodes: l, Name: name, Lease: testLease, Fault: f, Followers: &Followers{Lease: testLease}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.Run(ctx)
	}()
	stop := func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	synctest.Wait()
	return &running{n, l, stop}
}

func (r *running) find(t *testing.T, id keywright.ID) string {
	t.Helper()
	got, err := r.Node.Find(context.Background(), id)
	if err != nil {
		return fmt.Sprint(err)
	}
	return got.Label
}

// forget is how long Forget took.
func (r *running) forget(t *testing.T, c store.Commit) time.Duration {
	t.Helper()
	begin := time.Now()
	if err := r.Forget(context.Background(), c); err != nil {
		t.Errorf("Forget: %v", err)
	}
	return time.Since(begin)
}

// fromMemory reports whether an answer is given without the database.
func (r *running) fromMemory(t *testing.T, id keywright.ID) bool {
	t.Helper()
	r.find(t, id)
	before := r.loads.Load()
	r.find(t, id)
	return r.loads.Load() == before
}
