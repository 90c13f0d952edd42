package sqlstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/pgtest"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// TestCopy: what was in the SQLite database is in the PostgreSQL database, the audit trail in particular; an interrupted
// copy has left nothing; and a database that is in use is not copied into.
func TestCopy(t *testing.T) {
	t.Parallel()
	n := newBench(t, 2500)
	n.write(func(tx store.Tx) error { return tx.Tokens().Delete(t.Context(), n.id(7), n.event("token.delete")) })
	n.write(func(tx store.Tx) error { return tx.Tokens().Seal(t.Context(), n.id(8), []byte{0, 1, 2, 0xff}) })
	want, events := contents(t, n.Store), int64(3+2500+1)
	n.Close()

	url := pgtest.New(t)
	to := sqlstore.PostgresOptions{URL: keywright.NewSecret(url)}
	interrupted, interrupt := context.WithCancel(t.Context())
	_, err := sqlstore.Copy(interrupted, n.path, to, func(done, total int64) {
		if done > total/2 {
			interrupt()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	var last, all int64
	copied, err := sqlstore.Copy(t.Context(), n.path, to, func(done, total int64) { last, all = done, total })
	if err != nil {
		t.Fatal(err)
	}
	if last != all || copied.Rows != all || copied.Events != events {
		t.Errorf("%+v, told of %d rows of %d, want %d events", copied, last, all, events)
	}
	s := openPostgres(t, url)
	if diff := cmp.Diff(want, contents(t, s), cmpopts.EquateEmpty(), cmp.Transformer("scope", keywright.Scope.String)); diff != "" {
		t.Errorf("SQLite (-) and PostgreSQL (+):\n%s", diff)
	}
	if _, err := sqlstore.Copy(t.Context(), n.path, to, func(int64, int64) {}); !errors.Is(err, keywright.ErrConflict) {
		t.Errorf("into a database that is in use: %v", err)
	}
	if _, err := s.Write(t.Context(), func(tx store.Tx) error {
		if number, err := tx.Tokens().Insert(t.Context(), &want.Tokens[0], n.event("token.create")); !errors.Is(err, keywright.ErrConflict) {
			t.Errorf("a token that is there already: %d, %v", number, err)
		}
		return tx.Events().Append(t.Context(), n.event("after"))
	}); err != nil {
		t.Error(err)
	}
	if got := verifyPostgres(t, url); got != events+1 {
		t.Errorf("%d events, want %d", got, events+1)
	}
}

// content is a part of everything that a store keeps.
type content struct {
	Tokens []store.Record
	Sealed []byte
	Users  []*store.User
	Events []store.Event
}

func contents(t *testing.T, s *sqlstore.Store) (c content) {
	t.Helper()
	err := s.Read(t.Context(), func(tx store.Tx) (err error) {
		q := store.TokenQuery{Filter: keywright.TokenFilter{Account: "acme"}, Sort: keywright.SortCreated, Limit: 1e6}
		listed, err := tx.Tokens().List(t.Context(), q)
		for _, l := range listed {
			c.Tokens = append(c.Tokens, *l.Record)
			if l.Number == 9 {
				c.Sealed, _ = tx.Tokens().Sealed(t.Context(), l.Facts.ID)
			}
		}
		if err == nil {
			c.Users, err = tx.People().Users(t.Context(), "", "", 100)
		}
		if err == nil {
			c.Events, err = tx.Events().List(t.Context(), store.EventQuery{Limit: 1e6})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Tokens) == 0 || len(c.Sealed) == 0 || len(c.Events) == 0 {
		t.Fatalf("%d tokens, %d bytes sealed, %d events", len(c.Tokens), len(c.Sealed), len(c.Events))
	}
	return c
}
