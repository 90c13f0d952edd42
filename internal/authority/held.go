package authority

import (
	"cmp"
	"context"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Held is a token and where to write to its owner.
type Held struct {
	keywright.Token
	Email string // of its owner; the username, if there is no address
}

// EachToken calls f with every token that the filter chooses and the caller may see, the oldest first, as they are at one
// instant, until f returns false. f must not call the authority.
func (a *Authority) EachToken(ctx context.Context, caller Caller, filter keywright.TokenFilter, f func(Held) bool) error {
	return a.view(ctx, caller, func(s *scene) error {
		q := keywright.TokenQuery{TokenFilter: filter, Sort: keywright.SortCreated, Limit: maxLimit}
		emails := map[string]string{}
		for {
			page, err := s.tokens(ctx, q)
			if err != nil {
				return err
			}
			for _, t := range page.Items {
				email, err := s.emailOf(ctx, t.Owner, emails)
				if err != nil {
					return err
				}
				if !f(Held{t, email}) {
					return nil
				}
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				return nil
			}
		}
	})
}

// emailOf looks a user's address up once.
func (s *scene) emailOf(ctx context.Context, username string, known map[string]string) (string, error) {
	if email, ok := known[username]; ok {
		return email, nil
	}
	user, err := s.tx.People().UserNamed(ctx, username)
	if err != nil && !isAbsent(err) {
		return "", err
	}
	email := username
	if user != nil {
		email = cmp.Or(user.Email, username)
	}
	known[username] = email
	return email, nil
}

// TokenNumbered returns the token with a number in an account (empty: the caller's).
func (a *Authority) TokenNumbered(ctx context.Context, caller Caller, account string, number int64) (Held, error) {
	return a.hold(ctx, caller, func(s *scene) (*store.Record, error) {
		return s.tx.Tokens().GetNumber(ctx, cmp.Or(account, s.actor.account), number)
	})
}

// TokenPresented returns the token whose API key, or imported key, is given, in whatever state it is.
func (a *Authority) TokenPresented(ctx context.Context, caller Caller, key string) (Held, error) {
	return a.hold(ctx, caller, func(s *scene) (*store.Record, error) { return s.keyed(ctx, key) })
}

// keyed finds the token that a key is of. Guesses are counted as everywhere.
func (s *scene) keyed(ctx context.Context, key string) (*store.Record, error) {
	c, err := s.a.ParseCredential(key)
	if err != nil || !showsSecret(c) {
		return nil, keywright.ErrNotFound
	}
	if err := s.a.throttle.admit(c, s.caller.Address, s.now); err != nil {
		return nil, err
	}
	found, err := s.a.lookup(ctx, within(s.tx), c)
	if err != nil {
		return nil, err
	}
	if v := s.a.prove(found, s.now); v.Record != nil {
		return v.Record, nil
	}
	return nil, cmp.Or(s.a.throttle.failed(c, s.caller.Address, s.now), keywright.ErrNotFound)
}

// hold is the way of every look at one token that is not named by its id. Only who has a say over it learns that it is there.
func (a *Authority) hold(ctx context.Context, c Caller, find func(*scene) (*store.Record, error)) (Held, error) {
	var held Held
	err := a.view(ctx, c, func(s *scene) error {
		rec, err := find(s)
		if err != nil {
			return missing("token", err)
		}
		if s.actor.is(rec) {
			rec = s.actor.token
		} else if rec, err = s.token(ctx, rec.Facts.ID, tokensRead); err != nil {
			return err
		}
		if held.Token, err = s.shown(ctx, rec); err != nil {
			return err
		}
		held.Email, err = s.emailOf(ctx, held.Owner, map[string]string{})
		return err
	})
	return held, err
}

// SpaceNumbered returns the space with a number in an account (empty: the caller's), to who may see it or its tokens.
func (a *Authority) SpaceNumbered(ctx context.Context, caller Caller, account string, number int64) (keywright.Space, error) {
	var shown keywright.Space
	err := a.view(ctx, caller, func(s *scene) error {
		space, err := s.tx.Tenants().SpaceNumbered(ctx, cmp.Or(account, s.actor.account), number)
		if err != nil {
			return missing("space", err)
		}
		at := place{space.Account, space.Name}
		if s.require(at, spacesRead) != nil {
			if err := s.require(at, tokensRead); err != nil {
				return missing("space", err)
			}
		}
		shown = spaceResource(space)
		return nil
	})
	return shown, err
}

// OwnSpace returns the space that the caller's token is bound to; nil if it is bound to none.
func (a *Authority) OwnSpace(ctx context.Context, caller Caller) (*keywright.Space, error) {
	var own *keywright.Space
	err := a.view(ctx, caller, func(s *scene) error {
		own = nil
		if s.actor.token == nil || s.actor.token.Facts.Kind != keywright.KindSpace {
			return nil
		}
		t, err := s.tenancy(ctx, place{s.actor.token.Facts.Account, s.actor.token.Facts.Space})
		if err != nil {
			return err
		}
		space := spaceResource(t.space)
		own = &space
		return nil
	})
	return own, err
}
