package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/keywright/keywright"
)

// Options says which database to open.
type Options struct {
	Path string       // of the SQLite file; made, readable by its owner only, if there is none
	Log  *slog.Logger // nil: discarded
}

// OpenSQLite opens a SQLite database, makes it if there is none, and brings its
// tables up to date. A database of a newer program is refused. The caller sees
// to it that no other process has the file open.
func OpenSQLite(ctx context.Context, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := makeFile(o.Path); err != nil {
		return nil, err
	}
	writing, err := sqlite.NewConnector(dsn(o.Path, 16<<20, "_txlock=immediate"))
	if err != nil {
		return nil, translateSQLite(err)
	}
	if err := migrateSQLite(ctx, writing, o); err != nil {
		return nil, err
	}
	w := &writer{connect: func(ctx context.Context) (*conn, error) { return connectSQLite(ctx, writing) }, log: o.Log}
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	return connectReaders(w, o.Path)
}

func connectReaders(w *writer, path string) (*Store, error) {
	finding, err := sqlite.NewConnector(dsn(path, 16<<20, "_query_only=1"))
	if err != nil {
		return nil, translateSQLite(err)
	}
	reading, err := sqlite.NewConnector(dsn(path, 4<<20, "_query_only=1"))
	if err != nil {
		return nil, translateSQLite(err)
	}
	finders := newPool(runtime.GOMAXPROCS(0), func(ctx context.Context) (*conn, error) { return connectSQLite(ctx, finding) })
	return &Store{
		writer:  w,
		finders: finders,
		since:   finders,
		readers: newPool(runtime.GOMAXPROCS(0)+2, func(ctx context.Context) (*conn, error) { return connectSQLite(ctx, reading) }),
	}, nil
}

// makeFile makes the file before SQLite would, so that nobody else can read it:
// the log beside it inherits its mode.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	return f.Close()
}

// dsn names the file with all that every connection to it must have set, and how many bytes of pages it may remember.
func dsn(path string, cache int, more string) string {
	file := url.URL{Path: filepath.ToSlash(path)}
	return "file:" + file.EscapedPath() + "?" + strings.Join([]string{
		"_busy_timeout=5000", "_journal_mode=WAL", "_synchronous=FULL", "_foreign_keys=1",
		"_pragma=temp_store(MEMORY)", "_pragma=journal_size_limit(67108864)",
		"_defensive=1", "_dqs=0", "_error_rc=1", fmt.Sprintf("_pragma=cache_size(-%d)", cache>>10), more,
	}, "&")
}

func migrateSQLite(ctx context.Context, c driver.Connector, o Options) error {
	db := sql.OpenDB(c)
	defer db.Close()
	db.SetMaxOpenConns(1)
	return migrate(ctx, db, goose.DialectSQLite3, "sqlite", o.Path, o.Log)
}

// sqliteTaken says what is taken, by the columns that SQLite names when a row is not unique.
var sqliteTaken = map[string]string{
	"tokens.id":                   "the id",
	"tokens.foreign_digest":       "the imported key",
	"accounts.name":               "the account's name",
	"spaces.account, spaces.name": "the space's name",
	"users.username_key":          "the username",
	"users.email_key":             "the e-mail address",
	"roles.user_id, roles.account, roles.space, roles.name": "the role",
	"idempotent_answers.caller, idempotent_answers.key":     "the idempotency key",
}

// translateSQLite makes one of keywright's errors of one of SQLite's.
func translateSQLite(err error) error {
	var e *sqlite.Error
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case !errors.As(err, &e):
		return fmt.Errorf("%w: database: %w", keywright.ErrUnavailable, err)
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return fmt.Errorf("%w: %s is taken", keywright.ErrConflict, taken(e.Error()))
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: what is referred to is not on file", keywright.ErrNotFound)
	}
	return fmt.Errorf("%w: database: %w", keywright.ErrUnavailable, err)
}

func taken(message string) string {
	_, columns, _ := strings.Cut(message, "UNIQUE constraint failed: ")
	columns, _, _ = strings.Cut(columns, " (")
	if what, known := sqliteTaken[columns]; known {
		return what
	}
	return "what must be unique (" + columns + ")"
}
