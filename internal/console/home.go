package console

import (
	"cmp"
	"context"

	"github.com/keywright/keywright/internal/authority"
)

// home goes to the account where the person was last, or else where its requests go that name none.
func (s *site) home(_ context.Context, v *visit) (answer, error) {
	return goOn(v.in(cmp.Or(v.account, v.who.Self.Account), "/"), ""), nil
}

// accounts are those that the person may see.
func (s *site) accounts(ctx context.Context, v *visit) (answer, error) {
	page, err := s.Authority.Accounts(ctx, v.caller, authority.ListQuery{Cursor: v.query("cursor")})
	if err != nil {
		return answer{}, err
	}
	return show("Accounts", accountsPage(v, page)), nil
}
