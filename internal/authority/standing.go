package authority

import (
	"cmp"
	"context"
	"fmt"

	"github.com/keywright/keywright"
)

// Standing is who a person is and what it may do in one account: for a door that shows no button which would be refused. It
// decides nothing, since whatever is done is judged when it is done.
type Standing struct {
	keywright.Self
	// Here is what the person may do in the account as a whole, as reserved scopes.
	Here keywright.Scopes
	// In is what it may do in those spaces in which it has a role, by name.
	In map[string]keywright.Scopes
}

// May reports whether the person may do in the account as a whole what the scope names.
func (s Standing) May(scope string) bool { return s.Here.Covers(scopes(scope)[0]) }

// MayIn reports whether it may do so in a space.
func (s Standing) MayIn(space, scope string) bool {
	return s.May(scope) || s.In[space].Covers(scopes(scope)[0])
}

// MaySomewhere reports whether it may do so in the account or in one of its spaces.
func (s Standing) MaySomewhere(scope string) bool {
	for space := range s.In {
		if s.MayIn(space, scope) {
			return true
		}
	}
	return s.May(scope)
}

// Standing says what the person who calls may do in an account; keywright.ErrNotFound where it has no say at all.
func (a *Authority) Standing(ctx context.Context, caller Caller, account string) (Standing, error) {
	var st Standing
	err := a.view(ctx, caller, func(s *scene) error {
		if s.actor.token != nil {
			return fmt.Errorf("%w: this is for a person's session, not for a token", keywright.ErrForbidden)
		}
		if !isAccountName(account) || !s.actor.belongsTo(account) {
			return missing("account", keywright.ErrNotFound)
		}
		if _, err := s.tenancy(ctx, place{account: account}); err != nil {
			return err
		}
		st = Standing{Self: s.actor.self(), Here: s.mayDo(place{account: account}), In: map[string]keywright.Scopes{}}
		for _, space := range s.actor.ownSpaces(account) {
			st.In[space] = s.mayDo(place{account, space})
		}
		return nil
	})
	return st, err
}

// mayDo is what of the reserved scopes the actor has at a place.
func (s *scene) mayDo(at place) keywright.Scopes {
	var may []string
	for _, scope := range reservedScopes() {
		if s.require(at, scope) == nil {
			may = append(may, scope)
		}
	}
	return scopes(may...)
}

// Terms is the policy that tokens have to keep to which the caller makes in a space of an account: for whoever may make
// them, also without a say in policies.
func (a *Authority) Terms(ctx context.Context, caller Caller, account, space string) (keywright.Policy, error) {
	var p keywright.Policy
	err := a.view(ctx, caller, func(s *scene) error {
		t, err := s.spaceTenancy(ctx, account, cmp.Or(space, defaultName), tokensWrite)
		if err == nil {
			p = t.policy()
		}
		return err
	})
	return p, err
}
