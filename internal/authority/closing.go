package authority

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Closing suspends every token of an account or a space in one revision, and reopening lets them work again: no token is
// changed. A child account is not closed with its parent.

// EditAccount gives an account another title.
func (a *Authority) EditAccount(ctx context.Context, caller Caller, name, title string) (keywright.Account, error) {
	return a.alterAccount(ctx, caller, name, (*scene).accountToEdit, func(s *scene, account *store.Account) (string, error) {
		var p problems
		if account.Title = p.text("/title", title, maxLabelRunes, maxLabelBytes); account.Title == "" && len(p) == 0 {
			p.add("/title", "must not be empty")
		}
		return "account.edit", p.err()
	})
}

// CloseAccount suspends every token of an account. Closing what is closed changes nothing.
func (a *Authority) CloseAccount(ctx context.Context, caller Caller, name string) (keywright.Account, error) {
	return a.alterAccount(ctx, caller, name, (*scene).accountToClose, func(s *scene, account *store.Account) (string, error) {
		account.ClosedAt = cmp.Or(account.ClosedAt, s.now)
		return "account.close", nil
	})
}

// ReopenAccount lets the tokens of a closed account work again.
func (a *Authority) ReopenAccount(ctx context.Context, caller Caller, name string) (keywright.Account, error) {
	return a.alterAccount(ctx, caller, name, (*scene).accountToClose, func(s *scene, account *store.Account) (string, error) {
		account.ClosedAt = time.Time{}
		return "account.reopen", nil
	})
}

// alterAccount is the way of every change to an account's standing: find says whether the actor may, f what it is to be.
func (a *Authority) alterAccount(ctx context.Context, c Caller, name string, find func(*scene, context.Context, string) (tenancy, error),
	f func(*scene, *store.Account) (action string, err error)) (keywright.Account, error) {
	var shown keywright.Account
	_, err := a.change(ctx, c, func(s *scene) error {
		t, err := find(s, ctx, cmp.Or(name, s.actor.account))
		if err != nil {
			return err
		}
		changed := *t.account
		action, err := f(s, &changed)
		if err != nil {
			return err
		}
		shown = accountResource(&changed)
		before, after := changes(standing(t.account.Title, t.account.ClosedAt), standing(changed.Title, changed.ClosedAt))
		if len(before) == 0 {
			return nil
		}
		e := s.event(action, changed.Name, "", "account:"+changed.Name)
		e.Before, e.After = before, after
		return s.tx.Tenants().UpdateAccount(ctx, &changed, e)
	})
	return shown, err
}

// standing is what the audit trail tells of an account or a space.
func standing(title string, closed time.Time) map[string]any {
	told := map[string]any{"title": title}
	if !closed.IsZero() {
		told["closed_at"] = closed.Format(time.RFC3339Nano)
	}
	return told
}

// onlyOperators says of what is asked of the instance who may do it.
func onlyOperators(err error) error {
	return gone(err, fmt.Errorf("%w: this is for operators", keywright.ErrForbidden))
}

// administers reports whether the actor is a person who has all say in the account. To make and close child accounts, and to
// name its own, an admin needs no scope: keywright:accounts:write is none that the role could give to a token.
func (s *scene) administers(account string) bool {
	for _, r := range s.actor.roles {
		if (r.Name == roleAdmin || r.Name == roleOperator) && holdsAt(r, place{account: account}) {
			return true
		}
	}
	return false
}

func (s *scene) accountToEdit(ctx context.Context, name string) (tenancy, error) {
	if s.administers(name) {
		return s.tenancy(ctx, place{account: name})
	}
	return s.accountFor(ctx, name, accountsWrite)
}

