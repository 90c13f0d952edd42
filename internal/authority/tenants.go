package authority

import (
	"context"

	"github.com/keywright/keywright"
)

// ListQuery asks for one page of a list in name order.
type ListQuery struct {
	Limit  int    // 1 to 200; default 50
	Cursor string // empty: the first page
}

// EventQuery asks for one page of the audit trail, newest first.
type EventQuery struct {
	ListQuery
	Account string // default: the caller's
	Subject string
	Action  string // "token." matches every action that begins so
}

// Whoami says who the caller is and what it may do.
func (a *Authority) Whoami(ctx context.Context, caller Caller) (keywright.Self, error) {
	panic("unwritten")
}

// Accounts returns the accounts the caller may see.
func (a *Authority) Accounts(ctx context.Context, caller Caller, q ListQuery) (keywright.Page[keywright.Account], error) {
	panic("unwritten")
}

// Account returns one account.
func (a *Authority) Account(ctx context.Context, caller Caller, name string) (keywright.Account, error) {
	panic("unwritten")
}

// CreateAccount makes an account with its space "default".
func (a *Authority) CreateAccount(ctx context.Context, caller Caller, name, title string) (keywright.Account, error) {
	panic("unwritten")
}

// SetPolicy replaces an account's policy.
func (a *Authority) SetPolicy(ctx context.Context, caller Caller, account string, p keywright.Policy) (keywright.Account, error) {
	panic("unwritten")
}

// Spaces returns the spaces of an account that the caller may see.
func (a *Authority) Spaces(ctx context.Context, caller Caller, account string, q ListQuery) (keywright.Page[keywright.Space], error) {
	panic("unwritten")
}

// CreateSpace makes a space.
func (a *Authority) CreateSpace(ctx context.Context, caller Caller, account, name, title string) (keywright.Space, error) {
	panic("unwritten")
}

// Users returns the users with a role in the account.
func (a *Authority) Users(ctx context.Context, caller Caller, account string, q ListQuery) (keywright.Page[keywright.User], error) {
	panic("unwritten")
}

// NewUser asks for a user with one role.
type NewUser struct {
	Username string
	Email    string
	Password keywright.Secret
	Role     keywright.Role
}

// CreateUser makes a user with a role.
func (a *Authority) CreateUser(ctx context.Context, caller Caller, req NewUser) (keywright.User, error) {
	panic("unwritten")
}

// GrantRole gives a user a role.
func (a *Authority) GrantRole(ctx context.Context, caller Caller, username string, role keywright.Role) (keywright.User, error) {
	panic("unwritten")
}

// DropRole takes a role away from a user.
func (a *Authority) DropRole(ctx context.Context, caller Caller, username string, role keywright.Role) (keywright.User, error) {
	panic("unwritten")
}

// Events returns a page of the audit trail.
func (a *Authority) Events(ctx context.Context, caller Caller, q EventQuery) (keywright.Page[keywright.Event], error) {
	panic("unwritten")
}
