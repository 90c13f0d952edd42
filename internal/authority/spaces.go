package authority

import (
	"cmp"
	"context"
	"errors"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Spaces returns the spaces of an account that the caller may see.
func (a *Authority) Spaces(ctx context.Context, caller Caller, account string, q ListQuery) (keywright.Page[keywright.Space], error) {
	var page keywright.Page[keywright.Space]
	err := a.view(ctx, caller, func(s *scene) error {
		account := cmp.Or(account, s.actor.account)
		list := "spaces of " + account
		after, limit, err := q.begin(list)
		if err != nil {
			return err
		}
		found, err := s.spaces(ctx, account, after, limit+1)
		page = pageOf(found, limit, list, spaceResource, func(r *store.Space) string { return r.Name })
		return err
	})
	return page, err
}

func (s *scene) spaces(ctx context.Context, account, after string, limit int) ([]*store.Space, error) {
	sight, err := s.sight(account, spacesRead)
	if err != nil {
		return nil, missing("account", err)
	}
	if _, err := s.tenancy(ctx, place{account: account}); err != nil {
		return nil, err
	}
	if sight.all {
		return s.tx.Tenants().Spaces(ctx, account, after, limit)
	}
	var seen []*store.Space
	for _, name := range distinct(sight.spaces, cmp.Compare[string]) {
		if name <= after || len(seen) == limit {
			continue
		}
		space, err := s.tx.Tenants().Space(ctx, account, name)
		if errors.Is(err, keywright.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		seen = append(seen, space)
	}
	return seen, nil
}

func spaceResource(s *store.Space) keywright.Space {
	return keywright.Space{Account: s.Account, Name: s.Name, Number: s.Number, Title: s.Title, CreatedAt: s.CreatedAt, ClosedAt: moment(s.ClosedAt)}
}

// CreateSpace makes a space.
func (a *Authority) CreateSpace(ctx context.Context, caller Caller, account, name, title string) (keywright.Space, error) {
	var space keywright.Space
	_, err := a.change(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, account, spacesWrite)
		if err != nil {
			return err
		}
		var p problems
		if !isSlug(name) {
			p.add("/name", "must be a slug of small letters, digits and '-'")
		}
		title := p.text("/title", title, maxLabelRunes, maxLabelBytes)
		if err := p.err(); err != nil {
			return err
		}
		space, err = s.insertSpace(ctx, &store.Space{
			Account:   t.account.Name,
			Name:      name,
			Title:     cmp.Or(title, name),
			CreatedAt: s.now,
		})
		return err
	})
	return space, err
}

func (s *scene) insertSpace(ctx context.Context, space *store.Space) (keywright.Space, error) {
	e := s.event("space.create", space.Account, space.Name, "space:"+space.Name)
	e.After = map[string]any{"title": space.Title}
	number, err := s.tx.Tenants().InsertSpace(ctx, space, e)
	if err != nil {
		return keywright.Space{}, taken(err, "a space of that name")
	}
	space.Number = number
	return spaceResource(space), nil
}
