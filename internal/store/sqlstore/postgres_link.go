package sqlstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keywright/keywright"
)

// postgresLink is a connection to PostgreSQL. What is posted travels with the next statement whose answer is waited
// for, at the latest with the commit: a round trip costs more than most statements.
type postgresLink struct {
	raw    *pgx.Conn
	posted []*pgx.QueuedQuery
	failed error              // why the transaction can only be rolled back: something posted failed, and it is not known in whose part
	turn   *turn              // of the connection that writes
	latest keywright.Revision // of the open transaction; 0: it has none
}

// turn is the transaction that writes, as it is told from all others.
type turn struct {
	number int64    // head.writes in it
	mark   [16]byte // beside the number in writes
	kept   int64    // the number of the last that this program has committed
	doubt  string   // what the server warned of: a commit that stands, but not on the standby that it should be on
}

// slots is how many transactions that have written are remembered.
const slots = 1024

func queued(query string, args ...any) *pgx.QueuedQuery {
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = value(a)
	}
	return &pgx.QueuedQuery{SQL: query, Arguments: values}
}

// send sends what was posted and more, and returns the answers to the latter.
func (l *postgresLink) send(more ...*pgx.QueuedQuery) (pgx.BatchResults, error) {
	if l.failed != nil {
		return nil, l.failed
	}
	posted := len(l.posted)
	answers := l.raw.SendBatch(context.Background(), &pgx.Batch{QueuedQueries: append(l.posted, more...)})
	l.posted = l.posted[:0]
	for range posted {
		if _, err := answers.Exec(); err != nil {
			l.failed = postedFailed(err)
			_ = answers.Close()
			return nil, l.failed
		}
	}
	return answers, nil
}

func (l *postgresLink) change(query string, args []any) (int64, error) {
	return l.refusable(queued(query, args...))
}

// changeAll sends all at once.
func (l *postgresLink) changeAll(query string, args [][]any) error {
	statements := make([]*pgx.QueuedQuery, len(args))
	for i, a := range args {
		statements[i] = queued(query, a...)
	}
	_, err := l.refusable(statements...)
	return err
}

// refusable runs statements behind a savepoint of their own, for an error would end the transaction, and returns how many rows the last
// has changed.
func (l *postgresLink) refusable(statements ...*pgx.QueuedQuery) (int64, error) {
	all := append(append([]*pgx.QueuedQuery{queued("SAVEPOINT refusable")}, statements...), queued("RELEASE refusable"))
	answers, err := l.send(all...)
	if err != nil {
		return 0, err
	}
	if _, err := answers.Exec(); err != nil {
		l.failed = postedFailed(firstOf(err, answers.Close()))
		return 0, l.failed
	}
	var done pgconn.CommandTag
	for i := 0; i < len(statements) && err == nil; i++ {
		done, err = answers.Exec()
	}
	if closed := answers.Close(); err == nil && closed != nil {
		l.failed = postedFailed(closed)
		return 0, l.failed
	}
	if err != nil {
		if back := l.now("ROLLBACK TO refusable; RELEASE refusable"); back != nil {
			l.failed = postedFailed(back)
		}
		return 0, translatePostgres(err)
	}
	return done.RowsAffected(), nil
}

func (l *postgresLink) post(query string, args []any) error {
	if l.failed == nil {
		l.posted = append(l.posted, queued(query, args...))
	}
	return l.failed
}

func (l *postgresLink) query(ctx context.Context, most int, scan func(*row), query string, args []any) (n int, err error) {
	q := queued(query, args...)
	if len(l.posted) == 0 && l.failed == nil {
		rows, err := l.raw.Query(context.Background(), q.SQL, q.Arguments...)
		if err != nil {
			return 0, translatePostgres(err)
		}
		return eachRow(ctx, rows, most, scan)
	}
	answers, err := l.send(q)
	if err != nil {
		return 0, err
	}
	defer func() { err = firstOf(err, translatePostgres(answers.Close())) }()
	rows, err := answers.Query()
	if err != nil {
		return 0, translatePostgres(err)
	}
	return eachRow(ctx, rows, most, scan)
}

func eachRow(ctx context.Context, rows pgx.Rows, most int, scan func(*row)) (n int, err error) {
	defer func() {
		rows.Close()
		err = firstOf(err, translatePostgres(rows.Err()))
	}()
	fields := rows.FieldDescriptions()
	vals := make([]driver.Value, len(fields))
	for ; n < most && rows.Next(); n++ {
		for i, raw := range rows.RawValues() {
			if vals[i], err = decode(&fields[i], raw); err != nil {
				return n, err
			}
		}
		if err := firstOf(scanRow(vals, scan), ctx.Err()); err != nil {
			return n, err
		}
	}
	return n, nil
}

// decode reads the few types that there are in the tables.
func decode(f *pgconn.FieldDescription, raw []byte) (driver.Value, error) {
	if raw == nil {
		return nil, nil
	}
	inBinary := f.Format == pgtype.BinaryFormatCode
	switch {
	case f.DataTypeOID == pgtype.Int8OID && inBinary && len(raw) == 8:
		return int64(binary.BigEndian.Uint64(raw)), nil
	case f.DataTypeOID == pgtype.Int4OID && inBinary && len(raw) == 4:
		return int64(int32(binary.BigEndian.Uint32(raw))), nil
	case f.DataTypeOID == pgtype.BoolOID && inBinary && len(raw) == 1:
		return raw[0] != 0, nil
	case f.DataTypeOID == pgtype.ByteaOID && inBinary:
		return bytes.Clone(raw), nil
	case f.DataTypeOID == pgtype.TextOID:
		return string(raw), nil
	}
	return nil, fmt.Errorf("%w: database: column %s is of type %d, which is not read here", keywright.ErrUnavailable, f.Name, f.DataTypeOID)
}

