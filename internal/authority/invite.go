package authority

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	purposeInvite = "invite"
	inviteMark    = "i" // after the prefix: an invitation is taken for no API key, nor an API key for an invitation
	defaultInvite = 7 * 24 * time.Hour
	longestInvite = 30 * 24 * time.Hour
)

// Invited is an invitation that was made. Its token is shown this once.
type Invited struct {
	Invite keywright.Invite
	Token  keywright.Secret
}

// Invite invites somebody to become a user with a role that the caller may give. Whoever has the token sets the password;
// it is good once, for at most 30 days, and only as long as the caller could still give the role.
func (a *Authority) Invite(ctx context.Context, caller Caller, req keywright.NewInvite) (Invited, error) {
	var invited Invited
	_, err := a.change(ctx, caller, func(s *scene) (err error) {
		invited, err = s.invite(ctx, req)
		return err
	})
	if err != nil {
		return Invited{}, err
	}
	return invited, nil
}

func (s *scene) invite(ctx context.Context, req keywright.NewInvite) (Invited, error) {
	life, err := inviteLife(req)
	if err != nil {
		return Invited{}, err
	}
	asked := NewUser{Username: req.Username, Email: req.Email, Role: req.Role}
	if err := s.mayAddUser(ctx, &asked); err != nil {
		return Invited{}, err
	}
	if err := s.notYetUser(ctx, asked); err != nil {
		return Invited{}, err
	}
	id, err := keywright.NewID(s.now, s.a.cfg.Random)
	if err != nil {
		return Invited{}, err
	}
	secret, err := keywright.GenerateSecret(s.a.cfg.Random)
	if err != nil {
		return Invited{}, err
	}
	kept := s.planInvite(id, asked, life)
	kept.Digest, kept.Pepper = s.a.cfg.Keys.Digest(purposeInvite, secret)
	e := s.inviteEvent("invite.create", kept)
	e.After = map[string]any{"username": kept.Username, "email": kept.Email, "role": kept.Role.Name, "expires_at": kept.ExpiresAt.Format(time.RFC3339Nano)}
	if err := s.tx.People().InsertInvite(ctx, kept, e); err != nil {
		return Invited{}, err
	}
	token := keywright.FormatAPIKey(s.a.cfg.Prefix+inviteMark, id, secret)
	return Invited{inviteResource(kept), keywright.NewSecret(token)}, nil
}

// inviteLife reads how long an invitation is good. To invite an operator would let a forwarded message govern the instance.
func inviteLife(req keywright.NewInvite) (time.Duration, error) {
	var p problems
	if req.ExpiresIn < 0 || req.ExpiresIn > int64(longestInvite/time.Second) {
		p.add("/expires_in", "must be 1 to %d seconds", int64(longestInvite/time.Second))
	}
	if roleLevel(req.Role.Name) == "instance" {
		p.add("/role", "nobody is invited to be an operator: give the role to a user")
	}
	return cmp.Or(seconds(req.ExpiresIn), defaultInvite), p.err()
}

func (s *scene) notYetUser(ctx context.Context, asked NewUser) error {
	for _, name := range []string{asked.Username, asked.Email} {
		_, err := s.tx.People().UserNamed(ctx, name)
		switch {
		case name == "" || errors.Is(err, keywright.ErrNotFound):
		case err == nil:
			return taken(keywright.ErrConflict, "a user of that name or e-mail address")
		default:
			return err
		}
	}
	return nil
}

func (s *scene) planInvite(id keywright.ID, asked NewUser, life time.Duration) *store.Invite {
	i := &store.Invite{
		ID:        id,
		Username:  asked.Username,
		Email:     asked.Email,
		Role:      store.Role{Account: asked.Role.Account, Space: asked.Role.Space, Name: asked.Role.Name},
		ByUser:    s.actor.user.ID,
		InvitedBy: s.actor.name,
		CreatedAt: s.now,
		ExpiresAt: s.now.Add(life),
	}
	if s.actor.token != nil {
		i.ByToken = s.actor.token.Facts.ID
	}
	return i
}

func (s *scene) inviteEvent(action string, i *store.Invite) store.Event {
	return s.event(action, i.Role.Account, i.Role.Space, "invite:"+i.ID.String())
}

func inviteResource(i *store.Invite) keywright.Invite {
	return keywright.Invite{
		ID:        i.ID,
		Username:  i.Username,
		Email:     i.Email,
		Role:      keywright.Role{Name: i.Role.Name, Account: i.Role.Account, Space: i.Role.Space},
		InvitedBy: i.InvitedBy,
		CreatedAt: i.CreatedAt,
		ExpiresAt: i.ExpiresAt,
	}
}

// Invites returns the invitations to an account and its spaces that were neither accepted nor withdrawn.
func (a *Authority) Invites(ctx context.Context, caller Caller, account string, q ListQuery) (keywright.Page[keywright.Invite], error) {
	page := keywright.Page[keywright.Invite]{Items: []keywright.Invite{}}
	err := a.view(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, account, usersRead)
		if err != nil {
			return err
		}
		list := "invitations to " + t.account.Name
		after, limit, err := q.beginByID(list)
		if err != nil {
			return err
		}
		found, err := s.tx.People().InvitesTo(ctx, t.account.Name, after, limit+1)
		page = pageByID(found, limit, list, inviteResource, func(i *store.Invite) keywright.ID { return i.ID })
		return err
	})
	return page, err
}

// Withdraw ends an invitation before it is accepted.
func (a *Authority) Withdraw(ctx context.Context, caller Caller, account string, id keywright.ID) error {
	_, err := a.change(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, account, usersWrite)
		if err != nil {
			return err
		}
		i, err := s.tx.People().Invite(ctx, id)
		if err == nil && i.Role.Account != t.account.Name {
			err = keywright.ErrNotFound
		}
		if err != nil {
			return missing("invitation", err)
		}
		return s.withdraw(ctx, i, "")
	})
	return err
}

func (s *scene) withdraw(ctx context.Context, i *store.Invite, reason string) error {
	e := s.inviteEvent("invite.withdraw", i)
	e.Reason, e.Before = reason, map[string]any{"username": i.Username, "role": i.Role.Name}
	return s.tx.People().DeleteInvite(ctx, i.ID, e)
}
