package authority

import (
	"context"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Covered says what scopes come to at an audience: which entries of its catalogue they cover, and what they imply.
func (a *Authority) Covered(ctx context.Context, caller Caller, account, name string, asked []string) (keywright.Coverage, error) {
	var c keywright.Coverage
	err := a.view(ctx, caller, func(s *scene) error {
		found, err := s.audience(ctx, account, name)
		if err != nil {
			return err
		}
		var p problems
		given := p.scopes("/scopes", asked)
		if err := p.err(); err != nil {
			return err
		}
		c, err = coverage(found, given)
		return err
	})
	return c, err
}

func coverage(of *store.Audience, given keywright.Scopes) (keywright.Coverage, error) {
	c := keywright.Coverage{Entries: []keywright.CoveredEntry{}, Unknown: []keywright.UnknownScope{}}
	read, err := readCatalogue(of)
	if err != nil {
		return c, err
	}
	l := lexicon{audience: []string{of.Name}, catalogues: []entries{read}, open: len(read) == 0}
	c.Implied = l.implied(given)
	for i, e := range read {
		by, whole := e.coveredBy(given)
		implied := by.String() == ""
		if implied {
			by, whole = e.coveredBy(c.Implied)
		}
		if by.String() != "" {
			c.Entries = append(c.Entries, keywright.CoveredEntry{CatalogueEntry: of.Scopes[i], By: by.String(), Whole: whole, Implied: implied})
		}
	}
	for _, s := range given {
		if !l.knows(s) && len(c.Unknown) < maxUnknown {
			c.Unknown = append(c.Unknown, keywright.UnknownScope{Scope: s.String(), Nearest: l.nearest(s)})
		}
	}
	return c, nil
}

// coveredBy is the first scope that covers all of an entry or, if none does, some of it; zero if none has anything in common with it.
func (e entry) coveredBy(given keywright.Scopes) (by keywright.Scope, whole bool) {
	for _, s := range given {
		if s.Contains(e.name) {
			return s, true
		}
		if by.String() == "" && s.Overlaps(e.name) {
			by = s
		}
	}
	return by, false
}
