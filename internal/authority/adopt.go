package authority

import (
	"context"
	"slices"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/catalogue"
	"github.com/keywright/keywright/internal/store"
)

// Catalogues returns the catalogues that come with the program, to anybody who is known here.
func (a *Authority) Catalogues(ctx context.Context, caller Caller) ([]keywright.Catalogue, error) {
	var all []keywright.Catalogue
	err := a.view(ctx, caller, func(*scene) (err error) {
		all, err = catalogue.All()
		return err
	})
	return all, err
}

// AdoptCatalogue registers the audiences of a catalogue that comes with the program, and returns them as they are then. What an
// account has of them already stays beside it; of an entry that both have, the catalogue's is kept. So to adopt it again
// changes nothing, and two that have an audience in common leave it with the entries of both.
func (a *Authority) AdoptCatalogue(ctx context.Context, caller Caller, account, name string) ([]keywright.Audience, error) {
	var shown []keywright.Audience
	done, err := a.change(ctx, caller, func(s *scene) error {
		shown = nil
		t, err := s.accountFor(ctx, account, policyWrite)
		if err != nil {
			return err
		}
		c, err := catalogue.Find(name)
		if err != nil {
			return err
		}
		for _, offered := range c.Audiences {
			adopted, err := s.adopt(ctx, t.account.Name, offered)
			if err != nil {
				return err
			}
			shown = append(shown, audienceResource(adopted))
		}
		return nil
	})
	for i := range shown {
		shown[i].Revision = done.Revision
	}
	return shown, err
}

func (s *scene) adopt(ctx context.Context, account string, offered keywright.NewAudience) (*store.Audience, error) {
	was, err := s.tx.Audiences().Get(ctx, account, offered.Name)
	if err != nil && !isAbsent(err) {
		return nil, err
	}
	if was != nil {
		offered = merge(was, offered)
	}
	asked, err := readAudience(offered.Name, offered)
	if err != nil {
		return nil, err
	}
	return s.setAudience(ctx, "audience.adopt", account, asked)
}

// merge is an audience with the entries that are offered, in place of its own of the same names or after them.
func merge(was *store.Audience, offered keywright.NewAudience) keywright.NewAudience {
	entries := slices.Clone(was.Scopes)
	for _, e := range offered.Scopes {
		i := slices.IndexFunc(entries, func(had keywright.CatalogueEntry) bool { return had.Name == e.Name })
		if i < 0 {
			entries = append(entries, e)
		} else {
			entries[i] = e
		}
	}
	description := was.Description
	if description == "" {
		description = offered.Description
	}
	return keywright.NewAudience{Name: offered.Name, Description: description, Scopes: entries}
}
