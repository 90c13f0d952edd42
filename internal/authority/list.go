package authority

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	defaultLimit  = 50
	maxLimit      = 200
	maxFilterIDs  = 1000
	maxFilterText = 400
)

// Token returns one token. A token may always look at itself.
func (a *Authority) Token(ctx context.Context, caller Caller, id keywright.ID) (keywright.Token, error) {
	var t keywright.Token
	err := a.view(ctx, caller, func(s *scene) error {
		rec, err := s.seen(ctx, id)
		if err != nil {
			return err
		}
		t, err = s.shown(ctx, rec)
		return err
	})
	return t, err
}

// seen reads a token that the actor may look at.
func (s *scene) seen(ctx context.Context, id keywright.ID) (*store.Record, error) {
	if rec := s.actor.token; rec != nil && rec.Facts.ID == id {
		return rec, nil
	}
	return s.token(ctx, id, tokensRead)
}

// Tokens returns a page of the tokens that the caller may see.
func (a *Authority) Tokens(ctx context.Context, caller Caller, q keywright.TokenQuery) (keywright.Page[keywright.Token], error) {
	var page keywright.Page[keywright.Token]
	err := a.view(ctx, caller, func(s *scene) (err error) {
		page, err = s.tokens(ctx, q)
		return err
	})
	return page, err
}

func (s *scene) tokens(ctx context.Context, q keywright.TokenQuery) (keywright.Page[keywright.Token], error) {
	page := keywright.Page[keywright.Token]{Items: []keywright.Token{}}
	find, seen, err := s.search(ctx, &q)
	if err != nil || !seen {
		return page, err
	}
	name := listOf("tokens", q.TokenFilter, q.Sort)
	if err := begin(&find, q, name); err != nil {
		return page, err
	}
	found, err := s.tx.Tokens().List(ctx, find)
	if err != nil {
		return page, err
	}
	return s.pageOf(ctx, found, find.Limit-1, q.Sort, name)
}

// pageOf is a page of what was found, which is one more than the page has room for if there is a next one.
func (s *scene) pageOf(ctx context.Context, found []store.Listed, limit int, sort, name string) (keywright.Page[keywright.Token], error) {
	var page keywright.Page[keywright.Token]
	if len(found) > limit {
		found = found[:limit]
		page.Next = positionOf(found[limit-1], sort, name).encode()
	}
	items, err := s.listed(ctx, found)
	page.Items = items
	return page, err
}

// search begins a list of tokens and fills in what its query left out.
func (s *scene) search(ctx context.Context, q *keywright.TokenQuery) (find store.TokenQuery, seen bool, err error) {
	q.Account = cmp.Or(q.Account, s.actor.account)
	q.Sort = cmp.Or(q.Sort, "-"+keywright.SortCreated)
	if s.caller.Own {
		q.Owner = s.actor.user.Username
	}
	return s.choose(ctx, q.TokenFilter, tokensRead)
}

func (s *scene) listed(ctx context.Context, found []store.Listed) ([]keywright.Token, error) {
	items := make([]keywright.Token, 0, len(found))
	for _, l := range found {
		if err := s.settleIn(ctx, l.Record); err != nil {
			return nil, err
		}
		l.Facts.LastUsedAt = l.LastUsedAt
		items = append(items, resource(l, s.now))
	}
	return items, nil
}

// TokensAt returns at most limit of the tokens that the caller may see, after as many as offset says, and how many
// there are in all: for clients that number their pages, which cost more the further they are. The query's own limit and
// cursor do not count.
func (a *Authority) TokensAt(ctx context.Context, caller Caller, q keywright.TokenQuery, offset, limit int) ([]keywright.Token, int64, error) {
	items, total := []keywright.Token{}, int64(0)
	q.Limit, q.Cursor = 0, ""
	err := a.view(ctx, caller, func(s *scene) error {
		find, seen, err := s.search(ctx, &q)
		if err != nil || !seen {
			return err
		}
		if err := begin(&find, q, ""); err != nil {
			return err
		}
		find.Offset, find.Limit = offset, limit
		if total, err = s.tx.Tokens().CountListed(ctx, find); err != nil {
			return err
		}
		found, err := s.tx.Tokens().List(ctx, find)
		if err != nil {
			return err
		}
		items, err = s.listed(ctx, found)
		return err
	})
	return items, total, err
}

// TokenStates returns how many of an account's tokens that the caller may see are in each state.
func (a *Authority) TokenStates(ctx context.Context, caller Caller, account string) (n map[keywright.State]int64, err error) {
	err = a.view(ctx, caller, func(s *scene) error {
		find, seen, err := s.choose(ctx, keywright.TokenFilter{Account: account}, tokensRead)
		if err != nil {
			return err
		}
		n, err = s.tx.Tokens().CountStates(ctx, chosenPlace(find, seen), s.now)
		return err
	})
	return n, err
}

