package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// TestIndexes: no list reads a table from end to end or sorts; a list of ids or of one parent's children may
// sort the few it finds.
func TestIndexes(t *testing.T) {
	t.Parallel()
	n := newBench(t, 0)
	db := n.db()
	permanent, parent := true, keywright.ID{1}
	filters := map[string]keywright.TokenFilter{
		"none": {}, "space": {Space: "default"}, "owner": {Owner: "ada"}, "audience": {Audience: "http"}, "label": {Label: "x"},
		"kind": {Kind: keywright.KindSpace}, "permanent": {Permanent: &permanent}, "active": {State: keywright.StateActive},
		"expired": {State: keywright.StateExpired}, "disabled": {State: keywright.StateDisabled}, "revoked": {State: keywright.StateRevoked},
		"permanent of space": {Space: "default", Permanent: &permanent, State: keywright.StateActive},
	}
	few := map[string]keywright.TokenFilter{"parent": {Parent: &parent}, "number": {Number: 7}, "ids": {IDs: []keywright.ID{{1}, {2}}}}
	for _, sort := range []string{keywright.SortCreated, keywright.SortLabel, keywright.SortExpires, keywright.SortLastUsed} {
		for _, q := range []store.TokenQuery{{}, {Descending: true}, {After: &store.Position{}}, {After: &store.Position{}, Descending: true}, {Spaces: []string{"a"}}, {Spaces: []string{"a", "b"}}} {
			q.Sort, q.Limit, q.Now = sort, 50, benchDay
			for name, filter := range filters {
				q.Filter = filter
				q.Filter.Account = "acme"
				wantIndex(t, fmt.Sprintf("%s by %s", name, sort), plan(t, db, q), "SCAN", "TEMP B-TREE")
			}
			for name, filter := range few {
				q.Filter = filter
				q.Filter.Account = "acme"
				wantIndex(t, fmt.Sprintf("%s by %s", name, sort), plan(t, db, q), "SCAN")
			}
		}
	}
	page := &store.EventPosition{At: benchDay, Seq: 9}
	for _, q := range []store.EventQuery{
		{}, {Before: page}, {Since: benchDay}, {Since: benchDay, Until: benchDay, Before: page}, {Address: "192.0.2.1"}, {Action: "token."},
		{Account: "acme"}, {Subject: "x"}, {Actor: "user:ada", Since: benchDay}, {Account: "acme", Actor: "user:ada"},
		{Account: "acme", Subject: "x", Action: "token."}, {Account: "acme", Spaces: []string{"a"}, Until: benchDay, Before: page},
	} {
		query, args := sqlstore.EventQuery(q)
		wantIndex(t, fmt.Sprint("list", q), explain(t, db, query, args), "SCAN e\n", "TEMP B-TREE")
		query, args = sqlstore.WalkQuery(q)
		wantIndex(t, fmt.Sprint("walk", q), explain(t, db, query, args), "SCAN", "TEMP B-TREE")
	}
	wantIndex(t, "count", explain(t, db, sqlstore.CountAccount, []any{"acme", 1}), "SCAN")
	perm := explain(t, db, sqlstore.CountPermanent, []any{"acme", 1, "default"})
	if wantIndex(t, "count of the permanent", perm, "SCAN"); !strings.Contains(perm, "tokens_by_state (account=? AND space=? AND revoked_at=? AND expires_at=?)") {
		t.Errorf("the permanent are not counted by their index:\n%s", perm)
	}
	wantIndex(t, "descendants", explain(t, db, sqlstore.FindDescendants, []any{[]byte("x")}), "SCAN c", "SCAN t")
}

func plan(t *testing.T, db *sql.DB, q store.TokenQuery) string {
	query, args := sqlstore.TokenQuery(q)
	return explain(t, db, query, args)
}

func explain(t *testing.T, db *sql.DB, query string, args []any) (plan string) {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	return plan
}

func wantIndex(t *testing.T, what, plan string, never ...string) {
	t.Helper()
	for _, word := range never {
		if strings.Contains(plan, word) {
			t.Errorf("%s: the plan has %s:\n%s", what, word, plan)
		}
	}
}
