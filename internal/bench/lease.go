package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/pgtest"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// leased is an authority in this process in front of a database that others may share.
type leased struct {
	*instance
	node *factcache.Node
	stop func()
}

// openLeased opens a database of a PostgreSQL server. Without leases, memory answers as if nobody else had the database open.
func openLeased(ctx context.Context, database *pgtest.Server, name string, leases bool, keys *keyring.Ring) (*leased, error) {
	db, err := sqlstore.OpenPostgres(ctx, sqlstore.PostgresOptions{URL: keywright.NewSecret(database.URL(name))})
	if err != nil {
		return nil, err
	}
	var list store.Nodes
	if leases {
		list = db.Nodes()
	}
	node := factcache.NewNode(db, factcache.NodeOptions{Nodes: list, Options: factcache.Options{MaxTokens: 200_000}})
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); node.Run(running) }()
	end := func() { stop(); <-ended; _ = db.Close() }
	in, err := begin(ctx, authority.Config{Store: db, Finder: node, Forget: node.Forget, Usage: db, Keys: keys}, db)
	if err != nil {
		end()
	}
	return &leased{in, node, end}, err
}

// leases compares verifications from memory with leases and without.
func leases(ctx context.Context, w io.Writer, p plan, database *pgtest.Server) error {
	keys, err := newKeys()
	if err != nil {
		return err
	}
	for _, name := range []string{"withleases", "withoutleases"} {
		if err := makeDatabase(ctx, database, name); err != nil {
			return err
		}
	}
	with, err := openLeased(ctx, database, "withleases", true, keys)
	if err != nil {
		return err
	}
	defer with.stop()
	without, err := openLeased(ctx, database, "withoutleases", false, keys)
	if err != nil {
		return err
	}
	defer without.stop()
	var on, off series
	for range p.rounds {
		for _, m := range []struct {
			in   *leased
			into *series
		}{{with, &on}, {without, &off}} {
			ns, err := m.in.verifyOne(ctx)
			if err != nil {
				return err
			}
			*m.into = append(*m.into, ns)
		}
	}
	fmt.Fprintf(w, "\n## Verification with leases on against leases off\n\nIn process, from memory, one scope.\n\n")
	fmt.Fprintf(w, "| leases on, ns | leases off, ns | ratio %% | target %% |\n| --- | --- | --- | --- |\n| %s | %s | %s | <= 110 |\n", on, off, ratios(on, off))
	return nil
}

// makeDatabase adds an empty database to a server.
func makeDatabase(ctx context.Context, database *pgtest.Server, name string) error {
	db, err := sql.Open("pgx", database.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "CREATE DATABASE "+name)
	return errors.Join(err, db.Close())
}

// verifyOne is how long one verification takes, in nanoseconds.
func (l *leased) verifyOne(ctx context.Context) (float64, error) {
	sample, err := fill(ctx, l.instance, 1, 1)
	if err != nil {
		return 0, err
	}
	if _, err := verifyAll(ctx, l.instance, sample); err != nil {
		return 0, err
	}
	scopes, err := keywright.ParseScopes("invoices:read")
	if err != nil {
		return 0, err
	}
	r := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if v, failed := l.Verify(ctx, sample[0], keywright.Access{Scopes: scopes}); failed != nil || !v.Allowed() {
				err = errors.Join(failed, errors.New("not allowed"))
			}
		}
	})
	return float64(r.NsPerOp()), err
}

// coldStart measures a server that begins on a database full of tokens.
func coldStart(ctx context.Context, w io.Writer, p plan, database *pgtest.Server) error {
	size := p.sizes[len(p.sizes)-1]
	keys, err := newKeys()
	if err != nil {
		return err
	}
	if err := makeDatabase(ctx, database, "filled"); err != nil {
		return err
	}
	full, err := openLeased(ctx, database, "filled", true, keys)
	if err != nil {
		return err
	}
	sample, err := fill(ctx, full.instance, size, min(size, 5000))
	full.stop()
	if err != nil {
		return err
	}
	begun := time.Now()
	again, err := openLeased(ctx, database, "filled", true, keys)
	if err != nil {
		return err
	}
	defer again.stop()
	ready := time.Since(begun)
	first, err := verifyAll(ctx, again.instance, sample[:1])
	if err != nil {
		return err
	}
	for end, ok := again.node.LeaseEnd(); ok && !time.Now().Before(end); end, ok = again.node.LeaseEnd() {
		time.Sleep(time.Millisecond)
	}
	remembering := time.Since(begun)
	cold, err := verifyAll(ctx, again.instance, sample)
	if err != nil {
		return err
	}
	warm, err := verifyAll(ctx, again.instance, sample)
	if err != nil {
		return err
	}
	slices.Sort(cold)
	fmt.Fprintf(w, "\n## Cold start with %d tokens on file (PostgreSQL)\n\nNothing is read ahead: memory fills as tokens are presented.\n\n", size)
	fmt.Fprintf(w, "| database open after | first verification | remembers after | then cold p50 | cold p99 | warm p50 | warm p99 |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s |\n", ready.Round(time.Millisecond), first[0].Round(time.Microsecond), remembering.Round(time.Millisecond),
		quantile(cold, 0.5), quantile(cold, 0.99), quantile(warm, 0.5), quantile(warm, 0.99))
	return nil
}
