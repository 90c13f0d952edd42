package authority

import (
	"context"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Whoami says who the caller is and what it may do.
func (a *Authority) Whoami(ctx context.Context, caller Caller) (keywright.Self, error) {
	var self keywright.Self
	err := a.view(ctx, caller, func(s *scene) error {
		self = s.actor.self()
		return nil
	})
	return self, err
}

func (who *actor) self() keywright.Self {
	self := keywright.Self{
		User:    who.user.Username,
		Account: who.account,
		Space:   who.space,
		Roles:   rolesShown(who.roles),
		Scopes:  scopesOf(who.roles),
	}
	if who.token == nil {
		return self
	}
	self.TokenID = &who.token.Facts.ID
	self.Scopes = who.envelope(place{}).scopes
	return self
}

func rolesShown(roles []store.Role) []keywright.Role {
	shown := make([]keywright.Role, len(roles))
	for i, r := range roles {
		shown[i] = keywright.Role{Name: r.Name, Account: r.Account, Space: r.Space, Provided: r.Provided}
	}
	return shown
}
