package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the floor

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/store/pgtest"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// onPostgres measures creates and cold verifications on a PostgreSQL server of its own, as it is installed.
func onPostgres(ctx context.Context, w io.Writer, p plan) error {
	server, err := pgtest.Run()
	if errors.Is(err, pgtest.ErrNotInstalled) {
		fmt.Fprintf(w, "\n## PostgreSQL\n\nNot installed where this was measured.\n")
		return nil
	}
	if err != nil {
		return err
	}
	url := server.URL("postgres")
	return errors.Join(measurePostgres(ctx, w, p, url), server.End())
}

func measurePostgres(ctx context.Context, w io.Writer, p plan, url string) error {
	bare, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer bare.Close()
	bare.SetMaxOpenConns(1)
	var version string
	if err := bare.QueryRowContext(ctx, "SELECT current_setting('server_version')").Scan(&version); err != nil {
		return err
	}
	if _, err := bare.ExecContext(ctx, "CREATE TABLE bare (id BYTEA PRIMARY KEY, body TEXT NOT NULL)"); err != nil {
		return err
	}
	store, err := sqlstore.OpenPostgres(ctx, sqlstore.PostgresOptions{URL: keywright.NewSecret(url)})
	if err != nil {
		return err
	}
	defer store.Close()
	keys, err := newKeys()
	if err != nil {
		return err
	}
	in, err := begin(ctx, authority.Config{Store: store, Finder: store, Usage: store, Keys: keys}, store)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n## Durable creates a second (PostgreSQL %s, on the same machine, over its socket)\n\n", strings.Fields(version)[0])
	err = creates(ctx, w, p, in, floor{
		one:  func() (int, error) { return 1, barePostgresRows(ctx, bare, 1) },
		bulk: func() (int, error) { return 1000, barePostgresRows(ctx, bare, 1000) },
	})
	if err != nil {
		return err
	}
	return coldPostgres(ctx, w, p, in, bare)
}

// barePostgresRows adds rows by one statement, which is its own transaction.
func barePostgresRows(ctx context.Context, db *sql.DB, n int) error {
	ids := make([][]byte, n)
	for i := range ids {
		id, err := newID()
		if err != nil {
			return err
		}
		ids[i] = id[:]
	}
	_, err := db.ExecContext(ctx, "INSERT INTO bare (id, body) SELECT unnest($1::bytea[]), $2", ids, bareBody)
	return err
}

// coldPostgres compares a verification, which reads the database each time, with a row read by its key.
func coldPostgres(ctx context.Context, w io.Writer, p plan, in *instance, bare *sql.DB) error {
	sample, err := fill(ctx, in, 10_000, 1000)
	if err != nil {
		return err
	}
	find, err := bare.PrepareContext(ctx, "SELECT body FROM bare WHERE id = (SELECT id FROM bare LIMIT 1)")
	if err != nil {
		return err
	}
	defer find.Close()
	next := 0
	verify := func() (int, error) {
		next++
		_, err := verifyAll(ctx, in, sample[next%len(sample):][:1])
		return 1, err
	}
	read := func() (int, error) {
		var body string
		return 1, find.QueryRowContext(ctx).Scan(&body)
	}
	var verified, rows series
	for range p.rounds {
		for _, m := range []struct {
			into *series
			f    func() (int, error)
		}{{&rows, read}, {&verified, verify}} {
			rate, err := perSecond(time.Duration(p.seconds)*time.Second/2, 1, m.f)
			if err != nil {
				return err
			}
			*m.into = append(*m.into, rate)
		}
	}
	fmt.Fprintf(w, "| bare row read by its key | %s | | | |\n", rows)
	fmt.Fprintf(w, "| verification, one at a time (the token's row and its space's) | %s | bare read | %s | |\n", verified, ratios(verified, rows))
	return nil
}
