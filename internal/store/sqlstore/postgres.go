package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/keywright/keywright"
)

// PostgresOptions says which PostgreSQL database to open.
type PostgresOptions struct {
	// URL is a connection string, postgres://… or as libpq takes it, with all that pgx knows: several hosts, sslmode,
	// pool_max_conns, …. What it does not say is taken from libpq's environment variables, the password also from its file.
	URL keywright.Secret
	Log *slog.Logger // nil: discarded
}

// purpose is what a connection is for, and how long its server may take.
type purpose struct {
	name      string        // in pg_stat_activity, after the program's
	statement time.Duration // for a statement, told to the server; 0: any
	silence   time.Duration // until an answer that does not come is given up, and the connection with it; 0: never
	idle      time.Duration // for the program to go on in a transaction, told to the server; 0: any
	lock      time.Duration // for a lock, told to the server; 0: any
}

// A statement of a writer is not ended by the server: a commit that waits for its standby would be taken for done.
var (
	toFind    = purpose{name: "find", statement: 5 * time.Second, silence: 10 * time.Second}
	toRead    = purpose{name: "read", statement: 30 * time.Second, silence: 40 * time.Second, idle: time.Minute}
	toWrite   = purpose{name: "write", silence: 30 * time.Second, idle: 10 * time.Second, lock: 15 * time.Second}
	toLease   = purpose{name: "lease", statement: time.Second, silence: 1500 * time.Millisecond}
	toFollow  = purpose{name: "follow", statement: time.Second, silence: 1500 * time.Millisecond}
	toListen  = purpose{name: "listen"}
	toMigrate = purpose{name: "migrate", lock: 10 * time.Second}
)

const (
	connectTimeout = 5 * time.Second // unless the URL says otherwise
	goodbye        = 2 * time.Second // for the end of a connection
	settleTimeout  = 20 * time.Second
	settlePause    = 100 * time.Millisecond
)

const oldestPostgres = 140000

// OpenPostgres opens a PostgreSQL database and brings its tables up to date, also while other programs have it open. A
// database of a newer program is refused.
func OpenPostgres(ctx context.Context, o PostgresOptions) (*Store, error) {
	p, err := newPostgres(o)
	if err != nil {
		return nil, err
	}
	if err := p.migrate(ctx); err != nil {
		return nil, err
	}
	w := &writer{connect: p.connectWriter, settle: p.settle, patience: settleTimeout, log: p.log}
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	most := int(p.config.MaxConns)
	nodes := newNodes(p)
	return &Store{
		writer:  w,
		nodes:   nodes,
		since:   nodes.quick,
		finders: newPool(most, func(ctx context.Context) (*conn, error) { return p.connect(ctx, toFind, nil) }),
		readers: newPool(most, func(ctx context.Context) (*conn, error) { return p.connect(ctx, toRead, nil) }),
	}, nil
}

// postgres makes connections to one database.
type postgres struct {
	config *pgxpool.Config
	log    *slog.Logger
	turn   turn // of the one connection that writes
}

func newPostgres(o PostgresOptions) (*postgres, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	config, err := pgxpool.ParseConfig(o.URL.Reveal())
	if err != nil {
		return nil, fmt.Errorf("%w: the URL of the database: %w", keywright.ErrInvalid, err)
	}
	return &postgres{config: config, log: o.Log}, nil
}

// PostgresName is how people know the database of a URL: without who connects, and without the password.
func PostgresName(url keywright.Secret) string {
	p, err := newPostgres(PostgresOptions{URL: url})
	if err != nil {
		return "of the given URL"
	}
	return p.name()
}

func (p *postgres) name() string {
	c := p.config.ConnConfig
	host := c.Host
	if !filepath.IsAbs(host) { // else the directory of a socket
		host = net.JoinHostPort(host, strconv.Itoa(int(c.Port)))
	}
	return cmp.Or(c.Database, c.User) + " at " + host
}

// options is the configuration of a connection for a purpose.
func (p *postgres) options(of purpose) *pgx.ConnConfig {
	c := p.config.ConnConfig.Copy()
	for name, limit := range map[string]time.Duration{
		"statement_timeout": of.statement, "idle_in_transaction_session_timeout": of.idle, "lock_timeout": of.lock,
	} {
		c.RuntimeParams[name] = strconv.FormatInt(limit.Milliseconds(), 10)
	}
	c.RuntimeParams["client_encoding"] = "UTF8"
	c.RuntimeParams["application_name"] = cmp.Or(c.RuntimeParams["application_name"], "keywright") + " " + of.name
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	if c.ValidateConnect == nil { // a standby does not know what was changed a moment ago
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	c.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, raw net.Conn) (net.Conn, error) {
		return &impatient{Conn: raw, limit: of.silence}, nil
	}
	return c
}

