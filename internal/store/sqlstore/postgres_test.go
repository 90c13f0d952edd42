package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/pgtest"
	"github.com/keywright/keywright/internal/store/sqlstore"
	"github.com/keywright/keywright/internal/store/storetest"
)

func openPostgres(t testing.TB, url string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.OpenPostgres(t.Context(), sqlstore.PostgresOptions{URL: keywright.NewSecret(url)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, keywright.ErrUnavailable) { // of a server that is gone
			t.Error(err)
		}
	})
	return s
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store { return openPostgres(t, pgtest.New(t)) })
}

// newPostgresBench is newBench on PostgreSQL.
func newPostgresBench(t testing.TB, url string) *bench {
	n := &bench{Store: openPostgres(t, url), TB: t, path: url}
	n.begin()
	return n
}

// verifyPostgres holds the trail of a database against its tree and returns how many events there are.
func verifyPostgres(t testing.TB, url string) int64 {
	t.Helper()
	trail, err := sqlstore.OpenPostgresTrail(t.Context(), sqlstore.PostgresOptions{URL: keywright.NewSecret(url)})
	if err != nil {
		t.Fatal(err)
	}
	defer trail.Close()
	report, err := trail.Verify(t.Context())
	if err != nil {
		t.Error(err)
	}
	return report.Events
}

// TestPostgresRestart: connections that lay idle while the server was restarted are not noticed by anybody, and
// while it is away nothing is said of what is on file.
func TestPostgresRestart(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	n := newPostgresBench(t, server.New(t))
	n.write(func(tx store.Tx) error { return n.insert(tx, 1) })
	for _, stop := range []func(){server.Stop, server.Kill} {
		for range 3 {
			if _, err := n.Find(t.Context(), n.id(0)); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if _, err := n.Find(t.Context(), n.id(0)); !errors.Is(err, keywright.ErrUnavailable) {
			t.Errorf("Find without a server: %v", err)
		}
		if err := n.Read(t.Context(), func(store.Tx) error { return nil }); err != nil && !errors.Is(err, keywright.ErrUnavailable) {
			t.Errorf("Read without a server: %v", err)
		}
		if _, err := n.Write(t.Context(), func(tx store.Tx) error { return n.insert(tx, 1) }); !errors.Is(err, keywright.ErrUnavailable) {
			t.Errorf("Write without a server: %v", err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Find(t.Context(), n.id(0)); err != nil {
			t.Errorf("Find after the restart: %v", err)
		}
		n.write(func(tx store.Tx) error { return tx.Events().Append(t.Context(), n.event("after")) })
	}
	if got := verifyPostgres(t, n.path); got != 3+1+2 {
		t.Errorf("%d events", got)
	}
}

// TestPostgresWriterKilled: whose transaction is lost before the commit hears so, and the next one is served.
func TestPostgresWriterKilled(t *testing.T) {
	t.Parallel()
	n := newPostgresBench(t, pgtest.New(t))
	_, err := n.Write(t.Context(), func(tx store.Tx) error {
		if err := n.insert(tx, 1); err != nil {
			return err
		}
		pgtest.Exec(t, n.path, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'")
		return n.insert(tx, 1)
	})
	if !errors.Is(err, keywright.ErrUnavailable) || strings.Contains(err.Error(), "unknown") {
		t.Errorf("Write: %v", err)
	}
	n.write(func(tx store.Tx) error { return n.insert(tx, 1) })
	if got := verifyPostgres(t, n.path); got != 3+1 {
		t.Errorf("%d events", got)
	}
}

// TestUncertainCommit: a connection that breaks before or after the server has seen the COMMIT. What Write says is
// what is on file.
func TestUncertainCommit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what string
		fate int32
		kept bool
	}{{"the commit is lost", cutBefore, false}, {"its answer is lost", cutAfter, true}} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, pgtest.New(t))
			n := newPostgresBench(t, p.url)
			for range 3 {
				p.fate.Store(tt.fate)
				made := n.made.Load()
				_, err := n.Write(t.Context(), func(tx store.Tx) error { return n.insert(tx, 1) })
				if p.fate.Load() != pass {
					t.Fatal("nothing was cut")
				}
				_, found := n.Find(t.Context(), n.id(made))
				if tt.kept && (err != nil || found != nil) || !tt.kept && (!errors.Is(err, keywright.ErrUnavailable) || !errors.Is(found, keywright.ErrNotFound)) {
					t.Errorf("Write: %v, Find: %v", err, found)
				}
				n.write(func(tx store.Tx) error { return n.insert(tx, 1) })
			}
			want := int64(3 + 3)
			if tt.kept {
				want += 3
			}
			if got := verifyPostgres(t, p.behind); got != want {
				t.Errorf("%d events, want %d", got, want)
			}
		})
	}
}

