package factcache

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// ledger is a store.Finder over maps, whose loads can be held between reading and answering: that is
// where a change overtakes them.
type ledger struct {
	mu      sync.Mutex
	records map[keywright.ID]*store.Record
	digests map[store.Digest]keywright.ID
	tenants map[place]keywright.Tenant
	routes  map[gateway]keywright.Routes
	fault   error
	loads   atomic.Int64
	hold    chan struct{} // if set, an answer waits for it
}

func (s *ledger) read(f func() bool) error {
	s.loads.Add(1)
	s.mu.Lock()
	ok, fault, hold := f(), s.fault, s.hold
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if fault == nil && !ok {
		fault = fmt.Errorf("ledger: %w", keywright.ErrNotFound)
	}
	return fault
}

func (s *ledger) Find(_ context.Context, id keywright.ID) (r *store.Record, err error) {
	err = s.read(func() bool { r = s.records[id]; return r != nil })
	return r, err
}

func (s *ledger) FindDigest(_ context.Context, d store.Digest) (r *store.Record, err error) {
	err = s.read(func() bool { r = s.records[s.digests[d]]; return r != nil })
	return r, err
}

func (s *ledger) FindTenant(_ context.Context, account, space string) (t keywright.Tenant, err error) {
	err = s.read(func() (ok bool) { t, ok = s.tenants[place{account, space}]; return ok })
	return t, err
}

func (s *ledger) FindRoutes(_ context.Context, account, name string) (routes keywright.Routes, err error) {
	err = s.read(func() (ok bool) { routes, ok = s.routes[gateway{account, name}]; return ok })
	return routes, err
}

func (s *ledger) FindUse(context.Context, keywright.ID) (time.Time, error) {
	return time.Time{}, s.fault
}

// put changes the ledger as a commit would, before anybody is told.
func (s *ledger) put(id keywright.ID, label string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[id] = &store.Record{Label: label, Facts: keywright.Facts{ID: id}}
}

var (
	idA     = keywright.ID{15: 1}
	idB     = keywright.ID{0: 9, 15: 1} // on the same shelf
	digestA = store.Digest{31: 7}
)

func newLedger() *ledger {
	s := &ledger{
		records: map[keywright.ID]*store.Record{},
		digests: map[store.Digest]keywright.ID{digestA: idA},
		tenants: map[place]keywright.Tenant{{"a", "x"}: {Open: true}, {"a", "y"}: {Open: true}},
		routes:  map[gateway]keywright.Routes{{"a", "g"}: {{}}},
	}
	s.put(idA, "old")
	return s
}

func tokenChanged(id keywright.ID) store.Commit {
	return store.Commit{Revision: 1, Forget: []store.Subject{{Kind: store.SubjectToken, ID: id.String()}}}
}

func digestChanged(d store.Digest) store.Commit {
	return store.Commit{Revision: 1, Forget: []store.Subject{{Kind: store.SubjectDigest, ID: hex.EncodeToString(d[:])}}}
}

func accountChanged(name string) store.Commit {
	return store.Commit{Revision: 1, Forget: []store.Subject{{Kind: store.SubjectAccount, ID: name}}}
}

func label(t *testing.T, c *Cache, id keywright.ID) string {
	t.Helper()
	r, err := c.Find(t.Context(), id)
	if errors.Is(err, keywright.ErrNotFound) {
		return "absent"
	}
	if err != nil {
		t.Fatal(err)
	}
	return r.Label
}

func TestRemembersAndForgets(t *testing.T) {
	s := newLedger()
	c := New(s, Options{})
	for range 3 {
		if got := label(t, c, idA); got != "old" {
			t.Fatalf("found %q", got)
		}
	}
	if n := s.loads.Load(); n != 1 {
		t.Errorf("%d loads for three calls, want 1", n)
	}
	s.put(idA, "new")
	if err := c.Forget(t.Context(), tokenChanged(idA)); err != nil {
		t.Fatal(err)
	}
	if got := label(t, c, idA); got != "new" {
		t.Errorf("after Forget found %q", got)
	}
}

