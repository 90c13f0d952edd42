package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// TestUsageIndexes: a report goes from the tokens that are chosen to their days, and what prunes finds what is old by an index.
func TestUsageIndexes(t *testing.T) {
	t.Parallel()
	db := newBench(t, 0).db()
	for _, tokens := range []store.TokenQuery{
		{Filter: keywright.TokenFilter{Account: "acme"}}, {Filter: keywright.TokenFilter{Account: "acme", Space: "default"}},
		{Filter: keywright.TokenFilter{Account: "acme", Kind: keywright.KindSpace}, Spaces: []string{"a", "b"}},
	} {
		q := store.UsageQuery{TokenQuery: tokens, From: 1, To: 30}
		query, args := sqlstore.BusiestQuery(q)
		wantIndex(t, query, explain(t, db, query, args), "SCAN")
	}
	query, args := sqlstore.MostUsedQuery(store.UsageQuery{TokenQuery: store.TokenQuery{Filter: keywright.TokenFilter{Account: "acme"}}, To: 30})
	most := explain(t, db, query, args)
	if wantIndex(t, query, most, "SCAN", "TEMP B-TREE"); !strings.Contains(most, "token_usage_by_uses (account=? AND uses>? AND (uses,token)<(?,?))") {
		t.Errorf("who is used most is not known by the index:\n%s", most)
	}
	for _, tt := range []struct {
		q      store.SumQuery
		unlike []string
	}{
		{store.SumQuery{}, []string{"SCAN", "TEMP B-TREE"}},
		{store.SumQuery{Place: store.Place{Spaces: []string{"a"}, Kind: keywright.KindSpace}}, []string{"SCAN", "TEMP B-TREE"}},
		{store.SumQuery{Place: store.Place{Spaces: []string{"a", "b"}}}, []string{"SCAN"}},
	} {
		tt.q.Account, tt.q.From, tt.q.To = "acme", 1, 30
		query, args := sqlstore.SumsQuery(tt.q)
		wantIndex(t, query, explain(t, db, query, args), tt.unlike...)
	}
	wantIndex(t, "days", explain(t, db, sqlstore.DayCounts, []any{[]byte("x"), 1, 2}), "SCAN", "TEMP B-TREE")
	for _, prune := range []string{sqlstore.PruneDays, sqlstore.PruneScopes, sqlstore.PruneChanges} {
		wantIndex(t, prune, explain(t, db, prune, []any{1, 2}), "SCAN", "TEMP B-TREE")
	}
	wantIndex(t, "sums", explain(t, db, sqlstore.PruneSums, []any{1}), "SCAN")
}

// TestNarrowLists: what few tokens have is found by an index of its own, and not among all of the account.
func TestNarrowLists(t *testing.T) {
	t.Parallel()
	db := newBench(t, 0).db()
	for _, tt := range []struct {
		index string
		q     store.TokenQuery
	}{
		{"tokens_by_owner (owner=?)", store.TokenQuery{Filter: keywright.TokenFilter{Owner: "ada"}, Sort: keywright.SortCreated}},
		{"tokens_by_owner (owner=?", store.TokenQuery{Filter: keywright.TokenFilter{Owner: "ada", Space: "lab"}, Sort: keywright.SortCreated, After: &store.Position{Time: benchDay}}},
		{"(account=? AND number=?)", store.TokenQuery{Filter: keywright.TokenFilter{Number: 12}, Sort: keywright.SortCreated}},
		{"(account=? AND last_used_key<?)", store.TokenQuery{Unused: store.Unused{UsedBefore: benchDay, MadeBefore: benchDay}, Sort: keywright.SortLastUsed}},
		{"(account=? AND last_used_key=?)", store.TokenQuery{Unused: store.Unused{Never: true, MadeBefore: benchDay}, Sort: keywright.SortLastUsed}},
	} {
		tt.q.Filter.Account, tt.q.Limit, tt.q.Now = "acme", 50, benchDay
		if got := plan(t, db, tt.q); !strings.Contains(got, tt.index) {
			t.Errorf("%+v goes by\n%s, want %s", tt.q, got, tt.index)
		}
	}
	const owned = "SELECT t.id FROM tokens t WHERE t.owner = $1 AND t.revoked_at IS NULL ORDER BY t.created_at, t.id LIMIT $2"
	if got := explain(t, db, owned, []any{[]byte("x"), 1}); !strings.Contains(got, "COVERING INDEX tokens_by_owner") {
		t.Errorf("whose tokens are not revoked is not known by the index:\n%s", got)
	}
}
