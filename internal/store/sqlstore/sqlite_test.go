package sqlstore_test

import (
	"path/filepath"
	"testing"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/sqlstore"
	"github.com/keywright/keywright/internal/store/storetest"
)

func open(t testing.TB) *sqlstore.Store {
	s, err := sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "a ?b%.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store { return open(t) })
}
