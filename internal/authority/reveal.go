package authority

import (
	"context"
	"fmt"

	"github.com/keywright/keywright"
)

// Reveal returns the API key of a recoverable token and leaves an event. Whoever learns a key may
// what the token may; so it must lie within what the caller could give.
func (a *Authority) Reveal(ctx context.Context, caller Caller, id keywright.ID) (keywright.Secret, error) {
	var key string
	_, err := a.change(ctx, caller, func(s *scene) (err error) {
		key, err = s.reveal(ctx, id)
		return err
	})
	if err != nil {
		return keywright.Secret{}, err
	}
	return keywright.NewSecret(key), nil
}

func (s *scene) reveal(ctx context.Context, id keywright.ID) (string, error) {
	rec, err := s.token(ctx, id, tokensReveal)
	if err != nil {
		return "", err
	}
	t, err := s.tenancy(ctx, place{rec.Facts.Account, rec.Facts.Space})
	switch {
	case err != nil:
		return "", err
	case !rec.Recoverable:
		return "", fmt.Errorf("%w: no copy of this token's key is kept: rotate it to get a new one", keywright.ErrConflict)
	case !t.policy().RecoverableAllowed:
		return "", fmt.Errorf("%w: the policy of account %s no longer lets keys be revealed", keywright.ErrForbidden, rec.Facts.Account)
	}
	if err := s.mayGive(ctx, rec); err != nil {
		return "", err
	}
	keys, err := s.unseal(ctx, rec)
	if err != nil {
		return "", err
	}
	return keys[0], s.tx.Events().Append(ctx, s.tokenEvent("token.reveal", rec))
}
