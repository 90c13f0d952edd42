package rest

import (
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// The bodies that the root package's types do not serve.

// issued is a token with its credentials: the only answer, besides a reveal and a login, that holds
// a secret.
type issued struct {
	ClientID     keywright.ID    `json:"client_id"`
	ClientSecret string          `json:"client_secret" doc:"Shown this once"`
	APIKey       string          `json:"api_key" doc:"Client id and secret in one word; shown this once"`
	Token        keywright.Token `json:"token"`
}

func newIssued(i keywright.Issued) issued {
	return issued{i.Token.ID, i.ClientSecret.Reveal(), i.APIKey.Reveal(), i.Token}
}

func (i issued) location() string { return tokensPath + "/" + i.ClientID.String() }

// created is a token that was made from somebody else's key.
type created struct{ keywright.Token }

func (c created) location() string { return tokensPath + "/" + c.ID.String() }

// items is a list that is sent or answered whole.
type items[T any] struct {
	Items []T `json:"items" maxItems:"1000" doc:"At most 1000"`
}

func newImported(o authority.ImportOutcome) keywright.Imported {
	if o.Err == nil {
		return keywright.Imported{Token: o.Token}
	}
	p, _ := translate(o.Err)
	p = p.finished()
	return keywright.Imported{Problem: p.Detail, Problems: p.Problems}
}

// rotation says how long the old secret lives on.
type rotation struct {
	Overlap *int64 `json:"overlap,omitempty" minimum:"0" doc:"Seconds the old secret stays usable; default 24 hours or the policy's most, 0: not at all"`
}

type revocation struct {
	Reason string `json:"reason,omitempty" doc:"Kept with the token and in the audit trail"`
}

type deletion struct {
	Revision keywright.Revision `json:"revision" doc:"The revision of the deletion"`
}

type revealed struct {
	APIKey string `json:"api_key"`
}

type login struct {
	Username string `json:"username" doc:"Or the e-mail address"`
	Password string `json:"password"`
}

type fetch struct {
	Code     string `json:"code" doc:"As /sso/login has returned it"`
	Verifier string `json:"verifier" doc:"Of the challenge that was given to /sso/login (RFC 7636, S256)"`
}

type session struct {
	Token     string    `json:"token" doc:"Present it as Authorization: Bearer"`
	Username  string    `json:"username"`
	ExpiresAt time.Time `json:"expires_at"`
}

type passwordChange struct {
	Old         string `json:"old_password,omitempty" doc:"Left out by who has none"`
	New         string `json:"new_password"`
	EndSessions bool   `json:"end_sessions,omitempty" doc:"End every other session of the person"`
	EndTokens   bool   `json:"end_tokens,omitempty" doc:"Revoke every token of the person"`
}

type newAccount struct {
	Name  string `json:"name" doc:"A slug; a child of another account is child@parent"`
	Title string `json:"title,omitempty"`
}

type newSpace struct {
	Name  string `json:"name" doc:"A slug"`
	Title string `json:"title,omitempty"`
}

type newUser struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Password string `json:"password"`
	Role     string `json:"role" enum:"admin,auditor,owner,manager,reader" doc:"The first role"`
	Space    string `json:"space,omitempty" doc:"For owner, manager and reader"`
}

type newInvite struct {
	Username  string `json:"username"`
	Email     string `json:"email"`
	Role      string `json:"role" enum:"admin,auditor,owner,manager,reader" doc:"The first role"`
	Space     string `json:"space,omitempty" doc:"For owner, manager and reader"`
	ExpiresIn int64  `json:"expires_in,omitempty" doc:"Seconds the link is good for; default a week, at most 30 days"`
}

func (n newInvite) in(account string) keywright.NewInvite {
	return keywright.NewInvite{
		Username: n.Username, Email: n.Email, Role: newRole{n.Role, n.Space}.in(account), ExpiresIn: n.ExpiresIn,
	}
}

// invited is an invitation with its link, which holds a secret.
type invited struct {
	Link       string           `json:"link" doc:"Shown this once; good for one acceptance. What follows # is the token to accept with"`
	Invitation keywright.Invite `json:"invitation"`
}

type acceptance struct {
	Token    string `json:"token" doc:"What follows # in the invitation's link"`
	Password string `json:"password" doc:"The new user's"`
}

// newRole is a role on the account of the path, or on a space of it.
type newRole struct {
	Role  string `json:"role" enum:"admin,auditor,owner,manager,reader"`
	Space string `json:"space,omitempty" doc:"For owner, manager and reader"`
}

func (r newRole) in(account string) keywright.Role {
	return keywright.Role{Name: r.Role, Account: account, Space: r.Space}
}