func (p *postgres) connect(ctx context.Context, of purpose, t *turn) (*conn, error) {
	c := p.options(of)
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		p.log.Warn("notice of the database", "severity", n.Severity, "message", n.Message)
		if t != nil && n.SeverityUnlocalized == "WARNING" {
			t.doubt = n.Message
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout*time.Duration(1+len(c.Fallbacks)))
	defer cancel()
	raw, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, translatePostgres(err)
	}
	return &conn{&postgresLink{raw: raw, turn: t}}, nil
}

// connectWriter sees to it that what is acknowledged is on disk, whatever the role's settings say.
func (p *postgres) connectWriter(ctx context.Context) (*conn, error) {
	c, err := p.connect(ctx, toWrite, &p.turn)
	if err != nil {
		return nil, err
	}
	return keeping(ctx, c)
}

// keeping has what a connection commits be on disk before it is acknowledged.
func keeping(ctx context.Context, c *conn) (*conn, error) {
	return with(ctx, c, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
}

// with sets something for a connection, or closes it.
func with(ctx context.Context, c *conn, setting string) (*conn, error) {
	if err := c.each(ctx, ignored, setting); err != nil {
		_ = c.close()
		return nil, err
	}
	return c, nil
}

// migrate brings the tables up to date, one program after the other.
func (p *postgres) migrate(ctx context.Context) error {
	db := stdlib.OpenDB(*p.options(toMigrate))
	defer db.Close()
	held, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open the database %s: %w", p.name(), translatePostgres(err))
	}
	defer held.Close()
	if err := fit(ctx, held); err != nil {
		return err
	}
	for _, lock := range []string{"SET lock_timeout = 0", fmt.Sprintf("SELECT pg_advisory_lock(%d)", migrationLock)} {
		if _, err := held.ExecContext(ctx, lock); err != nil {
			return fmt.Errorf("lock the database %s for its migration: %w", p.name(), translatePostgres(err))
		}
	}
	return migrate(ctx, db, goose.DialectPostgres, "postgres", p.name(), p.log)
}

// migrationLock is the key of the advisory lock that whoever migrates holds: "keywrigh".
const migrationLock = 0x6b65797772696768

// fit refuses a server that cannot keep what is to be kept.
func fit(ctx context.Context, held *sql.Conn) error {
	var version int
	var encoding string
	err := held.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')").Scan(&version, &encoding)
	switch {
	case err != nil:
		return translatePostgres(err)
	case version < oldestPostgres:
		return fmt.Errorf("%w: the database server is PostgreSQL %d: this needs 14 or newer", keywright.ErrInvalid, version/10000)
	case encoding != "UTF8":
		return fmt.Errorf("%w: the database's encoding is %s: make it with ENCODING 'UTF8' TEMPLATE template0", keywright.ErrInvalid, encoding)
	}
	return nil
}

// settle finds out what became of a commit whose answer was lost. It waits until the server has ended that
// transaction, one way or the other: only then it gets the row that the transaction holds.
func (p *postgres) settle(ctx context.Context, lost *conn) (kept bool, err error) {
	_ = lost.close()
	if p.turn.doubt != "" {
		return false, errors.New(p.turn.doubt)
	}
	for {
		if kept, err = p.settleOnce(ctx); err == nil {
			return kept, nil
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(settlePause):
		}
	}
}

func (p *postgres) settleOnce(ctx context.Context) (kept bool, err error) {
	c, err := p.connect(ctx, toWrite, nil)
	if err != nil {
		return false, err
	}
	defer c.close()
	if err := c.post("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", nil); err != nil {
		return false, err
	}
	var last int64
	if err := c.one(ctx, func(r *row) { last = r.int() }, "SELECT writes FROM head WHERE id = 1 FOR UPDATE"); err != nil {
		return false, err
	}
	if last < p.turn.number {
		return false, nil
	}
	var number int64
	var mark []byte
	err = c.one(ctx, func(r *row) { number, mark = r.int(), r.bytes() }, "SELECT number, mark FROM writes WHERE slot = $1", p.turn.number%slots)
	if err != nil {
		return false, err
	}
	if number != p.turn.number {
		return false, errors.New("too much was written since")
	}
	if kept = bytes.Equal(mark, p.turn.mark[:]); kept {
		p.turn.kept = number
	}
	return kept, nil
}

// impatient is a network connection whose peer must not be silent for longer than limit.
type impatient struct {
	net.Conn
	limit time.Duration
	told  atomic.Bool // somebody else has set a deadline
}

func (c *impatient) SetDeadline(t time.Time) error {
	c.told.Store(!t.IsZero())
	return c.Conn.SetDeadline(t)
}

func (c *impatient) Read(b []byte) (int, error) {
	if c.limit > 0 && !c.told.Load() {
		if err := c.Conn.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(b)
}

func (c *impatient) Write(b []byte) (int, error) {
	if c.limit > 0 && !c.told.Load() {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.limit)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(b)
}
