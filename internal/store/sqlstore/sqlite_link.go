package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/keywright/keywright"
)

// sqliteLink is a connection to SQLite with the statements prepared on it. It stands directly on
// the driver: what database/sql adds to a row found by its key (a goroutine and a lock per
// query, reflection per column) costs as much as finding it.
type sqliteLink struct {
	raw   driver.Conn
	stmts map[string]*sqliteStmt
	args  []driver.NamedValue
}

// sqliteStmt is a prepared statement and the room for one of its rows.
type sqliteStmt struct {
	driver.Stmt
	vals []driver.Value
}

// maxStmts bounds what a connection keeps prepared; lists are put together from parts.
const maxStmts = 256

func connectSQLite(ctx context.Context, c driver.Connector) (*conn, error) {
	raw, err := c.Connect(ctx)
	if err != nil {
		return nil, translateSQLite(err)
	}
	return &conn{&sqliteLink{raw: raw, stmts: map[string]*sqliteStmt{}}}, nil
}

func (l *sqliteLink) close() error {
	l.drop()
	return l.raw.Close()
}

// lost: a file does not go away.
func (l *sqliteLink) lost() bool { return false }

// drop closes every prepared statement.
func (l *sqliteLink) drop() {
	for _, s := range l.stmts {
		_ = s.Close()
	}
	clear(l.stmts)
}

// prepare returns the statement of a query, from memory if it was run before.
func (l *sqliteLink) prepare(query string) (*sqliteStmt, error) {
	if s := l.stmts[query]; s != nil {
		return s, nil
	}
	if len(l.stmts) >= maxStmts {
		l.drop()
	}
	raw, err := l.raw.(driver.ConnPrepareContext).PrepareContext(context.Background(), query)
	if err != nil {
		return nil, translateSQLite(err)
	}
	s := &sqliteStmt{Stmt: raw}
	l.stmts[query] = s
	return s, nil
}

func (l *sqliteLink) change(query string, args []any) (int64, error) {
	s, err := l.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := s.Stmt.(driver.StmtExecContext).ExecContext(context.Background(), l.bind(args))
	if err != nil {
		return 0, translateSQLite(err)
	}
	n, err := result.RowsAffected()
	return n, translateSQLite(err)
}

func (l *sqliteLink) changeAll(query string, args [][]any) error {
	if len(args) == 1 {
		_, err := l.change(query, args[0])
		return err
	}
	if err := l.do("SAVEPOINT every"); err != nil {
		return err
	}
	for _, a := range args {
		if _, err := l.change(query, a); err != nil {
			return firstOf(errors.Join(l.do("ROLLBACK TO every"), l.do("RELEASE every")), err)
		}
	}
	return l.do("RELEASE every")
}

// post does it now: there is no way to go.
func (l *sqliteLink) post(query string, args []any) error {
	_, err := l.change(query, args)
	return err
}

func (l *sqliteLink) query(ctx context.Context, most int, scan func(*row), query string, args []any) (n int, err error) {
	s, err := l.prepare(query)
	if err != nil {
		return 0, err
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(context.Background(), l.bind(args))
	if err != nil {
		return 0, translateSQLite(err)
	}
	defer func() { err = firstOf(err, translateSQLite(rows.Close())) }()
	if s.vals == nil {
		s.vals = make([]driver.Value, len(rows.Columns()))
	}
	for ; n < most; n++ {
		if err := rows.Next(s.vals); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, translateSQLite(err)
		}
		if err := firstOf(scanRow(s.vals, scan), ctx.Err()); err != nil {
			return n, err
		}
	}
	return n, nil
}

// bind turns arguments into what a driver takes, in room that is used again.
func (l *sqliteLink) bind(args []any) []driver.NamedValue {
	l.args = l.args[:0]
	for i, a := range args {
		l.args = append(l.args, driver.NamedValue{Ordinal: i + 1, Value: value(a)})
	}
	return l.args
}

func (l *sqliteLink) do(statement string) error {
	_, err := l.change(statement, nil)
	return err
}

func (l *sqliteLink) beginRead() error { return l.do("BEGIN") }

// beginWrite: nobody else has the file open for writing.
func (l *sqliteLink) beginWrite() (alone bool, err error) {
	err = l.do("BEGIN IMMEDIATE")
	if err != nil && l.rollback() == nil { // a transaction that could not be ended before
		err = l.do("BEGIN IMMEDIATE")
	}
	return true, err
}

func (l *sqliteLink) savepoint() error { return l.do("SAVEPOINT one") }
func (l *sqliteLink) release() error   { return l.do("RELEASE one") }

// undo: SQLite may have ended the whole transaction already, as a full disk makes it do.
func (l *sqliteLink) undo() error {
	return errors.Join(l.do("ROLLBACK TO one"), l.release())
}

// revised: nobody else listens.
func (l *sqliteLink) revised(keywright.Revision) {}

func (l *sqliteLink) commit() error   { return l.do("COMMIT") }
func (l *sqliteLink) rollback() error { return l.do("ROLLBACK") }
