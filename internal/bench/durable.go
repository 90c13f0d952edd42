package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keywright/keywright"
)

// durable measures creates (token, secret and event in one commit) against what
// the same engine commits bare, one row at a time and in bulk.
func durable(ctx context.Context, w io.Writer, p plan) error {
	in, err := open(ctx, filepath.Join(p.dir, "durable.db"), 0)
	if err != nil {
		return err
	}
	defer in.store.Close()
	bare, err := bareTable(ctx, filepath.Join(p.dir, "bare.db"))
	if err != nil {
		return err
	}
	defer bare.Close()
	fmt.Fprintf(w, "\n## Durable creates a second (SQLite, WAL, synchronous=FULL)\n\n")
	return creates(ctx, w, p, in, floor{
		one:  func() (int, error) { return 1, bareRows(ctx, bare, 1) },
		bulk: func() (int, error) { return 1000, bareRows(ctx, bare, 1000) },
	})
}

// floor is what an engine commits bare: a row, and a thousand.
type floor struct{ one, bulk func() (int, error) }

// creates measures creates against a floor.
func creates(ctx context.Context, w io.Writer, p plan, in *instance, bare floor) error {
	create := func() (int, error) {
		_, err := in.Issue(ctx, in.caller, keywright.NewToken{Scopes: []string{"invoices:read"}}, "")
		return 1, err
	}
	batch := make([]keywright.NewToken, 1000)
	for i := range batch {
		batch[i] = keywright.NewToken{Label: "bulk", Scopes: []string{"invoices:read"}}
	}
	createBatch := func() (int, error) {
		issued, err := in.IssueBatch(ctx, in.caller, batch, "")
		return len(issued), err
	}

	var serial, sixteen, batched, rows, bulkRows series
	for range p.rounds {
		for _, m := range []struct {
			into    *series
			callers int
			f       func() (int, error)
		}{{&rows, 1, bare.one}, {&serial, 1, create}, {&sixteen, 16, create}, {&bulkRows, 1, bare.bulk}, {&batched, 1, createBatch}} {
			rate, err := perSecond(time.Duration(p.seconds)*time.Second/2, m.callers, m.f)
			if err != nil {
				return err
			}
			*m.into = append(*m.into, rate)
		}
	}
	fmt.Fprintf(w, "| work | a second | against | ratio %% | target %% |\n| --- | --- | --- | --- | --- |\n")
	fmt.Fprintf(w, "| bare row, one a commit | %s | | | |\n", rows)
	fmt.Fprintf(w, "| create, one at a time | %s | bare row | %s | >= 40 |\n", serial, ratios(serial, rows))
	fmt.Fprintf(w, "| create, 16 at once | %s | one at a time | %s | >= 150 |\n", sixteen, ratios(sixteen, serial))
	fmt.Fprintf(w, "| bare rows, 1,000 a commit | %s | | | |\n", bulkRows)
	fmt.Fprintf(w, "| create in batches of 1,000 | %s | bare bulk | %s | >= 30 |\n", batched, ratios(batched, bulkRows))
	return nil
}

// perSecond calls f from so many callers for about the time given.
func perSecond(d time.Duration, callers int, f func() (int, error)) (float64, error) {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	begin := time.Now()
	for range callers {
		wg.Go(func() {
			for time.Since(begin) < d {
				n, err := f()
				if err != nil {
					failed.Store(&err)
					return
				}
				done.Add(int64(n))
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(begin).Seconds(), nil
}

// bareTable has a row of about a token's size, keyed like one.
func bareTable(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, `CREATE TABLE bare (id BLOB PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID`)
	return db, err
}

var bareBody = fmt.Sprintf("%0400d", 1)

func bareRows(ctx context.Context, db *sql.DB, n int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for range n {
		id, err := newID()
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO bare (id, body) VALUES ($1, $2)`, id[:], bareBody); err != nil {
			return err
		}
	}
	return tx.Commit()
}
