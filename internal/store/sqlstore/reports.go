package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type usages struct{ *tx }

var dayCounts = func() string {
	var b strings.Builder
	b.WriteString("SELECT day, reason, door")
	for h := range 24 {
		b.WriteString(", h" + strconv.Itoa(h))
	}
	b.WriteString(" FROM token_days WHERE token = $1 AND day >= $2 AND day < $3 ORDER BY day, reason, door")
	return b.String()
}()

func (t usages) Days(ctx context.Context, token keywright.ID, from, to int64) (days []store.DayCount, err error) {
	err = t.each(ctx, func(r *row) {
		d := store.DayCount{Day: r.int(), Reason: scanReason(r), Door: r.text()}
		for h := range d.Hours {
			d.Hours[h] = r.int()
		}
		days = append(days, d)
	}, dayCounts, token, from, to)
	return days, err
}

func scanReason(r *row) (reason keywright.Reason) {
	r.fail(reason.UnmarshalText([]byte(r.text())))
	return reason
}

func (t usages) Scopes(ctx context.Context, token keywright.ID) (used map[string]int64, told int64, err error) {
	used = map[string]int64{}
	err = t.each(ctx, func(r *row) { used[r.text()] = r.int() }, "SELECT scope, last_hour FROM token_scopes WHERE token = $1", token)
	if err == nil {
		err = t.each(ctx, func(r *row) { told = r.int() }, "SELECT told_hour FROM token_usage WHERE token = $1", token)
	}
	return used, told, err
}

func (t usages) Sums(ctx context.Context, q store.SumQuery) (sums []store.DaySum, err error) {
	if q.Spaces != nil && len(q.Spaces) == 0 {
		return nil, nil
	}
	s := sumsQuery(q)
	err = t.each(ctx, func(r *row) {
		sums = append(sums, store.DaySum{Day: r.int(), Reason: scanReason(r), Door: r.text(), N: r.int()})
	}, s.String(), s.args...)
	return sums, err
}

// sumsQuery reads the rows of each space, or those in which all spaces are summed up.
func sumsQuery(q store.SumQuery) *query {
	s := newQuery("SELECT day, reason, door, CAST(SUM(total) AS BIGINT) FROM usage_days")
	s.where("account = ?", q.Account)
	switch len(q.Spaces) {
	case 0:
		s.where("space = ?", allSpaces)
	case 1:
		s.where("space = ?", q.Spaces[0])
	default:
		s.whereIn("space", anys(q.Spaces))
	}
	s.where("day >= ? AND day < ?", q.From, q.To)
	if q.Kind != 0 {
		s.where("kind = ?", q.Kind)
	}
	return s.end("GROUP BY day, reason, door ORDER BY day, reason, door")
}

// chooseTokens adds the conditions of a query that is about tokens and gives none of them in an order.
func chooseTokens(s *query, q store.TokenQuery) {
	order := listOrders[keywright.SortCreated]
	s.where(order.account+" = ?", q.Filter.Account)
	filterPlace(s, q, order)
	filterToken(s, q.Filter)
	filterOwner(s, q.Filter, order)
}

func (t usages) Busiest(ctx context.Context, q store.UsageQuery, refused bool) (list []store.Busy, err error) {
	if nowhere(q.TokenQuery) {
		return nil, nil
	}
	if !refused && q.Filter.Space == "" && q.Spaces == nil {
		return t.mostUsed(ctx, q)
	}
	s := busiestQuery(q, refused)
	err = t.each(ctx, func(r *row) { list = append(list, scanBusy(r)) }, s.String(), s.args...)
	return list, err
}

func scanBusy(r *row) store.Busy {
	return store.Busy{
		Token: keywright.TokenName{ID: r.id(), Number: r.int(), Label: r.text(), Space: r.text(), Owner: r.text()},
		N:     r.int(),
	}
}

const busyColumns = "t.id, t.number, t.label, t.space, t.owner_name"