// now runs statements at once: in a transaction that an error has ended nothing else can be done, not even be prepared.
func (l *postgresLink) now(statements string) error {
	_, err := l.raw.PgConn().Exec(context.Background(), statements).ReadAll()
	return err
}

func (l *postgresLink) do(statement string) error { return l.post(statement, nil) }

func (l *postgresLink) beginRead() error {
	return l.do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

// takeTurn waits until nobody else writes, on any node. What is read after it is what all before it have left.
const takeTurn = `
	WITH taken AS (UPDATE head SET writes = writes + 1 WHERE id = 1 RETURNING writes AS number)
	INSERT INTO writes (slot, number, mark) SELECT number % $1, number, $2 FROM taken
	ON CONFLICT (slot) DO UPDATE SET number = excluded.number, mark = excluded.mark
	RETURNING number`

func (l *postgresLink) beginWrite() (alone bool, err error) {
	if _, err := rand.Read(l.turn.mark[:]); err != nil {
		return false, fmt.Errorf("%w: %w", keywright.ErrUnavailable, err)
	}
	if err := l.do("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"); err != nil {
		return false, err
	}
	_, err = l.query(context.Background(), 1, func(r *row) { l.turn.number = r.int() }, takeTurn, []any{slots, l.turn.mark[:]})
	if err != nil {
		_ = l.rollback()
		return false, err
	}
	return l.turn.number == l.turn.kept+1, nil
}

func (l *postgresLink) savepoint() error { return l.do("SAVEPOINT one") }
func (l *postgresLink) release() error   { return l.do("RELEASE one") }

func (l *postgresLink) undo() error {
	if l.failed == nil && l.raw.PgConn().TxStatus() == 'E' { // what was posted since is of the part that is undone
		l.posted = nil
		return translatePostgres(l.now("ROLLBACK TO one; RELEASE one"))
	}
	return firstOf(l.do("ROLLBACK TO one"), l.release())
}

// commit sends what was posted and the COMMIT together. If the connection breaks in between, nobody knows here
// whether the server has seen it.
func (l *postgresLink) commit() error {
	if l.failed != nil {
		return l.failed
	}
	l.turn.doubt = ""
	done, err := l.sendCommit()
	switch {
	case err != nil && l.lost():
		return fmt.Errorf("%w: %v", errUncertain, err)
	case err != nil:
		return postedFailed(err)
	case done.String() != "COMMIT": // the server says so of a transaction that it could only roll back
		return fmt.Errorf("%w: database: the transaction was rolled back", keywright.ErrUnavailable)
	case l.turn.doubt != "":
		return fmt.Errorf("%w: %s", errUncertain, l.turn.doubt)
	}
	l.turn.kept = l.turn.number
	return nil
}

func (l *postgresLink) revised(r keywright.Revision) { l.latest = r }

func (l *postgresLink) sendCommit() (pgconn.CommandTag, error) {
	if l.latest > 0 {
		if err := l.post(notifyChanged, []any{strconv.FormatInt(int64(l.latest), 10)}); err != nil {
			return pgconn.CommandTag{}, err
		}
		l.latest = 0
	}
	answers, err := l.send(queued("COMMIT"))
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	done, err := answers.Exec()
	return done, firstOf(err, answers.Close())
}

func (l *postgresLink) rollback() error {
	l.posted, l.failed, l.latest = nil, nil, 0
	if l.raw.PgConn().TxStatus() == 'I' { // nothing of it was sent
		return nil
	}
	return translatePostgres(l.now("ROLLBACK"))
}

func (l *postgresLink) lost() bool { return l.raw.IsClosed() }

func (l *postgresLink) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	return translatePostgres(l.raw.Close(ctx))
}

// postgresTaken says what is taken, by the constraint or index that is violated.
var postgresTaken = map[string]string{
	"tokens_pkey":             "the id",
	"tokens_by_digest":        "the imported key",
	"accounts_pkey":           "the account's name",
	"spaces_pkey":             "the space's name",
	"users_username_key_key":  "the username",
	"users_email_key_key":     "the e-mail address",
	"roles_pkey":              "the role",
	"idempotent_answers_pkey": "the idempotency key",
}

// The codes of errors (PostgreSQL's manual, appendix A) that say something about what was asked.
const (
	foreignKeyViolation = "23503"
	uniqueViolation     = "23505"
	notInRepertoire     = "22021" // NUL, or no UTF-8
)

// translatePostgres makes one of keywright's errors of one of PostgreSQL's.
func translatePostgres(err error) error {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e):
		return fmt.Errorf("%w: database: %w", keywright.ErrUnavailable, err)
	case e.Code == uniqueViolation:
		what, known := postgresTaken[e.ConstraintName]
		if !known {
			what = "what must be unique (" + e.ConstraintName + ")"
		}
		return fmt.Errorf("%w: %s is taken", keywright.ErrConflict, what)
	case e.Code == foreignKeyViolation:
		return fmt.Errorf("%w: what is referred to is not on file", keywright.ErrNotFound)
	case e.Code == notInRepertoire:
		return fmt.Errorf("%w: text holds a NUL or is not UTF-8", keywright.ErrInvalid)
	}
	return fmt.Errorf("%w: database: %w", keywright.ErrUnavailable, err)
}

// postedFailed is never a conflict that a caller could resolve: what was posted is not refused.
func postedFailed(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && (e.ConstraintName == "events_pkey" || e.ConstraintName == "tree_pkey") {
		return fmt.Errorf("%w: the audit trail was changed from outside, its next event is there already: run keywright audit verify", keywright.ErrUnavailable)
	}
	return fmt.Errorf("%w: database: %v", keywright.ErrUnavailable, err)
}
