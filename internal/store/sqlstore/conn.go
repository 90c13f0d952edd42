package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// conn is one connection with the statements prepared on it. It stands directly on
// the driver: what database/sql adds to a row found by its key (a goroutine and a lock per
// query, reflection per column) costs as much as finding it. Not safe for concurrent use.
type conn struct {
	raw       driver.Conn
	translate func(error) error // of the engine: from the driver's errors to keywright's
	stmts     map[string]*stmt
	args      []driver.NamedValue
}

// stmt is a prepared statement and the room for one of its rows.
type stmt struct {
	driver.Stmt
	vals []driver.Value
}

// maxStmts bounds what a connection keeps prepared; lists are put together from parts.
const maxStmts = 256

func openConn(ctx context.Context, c driver.Connector, translate func(error) error) (*conn, error) {
	raw, err := c.Connect(ctx)
	if err != nil {
		return nil, translate(err)
	}
	return &conn{raw: raw, translate: translate, stmts: map[string]*stmt{}}, nil
}

func (c *conn) close() error {
	c.drop()
	return c.raw.Close()
}

// drop closes every prepared statement.
func (c *conn) drop() {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	clear(c.stmts)
}

// prepare returns the statement of a query, from memory if it was run before.
func (c *conn) prepare(query string) (*stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	if len(c.stmts) >= maxStmts {
		c.drop()
	}
	raw, err := c.raw.(driver.ConnPrepareContext).PrepareContext(context.Background(), query)
	if err != nil {
		return nil, c.translate(err)
	}
	s := &stmt{Stmt: raw}
	c.stmts[query] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed. It does not look at ctx
// once it has begun: an interrupted statement would end everybody's transaction.
func (c *conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := s.Stmt.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, c.translate(err)
	}
	n, err := result.RowsAffected()
	return n, c.translate(err)
}

// one calls scan with the only row of an answer; without one it is keywright.ErrNotFound.
// It does not ask whether there is another, which takes an eighth of finding a row.
func (c *conn) one(ctx context.Context, scan func(*row), query string, args ...any) error {
	n, err := c.query(ctx, 1, scan, query, args)
	if err == nil && n == 0 {
		return keywright.ErrNotFound
	}
	return err
}

// each calls scan with every row of an answer.
func (c *conn) each(ctx context.Context, scan func(*row), query string, args ...any) error {
	_, err := c.query(ctx, math.MaxInt, scan, query, args)
	return err
}

// query calls scan with the first rows of an answer and returns how many they were. scan
// must not use the connection.
func (c *conn) query(ctx context.Context, most int, scan func(*row), query string, args []any) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, c.translate(err)
	}
	defer func() { err = firstOf(err, c.translate(rows.Close())) }()
	if s.vals == nil {
		s.vals = make([]driver.Value, len(rows.Columns()))
	}
	for ; n < most; n++ {
		if err := rows.Next(s.vals); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, c.translate(err)
		}
		if err := firstOf(scanRow(s.vals, scan), ctx.Err()); err != nil {
			return n, err
		}
	}
	return n, nil
}

func scanRow(vals []driver.Value, scan func(*row)) error {
	r := row{vals: vals}
	if scan(&r); r.err != nil {
		return fmt.Errorf("%w: the database holds what cannot be read: %w", keywright.ErrUnavailable, r.err)
	}
	return nil
}

// bind turns arguments into what a driver takes, in room that is used again.
func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: value(a)})
	}
	return c.args
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
	case []byte:
		if a == nil {
			return nil
		}
		return a
	}
	return a
}
