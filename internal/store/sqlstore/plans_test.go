package sqlstore_test

// How the engines go about the queries: by EXPLAIN.

import (
	"database/sql"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/pgtest"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// planned is a query whose plan is tested.
type planned struct {
	what, query string
	args        []any
	sorts       bool // it may sort the few that it finds
}

func plannedAs(what string, sorts bool, query string, args []any) planned {
	return planned{what, query, args, sorts}
}

// everyList is each list of tokens and events in each order, and what is counted. Only lists of ids, of one parent's children and
// those that look for few among many may sort.
func everyList() iter.Seq[planned] {
	return func(yield func(planned) bool) {
		for _, queries := range []iter.Seq[planned]{tokenLists(), eventLists(), counts()} {
			for p := range queries {
				if !yield(p) {
					return
				}
			}
		}
	}
}

func tokenLists() iter.Seq[planned] {
	permanent, parent := true, keywright.ID{1}
	filters := map[string]keywright.TokenFilter{
		"none": {}, "space": {Space: "default"}, "owner": {Owner: "ada"}, "audience": {Audience: "http"}, "label": {Label: "x"},
		"kind": {Kind: keywright.KindSpace}, "permanent": {Permanent: &permanent}, "active": {State: keywright.StateActive},
		"expired": {State: keywright.StateExpired}, "disabled": {State: keywright.StateDisabled}, "revoked": {State: keywright.StateRevoked},
		"permanent of space": {Space: "default", Permanent: &permanent, State: keywright.StateActive},
		"parent":             {Parent: &parent}, "number": {Number: 7}, "ids": {IDs: make([]keywright.ID, 50)},
	}
	pages := []store.TokenQuery{
		{}, {Descending: true}, {After: &store.Position{}}, {After: &store.Position{}, Descending: true}, {Spaces: []string{"a"}}, {Spaces: []string{"a", "b"}},
	}
	return func(yield func(planned) bool) {
		for _, sort := range []string{keywright.SortCreated, keywright.SortLabel, keywright.SortExpires, keywright.SortLastUsed} {
			for _, q := range pages {
				q.Sort, q.Limit, q.Now = sort, 50, benchDay
				for name, filter := range filters {
					q.Filter = filter
					q.Filter.Account = "acme"
					few := filter.Parent != nil || filter.Number != 0 || filter.IDs != nil
					what := fmt.Sprintf("%s by %s", name, sort)
					query, args := sqlstore.TokenQuery(q)
					if filter.IDs != nil {
						_, pick, _ := sqlstore.SearchQueries(q, false)
						query, args = pick()
					}
					border, pick, _ := sqlstore.SearchQueries(q, false)
					borderQuery, borderArgs := border()
					pickQuery, pickArgs := pick()
					if !yield(plannedAs(what, few, query, args)) || few {
						continue
					}
					if !yield(plannedAs("border of "+what, false, borderQuery, borderArgs)) || !yield(plannedAs("few of "+what, true, pickQuery, pickArgs)) {
						return
					}
				}
			}
		}
	}
}

func eventLists() iter.Seq[planned] {
	page := &store.EventPosition{At: benchDay, Seq: 9}
	return func(yield func(planned) bool) {
		for _, q := range []store.EventQuery{
			{}, {Before: page}, {Since: benchDay}, {Since: benchDay, Until: benchDay, Before: page}, {Address: "192.0.2.1"}, {Action: "token."},
			{Account: "acme"}, {Subject: "x"}, {Actor: "user:ada", Since: benchDay}, {Account: "acme", Actor: "user:ada"},
			{Account: "acme", Subject: "x", Action: "token."}, {Account: "acme", Spaces: []string{"a"}, Until: benchDay, Before: page},
		} {
			query, args := sqlstore.EventQuery(q)
			walk, walkArgs := sqlstore.WalkQuery(q)
			if !yield(plannedAs(fmt.Sprint("list", q), false, query, args)) || !yield(plannedAs(fmt.Sprint("walk", q), false, walk, walkArgs)) {
				return
			}
		}
	}
}

func counts() iter.Seq[planned] {
	return func(yield func(planned) bool) {
		tokens := store.TokenQuery{Filter: keywright.TokenFilter{Account: "acme"}, Limit: 5}
		states, statesArgs := sqlstore.StatesQuery(store.Place{Account: "acme"}, benchDay)
		most, mostArgs := sqlstore.MostUsedQuery(store.UsageQuery{TokenQuery: tokens, To: 30})
		sums, sumsArgs := sqlstore.SumsQuery(store.SumQuery{Place: store.Place{Account: "acme"}, To: 30})
		for _, p := range []planned{
			{"count", sqlstore.CountAccount, []any{"acme", 1}, true},
			{"count of the permanent", sqlstore.CountPermanent, []any{"acme", 1, "default"}, true},
			{"descendants", sqlstore.FindDescendants, []any{[]byte("x")}, true},
			{"states", states, statesArgs, true},
			{"used most", most, mostArgs, false},
			{"sums", sums, sumsArgs, false},
			{"days", sqlstore.DayCounts, []any{[]byte("x"), 1, 2}, false},
		} {
			if !yield(p) {
				return
			}
		}
	}
}

// TestIndexes: no list reads a table from end to end, or sorts.
func TestIndexes(t *testing.T) {
	t.Parallel()
	db := newBench(t, 0).db()
	for p := range everyList() {
		never := []string{"SCAN t", "SCAN u", "SCAN c", "SCAN a", "SCAN s", "SCAN d", "SCAN e\n"}
		if !p.sorts {
			never = append(never, "TEMP B-TREE")
		}
		wantIndex(t, p.what, explain(t, db, p.query, p.args), never...)
	}
	perm := explain(t, db, sqlstore.CountPermanent, []any{"acme", 1, "default"})
	if !strings.Contains(perm, "tokens_by_state (account=? AND space=? AND revoked_at=? AND expires_at=?)") {
		t.Errorf("the permanent are not counted by their index:\n%s", perm)
	}
}

// TestPostgresIndexes: the same, where PostgreSQL takes an index wherever there is one, as it does when there are many rows.
func TestPostgresIndexes(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	fleet(t, openPostgres(t, url), 100)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, way := range []string{"enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort", "enable_hashjoin", "enable_mergejoin"} {
		if _, err := db.Exec("SET " + way + " = off"); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	for p := range everyList() {
		plan := explainPostgres(t, db, p.query, p.args)
		if strings.Contains(plan, "One-Time Filter: false") { // what excludes itself is not looked for at all
			continue
		}
		read++
		never := []string{"Seq Scan"}
		if !p.sorts {
			never = append(never, "Sort")
		}
		wantIndex(t, p.what, plan, never...)
	}
	if read < 500 {
		t.Errorf("only %d plans read anything", read)
	}
}

func explainPostgres(t *testing.T, db *sql.DB, query string, args []any) string {
	t.Helper()
	rows, err := db.Query("EXPLAIN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

func plan(t *testing.T, db *sql.DB, q store.TokenQuery) string {
	query, args := sqlstore.TokenQuery(q)
	return explain(t, db, query, args)
}

func explain(t *testing.T, db *sql.DB, query string, args []any) (plan string) {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	return plan
}

func wantIndex(t *testing.T, what, plan string, never ...string) {
	t.Helper()
	for _, word := range never {
		if strings.Contains(plan, word) {
			t.Errorf("%s: the plan has %s:\n%s", what, word, plan)
		}
	}
}
