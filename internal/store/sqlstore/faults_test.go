package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// A database that does not take a change fails the whole Write with ErrUnavailable, and what was
// acknowledged before stays.

// tokensAndEvents counts both without the store.
func tokensAndEvents(t testing.TB, db *sql.DB) (n [2]int) {
	t.Helper()
	if err := db.QueryRow("SELECT (SELECT COUNT(*) FROM tokens), (SELECT COUNT(*) FROM events)").Scan(&n[0], &n[1]); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRefusedEvent(t *testing.T) {
	t.Parallel()
	n := newBench(t, 1)
	db := n.db()
	before := tokensAndEvents(t, db)
	if _, err := db.Exec("CREATE TRIGGER refuse BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'read-only'); END"); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(store.Tx) error{
		"create": func(tx store.Tx) error { return n.insert(tx, 1) },
		"delete": func(tx store.Tx) error { return tx.Tokens().Delete(t.Context(), n.id(0), n.event("token.delete")) },
		"close": func(tx store.Tx) error {
			return tx.Tenants().UpdateAccount(t.Context(), &store.Account{Name: "acme", ClosedAt: benchDay}, n.event("x"))
		},
	} {
		c, err := n.Write(t.Context(), change)
		if !errors.Is(err, keywright.ErrUnavailable) || c.Revision != 0 {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
	if diff := cmp.Diff(before, tokensAndEvents(t, db)); diff != "" {
		t.Errorf("tokens and events changed: %s", diff)
	}
	if tenant, err := n.FindTenant(t.Context(), "acme", "default"); err != nil || !tenant.Open {
		t.Errorf("the account was closed without an event: %v %v", tenant, err)
	}
	if _, err := db.Exec("DROP TRIGGER refuse"); err != nil {
		t.Fatal(err)
	}
	n.write(func(tx store.Tx) error { return n.insert(tx, 1) })
	if got, want := tokensAndEvents(t, db), [2]int{before[0] + 1, before[1] + 1}; got != want {
		t.Errorf("tokens and events after the fault: %v, want %v", got, want)
	}
}

// TestEventsStay: the table refuses to change or forget what it holds.
func TestEventsStay(t *testing.T) {
	t.Parallel()
	db := newBench(t, 0).db()
	for _, attempt := range []string{
		"UPDATE events SET actor = 'system'", "DELETE FROM events", "DELETE FROM events WHERE seq = 1",
		"UPDATE events SET seq = seq + 10", "INSERT INTO events (seq, at, action, actor, account, space, subject, old, new, address, user_agent, request_id, reason, revision) SELECT * FROM events",
	} {
		if _, err := db.Exec(attempt); err == nil {
			t.Errorf("%s: was done", attempt)
		}
	}
}

// TestFullDisk: a Write that finds no room fails, with all who shared its transaction and
// nobody else; an acknowledged one is there.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	n := newBench(t, 0)
	if err := n.SetMaxPages(200); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	acknowledged, refused := 0, 0
	for range 8 {
		wait.Go(func() {
			for range 200 {
				_, err := n.Write(context.Background(), func(tx store.Tx) error { return n.insert(tx, 1) })
				mu.Lock()
				if err == nil {
					acknowledged++
				} else if refused++; !errors.Is(err, keywright.ErrUnavailable) {
					t.Errorf("Write: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if acknowledged == 0 || refused == 0 {
		t.Fatalf("%d were acknowledged and %d refused: the disk was not full in between", acknowledged, refused)
	}
	if got, want := tokensAndEvents(t, n.db()), [2]int{acknowledged, 3 + acknowledged}; got != want {
		t.Errorf("tokens and events: %v, want %v", got, want)
	}
	if err := n.SetMaxPages(1 << 20); err != nil {
		t.Fatal(err)
	}
	n.write(func(tx store.Tx) error { return n.insert(tx, 100) })
}

// TestSwallowedFault: a function that goes on after the database failed cannot save its Write.
func TestSwallowedFault(t *testing.T) {
	t.Parallel()
	n := newBench(t, 0)
	if err := n.SetMaxPages(200); err != nil {
		t.Fatal(err)
	}
	_, err := n.Write(t.Context(), func(tx store.Tx) error {
		for range 2000 {
			_ = n.insert(tx, 1)
		}
		return nil
	})
	if !errors.Is(err, keywright.ErrUnavailable) {
		t.Errorf("Write: %v", err)
	}
	if got, want := tokensAndEvents(t, n.db()), [2]int{0, 3}; got != want {
		t.Errorf("tokens and events: %v, want %v", got, want)
	}
}

// TestUnreadable: a row that cannot be read is an error, not an absent token or one without scopes.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	n := newBench(t, 1)
	for _, damage := range []string{
		"UPDATE tokens SET scopes = ' ::: '", "UPDATE tokens SET secrets = x'0102'", "UPDATE tokens SET extra = '{'", "UPDATE tokens SET parent = x'01'",
	} {
		db := n.db()
		if _, err := db.Exec(damage); err != nil {
			t.Fatal(err)
		}
		if r, err := n.Find(t.Context(), n.id(0)); !errors.Is(err, keywright.ErrUnavailable) || r != nil {
			t.Errorf("after %s: %v, %v", damage, r, err)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	n := newBench(t, 1)
	n.Close()
	again, err := sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: n.path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Find(t.Context(), n.id(0)); err != nil {
		t.Errorf("what was kept: %v", err)
	}
	again.Close()
	if info, err := os.Stat(n.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}

	if _, err := n.db().Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	_, err = sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: n.path})
	if err == nil || !strings.Contains(err.Error(), "made by a newer keywright") {
		t.Errorf("a newer database: %v", err)
	}
	if _, err := sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "none", "x.db")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: text}); err == nil {
		t.Error("a text file was opened")
	}
}
