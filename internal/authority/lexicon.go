package authority

import (
	"fmt"
	"slices"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// entries are the scopes that one API knows: its catalogue.
type entries []entry

// entry is one of them, or, if its name is a pattern, many.
type entry struct {
	name      keywright.Scope
	adminOnly bool
	implies   keywright.Scopes
}

// readCatalogue reads what was checked before it was kept. What cannot be read is no empty catalogue, which would take everything.
func readCatalogue(a *store.Audience) (entries, error) {
	c := make(entries, len(a.Scopes))
	for i, e := range a.Scopes {
		name, err := keywright.ParseScope(e.Name)
		if err != nil {
			return nil, notKnown(fmt.Errorf("authority: audience %s of account %s: %w", a.Name, a.Account, err))
		}
		implies, err := keywright.ParseScopes(e.Implies...)
		if err != nil {
			return nil, notKnown(fmt.Errorf("authority: audience %s of account %s: %w", a.Name, a.Account, err))
		}
		c[i] = entry{name, e.AdminOnly, implies}
	}
	return c, nil
}

// lexicon is what a token's scopes are held against: the catalogues of all its audiences.
type lexicon struct {
	audience   []string // those that have one
	catalogues []entries
	open       bool // one of its audiences has none, and so takes every scope
}

// knows reports whether a scope is known at one of the audiences: an entry covers it, or it covers an entry.
// Keywright's own scopes are known everywhere.
func (l lexicon) knows(s keywright.Scope) bool {
	return l.open || s.Reserved() || l.any(func(e entry) bool { return e.name.Contains(s) || s.Contains(e.name) })
}

func (l lexicon) any(is func(entry) bool) bool {
	return slices.ContainsFunc(l.catalogues, func(c entries) bool { return slices.ContainsFunc(c, is) })
}

// adminOnly is the first of the scopes with which somebody could do what only an admin gives: one that has anything
// in common with such an entry.
func (l lexicon) adminOnly(given keywright.Scopes) (first keywright.Scope, found bool) {
	for _, s := range given {
		if l.any(func(e entry) bool { return e.adminOnly && e.name.Overlaps(s) }) {
			return s, true
		}
	}
	return first, false
}

// mostImplied is how many scopes may come with those of one token.
const mostImplied = 256

// implied is what comes with scopes, beyond them, and with what comes with them; at most one more than mostImplied. An entry
// brings what it implies with a scope that it covers. A wildcard that covers entries brings nothing: what is
// implied comes, like what is reserved, only with what is written out.
func (l lexicon) implied(given keywright.Scopes) keywright.Scopes {
	all := slices.Clone(given)
	for i := 0; i < len(all) && len(all) <= len(given)+mostImplied; i++ {
		for _, c := range l.catalogues {
			all = c.bring(all, all[i])
		}
	}
	more := all[len(given):]
	return keywright.Scopes(more[:min(len(more), mostImplied+1)]).With(nil)
}

// bring adds to all what comes with one scope.
func (c entries) bring(all keywright.Scopes, with keywright.Scope) keywright.Scopes {
	for _, e := range c {
		if len(e.implies) == 0 || !e.name.Contains(with) {
			continue
		}
		for _, s := range e.implies {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// implications is everything that any entry implies.
func (c entries) implications() (all keywright.Scopes) {
	for _, e := range c {
		all = append(all, e.implies...)
	}
	return all.With(nil)
}

// unknown says of a scope that no catalogue knows it, and what may have been meant.
func (l lexicon) unknown(s keywright.Scope) string {
	where := fmt.Sprintf("audience %q", l.audience[0])
	switch {
	case l.audience[0] == keywright.NoAudience:
		where = "tokens without an audience"
	case len(l.audience) > 1:
		where = fmt.Sprintf("the audiences %q", l.audience)
	}
	why := fmt.Sprintf("unknown scope %q for %s", s, where)
	if near := l.nearest(s); near != "" {
		why += fmt.Sprintf("; did you mean %q?", near)
	}
	return why
}

// nearest is the name most like a scope, the first of several; empty if none is much like it.
func (l lexicon) nearest(s keywright.Scope) string {
	best, text := "", s.String()
	least := len(text)/3 + 1
	for _, c := range l.catalogues {
		for _, e := range c {
			if d := distance(text, e.name.String(), least); d < least {
				best, least = e.name.String(), d
			}
		}
	}
	return best
}