// choose begins a search for tokens for which the actor has the scope; seen is false if there can be none.
func (s *scene) choose(ctx context.Context, f keywright.TokenFilter, scope string) (find store.TokenQuery, seen bool, err error) {
	sight, err := s.sight(f.Account, scope)
	if err != nil {
		return find, false, missing("account", err)
	}
	if _, err := s.tenancy(ctx, place{account: f.Account}); err != nil {
		return find, false, err
	}
	if err := checkFilter(&f); err != nil {
		return find, false, err
	}
	find = store.TokenQuery{Filter: f, Now: s.now}
	if sight.all {
		return find, true, nil
	}
	// Who has a say in spaces only sees the tokens of these, not the account's own.
	find.Spaces = sight.spaces
	if find.Filter.Kind == 0 {
		find.Filter.Kind = keywright.KindSpace
	}
	return find, find.Filter.Kind == keywright.KindSpace, nil
}

// checkFilter reads a filter. Its texts are brought into the form of what they are compared with; none becomes empty
// by that, which would choose everything.
func checkFilter(f *keywright.TokenFilter) error {
	var p problems
	for _, text := range []struct {
		member string
		value  *string
	}{
		{"space", &f.Space}, {"owner", &f.Owner}, {"audience", &f.Audience}, {"label", &f.Label},
	} {
		p.text(text.member, *text.value, maxFilterText, maxFilterText)
		*text.value = norm.NFC.String(*text.value)
	}
	if f.Number < 0 {
		p.add("number", "must be an integer from 1 on")
	}
	if f.Kind != 0 && f.Kind.String() == "" {
		p.add("kind", "must be account, space or manager")
	}
	states := []keywright.State{"", keywright.StateActive, keywright.StateDisabled, keywright.StateExpired, keywright.StateRevoked}
	if !slices.Contains(states, f.State) {
		p.add("state", "must be active, disabled, expired or revoked")
	}
	if len(f.IDs) > maxFilterIDs {
		p.add("ids", "has %d ids; at most %d are allowed", len(f.IDs), maxFilterIDs)
	}
	return p.err()
}

// begin puts the search where the page begins.
func begin(find *store.TokenQuery, q keywright.TokenQuery, name string) error {
	sort, descending := strings.CutPrefix(q.Sort, "-")
	orders := []string{keywright.SortCreated, keywright.SortLabel, keywright.SortExpires, keywright.SortLastUsed}
	var p problems
	if !slices.Contains(orders, sort) {
		p.add("sort", "must be one of %s, with or without a leading '-'", strings.Join(orders, ", "))
	}
	find.Sort, find.Descending = sort, descending
	find.Limit = p.limit(q.Limit) + 1
	if err := p.err(); err != nil || q.Cursor == "" {
		return err
	}
	c, err := parseCursor(q.Cursor, name)
	find.After = &store.Position{Time: c.Time, Text: c.Text, ID: c.ID}
	return err
}

// limit reads how many items a page is to have.
func (p *problems) limit(n int) int {
	if n < 0 || n > maxLimit {
		p.add("limit", "must be 1 to %d", maxLimit)
	}
	return cmp.Or(n, defaultLimit)
}

// positionOf is where a page that ends with this token ended.
func positionOf(l store.Listed, sort, name string) cursor {
	c := cursor{Of: name, ID: l.Facts.ID}
	switch strings.TrimPrefix(sort, "-") {
	case keywright.SortCreated:
		c.Time = l.CreatedAt
	case keywright.SortLabel:
		c.Text = l.Label
	case keywright.SortExpires:
		c.Time = l.Facts.ExpiresAt
	case keywright.SortLastUsed:
		c.Time = l.LastUsedAt
	}
	return c
}

// LastUsed returns at most limit of the tokens that a filter chooses among those the caller may see, those that were used last
// first and those that never were at the end, and how many there are in all.
func (a *Authority) LastUsed(ctx context.Context, caller Caller, f keywright.TokenFilter, limit int) ([]keywright.Token, int64, error) {
	items, total := []keywright.Token{}, int64(0)
	q := keywright.TokenQuery{TokenFilter: f, Sort: "-" + keywright.SortLastUsed}
	err := a.view(ctx, caller, func(s *scene) error {
		find, seen, err := s.search(ctx, &q)
		if err != nil || !seen {
			return err
		}
		if err := begin(&find, q, ""); err != nil {
			return err
		}
		if total, err = s.tx.Tokens().CountListed(ctx, find); err != nil {
			return err
		}
		find.Limit = limit
		found, err := s.lastUsed(ctx, find)
		if err != nil {
			return err
		}
		items, err = s.listed(ctx, found)
		return err
	})
	return items, total, err
}

// lastUsed takes the two parts of the order of last use the other way round: in it what was never used comes first.
func (s *scene) lastUsed(ctx context.Context, find store.TokenQuery) ([]store.Listed, error) {
	used := find
	used.Unused.UsedBefore = s.now.AddDate(1, 0, 0) // at any time: another node's clock may be ahead
	found, err := s.tx.Tokens().List(ctx, used)
	if err != nil || len(found) == find.Limit {
		return found, err
	}
	find.Unused.Never = true
	find.Limit -= len(found)
	never, err := s.tx.Tokens().List(ctx, find)
	return append(found, never...), err
}
