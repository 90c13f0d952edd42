package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const catalogueChanged = "catalogue changed"

// implyAnew gives the tokens of an audience what their scopes imply now that its catalogue has changed, and takes what they no
// longer do, from their descendants too.
func (s *scene) implyAnew(ctx context.Context, of api) error {
	delete(s.catalogues, of)
	ids, err := s.outdated(ctx, of)
	if err != nil {
		return err
	}
	if len(ids) > maxBulk {
		return fmt.Errorf("%w: this changes what more than %d tokens may do: change their scopes first, in bulk or in steps",
			keywright.ErrConflict, maxBulk)
	}
	for _, id := range ids {
		if err := s.implyAgain(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// outdated are the ids of the tokens that have not what their scopes imply now, what made others before these; at most
// one more than maxBulk.
func (s *scene) outdated(ctx context.Context, of api) ([]keywright.ID, error) {
	find := store.TokenQuery{
		Filter: keywright.TokenFilter{Account: of.account},
		Sort:   keywright.SortCreated,
		Limit:  bulkPage,
		Now:    s.now,
	}
	if of.audience != keywright.NoAudience {
		find.Filter.Audience = of.audience
	}
	var all []store.Listed
	for {
		page, err := s.tx.Tokens().List(ctx, find)
		if err != nil {
			return nil, err
		}
		for _, l := range page {
			if is, err := s.isOutdated(ctx, l.Record, of); err != nil {
				return nil, err
			} else if is {
				all = append(all, l)
			}
		}
		if len(page) < bulkPage || len(all) > maxBulk {
			return byNumber(all), nil
		}
		last := page[len(page)-1]
		find.After = &store.Position{Time: last.CreatedAt, ID: last.Facts.ID}
	}
}

func (s *scene) isOutdated(ctx context.Context, rec *store.Record, of api) (bool, error) {
	if !rec.Facts.RevokedAt.IsZero() || of.audience == keywright.NoAudience && len(rec.Facts.Audience) > 0 {
		return false, nil
	}
	l, err := s.lexicon(ctx, &rec.Facts)
	return err == nil && !slices.Equal(l.implied(rec.Given()), rec.Implied), err
}

// implyAgain works out anew what a token's scopes imply: never beyond what the token's parent has, whoever changed the
// catalogue, nor beyond what the actor may give.
func (s *scene) implyAgain(ctx context.Context, id keywright.ID) error {
	rec, err := s.tx.Tokens().Get(ctx, id)
	if err != nil || !rec.Facts.RevokedAt.IsZero() { // with its parent, a moment ago
		return err
	}
	if err := s.situate(ctx, rec); err != nil {
		return err
	}
	before := *rec
	if err := s.implyWithin(ctx, rec); err != nil || slices.Equal(before.Implied, rec.Implied) {
		return err
	}
	if _, less := before.Facts.Scopes.Contains(rec.Facts.Scopes); !less {
		if err := s.actor.envelope(placeOf(rec.Facts)).holds(rec); err != nil {
			return fmt.Errorf("token %d would have more by this: %w", rec.Number, err)
		}
	}
	if err := s.update(ctx, "token.edit", catalogueChanged, &before, rec); err != nil {
		return err
	}
	return s.narrowBelow(ctx, rec)
}

func (s *scene) implyWithin(ctx context.Context, rec *store.Record) error {
	l, err := s.lexicon(ctx, &rec.Facts)
	if err != nil {
		return err
	}
	given := rec.Given()
	implied := l.implied(given)
	if len(implied) > mostImplied {
		return keywright.Invalid("/scopes", "what token %d has would imply more than %d scopes", rec.Number, mostImplied)
	}
	parent, err := s.parent(ctx, rec)
	if err != nil && !errors.Is(err, keywright.ErrConflict) {
		return err
	}
	if parent != nil {
		implied = contained(implied, parent.Facts.Scopes)
	} else if !rec.Parent.IsZero() {
		implied = both(implied, rec.Implied)
	}
	rec.Implied, rec.Facts.Scopes = implied, given.With(implied)
	return nil
}