// Absent is remembered, apart from what is there; a database that does not answer is not.
func TestAbsentAndFailing(t *testing.T) {
	s := newLedger()
	c := New(s, Options{})
	label(t, c, idB)
	label(t, c, idB)
	if n := s.loads.Load(); n != 1 {
		t.Errorf("%d loads of an absent token, want 1", n)
	}
	s.put(idB, "restored")
	if err := c.Forget(t.Context(), tokenChanged(idB)); err != nil {
		t.Fatal(err)
	}
	if got := label(t, c, idB); got != "restored" {
		t.Errorf("found %q", got)
	}

	other := keywright.ID{15: 3}
	s.fault = keywright.ErrUnavailable
	if _, err := c.Find(t.Context(), other); !errors.Is(err, keywright.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	s.fault = nil
	s.put(other, "there")
	if got := label(t, c, other); got != "there" {
		t.Errorf("after a failure found %q", got)
	}
}

// An unknown key may be imported, and a known one deleted and imported anew under another id.
func TestDigest(t *testing.T) {
	s := newLedger()
	c := New(s, Options{})
	find := func(d store.Digest) string {
		r, err := c.FindDigest(t.Context(), d)
		if err != nil {
			return "absent"
		}
		return r.Label
	}
	unknown := store.Digest{31: 8}
	if got := find(digestA) + " " + find(unknown) + " " + find(unknown); got != "old absent absent" {
		t.Fatal(got)
	}
	s.put(idA, "edited")
	s.put(idB, "imported")
	s.digests[unknown] = idB
	for _, done := range []store.Commit{tokenChanged(idA), digestChanged(unknown)} {
		if err := c.Forget(t.Context(), done); err != nil {
			t.Fatal(err)
		}
	}
	if got := find(digestA) + " " + find(unknown); got != "edited imported" {
		t.Error(got)
	}
	s.digests[digestA] = idB
	if err := c.Forget(t.Context(), digestChanged(digestA)); err != nil {
		t.Fatal(err)
	}
	if got := find(digestA); got != "imported" {
		t.Error(got)
	}
}

func TestTenant(t *testing.T) {
	s := newLedger()
	c := New(s, Options{})
	open := func(space string) bool {
		tenant, err := c.FindTenant(t.Context(), "a", space)
		return err == nil && tenant.Open
	}
	if !open("x") || !open("y") || !open("x") {
		t.Fatal("want both spaces open")
	}
	if n := s.loads.Load(); n != 2 {
		t.Errorf("%d loads, want 2", n)
	}
	s.tenants[place{"a", "x"}], s.tenants[place{"a", "y"}] = keywright.Tenant{}, keywright.Tenant{}
	if err := c.Forget(t.Context(), accountChanged("a")); err != nil {
		t.Fatal(err)
	}
	if open("x") || open("y") {
		t.Error("after Forget a space of the closed account is open")
	}
	if open("z") {
		t.Error("an absent space is open")
	}
	s.tenants[place{"a", "z"}] = keywright.Tenant{Open: true} // new: no revision, nothing to forget
	if !open("z") {
		t.Error("a new space stays absent")
	}
}

// What Forget does not understand may concern anything.
func TestUnknownSubjectForgetsAll(t *testing.T) {
	for _, subject := range []store.Subject{
		{Kind: "comet", ID: "1"}, {Kind: store.SubjectToken, ID: "x"},
		{Kind: store.SubjectDigest, ID: "zz"}, {Kind: store.SubjectDigest, ID: fmt.Sprintf("%0100d", 0)},
	} {
		s := newLedger()
		c := New(s, Options{})
		label(t, c, idA)
		s.put(idA, "new")
		if err := c.Forget(t.Context(), store.Commit{Forget: []store.Subject{subject}}); err != nil {
			t.Fatal(err)
		}
		if got := label(t, c, idA); got != "new" {
			t.Errorf("%v: found %q", subject, got)
		}
	}
}

// A load that a change overtakes answers as it likes, since it began before; but it is not remembered.
func TestLoadUnderWayIsNotRemembered(t *testing.T) {
	for name, tt := range map[string]struct {
		load   func(*Cache) error
		change func(*ledger)
		done   store.Commit
		after  func(*Cache) bool
	}{
		"token": {
			load:   func(c *Cache) error { _, err := c.Find(context.Background(), idA); return err },
			change: func(s *ledger) { s.put(idA, "new") },
			done:   tokenChanged(idA),
			after: func(c *Cache) bool {
				r, err := c.Find(context.Background(), idA)
				return err == nil && r.Label == "new"
			},
		},
		"absent token": {
			load:   func(c *Cache) error { _, _ = c.Find(context.Background(), idB); return nil },
			change: func(s *ledger) { s.put(idB, "new") },
			done:   tokenChanged(idB),
			after: func(c *Cache) bool {
				r, err := c.Find(context.Background(), idB)
				return err == nil && r.Label == "new"
			},
		},
		"digest": {
			load:   func(c *Cache) error { _, err := c.FindDigest(context.Background(), digestA); return err },
			change: func(s *ledger) { s.put(idB, "new"); s.digests[digestA] = idB },
			done:   digestChanged(digestA),
			after: func(c *Cache) bool {
				r, err := c.FindDigest(context.Background(), digestA)
				return err == nil && r.Label == "new"
			},
		},
		"tenant": {
			load:   func(c *Cache) error { _, err := c.FindTenant(context.Background(), "a", "x"); return err },
			change: func(s *ledger) { s.tenants[place{"a", "x"}] = keywright.Tenant{} },
			done:   accountChanged("a"),
			after: func(c *Cache) bool {
				t, err := c.FindTenant(context.Background(), "a", "x")
				return err == nil && !t.Open
			},
		},
		"routes": {
			load:   func(c *Cache) error { _, err := c.FindRoutes(context.Background(), "a", "g"); return err },
			change: func(s *ledger) { s.routes[gateway{"a", "g"}] = nil },
			done:   accountChanged("a"),
			after: func(c *Cache) bool {
				routes, err := c.FindRoutes(context.Background(), "a", "g")
				return err == nil && len(routes) == 0
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLedger()
				c := New(s, Options{})
				s.hold = make(chan struct{})
				loaded := make(chan error)
				go func() { loaded <- tt.load(c) }()
				synctest.Wait() // the old facts are read, and on their way

				hold := s.hold
				s.hold = nil
				tt.change(s)
				if err := c.Forget(context.Background(), tt.done); err != nil {
					t.Fatal(err)
				}
				close(hold)
				if err := <-loaded; err != nil {
					t.Fatal(err)
				}
				if !tt.after(c) {
					t.Error("a call after Forget was answered with what was there before")
				}
			})
		})
	}
}

