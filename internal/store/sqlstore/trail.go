package sqlstore

import (
	"context"
	"fmt"
	"math"
	"os"

	"modernc.org/sqlite"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
)

// Trail is the audit trail of a database that is opened to be verified only, also beside a server that has it open.
// Not safe for concurrent use.
type Trail struct{ conn *conn }

// OpenTrail opens the SQLite database at the path for reading.
func OpenTrail(ctx context.Context, path string) (*Trail, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	connector, err := sqlite.NewConnector(dsn(path, 4<<20, "_query_only=1"))
	if err != nil {
		return nil, translateSQLite(err)
	}
	c, err := connectSQLite(ctx, connector)
	if err != nil {
		return nil, err
	}
	return presentTrail(ctx, c, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'tree'")
}

// OpenPostgresTrail opens a PostgreSQL database for reading.
func OpenPostgresTrail(ctx context.Context, o PostgresOptions) (*Trail, error) {
	p, err := newPostgres(o)
	if err != nil {
		return nil, err
	}
	c, err := p.connect(ctx, toRead, nil)
	if err != nil {
		return nil, err
	}
	return presentTrail(ctx, c, "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'tree' AND schemaname = current_schema()")
}

// presentTrail closes the connection if the trail is not hashed to its end. tables counts those of the tree.
func presentTrail(ctx context.Context, c *conn, tables string) (*Trail, error) {
	t := &Trail{conn: c}
	if err := t.present(ctx, tables); err != nil {
		_ = c.close()
		return nil, err
	}
	return t, nil
}

func (t *Trail) present(ctx context.Context, count string) error {
	var tables, unhashed, size int64
	if err := t.conn.one(ctx, func(r *row) { tables = r.int() }, count); err != nil {
		return err
	}
	if tables == 1 {
		err := t.conn.one(ctx, func(r *row) { unhashed, size = r.int(), r.int() }, "SELECT unhashed, ("+treeSize+") FROM head WHERE id = 1")
		if err != nil {
			return err
		}
	}
	if tables == 0 || size < unhashed {
		return fmt.Errorf("%w: the audit trail of this database is not hashed yet: start the server on it once", keywright.ErrConflict)
	}
	return nil
}

// Close closes the database.
func (t *Trail) Close() error { return t.conn.close() }

// Keys returns the verifier keys of the database itself, the oldest first. Whoever can change the trail can
// change these too: one that was kept elsewhere is better.
func (t *Trail) Keys(ctx context.Context) (keys []string, err error) {
	err = t.conn.each(ctx, func(r *row) { keys = append(keys, r.text()) }, "SELECT verifier FROM audit_keys ORDER BY created_at, verifier")
	return keys, err
}

// Checkpoints returns the signed checkpoints that the server has kept, the smallest first.
func (t *Trail) Checkpoints(ctx context.Context) (notes []string, err error) {
	err = t.conn.each(ctx, func(r *row) { notes = append(notes, r.text()) }, "SELECT note FROM checkpoints ORDER BY size")
	return notes, err
}

// trailBatch is how many events are read at once: a database that is in use is not held up.
const trailBatch = 2000

// Verify holds every event against the tree that is stored with it and against the checkpoints, all of which the
// trail must contain. Its error is an *auditlog.Fault, or says what cannot be read.
func (t *Trail) Verify(ctx context.Context, checkpoints ...auditlog.Checkpoint) (auditlog.Report, error) {
	var least auditlog.Checkpoint // as many events as there are hashes when it begins
	if err := t.conn.one(ctx, func(r *row) { least.Size = r.int() }, treeSize); err != nil {
		return auditlog.Report{}, err
	}
	v := auditlog.NewVerifier(checkpoints...)
	v.Stored = true
	for after, more := int64(math.MinInt64), true; more; {
		batch, err := t.batch(ctx, after)
		if err != nil {
			return auditlog.Report{}, err
		}
		for _, r := range batch {
			if err := v.Add(r); err != nil {
				return auditlog.Report{}, err
			}
			after = r.Seq
		}
		more = len(batch) == trailBatch
	}
	report, err := v.End()
	if err != nil {
		return report, err
	}
	for _, c := range append(report.Later, least) {
		if report.Events < c.Size {
			return report, auditlog.Truncated(report.Events, c)
		}
	}
	return report, nil
}

func (t *Trail) batch(ctx context.Context, after int64) (batch []*auditlog.Record, err error) {
	err = t.conn.each(ctx, func(r *row) { batch = append(batch, scanRecorded(r)) },
		"SELECT "+eventColumns+", t.hashes FROM events e LEFT JOIN tree t ON t.leaf = e.seq - 1 WHERE e.seq > $1 ORDER BY e.seq LIMIT $2",
		after, trailBatch)
	return batch, err
}

func scanRecorded(r *row) *auditlog.Record {
	rec := new(auditlog.Record)
	rec.Event, rec.Old, rec.New = scanEventText(r)
	for hashes := r.bytes(); len(hashes) >= len(auditlog.Hash{}); hashes = hashes[len(auditlog.Hash{}):] {
		rec.Hashes = append(rec.Hashes, auditlog.Hash(hashes[:len(auditlog.Hash{})]))
	}
	return rec
}
