package sqlstore_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

var benchDay = time.Date(2031, 5, 17, 12, 0, 0, 0, time.UTC)

// bench is a store with tokens as they usually are.
type bench struct {
	*sqlstore.Store
	testing.TB
	path string
	made atomic.Uint64
}

func newBench(b testing.TB, tokens int) *bench {
	path := filepath.Join(b.TempDir(), "bench.db")
	s, err := sqlstore.OpenSQLite(b.Context(), sqlstore.Options{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	n := &bench{Store: s, TB: b, path: path}
	n.begin()
	for done := 0; done < tokens; done += 1000 {
		n.write(func(tx store.Tx) error { return n.insert(tx, min(1000, tokens-done)) })
	}
	return n
}

// begin adds the account "acme", its space "default" and the user "ada".
func (n *bench) begin() {
	n.write(func(tx store.Tx) error {
		if err := tx.Tenants().InsertAccount(n.Context(), &store.Account{Name: "acme", Policy: keywright.DefaultPolicy(), CreatedAt: benchDay}, n.event("account.create")); err != nil {
			return err
		}
		if _, err := tx.Tenants().InsertSpace(n.Context(), &store.Space{Account: "acme", Name: "default", CreatedAt: benchDay}, n.event("space.create")); err != nil {
			return err
		}
		_, err := tx.People().InsertUser(n.Context(), &store.User{ID: keywright.ID{1}, Username: "ada", CreatedAt: benchDay}, n.event("user.create"))
		return err
	})
}

func (n *bench) write(f func(store.Tx) error) {
	if _, err := n.Write(context.Background(), f); err != nil {
		n.Fatal(err)
	}
}

func (n *bench) event(action string) store.Event {
	return store.Event{
		At: benchDay, Action: action, Actor: "user:ada", Account: "acme", Space: "default", Subject: "token:x",
		After: map[string]any{"label": "brave-otter", "scopes": []string{"invoices:read"}}, Address: "192.0.2.1", UserAgent: "curl/8",
	}
}

// id is the id of the nth token.
func (n *bench) id(i uint64) (id keywright.ID) {
	binary.BigEndian.PutUint64(id[:], i*1e6)
	binary.BigEndian.PutUint64(id[8:], (i+1)*0x9e3779b97f4a7c15)
	return id
}

func (n *bench) insert(tx store.Tx, tokens int) error {
	scopes, err := keywright.ParseScopes("invoices:read", "table://my.app.**")
	if err != nil {
		return err
	}
	for range tokens {
		id := n.id(n.made.Add(1) - 1)
		r := &store.Record{
			Facts: keywright.Facts{
				ID: id, Kind: keywright.KindAccount, Account: "acme", Space: "default", Scopes: scopes, Audience: []string{"http"},
				RenewedAt: benchDay, ExpiresAt: benchDay.Add(90 * 24 * time.Hour),
			},
			Label: "brave-otter", Owner: keywright.ID{1}, CreatedBy: "user:ada", CreatedAt: benchDay, UpdatedAt: benchDay,
			Secrets: []store.Secret{{Number: 1, Pepper: "k1", Digest: store.Digest(append(id[:], id[:]...))}},
		}
		if _, err := tx.Tokens().Insert(n.Context(), r, n.event("token.create")); err != nil {
			return err
		}
	}
	return nil
}

func (n *bench) db() *sql.DB {
	db, err := sql.Open("sqlite", n.path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-16384)")
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() { db.Close() })
	return db
}

// BenchmarkFind compares Find with the same row read by a prepared statement of database/sql, and with
// one column of it.
func BenchmarkFind(b *testing.B) {
	for _, tokens := range []int{1_000, 100_000} {
		n := newBench(b, tokens)
		at := func(i int) keywright.ID { return n.id(uint64(i*7919) % uint64(tokens)) }
		b.Run(fmt.Sprintf("%d/ours", tokens), func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := n.Find(ctx, at(i)); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, floor := range []struct{ name, columns string }{{"row", sqlstore.RecordColumns}, {"column", "t.label"}} {
			b.Run(fmt.Sprintf("%d/floor-%s", tokens, floor.name), func(b *testing.B) { floorFind(b, n, floor.columns, at) })
		}
	}
}

func floorFind(b *testing.B, n *bench, columns string, at func(int) keywright.ID) {
	b.ReportAllocs()
	find, err := n.db().Prepare("SELECT " + columns + " FROM tokens t WHERE t.id = $1")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		id := at(i)
		rows, err := find.Query(id[:])
		if err != nil {
			b.Fatal(err)
		}
		names, _ := rows.Columns()
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if !rows.Next() || rows.Scan(values...) != nil {
			b.Fatal("there is no such row")
		}
		rows.Close()
	}
}

// BenchmarkCreate compares durable creates (token, usage, event) with the engine's own commits
// of a single small row, and batches with its own bulk rows: small ones in a table without an index, and the same ones.
func BenchmarkCreate(b *testing.B) {
	create := func(n *bench, tokens int) {
		n.write(func(tx store.Tx) error { return n.insert(tx, tokens) })
	}
	b.Run("serial", func(b *testing.B) {
		n := newBench(b, 0)
		for b.Loop() {
			create(n, 1)
		}
	})
	b.Run("16-at-once", func(b *testing.B) {
		n := newBench(b, 0)
		b.SetParallelism(8) // for each of two processors
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				create(n, 1)
			}
		})
	})
	b.Run("batch-1000", func(b *testing.B) {
		n := newBench(b, 0)
		for b.Loop() {
			create(n, 1000)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
	})
	b.Run("floor-commit", func(b *testing.B) { floorCommit(b, 1) })
	b.Run("floor-batch-1000-small", func(b *testing.B) {
		floorCommit(b, 1000)
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
	})
	b.Run("floor-batch-1000-same", floorSame)
}

