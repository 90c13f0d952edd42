package neuroio

import (
	"errors"
	"net/http"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// space is a space as NeuroIO shows it.
type space struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// user is who a token speaks for, and the space that it is bound to.
type user struct {
	Username string `json:"username"`
	Space    *space `json:"space"`
}

// welcome is the answer to a login.
type welcome struct {
	User  user   `json:"user"`
	Token object `json:"token"`
}

// loginScopes are what a token got by a login may do: all that its person gives. NeuroIO knows no scopes.
var loginScopes = []string{"**", "keywright:tokens:read", "keywright:tokens:write"}

// credentials are what a login says.
var credentials = shape{texts: []string{"username", "password"}, required: []string{"username", "password"}}

// login makes a temporary token for a username and password.
func (s *server) login(r *http.Request, caller authority.Caller) (any, error) {
	said, err := credentials.body(r)
	if err != nil {
		return nil, err
	}
	issued, err := s.Authority.IssueAtLogin(r.Context(), caller, said.texts["username"], keywright.NewSecret(said.texts["password"]),
		keywright.NewToken{Scopes: loginScopes, Lifetime: keywright.LifetimeTemporary})
	if errors.Is(err, keywright.ErrUnauthenticated) {
		err = errLogin
	}
	if err != nil {
		return nil, err
	}
	if caller.Credential, err = s.Authority.ParseCredential(issued.APIKey.Reveal()); err != nil {
		return nil, err
	}
	who, err := s.user(r, caller, issued.Token.Owner)
	return welcome{who, s.show(issued.Token, issued.APIKey)}, err
}

func (s *server) user(r *http.Request, caller authority.Caller, name string) (user, error) {
	own, err := s.Authority.OwnSpace(r.Context(), caller)
	if err != nil || own == nil {
		return user{name, nil}, err
	}
	return user{name, &space{own.Number, own.Name}}, nil
}

func (s *server) whoami(r *http.Request, caller authority.Caller) (any, error) {
	who, err := s.Authority.Whoami(r.Context(), caller)
	if err != nil {
		return nil, err
	}
	return s.user(r, caller, who.User)
}

// passwords are what a change of password says.
var passwords = shape{
	texts:    []string{"old_password", "password", "password2"},
	flags:    []string{"reset_tokens"},
	required: []string{"old_password", "password", "password2"},
}

// changePassword sets the password of the token's owner. reset_tokens ends every session and token of that person, the
// one that is shown too.
func (s *server) changePassword(r *http.Request, caller authority.Caller) (any, error) {
	said, err := passwords.body(r)
	if err != nil {
		return nil, err
	}
	if said.texts["password"] != said.texts["password2"] {
		return nil, unacceptable(wrong("password2", "The two passwords do not match."))
	}
	set := s.Authority.ChangeOwnersPassword
	if caller.Credential.Form() == keywright.FormSession {
		set = s.Authority.ChangePassword
	}
	return nil, set(r.Context(), caller, keywright.PasswordChange{
		Old:         keywright.NewSecret(said.texts["old_password"]),
		New:         keywright.NewSecret(said.texts["password"]),
		EndSessions: said.flags["reset_tokens"],
		EndTokens:   said.flags["reset_tokens"],
	})
}
