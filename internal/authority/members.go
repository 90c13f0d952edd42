package authority

import (
	"cmp"
	"context"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Members returns who has a role on an account or, with a space, on that space: exactly there, by name.
func (a *Authority) Members(ctx context.Context, caller Caller, account, space string, q ListQuery) (keywright.Page[keywright.Member], error) {
	return a.members(ctx, caller, q, func(s *scene) (place, error) {
		at := place{cmp.Or(account, s.actor.account), space}
		if err := s.require(at, membersRead); err != nil {
			return at, missing("account", err)
		}
		_, err := s.tenancy(ctx, at)
		return at, err
	})
}

// Operators returns who has a role on the instance.
func (a *Authority) Operators(ctx context.Context, caller Caller, q ListQuery) (keywright.Page[keywright.Member], error) {
	return a.members(ctx, caller, q, func(s *scene) (place, error) {
		if err := s.require(place{}, membersRead); err != nil {
			return place{}, onlyOperators(err)
		}
		return place{}, nil
	})
}

func (a *Authority) members(ctx context.Context, c Caller, q ListQuery, where func(*scene) (place, error)) (keywright.Page[keywright.Member], error) {
	var page keywright.Page[keywright.Member]
	err := a.view(ctx, c, func(s *scene) error {
		at, err := where(s)
		if err != nil {
			return err
		}
		list := "members of " + at.String()
		after, limit, err := q.begin(list)
		if err != nil {
			return err
		}
		found, err := s.membersAt(ctx, at, after, limit+1)
		page = pageOf(found, limit, list, func(m keywright.Member) keywright.Member { return m },
			func(m keywright.Member) string { return m.Username })
		return err
	})
	return page, err
}

func (s *scene) membersAt(ctx context.Context, at place, after string, limit int) ([]keywright.Member, error) {
	users, err := s.tx.People().UsersWith(ctx, store.Role{Account: at.account, Space: at.space}, after, limit)
	if err != nil {
		return nil, err
	}
	members := make([]keywright.Member, len(users))
	for i, u := range users {
		roles, err := s.tx.People().Roles(ctx, u.ID)
		if err != nil {
			return nil, err
		}
		members[i] = keywright.Member{Username: u.Username, DisabledAt: moment(u.DisabledAt), Roles: []keywright.Role{}}
		for _, r := range rolesShown(roles) {
			if r.Account == at.account && r.Space == at.space {
				members[i].Roles = append(members[i].Roles, r)
			}
		}
	}
	return members, nil
}
