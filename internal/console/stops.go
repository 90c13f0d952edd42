package console

import (
	"context"

	"github.com/keywright/keywright"
)

// stopping are the active tokens that something would stop, those that were used last first.
type stopping struct {
	known  bool
	total  int64
	tokens []keywright.Token
}

// stopsListed is how many of them are told by name.
const stopsListed = 5

// stopping finds what would stop working; nobody is told of tokens that it may not see.
func (s *site) stopping(ctx context.Context, v *visit, filter keywright.TokenFilter) (stopping, error) {
	if !v.who.MaySomewhere(tokensRead) {
		return stopping{}, nil
	}
	filter.Account, filter.State = v.account, keywright.StateActive
	tokens, total, err := s.Authority.LastUsed(ctx, v.caller, filter, stopsListed)
	return stopping{true, total, tokens}, err
}
