// Package teststore opens databases for the tests of what stands on a store.
package teststore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store/pgtest"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// Engine is the variable of the environment that makes every store a PostgreSQL database, if it is "postgres".
const Engine = "KEYWRIGHT_TEST_DATABASE"

// Open opens a new, empty store, which the end of the test closes. It is an SQLite database, unless the environment
// says otherwise.
func Open(t testing.TB) *sqlstore.Store {
	t.Helper()
	var s *sqlstore.Store
	var err error
	if os.Getenv(Engine) == "postgres" {
		s, err = sqlstore.OpenPostgres(t.Context(), sqlstore.PostgresOptions{URL: keywright.NewSecret(pgtest.New(t))})
	} else {
		s, err = sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "keywright.db")})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