// busiestQuery sums up token by token, each in the order of its rows, and keeps no more of the sums than asked for.
func busiestQuery(q store.UsageQuery, refused bool) *query {
	s := newQuery("SELECT b.id, b.number, b.label, b.space, b.owner_name, b.n FROM (SELECT " + busyColumns)
	sumOfDays(s, q, map[bool]string{false: "=", true: "<>"}[refused])
	s.end("FROM tokens t")
	chooseTokens(s, q.TokenQuery)
	return s.end(") b WHERE b.n > 0 ORDER BY b.n DESC, b.id LIMIT ?", q.Limit)
}

// sumOfDays adds a column: how often a token t was accepted (or, if how is "<>", refused) in the days.
func sumOfDays(s *query, q store.UsageQuery, how string) {
	s.end(", (SELECT CAST(SUM(d.total) AS BIGINT) FROM token_days d WHERE d.token = t.id AND d.day >= ? AND d.day < ? AND d.reason "+how+" ?) AS n",
		q.From, q.To, keywright.Allowed.String())
}

// busyBatch is how many tokens are summed up at once.
const busyBatch = 200

// mostUsed sums up those first that were accepted most in all, and ends where nobody can have been accepted more often in some days.
func (t usages) mostUsed(ctx context.Context, q store.UsageQuery) (list []store.Busy, err error) {
	after := []any{int64(math.MaxInt64), keywright.ID{}}
	for looked, most := busyBatch, int64(0); looked == busyBatch; {
		s := mostUsedQuery(q, after)
		looked = 0
		err := t.each(ctx, func(r *row) {
			looked++
			b := scanBusy(r)
			most = r.int()
			after = []any{most, b.Token.ID}
			if b.N > 0 {
				list = append(list, b)
			}
		}, s.String(), s.args...)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(list, func(a, b store.Busy) int {
			return cmp.Or(cmp.Compare(b.N, a.N), bytes.Compare(a.Token.ID[:], b.Token.ID[:]))
		})
		if list = list[:min(len(list), q.Limit)]; len(list) == q.Limit && list[q.Limit-1].N > most {
			break
		}
	}
	return list, nil
}

func mostUsedQuery(q store.UsageQuery, after []any) *query {
	s := newQuery("SELECT " + busyColumns)
	sumOfDays(s, q, "=")
	s.end(", u.uses" + fromUsage)
	s.where("u.account = ? AND u.uses > 0", q.Filter.Account).where("(u.uses, u.token) < (?, ?)", after...).where("t.id = u.token")
	chooseTokens(s, q.TokenQuery)
	return s.end("ORDER BY u.uses DESC, u.token DESC LIMIT ?", busyBatch)
}

func (t usages) CountedSince(ctx context.Context) (since time.Time, err error) {
	err = t.one(ctx, func(r *row) { since = r.time() }, "SELECT counted_since FROM head WHERE id = 1")
	return since, err
}

const (
	pruneDays = `DELETE FROM token_days WHERE (token, day, reason, door) IN (
		SELECT token, day, reason, door FROM token_days WHERE day < $1 ORDER BY day LIMIT $2)`
	pruneScopes = `DELETE FROM token_scopes WHERE (token, scope) IN (
		SELECT token, scope FROM token_scopes WHERE last_hour < $1 ORDER BY last_hour LIMIT $2)`
	pruneSums = "DELETE FROM usage_days WHERE day < $1"
)

func (t usages) Prune(ctx context.Context, before int64, most int) (more bool, err error) {
	days, err := t.exec(ctx, pruneDays, before, most)
	if err != nil {
		return false, err
	}
	scopes, err := t.exec(ctx, pruneScopes, before*24, most)
	if err != nil {
		return false, err
	}
	if _, err = t.exec(ctx, pruneSums, before); err != nil { // of each space they are few
		return false, err
	}
	_, err = t.exec(ctx, "DELETE FROM usage_batches WHERE at < $1", time.Unix(before*24*60*60, 0))
	return max(days, scopes) == int64(most), err
}
