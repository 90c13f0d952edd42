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
// any depth. CROSS JOIN keeps the table of that index the outer one.
type listOrder struct {
	from, account, key, id string
	position               func(store.Position) any
}

const (
	fromTokens = " FROM tokens t CROSS JOIN token_usage u"
	fromUsage  = " FROM token_usage u CROSS JOIN tokens t"
)

var listOrders = map[string]listOrder{
	keywright.SortCreated:  {fromTokens, "t.account", "t.created_at", "t.id", instantOrLast},
	keywright.SortLabel:    {fromTokens, "t.account", "t.label_key", "t.id", labelOf},
	keywright.SortExpires:  {fromTokens, "t.account", "t.expires_key", "t.id", instantOrLast},
	keywright.SortLastUsed: {fromUsage, "u.account", "u.last_used_key", "u.token", instantOrLast},
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

// List returns a page of tokens with their usage.
func (t tokens) List(ctx context.Context, q store.TokenQuery) (list []store.Listed, err error) {
	if nowhere(q) {
		return nil, nil
	}
	order, known := listOrders[q.Sort]
	if !known {
		return nil, fmt.Errorf("%w: there is no order %q of tokens", keywright.ErrUnavailable, q.Sort)
	}
	s := tokenQuery(q, order)
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

// CountListed counts the tokens that List would return without end.
func (t tokens) CountListed(ctx context.Context, q store.TokenQuery) (n int64, err error) {
	if nowhere(q) {
		return 0, nil
	}
	o := listOrders[keywright.SortCreated]
	s := newQuery("SELECT count(*)" + o.from)
	filter(s, q, o)
	err = t.each(ctx, func(r *row) { n = r.int() }, s.String(), s.args...)
	return n, err
}

func tokenQuery(q store.TokenQuery, o listOrder) *query {
	s := newQuery("SELECT " + recordColumns + ", " + usageColumns + o.from)
	direction, after := "ASC", ">"
	if q.Descending {
		direction, after = "DESC", "<"
	}
	if q.After != nil {
		s.where("("+o.key+", "+o.id+") "+after+" (?, ?)", o.position(*q.After), q.After.ID)
	}
	filter(s, q, o)
	return s.end("ORDER BY "+o.key+" "+direction+", "+o.id+" "+direction+" LIMIT ? OFFSET ?", q.Limit, q.Offset)
}

func filter(s *query, q store.TokenQuery, o listOrder) {
	s.where("u.token = t.id")
	s.where(accountOf(q, o)+" = ?", q.Filter.Account)
	filterPlace(s, q)
	filterToken(s, q.Filter)
	filterOwner(s, q)
	filterUnused(s, q.Unused)
	filterState(s, q)
}

// Filters compare expressions where a column would make another index than the order's look better: all that it
// finds would be sorted for every page.
const (
	space      = "(t.space || '')"
	expiresKey = "(t.expires_key + 0)"
)

// accountOf: what a person has in all accounts, or what a token has made, is little beside what others have in one.
func accountOf(q store.TokenQuery, o listOrder) string {
	if (q.Filter.Owner != "" || q.Filter.Parent != nil) && q.Sort == keywright.SortCreated {
		return "(" + o.account + " || '')"
	}
	return o.account
}

// filterOwner: in the order of creation there is an index of each person's tokens.
func filterOwner(s *query, q store.TokenQuery) {
	column := "COALESCE(t.owner, NULL)"
	if q.Sort == keywright.SortCreated {
		column = "t.owner"
	}
	if q.Filter.Owner != "" {
		s.where(column+" = (SELECT o.id FROM users o WHERE o.username_key = ?)", fold(q.Filter.Owner))
	}
}

// filterUnused is for the order of last use, whose index has the two kinds of unused tokens each in one piece.
func filterUnused(s *query, u store.Unused) {
	if !u.MadeBefore.IsZero() {
		s.where("(t.created_at + 0) < ?", u.MadeBefore)
	}
	if !u.UsedBefore.IsZero() {
		s.where("u.last_used_key < ?", u.UsedBefore)
	}
	if u.Never {
		s.where("u.last_used_key = ?", int64(never))
	}
}

// filterPlace: only for one space in the order of creation is there a better index.
func filterPlace(s *query, q store.TokenQuery) {
	column := space
	if q.Sort == keywright.SortCreated {
		column = "t.space"
	}
	if q.Filter.Space != "" {
		s.where(column+" = ?", q.Filter.Space)
	}
	switch {
	case len(q.Spaces) == 1 && q.Filter.Space == "":
		s.where(column+" = ?", q.Spaces[0])
	case q.Spaces != nil:
		s.whereIn(space, anys(q.Spaces))
	}
}

func filterToken(s *query, f keywright.TokenFilter) {
	if f.Number != 0 {
		s.where("t.number = ?", f.Number)
	}
	if f.Audience != "" {
		s.where("replace(t.audience, ?, '') <> t.audience", joinList([]string{f.Audience})) // LIKE is blind to case in SQLite
	}
	if f.Label != "" {
		s.where(`t.label_key LIKE ? ESCAPE '\'`, "%"+escapeLike.Replace(fold(f.Label))+"%")
	}
	if f.Kind != 0 {
		s.where("t.kind = ?", f.Kind)
	}
	if f.Permanent != nil {
		s.where(expiresKey+map[bool]string{true: " = ?", false: " < ?"}[*f.Permanent], int64(never))
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

// filterState judges as keywright does: revoked, else expired, else disabled, else active.
func filterState(s *query, q store.TokenQuery) {
	if q.Filter.State == "" {
		return
	}
	if q.Filter.State == keywright.StateRevoked {
		s.where("t.revoked_at IS NOT NULL")
		return
	}
	s.where("t.revoked_at IS NULL")
	if q.Filter.State == keywright.StateExpired {
		s.where("("+expiresKey+" <= ? OR NOT "+allowedToLive+")", append([]any{q.Now}, nows(q)...)...)
		return
	}
	s.where(expiresKey+" > ?", q.Now).where(allowedToLive, nows(q)...)
	switch q.Filter.State {
	case keywright.StateDisabled:
		s.where("t.disabled_at IS NOT NULL")
	case keywright.StateActive:
		s.where("t.disabled_at IS NULL")
	default:
		s.where("1 = 0")
	}
}

// allowedToLive looks up the policies of each token's account and space; it holds the instant as often as nows.
var allowedToLive = "EXISTS (SELECT 1 FROM accounts a JOIN spaces s ON s.account = a.name" +
	" WHERE a.name = t.account AND s.name = t.space AND " + withinPolicy("?", "u.last_used_at") + ")"

func nows(q store.TokenQuery) []any {
	return slices.Repeat([]any{q.Now}, strings.Count(allowedToLive, "?"))
}
