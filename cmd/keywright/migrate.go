package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/keywright/keywright/internal/server"
)

type migrateCmd struct {
	output
	From string `required:"" placeholder:"DIR" help:"Data directory of a server that is stopped."`
	To   string `required:"" placeholder:"URL" help:"URL of an empty PostgreSQL database; '-' takes KEYWRIGHT_DATABASE, which alone may have a password in it."`
}

// Help says what happens to what.
func (migrateCmd) Help() string {
	return "Copies the SQLite database of a data directory to PostgreSQL: all tables, with the audit trail, which is verified in its new place. What is " +
		"sealed stays sealed under the same master key, which stays in the directory. It is done whole or not at all: after an " +
		"interruption the target is as empty as before. The SQLite database is left as it is."
}

// migrated is what a migration has moved.
type migrated struct {
	Database string `json:"database"`
	Rows     int64  `json:"rows"`
	Events   int64  `json:"events"`
}

// Run migrates.
func (c *migrateCmd) Run(ctx context.Context, h *host) error {
	given := c.To
	if given == "-" {
		if given = os.Getenv(databaseVariable); given == "" {
			return usagef("%s is not set", databaseVariable)
		}
	}
	url, err := databaseURL("--to", given)
	if err != nil {
		return err
	}
	bar := newProgress(h, 0)
	done, err := server.Migrate(ctx, c.From, url, bar.rows)
	bar.finish()
	if err != nil {
		return err
	}
	m := migrated{Database: done.Database, Rows: done.Rows, Events: done.Events}
	return c.print(h, m, func(w io.Writer) {
		fmt.Fprintf(w, "%d rows are in the database %s; its audit trail of %d events was verified.\n\n", m.Rows, m.Database, m.Events)
		fmt.Fprintf(w, "Start the server with --data %s, where its master key is, and --database.\n", c.From)
		fmt.Fprintf(w, "Its SQLite database is left as it is. Do not start a server on that again: what is revoked from now on is live there.\n")
	})
}
