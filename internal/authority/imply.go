package authority

import (
	"context"
	"fmt"
	"slices"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// What a token's scopes imply is worked out when it is given them, and kept with it: a verification asks no catalogue. When a
// catalogue changes, so does what is kept, in the same transaction and revision.

// api names an audience of an account.
type api struct{ account, audience string }

// catalogue reads the catalogue of an audience, once in a scene; an audience that is not registered has an empty one.
func (s *scene) catalogue(ctx context.Context, of api) (entries, error) {
	if c, ok := s.catalogues[of]; ok {
		return c, nil
	}
	a, err := s.tx.Audiences().Get(ctx, of.account, of.audience)
	if err != nil && !isAbsent(err) {
		return nil, err
	}
	var c entries
	if a != nil {
		if c, err = readCatalogue(a); err != nil {
			return nil, err
		}
	}
	if s.catalogues == nil {
		s.catalogues = map[api]entries{}
	}
	s.catalogues[of] = c
	return c, nil
}

// lexicon reads the catalogues against which a token's scopes are held. Keywright's own API has none: it knows
// its own scopes and no others.
func (s *scene) lexicon(ctx context.Context, f *keywright.Facts) (lexicon, error) {
	names := f.Audience
	if len(names) == 0 {
		names = []string{keywright.NoAudience}
	}
	var l lexicon
	for _, name := range names {
		if name == keywright.ManagementAudience {
			continue
		}
		c, err := s.catalogue(ctx, api{f.Account, name})
		if err != nil {
			return l, err
		}
		if len(c) == 0 {
			l.open = true
			continue
		}
		l.audience, l.catalogues = append(l.audience, name), append(l.catalogues, c)
	}
	l.open = l.open || len(l.catalogues) == 0
	return l, nil
}

// grant gives a record scopes and, with them, what they imply. What it had as it was, if that is not nil, is not held
// against the catalogues again: what a token has it may keep. place says where in the request a scope stands.
func (s *scene) grant(ctx context.Context, rec, had *store.Record, given keywright.Scopes, place func(keywright.Scope) string) error {
	l, err := s.lexicon(ctx, &rec.Facts)
	if err != nil {
		return err
	}
	var p problems
	for _, scope := range given {
		if kept := had != nil && slices.Contains(had.Facts.Scopes, scope); !kept && !l.knows(scope) && len(p) < maxUnknown {
			p.add(place(scope), "%s", l.unknown(scope))
		}
	}
	implied := l.comingWith(given, had)
	if len(implied) > mostImplied {
		p.add("/scopes", "imply more than %d others", mostImplied)
	}
	rec.Facts.Scopes, rec.Implied = given.With(implied), implied
	return p.err()
}

// comingWith is what scopes imply for a token: those it had before, only what they did.
func (l lexicon) comingWith(given keywright.Scopes, had *store.Record) keywright.Scopes {
	if had == nil {
		return l.implied(given)
	}
	fresh := given.Without(had.Given())
	old := given.Without(fresh)
	return both(l.implied(old), had.Implied).With(l.implied(fresh)).Without(given)
}

// maxUnknown is how many unknown scopes are told at once: to find the nearest of each takes time.
const maxUnknown = 8

// placesIn says where in a list of a request a scope stands.
func placesIn(member string, list []string) func(keywright.Scope) string {
	return func(scope keywright.Scope) string {
		return fmt.Sprintf("%s/%d", member, slices.Index(list, scope.String()))
	}
}

// giveAdminOnly refuses what only an admin gives to a person who is none. A token gives what it has.
func (s *scene) giveAdminOnly(ctx context.Context, rec *store.Record) error {
	if s.actor.token != nil || s.administers(rec.Facts.Account) {
		return nil
	}
	l, err := s.lexicon(ctx, &rec.Facts)
	if err != nil {
		return err
	}
	if scope, found := l.adminOnly(rec.Facts.Scopes); found {
		return fmt.Errorf("%w: only an admin may give the scope %s here: it is, or covers, an admin-only one", keywright.ErrForbidden, scope)
	}
	return nil
}

// implyLess takes from a narrowed record what is no longer implied by the scopes it is left with, or beyond the limit. Nothing
// new comes with them: nobody has given it.
func (s *scene) implyLess(ctx context.Context, rec *store.Record, given, limit keywright.Scopes) error {
	l, err := s.lexicon(ctx, &rec.Facts)
	if err != nil {
		return err
	}
	left := contained(l.implied(given), limit)
	rec.Implied = both(left, rec.Implied)
	rec.Facts.Scopes = given.With(rec.Implied)
	return nil
}

// contained are those of a set that a limit contains, whole.
func contained(set, limit keywright.Scopes) keywright.Scopes {
	return slices.DeleteFunc(slices.Clone(set), func(s keywright.Scope) bool { return !limit.Covers(s) })
}

// both are the scopes that stand in both sets.
func both(a, b keywright.Scopes) keywright.Scopes { return a.Without(a.Without(b)) }
