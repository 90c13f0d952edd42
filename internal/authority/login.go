package authority

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// Session is a person's session that was begun.
type Session struct {
	Token     keywright.Secret
	Username  string
	ExpiresAt time.Time
}

// Login begins a session for a username or e-mail and password. The caller carries no credential.
func (a *Authority) Login(ctx context.Context, caller Caller, username string, password keywright.Secret) (Session, error) {
	panic("unwritten")
}

// Logout ends the caller's session.
func (a *Authority) Logout(ctx context.Context, caller Caller) error { panic("unwritten") }

// ChangePassword sets the caller's own password and, if so asked, ends all its other sessions.
func (a *Authority) ChangePassword(ctx context.Context, caller Caller, old, new keywright.Secret, endSessions bool) error {
	panic("unwritten")
}

// FirstStart says who the first user is.
type FirstStart struct {
	AdminEmail    string
	AdminPassword keywright.Secret // empty: one is generated
}

// FirstStartResult says what a first start made; zero if the instance had started before.
type FirstStartResult struct {
	Created   bool
	Username  string
	Generated keywright.Secret // the password, if it was generated
}

// Bootstrap makes, once and in one transaction, the account and space "default"
// and the operator "admin"; and refuses a database made under another master key.
func (a *Authority) Bootstrap(ctx context.Context, first FirstStart) (FirstStartResult, error) {
	panic("unwritten")
}
