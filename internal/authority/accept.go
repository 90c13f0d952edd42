package authority

import (
	"context"
	"errors"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// AcceptInvite makes a user of who shows the token of an invitation, with the password given. Whatever is wrong
// with the token is the same refusal: malformed, unknown, used, withdrawn, run out, or from somebody who could no longer
// give the role.
func (a *Authority) AcceptInvite(ctx context.Context, caller Caller, token, password keywright.Secret) (keywright.User, error) {
	var user keywright.User
	shown, err := keywright.ParseCredential(a.cfg.Prefix+inviteMark, token.Reveal())
	if err != nil || shown.Form() != keywright.FormAPIKey {
		return user, unusableInvite()
	}
	// A password costs much: only who holds an invitation has one worked out.
	err = a.cfg.Store.Read(ctx, func(tx store.Tx) error {
		_, err := a.proveInvite(ctx, tx, caller, shown)
		return err
	})
	if err != nil {
		return user, err
	}
	hash, err := a.hashPassword(ctx, "/password", password)
	if err != nil {
		return user, err
	}
	_, err = a.commit(ctx, func(tx store.Tx) error {
		invite, err := a.proveInvite(ctx, tx, caller, shown)
		if err != nil {
			return err
		}
		user, err = a.accept(ctx, tx, caller, invite, hash)
		return err
	})
	return user, err
}

func unusableInvite() error {
	return keywright.Invalid("/token", "is no invitation that can be accepted: it may have been used, withdrawn or have run out; ask for another")
}

// proveInvite finds the invitation that a token is of. An unknown one takes the same work.
func (a *Authority) proveInvite(ctx context.Context, tx store.Tx, caller Caller, shown keywright.Credential) (*store.Invite, error) {
	now := a.cfg.Now()
	invite, err := tx.People().Invite(ctx, shown.ID())
	if err != nil && !isAbsent(err) {
		return nil, err
	}
	kept := store.Invite{Pepper: a.currentPepper()} // nobody's: costs as much as somebody's
	if invite != nil {
		kept = *invite
	}
	if !a.cfg.Keys.Matches(purposeInvite, shown.Reveal(), kept.Digest, kept.Pepper) {
		if err := a.throttle.failed(shown, caller.Address, now); err != nil {
			return nil, err
		}
		return nil, unusableInvite()
	}
	if !now.Before(kept.ExpiresAt) {
		return nil, unusableInvite()
	}
	return invite, nil
}

// accept uses an invitation up and makes the user, if whoever invited could do so now.
func (a *Authority) accept(ctx context.Context, tx store.Tx, caller Caller, i *store.Invite, hash string) (keywright.User, error) {
	s := &scene{a: a, tx: tx, caller: caller, now: a.instant(), tenants: map[place]tenancy{}}
	inviter, err := s.inviter(ctx, i)
	if err != nil {
		return keywright.User{}, err
	}
	s.actor = inviter
	req := NewUser{
		Username: i.Username,
		Email:    i.Email,
		Role:     keywright.Role{Name: i.Role.Name, Account: i.Role.Account, Space: i.Role.Space},
	}
	if err := s.mayAddUser(ctx, &req); err != nil {
		return keywright.User{}, cannotGive(err)
	}
	acting := *inviter
	acting.name = "user:" + i.Username // who does it is who accepts
	s.actor = &acting
	e := s.inviteEvent("invite.accept", i)
	e.Before = map[string]any{"invited_by": i.InvitedBy}
	if err := tx.People().DeleteInvite(ctx, i.ID, e); err != nil {
		return keywright.User{}, gone(err, unusableInvite())
	}
	return s.addUser(ctx, req, hash)
}

// inviter is who made the invitation, as it stands now: a person by its roles, or a token by its scopes.
func (s *scene) inviter(ctx context.Context, i *store.Invite) (*actor, error) {
	user, err := s.tx.People().User(ctx, i.ByUser)
	if err != nil {
		return nil, gone(err, unusableInvite())
	}
	if !user.DisabledAt.IsZero() {
		return nil, unusableInvite()
	}
	who := &actor{name: i.InvitedBy, account: i.Role.Account, user: user}
	if i.ByToken.IsZero() {
		who.roles, err = s.tx.People().Roles(ctx, user.ID)
		return who, err
	}
	who.token, err = s.tx.Tokens().Get(ctx, i.ByToken)
	if err != nil {
		return nil, gone(err, unusableInvite())
	}
	if err := s.situate(ctx, who.token); err != nil {
		return nil, gone(err, unusableInvite())
	}
	return who, cannotGive(s.judgeAbsent(who))
}

// judgeAbsent judges a token that is not shown here: where it may be shown from does not matter.
func (s *scene) judgeAbsent(who *actor) error {
	anywhere := *who.token
	anywhere.Facts.Networks = nil
	return s.judge(&actor{token: &anywhere}, keywright.Access{})
}

// cannotGive tells of whoever invited nothing to who was invited.
func cannotGive(err error) error {
	for _, refusal := range []error{keywright.ErrForbidden, keywright.ErrNotFound, keywright.ErrUnauthenticated} {
		if errors.Is(err, refusal) {
			return unusableInvite()
		}
	}
	return err
}
