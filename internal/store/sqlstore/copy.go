package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/keywright/keywright"
)

// Copied says what Copy has copied.
type Copied struct {
	Rows   int64
	Events int64 // of the audit trail, which was verified in its new place
}

// Copy copies everything from the SQLite database at a path, which nobody else has open, to a PostgreSQL database that is empty.
// It does so in one transaction, which ends only when every table has as many rows as it should and the audit trail is
// the same: a copy that was interrupted has left nothing. tell is called with the rows copied so far, and of how many.
func Copy(ctx context.Context, path string, to PostgresOptions, tell func(done, total int64)) (Copied, error) {
	s, err := OpenSQLite(ctx, Options{Path: path, Log: to.Log}) // brings it up to date
	if err != nil {
		return Copied{}, err
	}
	defer s.Close()
	p, err := newPostgres(to)
	if err != nil {
		return Copied{}, err
	}
	if err := p.migrate(ctx); err != nil {
		return Copied{}, err
	}
	into, err := p.connect(ctx, toMigrate, nil)
	if err != nil {
		return Copied{}, err
	}
	defer into.close()
	c := &copying{from: s.writer.conn, into: into.link.(*postgresLink), name: p.name(), tell: tell}
	copied, err := c.run(ctx)
	if err != nil && ctx.Err() != nil { // then the connection was closed, which may be all that the driver says
		return Copied{}, fmt.Errorf("the copy was interrupted: %w", ctx.Err())
	}
	return copied, err
}

// copying is one copy.
type copying struct {
	from   *conn
	into   *postgresLink
	name   string
	tell   func(done, total int64)
	tables []*table
	total  int64
	done   int64
}

// table is a table, without its columns that are made of others.
type table struct {
	name    string
	columns []string
	refers  []string // to other tables
	rows    int64
}

func (t *table) list() string { return strings.Join(t.columns, ", ") }

func (c *copying) run(ctx context.Context) (Copied, error) {
	if err := c.survey(ctx); err != nil {
		return Copied{}, err
	}
	tx, err := c.into.raw.Begin(ctx)
	if err != nil {
		return Copied{}, translatePostgres(err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if err := c.empty(ctx, tx); err != nil {
		return Copied{}, err
	}
	for _, t := range c.tables {
		if err := c.table(ctx, tx, t); err != nil {
			return Copied{}, fmt.Errorf("copy the table %s: %w", t.name, err)
		}
	}
	events, err := c.sameTrail(ctx)
	if err != nil {
		return Copied{}, err
	}
	if err := tx.Commit(ctx); err != nil {
		return Copied{}, fmt.Errorf("%w: the end of the copy: look whether the database %s is empty before you repeat it: %w", keywright.ErrUnavailable, c.name, err)
	}
	return Copied{Rows: c.total, Events: events}, nil
}

// survey finds the tables and puts them in an order in which none refers to a later one.
func (c *copying) survey(ctx context.Context) error {
	var found []*table
	err := c.from.each(ctx, func(r *row) { found = append(found, &table{name: r.text()}) },
		"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%' ORDER BY name")
	if err != nil {
		return err
	}
	for _, t := range found {
		err := errors.Join(
			c.from.each(ctx, func(r *row) { t.columns = append(t.columns, r.text()) }, "SELECT name FROM pragma_table_xinfo($1) WHERE hidden = 0", t.name),
			c.from.each(ctx, func(r *row) { t.refers = append(t.refers, r.text()) }, `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1)`, t.name),
			c.from.one(ctx, func(r *row) { t.rows = r.int() }, "SELECT COUNT(*) FROM "+t.name))
		if err != nil {
			return err
		}
		c.total += t.rows
	}
	for len(found) > 0 {
		i := slices.IndexFunc(found, func(t *table) bool { return !c.missing(t) })
		if i < 0 {
			return fmt.Errorf("%w: tables refer to each other in a circle", keywright.ErrUnavailable)
		}
		c.tables = append(c.tables, found[i])
		found = slices.Delete(found, i, i+1)
	}
	return nil
}

// missing reports whether a table refers to one that is not in the order yet.
func (c *copying) missing(t *table) bool {
	return slices.ContainsFunc(t.refers, func(name string) bool {
		return name != t.name && !slices.ContainsFunc(c.tables, func(before *table) bool { return before.name == name })
	})
}

// head has one row from the beginning, and says whether anything was ever written.
const head = "head"

// empty refuses a database that anything was written to, and keeps everybody else from writing until the end.
func (c *copying) empty(ctx context.Context, tx pgx.Tx) error {
	var writes int64
	if err := tx.QueryRow(ctx, "SELECT writes FROM head WHERE id = 1 FOR UPDATE").Scan(&writes); err != nil {
		return translatePostgres(err)
	}
	used := writes > 0
	for _, t := range c.tables {
		if t.name == head || used {
			continue
		}
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+t.name+")").Scan(&used); err != nil {
			return translatePostgres(err)
		}
	}
	if used {
		return fmt.Errorf("%w: the database %s is not empty: make another one, or drop this one if nothing in it is needed", keywright.ErrConflict, c.name)
	}
	return nil
}

// table copies one, and counts what has arrived.
func (c *copying) table(ctx context.Context, tx pgx.Tx, t *table) error {
	if t.name == head {
		return c.head(ctx, tx, t)
	}
	var failed error
	next, stop := iter.Pull(c.rows(ctx, t, &failed))
	defer stop()
	_, err := tx.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromFunc(func() ([]any, error) {
		values, more := next()
		if !more {
			return nil, failed
		}
		return values, nil
	}))
	if err != nil {
		return translatePostgres(err)
	}
	var arrived int64
	if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM "+t.name).Scan(&arrived); err != nil {
		return translatePostgres(err)
	}
	if arrived != t.rows {
		return fmt.Errorf("%w: %d rows of %d have arrived", keywright.ErrUnavailable, arrived, t.rows)
	}
	return nil
}