// Readers never see what is older than the last change whose Forget had returned when they began: of a token, while
// others push it off its place and its shelf, and of a tenant.
func TestStress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		read  func(*Cache) (int64, error)
		write func(*ledger, int64)
		done  store.Commit
	}{
		"token": {
			read: func(c *Cache) (n int64, err error) {
				r, err := c.Find(context.Background(), idA)
				if err == nil {
					_, err = fmt.Sscan(r.Label, &n)
				}
				return n, err
			},
			write: func(s *ledger, n int64) { s.put(idA, fmt.Sprint(n)) },
			done:  tokenChanged(idA),
		},
		"tenant": {
			read: func(c *Cache) (int64, error) {
				t, err := c.FindTenant(context.Background(), "a", "x")
				return int64(t.MaxUnused), err
			},
			write: func(s *ledger, n int64) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.tenants[place{"a", "x"}] = keywright.Tenant{MaxUnused: time.Duration(n)}
			},
			done: accountChanged("a"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLedger()
			s.put(idB, "on the same place and shelf")
			c := New(s, Options{MaxTokens: 16})
			tt.write(s, 0)
			stress(t, c, tt.read, func(n int64) {
				tt.write(s, n)
				if err := c.Forget(t.Context(), tt.done); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func stress(t *testing.T, c *Cache, read func(*Cache) (int64, error), change func(int64)) {
	const rounds = 3000
	var told atomic.Int64
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				floor := told.Load()
				if seen, err := read(c); err != nil || seen < floor {
					t.Errorf("saw %d after %d was told (%v)", seen, floor, err)
					return
				}
				_, _ = c.Find(context.Background(), idB)
			}
		})
	}
	for n := int64(1); n <= rounds; n++ {
		change(n)
		told.Store(n)
	}
	close(stop)
	readers.Wait()
}

func BenchmarkFindWarm(b *testing.B) {
	s := newLedger()
	c := New(s, Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Find(context.Background(), idA); err != nil {
				b.Error(err)
			}
			if _, err := c.FindTenant(context.Background(), "a", "x"); err != nil {
				b.Error(err)
			}
		}
	})
}
