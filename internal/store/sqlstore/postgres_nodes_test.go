package sqlstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/pgtest"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// away stops a test that waits for what does not come.
const away = 20 * time.Second

func live(t testing.TB, s *sqlstore.Store) (list []store.Node) {
	t.Helper()
	list, err := s.Nodes().Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func register(t testing.TB, s *sqlstore.Store, id byte, lease time.Duration) keywright.ID {
	t.Helper()
	node := store.Node{ID: keywright.ID{id, 1}, Name: string('a' + rune(id)), Version: "v1", Lease: lease}
	if err := s.Nodes().Register(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	return node.ID
}

// TestNodes: a lease lasts from its last renewal, and what was acknowledged is never taken back.
func TestNodes(t *testing.T) {
	t.Parallel()
	n := newPostgresBench(t, pgtest.New(t))
	if list := live(t, n.Store); len(list) != 0 {
		t.Fatalf("nodes of a new database: %v", list)
	}
	id := register(t, n.Store, 1, time.Minute)
	register(t, n.Store, 0, time.Hour)
	if err := n.Nodes().Register(t.Context(), store.Node{ID: id, Lease: time.Hour}); !errors.Is(err, keywright.ErrConflict) {
		t.Errorf("the same id: %v", err)
	}
	list := live(t, n.Store)
	if len(list) != 2 || list[0].Name != "a" || list[1].ID != id || list[1].Version != "v1" || list[1].Acknowledged != 0 ||
		list[1].Lease > time.Minute || list[1].Lease < 50*time.Second || time.Since(list[1].StartedAt) > time.Minute {
		t.Fatalf("nodes: %+v", list)
	}
	for _, upto := range []keywright.Revision{7, 5} {
		if err := n.Nodes().Acknowledge(t.Context(), id, upto); err != nil {
			t.Fatal(err)
		}
	}
	head, err := n.Nodes().Renew(t.Context(), id, time.Hour)
	if h, _ := n.Since(t.Context(), 0, 1); err != nil || head != h.Head {
		t.Errorf("Renew: %d, %v", head, err)
	}
	if list := live(t, n.Store); list[1].Acknowledged != 7 || list[1].Lease < time.Minute {
		t.Errorf("after an hour's lease: %+v", list[1])
	}
	if _, err := n.Nodes().Renew(t.Context(), id, time.Microsecond); err != nil {
		t.Fatal(err)
	}
	if list := live(t, n.Store); len(list) != 1 {
		t.Errorf("a lease that is over: %+v", list)
	}
	if _, err := n.Nodes().Renew(t.Context(), keywright.ID{9}, time.Hour); !errors.Is(err, keywright.ErrNotFound) {
		t.Errorf("Renew without a row: %v", err)
	}
	for range 2 {
		if err := n.Nodes().Leave(t.Context(), keywright.ID{0, 1}); err != nil {
			t.Errorf("Leave: %v", err)
		}
	}
	if list := live(t, n.Store); len(list) != 0 {
		t.Errorf("after it left: %+v", list)
	}
}

// TestLongGoneNodes are removed when another comes, the others not.
func TestLongGoneNodes(t *testing.T) {
	t.Parallel()
	n := newPostgresBench(t, pgtest.New(t))
	register(t, n.Store, 1, -2*time.Hour)
	register(t, n.Store, 2, -time.Minute)
	register(t, n.Store, 3, time.Minute)
	if got := pgtest.Query(t, n.path, "SELECT string_agg(name, '' ORDER BY name) FROM nodes"); got != "cd" {
		t.Errorf("nodes on file: %s", got)
	}
}

// TestPresent: who follows a node is on file with it, as long as its lease lasts, and whoever waits for nodes need not read it.
func TestPresent(t *testing.T) {
	t.Parallel()
	n := newPostgresBench(t, pgtest.New(t))
	one, two := register(t, n.Store, 1, time.Hour), register(t, n.Store, 2, time.Hour)
	who := store.Follower{Token: keywright.ID{7}, Run: keywright.ID{8}}
	want := store.Following{Count: 3, Some: []store.Followed{{Follower: who, Acknowledged: 1 << 60}}}
	for _, id := range []keywright.ID{two, {9}} { // of a node that is not on file nothing is kept
		if err := n.Nodes().Publish(t.Context(), id, want); err != nil {
			t.Fatal(err)
		}
	}
	list, err := n.Nodes().Present(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != one || list[1].ID != two || list[1].Version != "v1" || list[1].Lease < time.Minute {
		t.Fatalf("%v: %+v", err, list)
	}
	if diff := cmp.Diff([]store.Following{{}, want}, []store.Following{list[0].Following, list[1].Following}); diff != "" {
		t.Errorf("who follows (-want, +got):\n%s", diff)
	}
	if _, err := n.Nodes().Renew(t.Context(), two, time.Microsecond); err != nil {
		t.Fatal(err)
	}
	if list, err := n.Nodes().Present(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("after its lease: %v, %+v", err, list)
	}
}

// TestLeaseBesideWrites: a renewal waits for no write that is under way, nor for those that wait for their turn.
func TestLeaseBesideWrites(t *testing.T) {
	t.Parallel()
	n := newPostgresBench(t, pgtest.New(t))
	id := register(t, n.Store, 1, time.Hour)
	_, err := n.Write(t.Context(), func(tx store.Tx) error {
		if err := tx.Tenants().UpdateAccount(t.Context(), &store.Account{Name: "acme", Title: "x"}, n.event("x")); err != nil {
			return err
		}
		before, err := n.Since(t.Context(), 0, 1)
		if err != nil {
			return err
		}
		head, err := n.Nodes().Renew(t.Context(), id, time.Hour)
		if head != before.Head {
			t.Errorf("the renewal saw revision %d, which is not committed", head)
		}
		return errors.Join(err, n.Nodes().Acknowledge(t.Context(), id, 1))
	})
	if err != nil {
		t.Error(err)
	}
}

// TestWatch: every node hears of revisions and acknowledgements; one that lost its connection hears that there may be any.
func TestWatch(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	n := newPostgresBench(t, url)
	other := openPostgres(t, url)
	id := register(t, n.Store, 1, time.Hour)
	changed, acknowledged := make(chan keywright.Revision, 100), make(chan struct{}, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		other.Nodes().Watch(ctx, store.Hints{
			Changed:      func(r keywright.Revision) { changed <- r },
			Acknowledged: func() { acknowledged <- struct{}{} },
		})
	}()
	hear(t, changed, 0)
	hear(t, acknowledged, struct{}{})
	c, err := n.Write(t.Context(), func(tx store.Tx) error {
		return tx.Tenants().UpdateAccount(t.Context(), &store.Account{Name: "acme", Title: "x"}, n.event("x"))
	})
	if err != nil {
		t.Fatal(err)
	}
	hear(t, changed, c.Revision)
	if err := n.Nodes().Acknowledge(t.Context(), id, c.Revision); err != nil {
		t.Fatal(err)
	}
	hear(t, acknowledged, struct{}{})
	pgtest.Exec(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
	hear(t, changed, 0)
	hear(t, acknowledged, struct{}{})
	if err := n.Nodes().Leave(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	hear(t, acknowledged, struct{}{})
	stop()
	<-ended
}

func hear[T comparable](t testing.TB, from chan T, want T) {
	t.Helper()
	select {
	case got := <-from:
		if got != want {
			t.Fatalf("heard %v, want %v", got, want)
		}
	case <-time.After(away):
		t.Fatalf("nothing was heard, want %v", want)
	}
}

// TestSilence: a connection on which nothing is heard is asked whether it is still there, and stays the same one.
func TestSilence(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	n := openPostgres(t, url)
	changed := make(chan keywright.Revision, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sqlstore.WatchImpatiently(ctx, n, store.Hints{Changed: func(r keywright.Revision) { changed <- r }, Acknowledged: func() {}})
	}()
	hear(t, changed, 0)
	for pgtest.Query(t, url, "SELECT (COUNT(*) > 0)::text FROM pg_stat_activity WHERE datname = current_database() AND query = '-- ping'") != "true" {
	}
	pgtest.Exec(t, url, "NOTIFY keywright_changes, '17'")
	hear(t, changed, 17)
	stop()
	<-ended
}
