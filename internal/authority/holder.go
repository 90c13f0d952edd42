package authority

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/keywright/keywright"
)

// Validate says, with a nil error, that the caller shows the secret of a token that can be used now, whatever for.
func (a *Authority) Validate(ctx context.Context, caller Caller) error {
	_, err := a.client(ctx, caller)
	return err
}

// UserNumber is the number of a user with a role in an account of the caller's; the caller's own, or its token's
// owner's, for an empty name. Of anybody else it is keywright.ErrNotFound.
func (a *Authority) UserNumber(ctx context.Context, caller Caller, username string) (int64, error) {
	var number int64
	err := a.view(ctx, caller, func(s *scene) error {
		own := s.actor.user
		if username == "" || strings.EqualFold(username, own.Username) {
			number = own.Number
			return nil
		}
		user, err := s.userNamed(ctx, username)
		if err == nil {
			number = user.Number
		}
		return err
	})
	return number, err
}

// Givable is what, of the scopes asked for, the caller may give to a token without audience that it makes in a space (empty:
// an account token) of an account (empty: its own): by its own authority, by the policies there and by what the catalogue knows.
func (a *Authority) Givable(ctx context.Context, caller Caller, account, space string, asked []string) ([]string, error) {
	var given []string
	err := a.view(ctx, caller, func(s *scene) error {
		at := place{cmp.Or(account, s.actor.account), space}
		if err := s.require(at, tokensWrite); err != nil {
			return missing("account", err)
		}
		wanted, err := keywright.ParseScopes(asked...)
		if err != nil {
			return err
		}
		t, err := s.tenancy(ctx, place{at.account, cmp.Or(space, defaultName)})
		if err != nil {
			return err
		}
		wanted = wanted.Narrow(s.actor.envelope(at).scopes)
		for _, l := range t.demands.Limits {
			if len(l.Scopes) > 0 {
				wanted = wanted.Narrow(l.Scopes)
			}
		}
		wanted, err = s.givableOf(ctx, at.account, wanted)
		given = wanted.Strings()
		return err
	})
	return given, err
}

// givableOf are those scopes that the catalogue of the tokens without audience knows and lets the actor give.
func (s *scene) givableOf(ctx context.Context, account string, wanted keywright.Scopes) (keywright.Scopes, error) {
	l, err := s.lexicon(ctx, &keywright.Facts{Account: account})
	if err != nil {
		return nil, err
	}
	free := s.actor.token != nil || s.administers(account)
	return slices.DeleteFunc(wanted, func(scope keywright.Scope) bool {
		_, admins := l.adminOnly(keywright.Scopes{scope})
		return !l.knows(scope) || admins && !free
	}), nil
}
