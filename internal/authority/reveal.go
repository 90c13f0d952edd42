package authority

import (
	"context"
	"errors"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
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

// RevealEach returns the API keys of those of the tokens that the caller may have revealed, each with an event; the others
// are left out.
func (a *Authority) RevealEach(ctx context.Context, caller Caller, ids []keywright.ID) (map[keywright.ID]keywright.Secret, error) {
	var keys map[keywright.ID]keywright.Secret
	_, err := a.change(ctx, caller, func(s *scene) error {
		keys = map[keywright.ID]keywright.Secret{}
		for _, id := range ids {
			key, err := s.reveal(ctx, id)
			switch {
			case err == nil:
				keys[id] = keywright.NewSecret(key)
			case !withheld(err):
				return err
			}
		}
		return nil
	})
	return keys, err
}

// withheld reports whether an error says that a key is not to be had, and not that something went wrong.
func withheld(err error) bool {
	return errors.Is(err, keywright.ErrForbidden) || errors.Is(err, keywright.ErrNotFound) || errors.Is(err, keywright.ErrConflict)
}

// revealable reads a token whose key the actor may learn: by the scope, or because it is the actor's own affair. That is
// the person's who owns it and the token's that made it; a token knows its own key, but who shows an access token need not.
func (s *scene) revealable(ctx context.Context, id keywright.ID) (*store.Record, error) {
	rec, err := s.token(ctx, id, tokensReveal)
	if !errors.Is(err, keywright.ErrForbidden) {
		return rec, err
	}
	kept, gone := s.tx.Tokens().Get(ctx, id)
	if gone != nil {
		return nil, missing("token", gone)
	}
	who := s.actor
	switch {
	case who.token == nil && kept.Owner == who.user.ID:
	case who.token != nil && kept.Parent == who.token.Facts.ID:
	case who.is(kept) && who.bound == nil:
	default:
		return nil, err
	}
	return kept, s.situate(ctx, kept)
}

func (s *scene) reveal(ctx context.Context, id keywright.ID) (string, error) {
	rec, err := s.revealable(ctx, id)
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
