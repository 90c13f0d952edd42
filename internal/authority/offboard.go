package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Whoever leaves leaves nothing alive by accident: the call says whether the tokens end or whose they become, and
// it happens in the revision in which the user can no longer act.

// DisableUser keeps a user from signing in, ends its sessions, and ends its tokens or hands them to somebody. On a user
// who is disabled it does the same to what is left.
func (a *Authority) DisableUser(ctx context.Context, caller Caller, username string, req keywright.Offboarding) (keywright.Offboarded, error) {
	return a.offboard(ctx, caller, username, req, "owner disabled", (*scene).disableUser)
}

// DeleteUser removes a user with its roles and sessions, and ends its tokens or hands them to somebody. Tokens that
// are revoked stay listed under the name the user had.
func (a *Authority) DeleteUser(ctx context.Context, caller Caller, username string, req keywright.Offboarding) (keywright.Offboarded, error) {
	return a.offboard(ctx, caller, username, req, "owner deleted", (*scene).deleteUser)
}

func (a *Authority) offboard(ctx context.Context, c Caller, username string, req keywright.Offboarding, reason string,
	leave func(*scene, context.Context, *store.User, string) error) (keywright.Offboarded, error) {
	var result keywright.Offboarded
	done, err := a.change(ctx, c, func(s *scene) error {
		user, err := s.userToLeave(ctx, username)
		if err != nil {
			return err
		}
		h, err := s.handover(ctx, req, reason)
		if err != nil {
			return err
		}
		if result, err = s.handOver(ctx, user, h); err != nil {
			return err
		}
		return leave(s, ctx, user, h.reason)
	})
	if err != nil {
		return keywright.Offboarded{}, err
	}
	result.Revision = done.Revision
	return result, nil
}

// userToLeave finds a user whom the actor may send away, and without whom the rest stays governed.
func (s *scene) userToLeave(ctx context.Context, username string) (*store.User, error) {
	user, roles, err := s.userGoverned(ctx, username, usersWrite)
	if err != nil {
		return nil, err
	}
	if s.actor.user.ID == user.ID {
		return nil, fmt.Errorf("%w: nobody disables or deletes the own user; somebody else can", keywright.ErrConflict)
	}
	for _, r := range roles {
		if err := s.staysGoverned(ctx, user, r); err != nil {
			return nil, err
		}
	}
	return user, nil
}

