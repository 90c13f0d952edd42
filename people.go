package keywright

import "time"

// What becomes of the tokens of a user who leaves.
const (
	TokensEnd      = "end"      // they are revoked
	TokensTransfer = "transfer" // they become somebody else's, and go on working
)

// Offboarding says what becomes of the tokens of a user who is disabled or
// deleted. There is no default: nothing stays alive, or ends, because a member was left out.
type Offboarding struct {
	Tokens string `json:"tokens" enum:"end,transfer" doc:"What becomes of the user's tokens: revoked, or handed to somebody"`
	To     string `json:"to,omitempty" doc:"With transfer: the username of their new owner, who has a role in their accounts"`
	Reason string `json:"reason,omitempty" doc:"Kept with the tokens and in the audit trail"`
}

// Offboarded says what became of the tokens.
type Offboarded struct {
	Ended       int64    `json:"ended" doc:"Tokens that were revoked"`
	Transferred int64    `json:"transferred" doc:"Tokens that have a new owner"`
	Revision    Revision `json:"revision,omitempty"`
}

// Member is who has a role on the instance, an account or a space.
type Member struct {
	Username   string     `json:"username"`
	Roles      []Role     `json:"roles" doc:"At exactly this place"`
	DisabledAt *time.Time `json:"disabled_at"`
}

// NewInvite asks for an invitation to become a user with one role.
type NewInvite struct {
	Username  string
	Email     string
	Role      Role
	ExpiresIn int64 // seconds; 0: a week
}

// Invite is an invitation that was neither accepted nor withdrawn.
type Invite struct {
	ID        ID        `json:"id"`
	Username  string    `json:"username"`
	Email     string    `json:"email"`
	Role      Role      `json:"role"`
	InvitedBy string    `json:"invited_by" doc:"user:NAME or token:ID"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Invited is an invitation with its link, which is shown this once and good for one acceptance.
type Invited struct {
	Invite Invite
	Link   Secret
}

// SessionInfo is a person's session, without what it takes to use it.
type SessionInfo struct {
	ID        ID        `json:"id"`
	Current   bool      `json:"current" doc:"It is the one that the request was made with"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Address   string    `json:"address,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	SSO       bool      `json:"sso,omitempty" doc:"It was begun through the provider of single sign-on"`
}

// SignInWays says how people sign in to an instance.
type SignInWays struct {
	Password bool `json:"password" doc:"By username and password"`
	SSO      bool `json:"sso" doc:"Through the provider of single sign-on, from /sso/login"`
}

// PasswordChange asks for another password of the caller's own. Old is empty for who has none, which is somebody who
// signs in through a provider.
type PasswordChange struct {
	Old, New    Secret
	EndSessions bool // every other session of the person
	EndTokens   bool // every token of the person, in every account
}
