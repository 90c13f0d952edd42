package sqlstore_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/pgtest"
	"github.com/keywright/keywright/internal/store/sqlstore"
	"github.com/keywright/keywright/internal/store/storetest"
)

// fleet adds an account with many tokens, as they are after two years.
func fleet(t testing.TB, s *sqlstore.Store, tokens int) {
	(&bench{Store: s, TB: t}).begin()
	if err := (storetest.Fleet{Account: "acme", Tokens: tokens, Now: benchDay}).Fill(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// fleetFilters are those that the console offers, each choosing few of the tokens or many.
func fleetFilters() map[string]keywright.TokenFilter {
	permanent, dated := true, false
	return map[string]keywright.TokenFilter{
		"all": {}, "active": {State: keywright.StateActive}, "disabled": {State: keywright.StateDisabled}, "expired": {State: keywright.StateExpired},
		"revoked": {State: keywright.StateRevoked}, "space": {Space: "team-19"}, "owner": {Owner: "person-007"}, "kind": {Kind: keywright.KindManager},
		"audience": {Audience: "legacy"}, "no audience": {Audience: "nobody"}, "permanent": {Permanent: &permanent}, "dated": {Permanent: &dated},
		"label": {Label: "otter"}, "rare label": {Label: "otter-lynx-77"}, "no label": {Label: "zebra"},
		"label in space": {Label: "77", Space: "team-19", State: keywright.StateDisabled},
	}
}

// TestFewAmongMany: what a list is filtered by is in one index, which is read alone, and the tokens that are found are sorted.
func TestFewAmongMany(t *testing.T) {
	t.Parallel()
	db := newBench(t, 0).db()
	for name, filter := range fleetFilters() {
		if name == "all" {
			continue
		}
		for _, sort := range []string{keywright.SortCreated, keywright.SortLabel, keywright.SortExpires, keywright.SortLastUsed} {
			q := store.TokenQuery{Filter: filter, Sort: sort, Limit: 51, Now: benchDay, After: &store.Position{}, Descending: true}
			q.Filter.Account = "acme"
			border, pick, count := sqlstore.SearchQueries(q, false)
			what := name + " by " + sort
			query, args := border()
			wantIndex(t, "border of "+what, explain(t, db, query, args), "SCAN", "TEMP B-TREE")
			if sort == keywright.SortExpires && !strings.Contains(explain(t, db, query, args), "(expires_key,id)<(?,?)") {
				t.Errorf("%s begins with the first page again:\n%s", what, explain(t, db, query, args))
			}
			for _, search := range []func() (string, []any){pick, count} {
				query, args := search()
				got := explain(t, db, query, args)
				wantIndex(t, what, got, "SCAN t", "SCAN u")
				narrow := filter.Owner != "" || filter.Space != ""
				if !strings.Contains(got, "tokens_by_label (account=? AND label_key") && !narrow {
					t.Errorf("%s is looked for by\n%s", what, got)
				}
			}
		}
	}
	named := store.TokenQuery{Sort: keywright.SortLastUsed, Filter: keywright.TokenFilter{Account: "acme", IDs: make([]keywright.ID, 50)}}
	_, pick, count := sqlstore.SearchQueries(named, false)
	for _, search := range []func() (string, []any){pick, count} {
		if query, args := search(); !strings.Contains(explain(t, db, query, args), "tokens_1 (id=?)") {
			t.Errorf("tokens that are named are looked for by\n%s", explain(t, db, query, args))
		}
	}
	query, args := sqlstore.StatesQuery(store.Place{Account: "acme"}, benchDay)
	if got := explain(t, db, query, args); !strings.Contains(got, "tokens_by_state (account=? AND space=?)") {
		t.Errorf("states are counted by\n%s", got)
	}
}

// TestSearches: whichever way a list goes, its pages are those of the list without a filter, less what the filter leaves out.
func TestSearches(t *testing.T) {
	t.Parallel()
	lite, err := sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "fleet.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lite.Close() })
	for engine, s := range map[string]*sqlstore.Store{"SQLite": lite, "PostgreSQL": openPostgres(t, pgtest.New(t))} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			fleet(t, s, sqlstore.Walked+500)
			for _, longest := range []time.Duration{0, 500 * 24 * time.Hour} {
				searches(t, s, longest)
			}
			(&bench{Store: s, TB: t}).checkBusiest()
		})
	}
}

// searches lists by every filter in every order, where a policy ends tokens after a time (0: never).
func searches(t *testing.T, s *sqlstore.Store, longest time.Duration) {
	n := &bench{Store: s, TB: t}
	n.write(func(tx store.Tx) error {
		a := &store.Account{Name: "acme", Policy: keywright.DefaultPolicy()}
		a.Policy.MaxLifetime = int64(longest / time.Second)
		return tx.Tenants().UpdateAccount(t.Context(), a, n.event("account.policy"))
	})
	sorts := []string{keywright.SortCreated, keywright.SortLabel, keywright.SortExpires, keywright.SortLastUsed}
	if longest > 0 { // only states are other ones
		sorts = []string{keywright.SortExpires}
	}
	q := store.TokenQuery{Now: benchDay}
	for _, q.Sort = range sorts {
		q.Filter, q.Limit = keywright.TokenFilter{}, 1<<20
		all := n.list(q)
		backwards := slices.Clone(all)
		slices.Reverse(backwards)
		filters := fleetFilters()
		for _, name := range slices.Sorted(maps.Keys(filters)) {
			filter := filters[name]
			if longest > 0 && filter.State == "" {
				continue
			}
			whole := all
			if q.Descending = !q.Descending; q.Descending {
				whole = backwards
			}
			want := slices.DeleteFunc(slices.Clone(whole), func(l store.Listed) bool { return !chosen(l, filter, longest) })
			q.Filter, q.Limit = filter, 40
			n.checkPages(fmt.Sprintf("%s by %s, %v, at most %v", name, q.Sort, q.Descending, longest), q, want)
		}
		q.Descending = false
	}
}