// TestUnsettledCommit: without a server to ask, it is not guessed.
func TestUnsettledCommit(t *testing.T) {
	t.Parallel()
	p := newProxy(t, pgtest.New(t))
	n := newPostgresBench(t, p.url)
	sqlstore.SettleWithin(n.Store, 300e6)
	p.fate.Store(cutForGood)
	_, err := n.Write(t.Context(), func(tx store.Tx) error { return n.insert(tx, 1) })
	if !errors.Is(err, keywright.ErrUnavailable) || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("Write: %v", err)
	}
	p.fate.Store(pass)
	n.write(func(tx store.Tx) error { return n.insert(tx, 1) })
	if got := verifyPostgres(t, p.behind); got != 3+2 {
		t.Errorf("%d events", got)
	}
}

// TestWithoutStandby: a commit that the standby has not got is not acknowledged.
func TestWithoutStandby(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	n := newPostgresBench(t, server.New(t))
	server.Exec(t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = 'away'")
	server.Exec(t, "postgres", "SELECT pg_reload_conf()")
	answers := make(chan error)
	go func() {
		for {
			_, err := n.Write(context.Background(), func(tx store.Tx) error { return n.insert(tx, 1) })
			select {
			case answers <- err:
			case <-t.Context().Done():
				return
			}
		}
	}()
	const cancel = "SELECT COALESCE(bool_or(pg_cancel_backend(pid)), false)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
	for pgtest.Query(t, n.path, cancel) != "true" { // the setting comes some time after the reload
		select {
		case err := <-answers:
			if err != nil {
				t.Fatalf("Write: %v", err)
			}
		default:
		}
	}
	if err := <-answers; !errors.Is(err, keywright.ErrUnavailable) || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("Write: %v", err)
	}
	server.Kill() // or the next one waits for its standby too
}

// TestManyNodes: several stores on one database write in turns, so that a quota is exact over all of them, no number of
// an event is missing, and the tree is that of the events.
func TestManyNodes(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	n := newPostgresBench(t, url)
	nodes := []*sqlstore.Store{n.Store, openPostgres(t, url), openPostgres(t, url)}
	const quota = 5
	var made, refused atomic.Int64
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			_, err := nodes[i%len(nodes)].Write(context.Background(), func(tx store.Tx) error {
				if err := tx.Tenants().Hold(t.Context(), "acme"); err != nil {
					return err
				}
				if live, err := tx.Tokens().Count(t.Context(), "acme", "", benchDay); err != nil || live >= quota {
					return errors.Join(err, tx.Events().Append(t.Context(), n.event("token.refused")))
				}
				return n.insert(tx, 1)
			})
			if err != nil {
				t.Error(err)
				refused.Add(1)
			}
		})
	}
	wait.Wait()
	n.Read(t.Context(), func(tx store.Tx) error {
		live, err := tx.Tokens().Count(t.Context(), "acme", "", benchDay)
		made.Store(live)
		return err
	})
	if made.Load() != quota || refused.Load() != 0 {
		t.Errorf("%d tokens, %d failures", made.Load(), refused.Load())
	}
	for i := range 12 { // whatever commits the others shared
		if _, err := nodes[i%len(nodes)].Write(t.Context(), func(tx store.Tx) error { return n.insert(tx, 1) }); err != nil {
			t.Error(err)
		}
	}
	if got := verifyPostgres(t, url); got != 3+200+12 {
		t.Errorf("%d events", got)
	}
}

