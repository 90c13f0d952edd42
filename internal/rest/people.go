package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *spoke) routePeople() {
	s.routeSessions()
	s.routeUsers()
	s.routeRoles()
}

func (s *spoke) routeSessions() {
	serve(s, operation[login]{
		id: "login", method: http.MethodPost, path: "/api/v1/login", tag: "people", open: true,
		summary: "Begin a session", detail: "For a person, by username or e-mail and password.",
		body: func(in *login) any { return in },
	}, func(ctx context.Context, caller authority.Caller, in *login) (session, error) {
		caller.Credential = keywright.Credential{} // who logs in is nobody yet
		begun, err := s.Authority.Login(ctx, caller, in.Username, keywright.NewSecret(in.Password))
		return session{begun.Token.Reveal(), begun.Username, begun.ExpiresAt}, err
	})
	serve(s, operation[nothing]{
		id: "getLogin", method: http.MethodGet, path: "/api/v1/login", tag: "people", open: true,
		summary: "Say how people sign in", detail: "By password, through a provider of single sign-on, or both.",
	}, func(context.Context, authority.Caller, *nothing) (keywright.SignInWays, error) {
		return s.Authority.SignInWays(), nil
	})
	serve(s, operation[fetch]{
		id: "loginBySSO", method: http.MethodPost, path: "/api/v1/login/sso", tag: "people", open: true,
		summary: "Begin a session by single sign-on", detail: "For a person who came back from /sso/login with a code, which is good once, for a minute.",
		body: func(in *fetch) any { return in },
	}, func(ctx context.Context, caller authority.Caller, in *fetch) (session, error) {
		caller.Credential = keywright.Credential{} // who logs in is nobody yet
		begun, err := s.Authority.FetchSession(ctx, caller, keywright.NewSecret(in.Code), keywright.NewSecret(in.Verifier))
		return session{begun.Token.Reveal(), begun.Username, begun.ExpiresAt}, err
	})
	serve(s, operation[nothing]{
		id: "logout", method: http.MethodPost, path: "/api/v1/logout", tag: "people",
		summary: "End the session", detail: "The one that the request was made with.",
	}, func(ctx context.Context, caller authority.Caller, _ *nothing) (nothing, error) {
		return nothing{}, s.Authority.Logout(ctx, caller)
	})
	serve(s, operation[passwordChange]{
		id: "changePassword", method: http.MethodPost, path: "/api/v1/password", tag: "people",
		summary: "Change one's own password", detail: "Needs the old one. Who has none, since it signs in through a provider, sets a first one within 5 minutes of that.",
		body: func(in *passwordChange) any { return in },
	}, func(ctx context.Context, caller authority.Caller, in *passwordChange) (nothing, error) {
		return nothing{}, s.Authority.ChangePassword(ctx, caller, keywright.PasswordChange{
			Old: keywright.NewSecret(in.Old), New: keywright.NewSecret(in.New), EndSessions: in.EndSessions, EndTokens: in.EndTokens,
		})
	})
	serve(s, operation[nothing]{
		id: "whoami", method: http.MethodGet, path: "/api/v1/whoami", tag: "people",
		summary: "Say who the caller is", detail: "And what it may do.",
	}, func(ctx context.Context, caller authority.Caller, _ *nothing) (keywright.Self, error) {
		return s.Authority.Whoami(ctx, caller)
	})
}

func (s *spoke) routeUsers() {
	type plain = inAccount[struct{}]
	serve(s, operation[plain]{
		id: "listUsers", method: http.MethodGet, path: accountPath + "/users", tag: "people",
		summary: "List users", detail: "Those with a role in the account, in the order of their names.",
		params: append(page[struct{}](), account[struct{}]()),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Page[keywright.User], error) {
		return s.Authority.Users(ctx, caller, in.Account, in.List)
	})
	type create = inAccount[newUser]
	serve(s, operation[create]{
		id: "createUser", method: http.MethodPost, path: accountPath + "/users", tag: "people", status: http.StatusCreated, conflicts: true,
		summary: "Create a user", detail: "With one role in the account.",
		params: []parameter[create]{account[newUser]()}, body: func(in *create) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *create) (keywright.User, error) {
		return s.Authority.CreateUser(ctx, caller, authority.NewUser{
			Username: in.Body.Username, Email: in.Body.Email,
			Password: keywright.NewSecret(in.Body.Password), Role: newRole{in.Body.Role, in.Body.Space}.in(in.Account),
		})
	})
}

// userRole is a request about one role of one user.
type userRole struct {
	Account, Username string
	newRole
}

func (s *spoke) routeRoles() {
	const path = accountPath + "/users/{username}/roles"
	whose := []parameter[userRole]{
		pathName("account", "The account's name", func(in *userRole) *string { return &in.Account }),
		pathName("username", "The user's name", func(in *userRole) *string { return &in.Username }),
	}
	serve(s, operation[userRole]{
		id: "grantRole", method: http.MethodPut, path: path, tag: "people", conflicts: true,
		summary: "Give a user a role", detail: "On the account, or on the space that is named.",
		params: whose, body: func(in *userRole) any { return &in.newRole },
	}, func(ctx context.Context, caller authority.Caller, in *userRole) (keywright.User, error) {
		return s.Authority.GrantRole(ctx, caller, in.Username, in.in(in.Account))
	})
	roles := []string{"admin", "auditor", "owner", "manager", "reader"}
	serve(s, operation[userRole]{
		id: "dropRole", method: http.MethodDelete, path: path, tag: "people", conflicts: true,
		summary: "Take a role away from a user", detail: "On the account, or on the space that is named.",
		params: append(whose,
			oneOf("role", "Which role", roles, func(in *userRole) *string { return &in.Role }).must(),
			text("space", "On which space; left out for a role on the account", func(in *userRole) *string { return &in.Space })),
	}, func(ctx context.Context, caller authority.Caller, in *userRole) (keywright.User, error) {
		return s.Authority.DropRole(ctx, caller, in.Username, in.in(in.Account))
	})
}
