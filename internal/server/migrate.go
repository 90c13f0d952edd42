package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// Migrated says what Migrate has moved, and where to.
type Migrated struct {
	Database string // how people know it
	Rows     int64
	Events   int64 // of the audit trail, which is verified in its new place
}

// Migrate copies the database of a data directory, which no server has open, to a PostgreSQL database that is empty. What
// is sealed stays sealed under the same master key, which stays where it is. If it fails, the target is as empty as before.
func Migrate(ctx context.Context, data string, to keywright.Secret, tell func(done, total int64)) (m Migrated, err error) {
	path := filepath.Join(data, databaseFile)
	known, err := existing(path)
	if err != nil {
		return m, err
	}
	if known == "" {
		return m, fmt.Errorf("%w: there is no database %s", keywright.ErrNotFound, path)
	}
	lock, err := openData(data)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	copied, err := sqlstore.Copy(ctx, path, sqlstore.PostgresOptions{URL: to}, tell)
	if err != nil {
		return m, err
	}
	return Migrated{Database: sqlstore.PostgresName(to), Rows: copied.Rows, Events: copied.Events}, nil
}
