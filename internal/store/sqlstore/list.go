package sqlstore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// listOrder is an order of tokens: an index holds (account, key, id), so that a page costs the same at
// any depth. CROSS JOIN keeps the table of that index the outer one. Filters compare expressions where a column would make
// another index than the order's look better: all that it finds would be sorted for every page.
type listOrder struct {
	from, account, key, id string
	space, owner, expires  string // how filters name them
	position               func(store.Position) any
}

const (
	fromTokens = " FROM tokens t CROSS JOIN token_usage u"
	fromUsage  = " FROM token_usage u CROSS JOIN tokens t"

	anySpace   = "(t.space || '')"
	anyOwner   = "COALESCE(t.owner, NULL)"
	anyExpires = "(t.expires_key + 0)"
)

// In the order of creation there is an index of each space, and of each person's tokens; in that of expiry, what lives is in one piece.
var listOrders = map[string]listOrder{
	keywright.SortCreated:  {fromTokens, "t.account", "t.created_at", "t.id", "t.space", "t.owner", anyExpires, instantOrLast},
	keywright.SortLabel:    {fromTokens, "t.account", "t.label_key", "t.id", anySpace, anyOwner, anyExpires, labelOf},
	keywright.SortExpires:  {fromTokens, "t.account", "t.expires_key", "t.id", anySpace, anyOwner, "t.expires_key", instantOrLast},
	keywright.SortLastUsed: {fromUsage, "u.account", "u.last_used_key", "u.token", anySpace, anyOwner, anyExpires, instantOrLast},
}

// never is the key of what has no instant: permanent and never used come last, in descending order first.
const never = math.MaxInt64

func instantOrLast(p store.Position) any {
	if p.Time.IsZero() {
		return int64(never)
	}
	return p.Time
}

// instantOrFirst is an instant, or, for none, what is before all.
func instantOrFirst(t time.Time) any {
	if t.IsZero() {
		return int64(math.MinInt64)
	}
	return t
}

func labelOf(p store.Position) any { return fold(p.Text) }

// List returns a page of tokens with their usage. Whoever looks for few among many is not made to wait until they are
// met in the order: after some way, they are looked for where all can be seen at once, and then sorted.
func (t tokens) List(ctx context.Context, q store.TokenQuery) (list []store.Listed, err error) {
	order, known := listOrders[q.Sort]
	if !known {
		return nil, fmt.Errorf("%w: there is no order %q of tokens", keywright.ErrUnavailable, q.Sort)
	}
	if nowhere(q) {
		return nil, nil
	}
	l := listing{TokenQuery: q, order: order}
	if l.ends, err = t.policiesMatter(ctx, q); err != nil {
		return nil, err
	}
	if q.Filter.IDs != nil {
		return t.listed(ctx, l.pick())
	}
	if !mayBeFar(q) {
		return t.listed(ctx, l.walk())
	}
	if err := t.bound(ctx, &l); err != nil {
		return nil, err
	}
	list, err = t.listed(ctx, l.walk())
	if err != nil || len(l.until) == 0 || len(list) == q.Limit {
		return list, err
	}
	return t.listed(ctx, l.pick())
}

func (t tokens) listed(ctx context.Context, s *query) (list []store.Listed, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, scanListed(r)) }, s.String(), s.args...)
	return list, err
}

// usageColumns follow recordColumns for scanListed.
const usageColumns = "u.last_used_at, u.last_used_from, u.last_used_agent, u.last_used_door, u.uses"

// nowhere reports whether the query is about no space at all.
func nowhere(q store.TokenQuery) bool { return q.Spaces != nil && len(q.Spaces) == 0 }

func scanListed(r *row) store.Listed {
	return store.Listed{
		Record: scanRecord(r), LastUsedAt: r.time(), LastUsedFrom: r.text(), LastUsedAgent: r.text(), LastUsedDoor: r.text(), Uses: r.int(),
	}
}

// listing is a list that is asked for.
type listing struct {
	store.TokenQuery
	order listOrder
	ends  bool  // a policy may end tokens
	until []any // the key and id of the last that a walk looks at; empty: of all
}

// compare is the direction of a list, and what is after and before a position in it.
func (l *listing) compare() (direction, after, upTo string) {
	if l.Descending {
		return "DESC", "<", ">="
	}
	return "ASC", ">", "<="
}

// walk looks at one token after another, in the order.
func (l *listing) walk() *query {
	s := newQuery("SELECT " + recordColumns + ", " + usageColumns + l.order.from)
	direction, _, upTo := l.compare()
	l.begin(s)
	if len(l.until) > 0 {
		s.where("("+l.order.key+", "+l.order.id+") "+upTo+" (?, ?)", l.until...)
	}
	s.where("u.token = t.id")
	l.filter(s, accountOf(l.TokenQuery, l.order))
	return s.end("ORDER BY "+l.order.key+" "+direction+", "+l.order.id+" "+direction+" LIMIT ? OFFSET ?", l.Limit, l.Offset)
}

// begin chooses what is after the position.
func (l *listing) begin(s *query) {
	if _, after, _ := l.compare(); l.After != nil {
		s.where("("+l.order.key+", "+l.order.id+") "+after+" (?, ?)", l.order.position(*l.After), l.After.ID)
	}
}