// TestPostgresText: what PostgreSQL cannot keep is refused as what it is.
func TestPostgresText(t *testing.T) {
	t.Parallel()
	n := newPostgresBench(t, pgtest.New(t))
	for _, text := range []string{"a\x00b", "\xff"} {
		_, err := n.Write(t.Context(), func(tx store.Tx) error {
			return tx.Tenants().UpdateAccount(t.Context(), &store.Account{Name: "acme", Title: text}, n.event("x"))
		})
		if !errors.Is(err, keywright.ErrInvalid) || errors.Is(err, keywright.ErrUnavailable) {
			t.Errorf("%q: %v", text, err)
		}
	}
	n.write(func(tx store.Tx) error { return n.insert(tx, 1) })
}

func TestOpenPostgres(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	var wait sync.WaitGroup
	for range 4 { // at the same time
		wait.Go(func() { openPostgres(t, url) })
	}
	wait.Wait()
	open := func(url string) error {
		s, err := sqlstore.OpenPostgres(t.Context(), sqlstore.PostgresOptions{URL: keywright.NewSecret(url)})
		if err == nil {
			s.Close()
		}
		return err
	}
	pgtest.Exec(t, url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
	if err := open(url); err == nil || !strings.Contains(err.Error(), "made by a newer keywright") {
		t.Errorf("a newer database: %v", err)
	}
	if err := open("postgres://keywright:s3cret@[::1/x"); !errors.Is(err, keywright.ErrInvalid) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("no URL: %v", err)
	}
	if err := open("postgres://keywright:s3cret@127.0.0.1:1/x"); !errors.Is(err, keywright.ErrUnavailable) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("no server: %v", err)
	}
}

// The fates of a COMMIT in a proxy.
const (
	pass int32 = iota
	cutBefore
	cutAfter
	cutForGood // after it, and so is every connection from then on
)

// proxy stands before a server and breaks the connection that commits, once.
type proxy struct {
	url, behind string
	fate        atomic.Int32
}

func newProxy(t *testing.T, behind string) *proxy {
	t.Helper()
	u, err := url.Parse(behind)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "px")
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	listener, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		listener.Close()
		os.RemoveAll(dir)
	})
	p := &proxy{behind: behind, url: "postgres://" + pgtest.Superuser + "@" + u.Path + "?" + url.Values{"host": {dir}}.Encode()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client, filepath.Join(u.Query().Get("host"), socket))
		}
	}()
	return p
}

func (p *proxy) serve(client net.Conn, socket string) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer server.Close()
	if p.fate.Load() == cutForGood {
		return
	}
	var deaf atomic.Bool
	go func() {
		for b := make([]byte, 1<<16); ; {
			n, err := server.Read(b)
			if deaf.Load() || err != nil {
				client.Close()
				return
			}
			client.Write(b[:n])
		}
	}()
	p.forward(client, server, &deaf)
}

var prepared = regexp.MustCompile(`(stmtcache_[0-9a-f]+)\x00COMMIT\x00`)

func (p *proxy) forward(client, server net.Conn, deaf *atomic.Bool) {
	var commit []byte // what a COMMIT is called
	for b := make([]byte, 1<<16); ; {
		n, err := client.Read(b)
		if err != nil {
			return
		}
		said := b[:n]
		if name := prepared.FindSubmatch(said); name != nil {
			commit = bytes.Clone(name[1])
		} else if commit != nil && bytes.Contains(said, append(commit, 0)) {
			switch fate := p.fate.Load(); fate {
			case cutBefore:
				p.fate.Store(pass)
				return
			case cutAfter, cutForGood:
				deaf.Store(true)
				server.Write(said)
				if fate == cutAfter {
					p.fate.Store(pass)
				}
				io.Copy(io.Discard, client) // until the client is told that the answer does not come
				return
			}
		}
		if _, err := server.Write(said); err != nil {
			return
		}
	}
}