// checkBusiest holds who was used most of all against who was in spaces, which are all.
func (n *bench) checkBusiest() {
	n.Helper()
	today := benchDay.Unix() / (24 * 60 * 60)
	var spaces []string
	if err := n.Read(n.Context(), func(tx store.Tx) error {
		all, err := tx.Tenants().Spaces(n.Context(), "acme", "", 1000)
		for _, s := range all {
			spaces = append(spaces, s.Name)
		}
		for _, q := range []store.UsageQuery{{From: today - 30, To: today + 1}, {From: today - 3, To: today - 1}, {From: 0, To: 1}} {
			for _, q.Limit = range []int{1, 5, 100, 3000} {
				q.Filter.Account, q.Spaces = "acme", nil
				got, err2 := tx.Usages().Busiest(n.Context(), q, false)
				q.Spaces = spaces
				want, err3 := tx.Usages().Busiest(n.Context(), q, false)
				if diff := cmp.Diff(want, got); diff != "" {
					n.Errorf("the %d that were used most from %d on:\n%s", q.Limit, q.From-today, diff)
				}
				err = errors.Join(err, err2, err3)
			}
		}
		return err
	}); err != nil {
		n.Error(err)
	}
}

// checkPages holds the first pages of a list, and one in its middle, against what it should be.
func (n *bench) checkPages(what string, q store.TokenQuery, want []store.Listed) {
	n.Helper()
	at := func(l store.Listed) *store.Position {
		p := &store.Position{Text: l.Label, ID: l.Facts.ID}
		p.Time = map[string]time.Time{
			keywright.SortCreated: l.CreatedAt, keywright.SortExpires: l.Facts.ExpiresAt, keywright.SortLastUsed: l.LastUsedAt,
		}[q.Sort]
		return p
	}
	var counted int64
	if err := n.Read(n.Context(), func(tx store.Tx) (err error) {
		q.Filter.Account = "acme"
		counted, err = tx.Tokens().CountListed(n.Context(), q)
		return err
	}); err != nil || counted != int64(len(want)) {
		n.Errorf("%s: counted %d, want %d: %v", what, counted, len(want), err)
	}
	n.samePage(what, n.list(q), want[:min(q.Limit, len(want))])
	half := len(want) / 2
	q.Offset = half
	n.samePage(what+" over a half", n.list(q), want[half:min(half+q.Limit, len(want))])
	if q.Offset = 0; half > 0 {
		q.After = at(want[half-1])
		n.samePage(what+" after a half", n.list(q), want[half:min(half+q.Limit, len(want))])
	}
}

func (n *bench) samePage(what string, got, want []store.Listed) {
	n.Helper()
	same := slices.EqualFunc(got, want, func(a, b store.Listed) bool { return a.Facts.ID == b.Facts.ID && a.Uses == b.Uses })
	if !same {
		n.Errorf("%s: a page of %d tokens, want others, %d", what, len(got), len(want))
	}
}

func (n *bench) list(q store.TokenQuery) (list []store.Listed) {
	n.Helper()
	q.Filter.Account = "acme"
	if err := n.Read(n.Context(), func(tx store.Tx) (err error) {
		list, err = tx.Tokens().List(n.Context(), q)
		return err
	}); err != nil {
		n.Fatal(err)
	}
	return list
}

// chosen reports whether a filter chooses a token.
func chosen(l store.Listed, f keywright.TokenFilter, longest time.Duration) bool {
	r := l.Record
	state := keywright.StateActive
	switch {
	case !r.Facts.RevokedAt.IsZero():
		state = keywright.StateRevoked
	case !r.Facts.ExpiresAt.IsZero() && !r.Facts.ExpiresAt.After(benchDay), longest > 0 && !r.Facts.RenewedAt.Add(longest).After(benchDay):
		state = keywright.StateExpired
	case !r.Facts.DisabledAt.IsZero():
		state = keywright.StateDisabled
	}
	return (f.State == "" || f.State == state) && (f.Space == "" || f.Space == r.Facts.Space) && (f.Owner == "" || f.Owner == r.OwnerName) &&
		(f.Kind == 0 || f.Kind == r.Facts.Kind) && (f.Audience == "" || slices.Contains(r.Facts.Audience, f.Audience)) &&
		(f.Permanent == nil || *f.Permanent == r.Facts.ExpiresAt.IsZero()) && strings.Contains(r.Label, f.Label)
}

// BenchmarkLists reads the first page of every list, with every filter in every order.
func BenchmarkLists(b *testing.B) {
	s, err := sqlstore.OpenSQLite(b.Context(), sqlstore.Options{Path: filepath.Join(b.TempDir(), "fleet.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	fleet(b, s, 100_000)
	for name, filter := range fleetFilters() {
		for _, sort := range []string{"-created", "label", "expires", "-last_used", "count"} {
			q := store.TokenQuery{Filter: filter, Limit: 51, Now: benchDay}
			q.Sort, q.Descending = strings.CutPrefix(sort, "-")
			q.Filter.Account = "acme"
			b.Run(strings.ReplaceAll(name, " ", "-")+"/"+sort, func(b *testing.B) {
				for b.Loop() {
					err := s.Read(b.Context(), func(tx store.Tx) (err error) {
						if sort == "count" {
							_, err = tx.Tokens().CountListed(b.Context(), q)
							return err
						}
						_, err = tx.Tokens().List(b.Context(), q)
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
