package authority

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// ListQuery asks for one page of a list in name order.
type ListQuery struct {
	Limit  int    // 1 to 200; default 50
	Cursor string // empty: the first page
}

// isAccountName reports whether s is a slug, or child@parent of two.
func isAccountName(s string) bool {
	child, parent, isChild := strings.Cut(s, "@")
	return isSlug(child) && (!isChild || isSlug(parent))
}

// parentOf is the account of which this one is a child; empty for none.
func parentOf(account string) string {
	_, parent, _ := strings.Cut(account, "@")
	return parent
}

// Accounts returns the accounts the caller may see.
func (a *Authority) Accounts(ctx context.Context, caller Caller, q ListQuery) (keywright.Page[keywright.Account], error) {
	var page keywright.Page[keywright.Account]
	err := a.view(ctx, caller, func(s *scene) error {
		after, limit, err := q.begin("accounts")
		if err != nil {
			return err
		}
		found, err := s.accounts(ctx, after, limit+1)
		page = pageOf(found, limit, "accounts", accountResource, func(r *store.Account) string { return r.Name })
		return err
	})
	return page, err
}

// accounts reads on until limit of those that the actor may see are found.
func (s *scene) accounts(ctx context.Context, after string, limit int) ([]*store.Account, error) {
	var seen []*store.Account
	for {
		run, err := s.tx.Tenants().Accounts(ctx, after, maxLimit)
		if err != nil {
			return nil, err
		}
		for _, account := range run {
			if s.require(place{account: account.Name}, accountsRead) == nil {
				seen = append(seen, account)
			}
			if len(seen) == limit {
				return seen, nil
			}
		}
		if len(run) < maxLimit {
			return seen, nil
		}
		after = run[len(run)-1].Name
	}
}

// Account returns one account.
func (a *Authority) Account(ctx context.Context, caller Caller, name string) (keywright.Account, error) {
	var account keywright.Account
	err := a.view(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, name, accountsRead)
		if err == nil {
			account = accountResource(t.account)
		}
		return err
	})
	return account, err
}

// accountFor reads an account (empty: the actor's own) in which the actor may do what the scope names.
func (s *scene) accountFor(ctx context.Context, name, scope string) (tenancy, error) {
	at := place{account: cmp.Or(name, s.actor.account)}
	if err := s.require(at, scope); err != nil {
		return tenancy{}, missing("account", err)
	}
	return s.tenancy(ctx, at)
}

func accountResource(a *store.Account) keywright.Account {
	return keywright.Account{Name: a.Name, Title: a.Title, Policy: a.Policy, CreatedAt: a.CreatedAt, ClosedAt: moment(a.ClosedAt)}
}

// CreateAccount makes an account with its space "default". It takes an operator, or, for a child
// of its own account, an admin or a token with keywright:accounts:write.
func (a *Authority) CreateAccount(ctx context.Context, caller Caller, name, title string) (keywright.Account, error) {
	var account keywright.Account
	_, err := a.change(ctx, caller, func(s *scene) error {
		made, err := s.createAccount(ctx, name, title)
		if err == nil {
			account = accountResource(made)
		}
		return err
	})
	return account, err
}

func (s *scene) createAccount(ctx context.Context, name, title string) (*store.Account, error) {
	var p problems
	if !isAccountName(name) {
		p.add("/name", "must be a slug of small letters, digits and '-', or child@parent of two")
	}
	title = p.text("/title", title, maxLabelRunes, maxLabelBytes)
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := s.mayMake(name); err != nil {
		return nil, gone(err, fmt.Errorf("%w: only an operator makes accounts, and an admin those that are children of its account",
			keywright.ErrForbidden))
	}
	if parent := parentOf(name); parent != "" {
		if _, err := s.tenancy(ctx, place{account: parent}); err != nil {
			return nil, gone(err, keywright.Invalid("/name", "there is no account %s to be the parent", parent))
		}
	}
	account := &store.Account{
		Name:      name,
		Title:     cmp.Or(title, name),
		Policy:    keywright.DefaultPolicy(),
		CreatedAt: s.now,
	}
	return account, s.insertAccount(ctx, account)
}

// mayMake refuses an account to who is no operator, and a child of an account to who does not govern that.
func (s *scene) mayMake(name string) error {
	parent := parentOf(name)
	if parent != "" && s.administers(parent) {
		return nil
	}
	return s.require(place{account: cmp.Or(parent, name)}, accountsWrite)
}

func (s *scene) insertAccount(ctx context.Context, account *store.Account) error {
	e := s.event("account.create", account.Name, "", "account:"+account.Name)
	e.After = map[string]any{"title": account.Title}
	if err := s.tx.Tenants().InsertAccount(ctx, account, e); err != nil {
		return taken(err, "an account of that name")
	}
	_, err := s.insertSpace(ctx, &store.Space{Account: account.Name, Name: defaultName, Title: "Default", CreatedAt: s.now})
	return err
}

// taken says what of a new thing is there already.
func taken(err error, what string) error {
	if errors.Is(err, keywright.ErrConflict) {
		return fmt.Errorf("%w: %s exists already", keywright.ErrConflict, what)
	}
	return err
}

func policyStory(p keywright.Policy) map[string]any {
	return map[string]any{
		"enabled":             p.Enabled,
		"default_lifetime":    p.DefaultLifetime,
		"temporary_lifetime":  p.TemporaryLifetime,
		"max_lifetime":        p.MaxLifetime,
		"expiry_required":     p.ExpiryRequired,
		"max_permanent":       p.MaxPermanent,
		"max_tokens":          p.MaxTokens,
		"max_overlap":         p.MaxOverlap,
		"max_unused":          p.MaxUnused,
		"allowed_scopes":      append([]string{}, p.AllowedScopes...),
		"allowed_audience":    append([]string{}, p.AllowedAudience...),
		"allowed_cidrs":       append([]string{}, p.AllowedCIDRs...),
		"recoverable_allowed": p.RecoverableAllowed,
	}
}

// begin reads where a page of a list by name begins, and how long it is to be.
func (q ListQuery) begin(of ...any) (after string, limit int, err error) {
	var p problems
	limit = p.limit(q.Limit)
	if err := p.err(); err != nil || q.Cursor == "" {
		return "", limit, err
	}
	c, err := parseCursor(q.Cursor, listOf(of...))
	return c.Text, limit, err
}

// pageOf makes a page of at most limit items of what was found, which is one more if there is a next page.
func pageOf[R, T any](found []R, limit int, of string, show func(R) T, name func(R) string) keywright.Page[T] {
	page := keywright.Page[T]{Items: []T{}}
	if len(found) > limit {
		found = found[:limit]
		page.Next = cursor{Of: listOf(of), Text: name(found[limit-1])}.encode()
	}
	for _, r := range found {
		page.Items = append(page.Items, show(r))
	}
	return page
}