func (l *listing) filter(s *query, account string) {
	s.where(account+" = ?", l.Filter.Account)
	filterPlace(s, l.TokenQuery, l.order)
	filterToken(s, l.Filter)
	filterOwner(s, l.Filter, l.order)
	filterUnused(s, l.Unused)
	l.filterExpiry(s)
	l.filterState(s)
}

// accountOf: what a person has in all accounts, or what a token has made, is little beside what others have in one.
func accountOf(q store.TokenQuery, o listOrder) string {
	if (q.Filter.Owner != "" || q.Filter.Parent != nil) && q.Sort == keywright.SortCreated {
		return "(" + o.account + " || '')"
	}
	return o.account
}

func filterOwner(s *query, f keywright.TokenFilter, o listOrder) {
	if f.Owner != "" {
		s.where(o.owner+" = (SELECT o.id FROM users o WHERE o.username_key = ?)", fold(f.Owner))
	}
}

// filterUnused is for the order of last use, whose index has the two kinds of unused tokens each in one piece.
func filterUnused(s *query, u store.Unused) {
	if !u.MadeBefore.IsZero() {
		s.where("(t.created_at + 0) < ?", u.MadeBefore)
	}
	filterUse(s, u)
}

func filterUse(s *query, u store.Unused) {
	if !u.UsedBefore.IsZero() {
		s.where("u.last_used_key < ?", u.UsedBefore)
	}
	if u.Never {
		s.where("u.last_used_key = ?", int64(never))
	}
}

// filterPlace: there is no better index for several spaces.
func filterPlace(s *query, q store.TokenQuery, o listOrder) {
	if q.Filter.Space != "" {
		s.where(o.space+" = ?", q.Filter.Space)
	}
	switch {
	case len(q.Spaces) == 1 && q.Filter.Space == "":
		s.where(o.space+" = ?", q.Spaces[0])
	case q.Spaces != nil:
		s.whereIn(anySpace, anys(q.Spaces))
	}
}

func filterToken(s *query, f keywright.TokenFilter) {
	if f.Number != 0 {
		s.where("t.number = ?", f.Number)
	}
	if f.Audience != "" {
		one := joinList([]string{f.Audience}) // LIKE is blind to case in SQLite
		s.where("(replace(t.audience_key, ?, '') <> t.audience_key OR t.audience_key = ? AND replace(t.audience, ?, '') <> t.audience)", one, longAudience, one)
	}
	if f.Label != "" {
		s.where(`t.label_key LIKE ? ESCAPE '\'`, "%"+escapeLike.Replace(fold(f.Label))+"%")
	}
	if f.Kind != 0 {
		s.where("t.kind = ?", f.Kind)
	}
	if f.Parent != nil {
		s.where("t.parent = ?", *f.Parent)
	}
	if f.IDs != nil {
		filterIDs(s, f.IDs)
	}
}

var escapeLike = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

func filterIDs(s *query, ids []keywright.ID) {
	if len(ids) == 0 {
		s.where("1 = 0")
		return
	}
	s.whereIn("t.id", anys(ids))
}

// filterExpiry is what a permanence and a state say of a token's own expiry.
func (l *listing) filterExpiry(s *query) {
	if l.Filter.Permanent != nil {
		s.where(l.expires(map[bool]string{true: "=", false: "<"}[*l.Filter.Permanent]), int64(never))
	}
	switch l.Filter.State {
	case keywright.StateActive, keywright.StateDisabled:
		s.where(l.expires(">"), l.Now)
	case keywright.StateExpired:
		if !l.ends {
			s.where(l.expires("<="), l.Now)
		}
	}
}

// expires compares a token's expiry. Where the order of expiry is bounded by a position on that side, which is nearer, the index is
// left to that.
func (l *listing) expires(how string) string {
	first, last := l.After != nil, len(l.until) > 0
	if l.Descending {
		first, last = last, first
	}
	if how != ">" && last || how != "<" && how != "<=" && first {
		return anyExpires + " " + how + " ?"
	}
	return l.order.expires + " " + how + " ?"
}

// filterState judges as keywright does: revoked, else expired, else disabled, else active.
func (l *listing) filterState(s *query) {
	now := slices.Repeat([]any{l.Now}, strings.Count(allowedToLive, "?"))
	switch l.Filter.State {
	case "":
		return
	case keywright.StateRevoked:
		s.where("t.revoked_at IS NOT NULL")
		return
	case keywright.StateExpired:
		s.where("t.revoked_at IS NULL")
		if l.ends {
			s.where("("+anyExpires+" <= ? OR NOT "+allowedToLive+")", append([]any{l.Now}, now...)...)
		}
		return
	case keywright.StateDisabled:
		s.where("t.revoked_at IS NULL AND t.disabled_at IS NOT NULL")
	case keywright.StateActive:
		s.where("t.revoked_at IS NULL AND t.disabled_at IS NULL")
	default:
		s.where("1 = 0")
	}
	if l.ends {
		s.where(allowedToLive, now...)
	}
}

// allowedToLive looks up the policies of each token's account and space.
var allowedToLive = "EXISTS (SELECT 1 FROM accounts a JOIN spaces s ON s.account = a.name" +
	" WHERE a.name = t.account AND s.name = t.space AND " + withinPolicy("?", "u.last_used_at") + ")"
