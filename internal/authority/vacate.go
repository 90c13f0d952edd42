package authority

import (
	"context"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// DeleteSpace removes a space and everything in it: its tokens, the roles on it and the invitations to it, each with its
// event, in one revision; its own policy goes with it. The name has to be repeated. The space "default" stays.
func (a *Authority) DeleteSpace(ctx context.Context, caller Caller, account, name, repeated string) (keywright.Revision, error) {
	done, err := a.change(ctx, caller, func(s *scene) error {
		space, err := s.spaceFor(ctx, account, name)
		switch {
		case err != nil:
			return err
		case space.Name == defaultName:
			return fmt.Errorf("%w: the space default belongs to its account and stays", keywright.ErrConflict)
		case repeated != space.Name:
			return keywright.Invalid("repeat", "must repeat the name of the space, %s: its tokens are deleted with it", space.Name)
		}
		return s.deleteSpace(ctx, space)
	})
	if err != nil {
		return 0, err
	}
	return done.Revision, nil
}

const spaceDeleted = "space deleted"

func (s *scene) deleteSpace(ctx context.Context, space *store.Space) error {
	tokens, err := s.removeTokens(ctx, space)
	if err != nil {
		return err
	}
	if err := s.dropRolesOn(ctx, space); err != nil {
		return err
	}
	if err := s.withdrawInvitesTo(ctx, space); err != nil {
		return err
	}
	e := s.event("space.delete", space.Account, space.Name, "space:"+space.Name)
	e.Before = standing(space.Title, space.ClosedAt)
	e.Before["tokens"] = tokens
	if policy := spacePolicyStory(space.Policy); len(policy) > 0 {
		e.Before["policy"] = policy
	}
	return s.tx.Tenants().DeleteSpace(ctx, space.Account, space.Name, e)
}

// removeTokens removes the newest first: what a token made goes before it.
func (s *scene) removeTokens(ctx context.Context, space *store.Space) (removed int, err error) {
	find := store.TokenQuery{
		Filter:     keywright.TokenFilter{Account: space.Account, Space: space.Name},
		Sort:       keywright.SortCreated,
		Descending: true,
		Limit:      bulkPage,
		Now:        s.now,
	}
	for {
		page, err := s.tx.Tokens().List(ctx, find)
		if err != nil || len(page) == 0 {
			return removed, err
		}
		if removed += len(page); removed > maxBulk {
			return 0, fmt.Errorf("%w: the space has more than %d tokens: close it, which ends them at once, delete them in bulk, and delete it then",
				keywright.ErrConflict, maxBulk)
		}
		for _, l := range page {
			if err := s.remove(ctx, l.Record, spaceDeleted); err != nil {
				return 0, err
			}
		}
	}
}

// dropRolesOn takes away what a space of the same name would otherwise find given.
func (s *scene) dropRolesOn(ctx context.Context, space *store.Space) error {
	at := store.Role{Account: space.Account, Space: space.Name}
	for {
		users, err := s.tx.People().UsersWith(ctx, at, "", maxLimit)
		if err != nil || len(users) == 0 {
			return err
		}
		for _, user := range users {
			if err := s.dropRoles(ctx, user, spaceDeleted, func(r store.Role) bool { return r.Account == at.Account && r.Space == at.Space }); err != nil {
				return err
			}
		}
	}
}

// dropRoles takes away those roles of a user that are chosen, each with its event.
func (s *scene) dropRoles(ctx context.Context, user *store.User, reason string, chosen func(store.Role) bool) error {
	roles, err := s.tx.People().Roles(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, r := range roles {
		if !chosen(r) {
			continue
		}
		e := s.event("role.drop", r.Account, r.Space, "user:"+user.Username)
		e.Reason, e.Before = reason, map[string]any{"role": r.Name}
		if err := s.tx.People().DeleteRole(ctx, r, e); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) withdrawInvitesTo(ctx context.Context, space *store.Space) error {
	var after keywright.ID
	for {
		invites, err := s.tx.People().InvitesTo(ctx, space.Account, after, maxLimit)
		if err != nil || len(invites) == 0 {
			return err
		}
		for _, i := range invites {
			after = i.ID
			if i.Role.Space != space.Name {
				continue
			}
			if err := s.withdraw(ctx, i, spaceDeleted); err != nil {
				return err
			}
		}
	}
}
