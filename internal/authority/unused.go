package authority

import (
	"context"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Of a report on scopes, each page looks at so many tokens at most.
const (
	scopesRead   = 200 // at a time
	scopesRounds = 5
)

// UnusedTokens returns a page of an account's active tokens that are older than the days asked for and were not used
// in them: those unused for longest first, then those that never were used.
func (a *Authority) UnusedTokens(ctx context.Context, caller Caller, account string, q keywright.ReportQuery) (keywright.Page[keywright.Token], error) {
	page := keywright.Page[keywright.Token]{Items: []keywright.Token{}}
	err := a.view(ctx, caller, func(s *scene) error {
		r, err := s.idle(ctx, account, "unused", keywright.SortLastUsed, q)
		if err != nil || !r.seen {
			return err
		}
		found, err := s.listUnused(ctx, r)
		if err != nil {
			return err
		}
		page, err = s.pageOf(ctx, found, r.limit, keywright.SortLastUsed, r.name)
		return err
	})
	return page, err
}

// idle begins a report on active tokens that are older than its days, in an order.
func (s *scene) idle(ctx context.Context, account, what, sort string, q keywright.ReportQuery) (reporting, error) {
	r, err := s.reporting(ctx, account, what, keywright.TokenFilter{State: keywright.StateActive}, q)
	if err != nil {
		return r, err
	}
	err = begin(&r.tokens, keywright.TokenQuery{Sort: sort, Limit: r.limit, Cursor: q.Cursor}, r.name)
	r.tokens.Unused.MadeBefore = r.since
	return r, err
}

// listUnused takes the two parts of the order of last use in which tokens are unused, and passes over what is between them.
func (s *scene) listUnused(ctx context.Context, r reporting) (found []store.Listed, err error) {
	late := r.tokens
	late.Unused.UsedBefore = r.since
	if late.After == nil || !late.After.Time.IsZero() {
		if found, err = s.tx.Tokens().List(ctx, late); err != nil || len(found) == late.Limit {
			return found, err
		}
		r.tokens.After = nil
	}
	r.tokens.Unused.Never = true
	r.tokens.Limit -= len(found)
	never, err := s.tx.Tokens().List(ctx, r.tokens)
	return append(found, never...), err
}

// UnusedScopes returns a page of an account's active tokens, the oldest first, that have scopes which they did not
// use in the days asked for.
func (a *Authority) UnusedScopes(ctx context.Context, caller Caller, account string, q keywright.ReportQuery) (keywright.UnusedScopesPage, error) {
	page := keywright.UnusedScopesPage{Items: []keywright.UnusedScopes{}}
	err := a.view(ctx, caller, func(s *scene) error {
		r, err := s.idle(ctx, account, "unused scopes", keywright.SortCreated, q)
		if err != nil {
			return err
		}
		counted, err := s.tx.Usages().CountedSince(ctx)
		if err != nil {
			return err
		}
		if counted.After(r.since) {
			r.since, r.tokens.Unused.MadeBefore = counted, counted
		}
		page.Since = r.since
		if r.seen {
			page.Items, page.Next, err = s.unusedScopes(ctx, r)
		}
		return err
	})
	return page, err
}

func (s *scene) unusedScopes(ctx context.Context, r reporting) (items []keywright.UnusedScopes, next string, err error) {
	items = []keywright.UnusedScopes{}
	r.tokens.Limit = scopesRead
	for range scopesRounds {
		found, err := s.tx.Tokens().List(ctx, r.tokens)
		if err != nil {
			return nil, "", err
		}
		for _, l := range found {
			item, err := s.dividedScopes(ctx, l, r.since)
			if err != nil {
				return nil, "", err
			}
			if len(item.Unused) > 0 {
				items = append(items, item)
			}
			next = positionOf(l, keywright.SortCreated, r.name).encode()
			if len(items) == r.limit {
				return items, next, nil
			}
			r.tokens.After = &store.Position{Time: l.CreatedAt, ID: l.Facts.ID}
		}
		if len(found) < scopesRead {
			return items, "", nil
		}
	}
	return items, next, nil
}

// dividedScopes divides the scopes that a token was given into those that were used since, and the others.
func (s *scene) dividedScopes(ctx context.Context, l store.Listed, since time.Time) (keywright.UnusedScopes, error) {
	item := keywright.UnusedScopes{
		Token:     keywright.TokenName{ID: l.Facts.ID, Number: l.Number, Label: l.Label, Space: l.Facts.Space, Owner: l.OwnerName},
		UpdatedAt: l.UpdatedAt,
		Used:      []keywright.UsedScope{},
	}
	used, told, err := s.tx.Usages().Scopes(ctx, l.Facts.ID)
	if err != nil {
		return item, err
	}
	for _, scope := range l.Given() {
		hour, err := s.lastHour(ctx, l, used, scope)
		if err != nil {
			return item, err
		}
		hour = max(hour, told)
		if at := time.Unix(hour*60*60, 0).UTC(); hour >= hourOf(since) {
			item.Used = append(item.Used, keywright.UsedScope{Scope: scope, LastUsedAt: at})
		} else {
			item.Unused = append(item.Unused, scope)
		}
	}
	return item, nil
}

// lastHour is the last hour in which a scope, or what came with it, was used.
func (s *scene) lastHour(ctx context.Context, l store.Listed, used map[string]int64, scope keywright.Scope) (int64, error) {
	hour := used[scope.String()]
	if len(l.Implied) == 0 {
		return hour, nil
	}
	words, err := s.lexicon(ctx, &l.Facts)
	for _, implied := range words.implied(keywright.Scopes{scope}) {
		hour = max(hour, used[implied.String()])
	}
	return hour, err
}