// floorSame writes a thousand times the rows of a creation, into the same tables, and nothing else.
func floorSame(b *testing.B) {
	n := newBench(b, 0)
	db := n.db()
	db.SetMaxOpenConns(1)
	var inserts []*sql.Stmt
	for _, query := range []string{
		`INSERT INTO tokens (id, account, space, number, kind, label, label_key, owner, owner_name, scopes, audience, secrets, extra,
			created_by, created_at, updated_at, expires_at, renewed_at)
			VALUES ($1, 'acme', 'default', $2, 1, 'brave-otter', 'brave-otter', x'01000000000000000000000000000000', 'ada',
			' invoices:read table://my.app.** ', ' http ', zeroblob(52), '', 'user:ada', 1, 1, 2, 1)`,
		"INSERT INTO token_usage (token, account) VALUES ($1, 'acme' || substr($2, 1, 0))",
		`INSERT INTO events (at, action, actor, account, space, subject, old, new, address, user_agent, request_id, reason, revision)
			VALUES (1, 'token.create', 'user:ada', 'acme', 'default', hex($1), '', '{"label":"brave-otter","scopes":["invoices:read"]}',
			'192.0.2.1', 'curl/8', '', '', 0 * $2)`,
	} {
		insert, err := db.Prepare(query)
		if err != nil {
			b.Fatal(err)
		}
		inserts = append(inserts, insert)
	}
	made := 0
	for b.Loop() {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		for range 1000 {
			made++
			id := n.id(uint64(made))
			for _, insert := range inserts {
				if _, err := tx.Stmt(insert).Exec(id[:], made); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
}

func floorCommit(b *testing.B, rows int) {
	db := newBench(b, 0).db()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE floor (id INTEGER PRIMARY KEY, digest BLOB, label TEXT, at INTEGER)"); err != nil {
		b.Fatal(err)
	}
	insert, err := db.Prepare("INSERT INTO floor (digest, label, at) VALUES ($1, $2, $3)")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		stmt := tx.Stmt(insert)
		for range rows {
			if _, err := stmt.Exec(make([]byte, 32), "brave-otter", benchDay.UnixMicro()); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}
