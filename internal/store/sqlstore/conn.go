package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// conn is one connection to a database of either engine. Not safe for concurrent use.
type conn struct{ link }

// link is what an engine makes of a connection. No context ends a statement: that would end
// everybody's transaction. Its errors are keywright's.
type link interface {
	// change runs a statement and returns how many rows it changed. Refused, it leaves the transaction as it was.
	change(query string, args []any) (int64, error)
	// changeAll runs one for each of the arguments. One refused, all leave the transaction as it was.
	changeAll(query string, args [][]any) error
	// post runs such a statement that is not refused, at the latest with the next one. If it fails after
	// all, so does everything after it until the transaction has ended.
	post(query string, args []any) error
	// query calls scan with the first rows of an answer and returns how many they were. It looks at ctx between two rows.
	// scan must not use the link.
	query(ctx context.Context, most int, scan func(*row), query string, args []any) (int, error)

	beginRead() error
	// beginWrite begins the transaction that writes, when no other does. alone: what is remembered of the last one that
	// this program has committed is still true.
	beginWrite() (alone bool, err error)
	savepoint() error
	release() error
	undo() error // to the savepoint, and removes it
	// revised says that the open transaction takes a revision: who listens hears of it with the commit, and perhaps of one that was undone.
	revised(keywright.Revision)
	// commit may fail with errUncertain.
	commit() error
	rollback() error

	lost() bool // nothing can be asked of it any more
	close() error
}

// exec changes rows and returns how many.
func (c *conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return c.change(query, args)
}

// one calls scan with the only row of an answer; without one it is keywright.ErrNotFound.
// It does not ask whether there is another, which takes SQLite an eighth of finding a row.
func (c *conn) one(ctx context.Context, scan func(*row), query string, args ...any) error {
	n, err := c.rows(ctx, 1, scan, query, args)
	if err == nil && n == 0 {
		return keywright.ErrNotFound
	}
	return err
}

// each calls scan with every row of an answer.
func (c *conn) each(ctx context.Context, scan func(*row), query string, args ...any) error {
	_, err := c.rows(ctx, math.MaxInt, scan, query, args)
	return err
}

func (c *conn) rows(ctx context.Context, most int, scan func(*row), query string, args []any) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return c.query(ctx, most, scan, query, args)
}

func scanRow(vals []driver.Value, scan func(*row)) error {
	r := row{vals: vals}
	if scan(&r); r.err != nil {
		return fmt.Errorf("%w: the database holds what cannot be read: %w", keywright.ErrUnavailable, r.err)
	}
	return nil
}

// value is how something is stored: none as NULL, instants in microseconds.
func value(a any) driver.Value {
	switch a := a.(type) {
	case keywright.ID:
		if a.IsZero() {
			return nil
		}
		return a[:]
	case store.Digest:
		return a[:]
	case time.Time:
		if a.IsZero() {
			return nil
		}
		return a.UnixMicro()
	case keywright.Revision:
		return int64(a)
	case keywright.Kind:
		return int64(a)
	case int:
		return int64(a)
	case bool:
		if a {
			return int64(1)
		}
		return int64(0)
	case []byte:
		if a == nil {
			return nil
		}
		return a
	}
	return a
}
