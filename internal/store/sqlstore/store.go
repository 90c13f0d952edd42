// Package sqlstore keeps everything in an SQL database: SQLite, opened by OpenSQLite, or PostgreSQL, by OpenPostgres.
// The SQL stands beside the function that uses it, in words that both take. What differs stands side by side: opening
// (sqlite.go, postgres.go), connections (sqlite_link.go, postgres_link.go) and the tables (migrations/).
package sqlstore

import (
	"context"
	"errors"
	"sync"

	"github.com/keywright/keywright/internal/store"
)

// Store is a store.Store and a store.UsageWriter.
type Store struct {
	writer  *writer
	finders *pool // answer verifications, which are never to wait for a list
	readers *pool
	since   *pool  // the finders, or connections that nobody has to wait for
	nodes   *nodes // nil: nobody else has the database open
	closing sync.Once
}

var (
	_ store.Store       = (*Store)(nil)
	_ store.UsageWriter = (*Store)(nil)
)

// Read calls f with a consistent snapshot.
func (s *Store) Read(ctx context.Context, f func(store.Tx) error) error {
	return s.readers.use(ctx, func(c *conn) error { return read(c, f) })
}

func read(c *conn, f func(store.Tx) error) error {
	if err := c.beginRead(); err != nil {
		return err
	}
	t := &tx{conn: c, readOnly: true}
	defer func() {
		t.conn = nil
		_ = c.rollback()
	}()
	return firstOf(f(t), t.broken)
}

// Write calls f in a transaction, which may be shared with others that came at
// the same time; see writer.
func (s *Store) Write(ctx context.Context, f func(store.Tx) error) (store.Commit, error) {
	return s.writer.write(ctx, func(t *tx) error { return f(t) })
}

// Ping makes a durable change that means nothing: a disk that is full says so only then.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.writer.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, "UPDATE head SET revision = revision WHERE id = 1")
		return err
	})
	if err != nil {
		return err
	}
	return s.find(ctx, func(r *row) { r.int() }, "SELECT revision FROM head WHERE id = 1")
}

// Nodes is how the programs that have the database open know of each other; nil if no other has.
func (s *Store) Nodes() store.Nodes {
	if s.nodes == nil {
		return nil
	}
	return s.nodes
}

// Load is how much is asked of the database at a moment.
type Load struct {
	Waiting int // Writes in line behind the one that has the turn
	Finding int // connections that answer verifications
	Finders int // at most
	Reading int // connections that are listed from
	Readers int // at most
}

// Load says so.
func (s *Store) Load() Load {
	return Load{
		Waiting: s.writer.queue(),
		Finding: len(s.finders.room), Finders: cap(s.finders.room),
		Reading: len(s.readers.room), Readers: cap(s.readers.room),
	}
}

// Close waits for what is under way and closes every connection.
func (s *Store) Close() (err error) {
	s.closing.Do(func() { err = errors.Join(s.finders.close(), s.readers.close(), s.nodes.close(), s.writer.close()) })
	return err
}