// accountToClose reads an account that the actor may close: an operator any, who governs its parent a child.
func (s *scene) accountToClose(ctx context.Context, name string) (tenancy, error) {
	err := s.mayClose(name)
	if err == nil {
		return s.tenancy(ctx, place{account: name})
	}
	if !s.actor.belongsTo(name) {
		err = keywright.ErrNotFound
	}
	if errors.Is(err, keywright.ErrNotFound) && s.actor.belongsTo(name) || errors.Is(err, keywright.ErrForbidden) {
		return tenancy{}, fmt.Errorf("%w: only an operator closes and reopens accounts, and an admin those that are children of its account",
			keywright.ErrForbidden)
	}
	return tenancy{}, missing("account", err)
}

func (s *scene) mayClose(name string) error {
	parent := parentOf(name)
	switch {
	case parent == "":
		return s.require(place{}, accountsWrite)
	case s.administers(parent):
		return nil
	}
	return s.require(place{account: parent}, accountsWrite)
}

// Space returns one space that the caller may see.
func (a *Authority) Space(ctx context.Context, caller Caller, account, name string) (keywright.Space, error) {
	var shown keywright.Space
	err := a.view(ctx, caller, func(s *scene) error {
		at := place{cmp.Or(account, s.actor.account), name}
		if err := s.require(at, spacesRead); err != nil {
			return missing("space", err)
		}
		t, err := s.tenancy(ctx, at)
		if err == nil {
			shown = spaceResource(t.space)
		}
		return err
	})
	return shown, err
}

// EditSpace gives a space another title.
func (a *Authority) EditSpace(ctx context.Context, caller Caller, account, name, title string) (keywright.Space, error) {
	return a.alterSpace(ctx, caller, account, name, func(s *scene, space *store.Space) (string, error) {
		var p problems
		if space.Title = p.text("/title", title, maxLabelRunes, maxLabelBytes); space.Title == "" && len(p) == 0 {
			p.add("/title", "must not be empty")
		}
		return "space.edit", p.err()
	})
}

// CloseSpace suspends every token of a space. Closing what is closed changes nothing.
func (a *Authority) CloseSpace(ctx context.Context, caller Caller, account, name string) (keywright.Space, error) {
	return a.alterSpace(ctx, caller, account, name, func(s *scene, space *store.Space) (string, error) {
		if space.Name == defaultName {
			return "", fmt.Errorf("%w: the space default stays open as long as its account: close that", keywright.ErrConflict)
		}
		space.ClosedAt = cmp.Or(space.ClosedAt, s.now)
		return "space.close", nil
	})
}

// ReopenSpace lets the tokens of a closed space work again.
func (a *Authority) ReopenSpace(ctx context.Context, caller Caller, account, name string) (keywright.Space, error) {
	return a.alterSpace(ctx, caller, account, name, func(s *scene, space *store.Space) (string, error) {
		space.ClosedAt = time.Time{}
		return "space.reopen", nil
	})
}

func (a *Authority) alterSpace(ctx context.Context, c Caller, account, name string,
	f func(*scene, *store.Space) (action string, err error)) (keywright.Space, error) {
	var shown keywright.Space
	_, err := a.change(ctx, c, func(s *scene) error {
		space, err := s.spaceFor(ctx, account, name)
		if err != nil {
			return err
		}
		changed := *space
		action, err := f(s, &changed)
		if err != nil {
			return err
		}
		shown = spaceResource(&changed)
		before, after := changes(standing(space.Title, space.ClosedAt), standing(changed.Title, changed.ClosedAt))
		if len(before) == 0 {
			return nil
		}
		e := s.event(action, space.Account, space.Name, "space:"+space.Name)
		e.Before, e.After = before, after
		return s.tx.Tenants().UpdateSpace(ctx, &changed, e)
	})
	return shown, err
}

// spaceFor reads a space of an account whose spaces the actor may change.
func (s *scene) spaceFor(ctx context.Context, account, name string) (*store.Space, error) {
	t, err := s.accountFor(ctx, account, spacesWrite)
	if err != nil {
		return nil, err
	}
	if t, err = s.tenancy(ctx, place{t.account.Name, name}); err != nil {
		return nil, err
	}
	return t.space, nil
}
