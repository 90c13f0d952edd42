package sqlstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// walked is how many tokens a list looks at in its order before it looks for what is asked otherwise.
const walked = 2000

// mayBeFar reports whether a list may pass over many tokens until it meets one that is asked for.
func mayBeFar(q store.TokenQuery) bool {
	f := q.Filter
	switch {
	case f.Number != 0, f.Parent != nil, f.Owner != "" && q.Sort == keywright.SortCreated: // there are few
		return false
	case f.Audience != "", f.Label != "", f.Kind != 0, f.Permanent != nil, f.State != "":
		return true
	case q.Sort == keywright.SortCreated: // a space has its index
		return len(q.Spaces) > 1
	}
	return f.Owner != "" || f.Space != "" || q.Spaces != nil || !q.Unused.MadeBefore.IsZero()
}

// bound looks how far a walk may go; nowhere near the end, it is told where to stop.
func (t tokens) bound(ctx context.Context, l *listing) error {
	s := l.border()
	return t.each(ctx, func(r *row) { l.until = r.rest() }, s.String(), s.args...)
}

// border is the position at which a walk ends. Only the order's index is read.
func (l *listing) border() *query {
	o := l.order
	table := map[string]string{fromTokens: "tokens t", fromUsage: "token_usage u"}[o.from]
	s := newQuery("SELECT " + o.key + ", " + o.id + " FROM " + table)
	s.where(o.account+" = ?", l.Filter.Account)
	if l.Sort == keywright.SortCreated && (l.Filter.Space != "" || len(l.Spaces) == 1) {
		filterPlace(s, l.TokenQuery, o)
	}
	switch l.Sort {
	case keywright.SortExpires:
		l.filterExpiry(s)
	case keywright.SortLastUsed:
		filterUse(s, l.Unused)
	}
	l.begin(s)
	direction, _, _ := l.compare()
	return s.end("ORDER BY "+o.key+" "+direction+", "+o.id+" "+direction+" LIMIT 1 OFFSET ?", l.Offset+walked)
}

// pick looks at all tokens of the account, by the index that has everything they are filtered by, and sorts those it finds.
func (l *listing) pick() *query {
	o := l.picked()
	s := newQuery("SELECT " + recordColumns + ", " + usageColumns + " FROM (SELECT t.id AS id, " + o.key + " AS key" + o.from)
	p := *l
	p.order = o
	p.begin(s)
	p.inIndex(s)
	direction, _, _ := l.compare()
	return s.end("ORDER BY "+o.key+" "+direction+", t.id "+direction+" LIMIT ? OFFSET ?) p CROSS JOIN tokens t CROSS JOIN token_usage u"+
		" WHERE t.id = p.id AND u.token = p.id ORDER BY p.key "+direction+", p.id "+direction, l.Limit, l.Offset)
}

// picked is the order as pick goes about it: filters name columns, and only the order by label is that of an index.
func (l *listing) picked() listOrder {
	o := l.order
	o.from, o.account, o.id, o.space, o.owner, o.expires = " FROM tokens t", "t.account", "t.id", "t.space", "t.owner", anyExpires
	if o.key != "t.label_key" {
		o.key = "(" + o.key + " + 0)"
	}
	if l.needsUsage() {
		o.from = fromTokens
	}
	return o
}

func (l *listing) needsUsage() bool {
	return l.Sort == keywright.SortLastUsed || l.Unused != (store.Unused{}) || l.ends
}

// inIndex chooses tokens by the index that has everything they are filtered by; where another finds fewer, by that. Those that are
// named are found one by one.
func (l *listing) inIndex(s *query) {
	account := l.order.account
	if l.Filter.IDs != nil {
		account = "(" + account + " || '')"
	} else {
		s.where("t.label_key >= ''")
	}
	if l.order.from == fromTokens {
		s.where("u.token = t.id")
	}
	l.filter(s, account)
}

// CountListed counts the tokens that List would return without end.
func (t tokens) CountListed(ctx context.Context, q store.TokenQuery) (n int64, err error) {
	if nowhere(q) {
		return 0, nil
	}
	l := listing{TokenQuery: q, order: listOrders[keywright.SortCreated]}
	if l.ends, err = t.policiesMatter(ctx, q); err != nil {
		return 0, err
	}
	s := l.count()
	err = t.each(ctx, func(r *row) { n = r.int() }, s.String(), s.args...)
	return n, err
}

func (l *listing) count() *query {
	l.Sort = keywright.SortCreated
	l.order = l.picked()
	s := newQuery("SELECT count(*)" + l.order.from)
	l.inIndex(s)
	return s
}

// policiesMatter reports whether the policies have to be asked which state a token is in. Nobody asks without a state.
func (t tokens) policiesMatter(ctx context.Context, q store.TokenQuery) (bool, error) {
	if q.Filter.State == "" || q.Filter.State == keywright.StateRevoked {
		return false, nil
	}
	return t.policiesEnd(ctx, q.Filter.Account)
}

// policiesEnd reports whether a policy in an account may end tokens before their expiry.
func (t tokens) policiesEnd(ctx context.Context, account string) (ends bool, err error) {
	err = t.each(ctx, func(*row) { ends = true }, `SELECT 1 FROM accounts a JOIN spaces s ON s.account = a.name WHERE a.name = $1
		AND (a.max_lifetime <> 0 OR a.max_unused <> 0 OR s.max_lifetime <> 0 OR s.max_unused <> 0) LIMIT 1`, account)
	return ends, err
}

// CountStates goes from the account and its spaces to their tokens, by an index that has all that makes a state.
func (t tokens) CountStates(ctx context.Context, at store.Place, now time.Time) (map[keywright.State]int64, error) {
	n := map[keywright.State]int64{}
	if at.Spaces != nil && len(at.Spaces) == 0 {
		return n, nil
	}
	ends, err := t.policiesEnd(ctx, at.Account)
	if err != nil {
		return nil, err
	}
	s := statesQuery(at, now, ends)
	err = t.one(ctx, func(r *row) {
		all, revoked, live, disabled := r.int(), r.int(), r.int(), r.int()
		n[keywright.StateRevoked], n[keywright.StateExpired] = revoked, all-revoked-live
		n[keywright.StateDisabled], n[keywright.StateActive] = disabled, live-disabled
	}, s.String(), s.args...)
	return n, err
}

func statesQuery(at store.Place, now time.Time, ends bool) *query {
	live := unexpired("?")
	if ends {
		live = liveAt("?")
	}
	nows := slices.Repeat([]any{now}, strings.Count(live, "?"))
	s := newQuery("SELECT COUNT(*), COUNT(t.revoked_at)")
	s.end(", COUNT(*) FILTER (WHERE "+live+")", nows...)
	s.end(", COUNT(*) FILTER (WHERE t.disabled_at IS NOT NULL AND "+live+")", nows...)
	s.end(fromPlaces)
	s.where("a.name = ?", at.Account).where(inPlaces)
	if at.Spaces != nil {
		s.whereIn("s.name", anys(at.Spaces))
	}
	if at.Kind != 0 {
		s.where("t.kind = ?", at.Kind)
	}
	return s
}