// userGoverned finds a user over whom the actor has a say everywhere the user has a role.
func (s *scene) userGoverned(ctx context.Context, username, scope string) (*store.User, []store.Role, error) {
	user, err := s.userNamed(ctx, username)
	if err != nil {
		return nil, nil, err
	}
	roles, err := s.tx.People().Roles(ctx, user.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range roles {
		err := s.require(place{account: r.Account}, scope)
		if errors.Is(err, keywright.ErrNotFound) || err != nil && r.Account == "" {
			return nil, nil, beyondYou()
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return user, roles, nil
}

func beyondYou() error {
	return fmt.Errorf("%w: the user has a part in something that is not yours to govern: take away the roles that are, or ask an operator",
		keywright.ErrForbidden)
}

// staysGoverned refuses to take a role from the last who can use it to govern: the last operator, the last admin of
// an account that no parent's admin governs.
func (s *scene) staysGoverned(ctx context.Context, user *store.User, r store.Role) error {
	if r.Name != roleOperator && r.Name != roleAdmin {
		return nil
	}
	places := []string{r.Account}
	if parent := parentOf(r.Account); parent != "" {
		places = append(places, parent)
	}
	for _, account := range places {
		if other, err := s.anotherWith(ctx, store.Role{Account: account, Name: r.Name}, user.ID); other || err != nil {
			return err
		}
	}
	at := "the instance"
	if r.Account != "" {
		at = place{account: r.Account}.String()
	}
	return fmt.Errorf("%w: %s is the last %s of %s: give the role to somebody else first", keywright.ErrConflict, user.Username, r.Name, at)
}

// anotherWith reports whether somebody else has the role and can sign in.
func (s *scene) anotherWith(ctx context.Context, r store.Role, than keywright.ID) (bool, error) {
	after := ""
	for {
		users, err := s.tx.People().UsersWith(ctx, r, after, maxLimit)
		if err != nil || len(users) == 0 {
			return false, err
		}
		for _, u := range users {
			if after = u.Username; u.ID != than && u.DisabledAt.IsZero() {
				return true, nil
			}
		}
	}
}

// handover is what becomes of tokens.
type handover struct {
	to     *store.User // nil: they end
	roles  []store.Role
	reason string
}

// handover reads a request. Only a word ends tokens, and only a name hands them over.
func (s *scene) handover(ctx context.Context, req keywright.Offboarding, reason string) (handover, error) {
	var p problems
	h := handover{reason: p.reason(req.Reason)}
	if h.reason == "" {
		h.reason = reason
	}
	switch {
	case req.Tokens != keywright.TokensEnd && req.Tokens != keywright.TokensTransfer:
		p.add("/tokens", "must say what becomes of the user's tokens: end or transfer")
	case req.Tokens == keywright.TokensTransfer && req.To == "":
		p.add("/to", "must name who is to own the tokens")
	case req.Tokens == keywright.TokensEnd && req.To != "":
		p.add("/to", "must be left out when the tokens end")
	}
	if err := p.err(); err != nil || req.Tokens == keywright.TokensEnd {
		return h, err
	}
	to, err := s.userNamed(ctx, req.To)
	if err == nil && !to.DisabledAt.IsZero() {
		err = keywright.ErrNotFound
	}
	if err != nil {
		return h, gone(err, keywright.Invalid("/to", "there is no user of that name who could own tokens here"))
	}
	h.to = to
	h.roles, err = s.tx.People().Roles(ctx, to.ID)
	return h, err
}

// handOver ends or hands over every token of the user, wherever it is, expired and disabled ones too.
func (s *scene) handOver(ctx context.Context, user *store.User, h handover) (result keywright.Offboarded, err error) {
	if h.to != nil && h.to.ID == user.ID {
		return result, keywright.Invalid("/to", "must be somebody else")
	}
	owned, err := s.owned(ctx, user.ID)
	if err != nil {
		return result, err
	}
	for _, id := range owned {
		rec, err := s.ownedToken(ctx, id)
		if err != nil {
			return result, err
		}
		if h.to != nil {
			result.Transferred++
			err = s.transfer(ctx, rec, h)
		} else if rec.Facts.RevokedAt.IsZero() {
			result.Ended++
			_, err = s.revoke(ctx, rec, h.reason)
		} else {
			result.Ended++ // with the token that made it
		}
		if err != nil {
			return result, err
		}
	}
	return result, nil
}

// owned are the ids of a user's tokens that are not revoked, what made others before these.
func (s *scene) owned(ctx context.Context, user keywright.ID) ([]keywright.ID, error) {
	recs, err := s.tx.Tokens().OwnedBy(ctx, user, maxBulk+1)
	if err != nil {
		return nil, err
	}
	if len(recs) > maxBulk {
		return nil, fmt.Errorf("%w: the user has more than %d tokens: revoke them in bulk first", keywright.ErrConflict, maxBulk)
	}
	ids := make([]keywright.ID, len(recs))
	for i, rec := range recs {
		ids[i] = rec.Facts.ID
	}
	return ids, nil
}

// ownedToken reads a token again, as what happened to another may have left it. One over which the actor has no say
// stands in the way of it all: it must not be left alive.
func (s *scene) ownedToken(ctx context.Context, id keywright.ID) (*store.Record, error) {
	rec, err := s.token(ctx, id, tokensWrite)
	return rec, gone(err, beyondYou())
}

// transfer gives a token another owner: somebody with a part in its account, and by an actor who could have given such a token.
func (s *scene) transfer(ctx context.Context, rec *store.Record, h handover) error {
	if !(&actor{roles: h.roles}).belongsTo(rec.Facts.Account) {
		return keywright.Invalid("/to", "has no role in account %s, where the user has tokens", rec.Facts.Account)
	}
	before := *rec
	rec.Owner, rec.OwnerName = h.to.ID, h.to.Username
	if err := s.mayHandOut(ctx, rec); err != nil {
		return err
	}
	return s.update(ctx, "token.transfer", h.reason, &before, rec)
}

func (s *scene) disableUser(ctx context.Context, user *store.User, reason string) error {
	if !user.DisabledAt.IsZero() {
		return nil
	}
	changed := *user
	changed.DisabledAt = s.now
	e, err := s.userEvent(ctx, "user.disable", user)
	if err != nil {
		return err
	}
	e.Reason = reason
	e.Before, e.After = map[string]any{"disabled_at": nil}, map[string]any{"disabled_at": s.now.Format(time.RFC3339Nano)}
	if err := s.tx.People().UpdateUser(ctx, &changed, e); err != nil {
		return err
	}
	return s.endSessions(ctx, user, keywright.ID{}, reason)
}

func (s *scene) deleteUser(ctx context.Context, user *store.User, reason string) error {
	e, err := s.userEvent(ctx, "user.delete", user) // before the roles are gone that say where it is told
	if err != nil {
		return err
	}
	if err := s.endSessions(ctx, user, keywright.ID{}, reason); err != nil {
		return err
	}
	if err := s.dropRoles(ctx, user, reason, func(store.Role) bool { return true }); err != nil {
		return err
	}
	e.Reason, e.Before = reason, map[string]any{"email": user.Email}
	return s.tx.People().DeleteUser(ctx, user.ID, e)
}

// userEvent begins the event of a change to a user, which is told where the user is at home.
func (s *scene) userEvent(ctx context.Context, action string, user *store.User) (store.Event, error) {
	roles, err := s.tx.People().Roles(ctx, user.ID)
	return s.event(action, homeOf(roles), "", "user:"+user.Username), err
}

// EnableUser lets a disabled user sign in again, with the roles it has. Tokens that ended stay ended. Enabling who
// is not disabled changes nothing.
func (a *Authority) EnableUser(ctx context.Context, caller Caller, username string) (keywright.User, error) {
	var shown keywright.User
	_, err := a.change(ctx, caller, func(s *scene) error {
		user, roles, err := s.userGoverned(ctx, username, usersWrite)
		if err != nil {
			return err
		}
		if err := s.enableUser(ctx, user, roles); err != nil {
			return err
		}
		shown, err = s.userShown(ctx, user)
		return err
	})
	return shown, err
}

func (s *scene) enableUser(ctx context.Context, user *store.User, roles []store.Role) error {
	if user.DisabledAt.IsZero() {
		return nil
	}
	for _, r := range roles {
		if err := s.mayGiveRole(keywright.Role{Name: r.Name, Account: r.Account, Space: r.Space}); err != nil {
			return err
		}
	}
	e := s.event("user.enable", homeOf(roles), "", "user:"+user.Username)
	e.Before, e.After = map[string]any{"disabled_at": user.DisabledAt.Format(time.RFC3339Nano)}, map[string]any{"disabled_at": nil}
	user.DisabledAt = time.Time{}
	return s.tx.People().UpdateUser(ctx, user, e)
}
