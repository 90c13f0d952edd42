package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// The queries whose plans are tested, with what Find reads.
const (
	RecordColumns   = recordColumns
	FindDescendants = findDescendants
	PruneDays       = pruneDays
	PruneScopes     = pruneScopes
	PruneSums       = pruneSums
	Walked          = walked
	PruneChanges    = pruneChanges
)

// The same, which are put together.
var (
	CountAccount   = countLive
	CountPermanent = countPermanent
	DayCounts      = dayCounts
)

// SetMaxPages makes the database full when it has so many pages.
func (s *Store) SetMaxPages(n int) error {
	if err := s.writer.take(context.Background()); err != nil {
		return err
	}
	defer s.writer.release()
	return s.writer.conn.each(context.Background(), func(*row) {}, fmt.Sprintf("PRAGMA max_page_count = %d", n))
}

// SettleWithin is how long a store on PostgreSQL looks for what became of a commit.
func SettleWithin(s *Store, d time.Duration) { s.writer.patience = d }

// WatchImpatiently is Watch that soon asks whether its connection is still there.
func WatchImpatiently(ctx context.Context, s *Store, h store.Hints) {
	n := *s.nodes
	n.check = 10 * time.Millisecond
	n.Watch(ctx, h)
}

// TokenQuery is the SELECT of a list.
func TokenQuery(q store.TokenQuery) (string, []any) {
	l := listing{TokenQuery: q, order: listOrders[q.Sort], ends: true}
	return exported(l.walk())
}

// SearchQueries are the SELECTs of a list that looks for few among many.
func SearchQueries(q store.TokenQuery, ends bool) (border, pick, count func() (string, []any)) {
	l := listing{TokenQuery: q, order: listOrders[q.Sort], ends: ends}
	return func() (string, []any) { return exported(l.border()) }, func() (string, []any) { return exported(l.pick()) },
		func() (string, []any) { c := l; return exported(c.count()) }
}

// StatesQuery is the SELECT that counts tokens by state.
func StatesQuery(at store.Place, now time.Time) (string, []any) {
	return exported(statesQuery(at, now, true))
}

// EventQuery is the SELECT of a part of the trail.
func EventQuery(q store.EventQuery) (string, []any) { return exported(eventQuery(q)) }

// WalkQuery is the SELECT of a part of an export.
func WalkQuery(q store.EventQuery) (string, []any) {
	return exported(walkQuery(q, store.EventPosition{At: q.Since, Seq: 9}, 99))
}

// SumsQuery is the SELECT of what was counted in an account.
func SumsQuery(q store.SumQuery) (string, []any) { return exported(sumsQuery(q)) }

// BusiestQuery is the SELECT of those that were refused most.
func BusiestQuery(q store.UsageQuery) (string, []any) { return exported(busiestQuery(q, true)) }

// MostUsedQuery is the SELECT of some of those that were accepted most.
func MostUsedQuery(q store.UsageQuery) (string, []any) {
	return exported(mostUsedQuery(q, []any{9, keywright.ID{1}}))
}

func exported(q *query) (string, []any) {
	var args []any
	for _, a := range q.args {
		args = append(args, value(a))
	}
	return q.String(), args
}
