package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/sqlstore"
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

func TestSmoke(t *testing.T) {
	s, ctx := open(t), t.Context()
	now := time.Now().UTC().Truncate(time.Microsecond)
	e := store.Event{At: now, Action: "x"}
	u := &store.User{ID: keywright.ID{1}, Username: "Ada", CreatedAt: now}
	sc, _ := keywright.ParseScopes("a:b", "c:*")
	r := &store.Record{Facts: keywright.Facts{ID: keywright.ID{2}, Kind: 1, Account: "acme", Space: "default", RenewedAt: now, Scopes: sc, Audience: []string{"h", "x y"}},
		Owner: u.ID, CreatedAt: now, UpdatedAt: now, Label: "x", Metadata: map[string]string{"a": "b"}, Secrets: []store.Secret{{Number: 1, Pepper: "p"}}}
	c, err := s.Write(ctx, func(tx store.Tx) error {
		if err := tx.Tenants().InsertAccount(ctx, &store.Account{Name: "acme", CreatedAt: now}, e); err != nil {
			return err
		}
		if _, err := tx.Tenants().InsertSpace(ctx, &store.Space{Account: "acme", Name: "default", CreatedAt: now}, e); err != nil {
			return err
		}
		if _, err := tx.People().InsertUser(ctx, u, e); err != nil {
			return err
		}
		_, err := tx.Tokens().Insert(ctx, r, e)
		return err
	})
	t.Log(c, err)
	got, err := s.Find(ctx, r.Facts.ID)
	t.Logf("%+v %v", got, err)
	tn, err := s.FindTenant(ctx, "acme", "default")
	t.Log(tn, err)
	_, err = s.Find(ctx, keywright.ID{9})
	t.Log(err)
	t.Log(s.Ping(ctx))
	t.Log(s.AddUsage(ctx, []store.Usage{{Token: r.Facts.ID, At: now, Count: 3}}))
	err = s.Read(ctx, func(tx store.Tx) error {
		for _, sort := range []string{"created", "label", "expires", "last_used"} {
			l, err := tx.Tokens().List(ctx, store.TokenQuery{Filter: keywright.TokenFilter{Account: "acme", State: "active", Label: "X", Audience: "x y", Owner: "ada"}, Sort: sort, Limit: 10, Now: now, After: &store.Position{}})
			t.Log(sort, len(l), err)
		}
		n, err := tx.Tokens().Count(ctx, "acme", "default", now)
		t.Log(n, err)
		es, err := tx.Events().List(ctx, store.EventQuery{Account: "acme", Action: "x", Limit: 3})
		t.Log(len(es), err)
		d, err := tx.Tokens().Descendants(ctx, r.Facts.ID)
		t.Log(d, err)
		return err
	})
	t.Log(err)
}