// told is after how many rows the progress is told.
const told = 1000

// rows are those of a table, as PostgreSQL takes them.
func (c *copying) rows(ctx context.Context, t *table, failed *error) iter.Seq[[]any] {
	stopped := errors.New("nobody takes them")
	return func(yield func([]any) bool) {
		_, *failed = c.from.rows(ctx, math.MaxInt, func(r *row) {
			values := make([]any, len(r.vals))
			for i, v := range r.vals {
				values[i] = v
			}
			if c.done++; c.done%told == 0 || c.done == c.total {
				c.tell(c.done, c.total)
			}
			if !yield(values) {
				r.fail(stopped)
			}
		}, "SELECT "+t.list()+" FROM "+t.name, nil)
	}
}

// head changes the one row that is there, and leaves alone what only PostgreSQL has.
func (c *copying) head(ctx context.Context, tx pgx.Tx, t *table) error {
	q := newQuery("UPDATE head SET ")
	err := c.from.one(ctx, func(r *row) {
		for i, name := range t.columns {
			if i > 0 {
				q.add(", ", nil)
			}
			q.add(name+" = ?", []any{r.vals[i]})
		}
	}, "SELECT "+t.list()+" FROM head")
	if err != nil {
		return err
	}
	c.done++
	_, err = tx.Exec(ctx, q.String(), q.args...)
	return translatePostgres(err)
}

// sameTrail verifies the audit trail in both places and compares the two.
func (c *copying) sameTrail(ctx context.Context) (events int64, err error) {
	old, err := (&Trail{conn: c.from}).Verify(ctx)
	if err != nil {
		return 0, fmt.Errorf("verify the audit trail: %w", err)
	}
	copied, err := (&Trail{conn: &conn{c.into}}).Verify(ctx)
	if err != nil {
		return 0, fmt.Errorf("verify the copied audit trail: %w", err)
	}
	if old.Events != copied.Events || old.Root != copied.Root {
		return 0, fmt.Errorf("%w: the copied audit trail is another one", keywright.ErrUnavailable)
	}
	return copied.Events, nil
}
