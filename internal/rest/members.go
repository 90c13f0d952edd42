package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const (
	userPath      = "/api/v1/users/{username}"
	operatorsPath = "/api/v1/operators"
	invitesPath   = accountPath + "/invitations"
	acceptPath    = "/api/v1/invitations/accept"
	invitePage    = "/console/invite#" // what follows never leaves a browser
)

// routeMembers routes who belongs where, and how one comes and goes.
func (s *spoke) routeMembers() {
	type plain = inAccount[struct{}]
	serve(s, operation[plain]{
		id: "listMembers", method: http.MethodGet, path: accountPath + "/members", tag: "people",
		summary: "List the members of an account", detail: "Those with a role on the account itself, in the order of their names.",
		params: append(page[struct{}](), account[struct{}]()),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Page[keywright.Member], error) {
		return s.Authority.Members(ctx, caller, in.Account, "", in.List)
	})
	s.routeOperators()
	s.routeInvites()
	s.routeOffboarding()
	s.routeUserSessions()
}

// ofUser is a request about a user.
type ofUser struct {
	Username string
	ID       keywright.ID
	List     authority.ListQuery
	keywright.Offboarding
}

func username() parameter[ofUser] {
	return pathName("username", "The user's name", func(in *ofUser) *string { return &in.Username })
}

func pageOfUser(more ...parameter[ofUser]) []parameter[ofUser] {
	return append([]parameter[ofUser]{
		limit(func(in *ofUser) *int { return &in.List.Limit }),
		cursor(func(in *ofUser) *string { return &in.List.Cursor }),
	}, more...)
}

func (s *spoke) routeOperators() {
	operator := keywright.Role{Name: "operator"}
	serve(s, operation[ofUser]{
		id: "listOperators", method: http.MethodGet, path: operatorsPath, tag: "people",
		summary: "List the operators", detail: "Those with a role on the instance. For operators.", params: pageOfUser(),
	}, func(ctx context.Context, caller authority.Caller, in *ofUser) (keywright.Page[keywright.Member], error) {
		return s.Authority.Operators(ctx, caller, in.List)
	})
	serve(s, operation[ofUser]{
		id: "grantOperator", method: http.MethodPut, path: operatorsPath + "/{username}", tag: "people", conflicts: true,
		summary: "Make a user an operator", detail: "For operators.", params: []parameter[ofUser]{username()},
	}, func(ctx context.Context, caller authority.Caller, in *ofUser) (keywright.User, error) {
		return s.Authority.GrantRole(ctx, caller, in.Username, operator)
	})
	serve(s, operation[ofUser]{
		id: "dropOperator", method: http.MethodDelete, path: operatorsPath + "/{username}", tag: "people", conflicts: true,
		summary: "Make a user an operator no more", detail: "For operators; nobody drops the own role.", params: []parameter[ofUser]{username()},
	}, func(ctx context.Context, caller authority.Caller, in *ofUser) (keywright.User, error) {
		return s.Authority.DropRole(ctx, caller, in.Username, operator)
	})
}

func (s *spoke) routeInvites() {
	type plain = inAccount[struct{ ID keywright.ID }]
	serve(s, operation[plain]{
		id: "listInvitations", method: http.MethodGet, path: invitesPath, tag: "people",
		summary: "List invitations", detail: "Those to the account and its spaces that were neither accepted nor withdrawn.",
		params: append(page[struct{ ID keywright.ID }](), account[struct{ ID keywright.ID }]()),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Page[keywright.Invite], error) {
		return s.Authority.Invites(ctx, caller, in.Account, in.List)
	})
	type invite = inAccount[newInvite]
	serve(s, operation[invite]{
		id: "invite", method: http.MethodPost, path: invitesPath, tag: "people", status: http.StatusCreated, conflicts: true,
		summary: "Invite somebody", detail: "To become a user with one role, by a link that is good once: whoever opens it chooses the password.",
		params: []parameter[invite]{account[newInvite]()}, body: func(in *invite) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *invite) (invited, error) {
		made, err := s.Authority.Invite(ctx, caller, in.Body.in(in.Account))
		return s.newInvited(made), err
	})
	which := pathID(func(in *plain) *keywright.ID { return &in.Body.ID })
	which.doc = "The invitation's id"
	serve(s, operation[plain]{
		id: "withdrawInvitation", method: http.MethodDelete, path: invitesPath + "/{id}", tag: "people",
		summary: "Withdraw an invitation", detail: "Its link is good for nothing any more.",
		params: []parameter[plain]{account[struct{ ID keywright.ID }](), which},
	}, func(ctx context.Context, caller authority.Caller, in *plain) (nothing, error) {
		return nothing{}, s.Authority.Withdraw(ctx, caller, in.Account, in.Body.ID)
	})
	serve(s, operation[acceptance]{
		id: "acceptInvitation", method: http.MethodPost, path: acceptPath, tag: "people", open: true, status: http.StatusCreated, conflicts: true,
		summary: "Accept an invitation", detail: "Makes the user. Log in then.", body: func(in *acceptance) any { return in },
	}, func(ctx context.Context, caller authority.Caller, in *acceptance) (keywright.User, error) {
		caller.Credential = keywright.Credential{} // who accepts is nobody yet
		return s.Authority.AcceptInvite(ctx, caller, keywright.NewSecret(in.Token), keywright.NewSecret(in.Password))
	})
}

// newInvited puts the token behind the # of the link: no server and no proxy is sent that part.
func (s *spoke) newInvited(made authority.Invited) invited {
	if made.Token.Reveal() == "" {
		return invited{}
	}
	return invited{strings.TrimSuffix(s.BaseURL, "/") + invitePage + made.Token.Reveal(), made.Invite}
}

func (s *spoke) routeOffboarding() {
	serve(s, operation[ofUser]{
		id: "disableUser", method: http.MethodPost, path: userPath + "/disable", tag: "people", conflicts: true,
		summary: "Disable a user", detail: "Ends its sessions, and ends its tokens or hands them to somebody, in one revision. Needs a say everywhere the user has a role or a token.",
		params: []parameter[ofUser]{username()}, body: func(in *ofUser) any { return &in.Offboarding },
	}, func(ctx context.Context, caller authority.Caller, in *ofUser) (keywright.Offboarded, error) {
		return s.Authority.DisableUser(ctx, caller, in.Username, in.Offboarding)
	})
	serve(s, operation[ofUser]{
		id: "enableUser", method: http.MethodPost, path: userPath + "/enable", tag: "people",
		summary: "Enable a user", detail: "With the roles it has. Tokens that ended stay ended.", params: []parameter[ofUser]{username()},
	}, func(ctx context.Context, caller authority.Caller, in *ofUser) (keywright.User, error) {
		return s.Authority.EnableUser(ctx, caller, in.Username)
	})
	serve(s, operation[ofUser]{
		id: "deleteUser", method: http.MethodDelete, path: userPath, tag: "people", conflicts: true,
		summary: "Delete a user", detail: "With its roles and sessions; its tokens end or are handed to somebody, in one revision.",
		params: []parameter[ofUser]{
			username(),
			oneOf("tokens", "What becomes of the user's tokens", []string{keywright.TokensEnd, keywright.TokensTransfer},
				func(in *ofUser) *string { return &in.Tokens }).must(),
			text("to", "With transfer: the username of their new owner", func(in *ofUser) *string { return &in.To }),
			text("reason", "Kept with the tokens and in the audit trail", func(in *ofUser) *string { return &in.Reason }),
		},
	}, func(ctx context.Context, caller authority.Caller, in *ofUser) (keywright.Offboarded, error) {
		return s.Authority.DeleteUser(ctx, caller, in.Username, in.Offboarding)
	})
}

func (s *spoke) routeUserSessions() {
	const path = userPath + "/sessions"
	serve(s, operation[ofUser]{
		id: "listSessions", method: http.MethodGet, path: path, tag: "people",
		summary: "List a user's sessions", detail: "The newest first. Everybody may list the own.", params: pageOfUser(username()),
	}, func(ctx context.Context, caller authority.Caller, in *ofUser) (keywright.Page[keywright.SessionInfo], error) {
		return s.Authority.Sessions(ctx, caller, in.Username, in.List)
	})
	serve(s, operation[ofUser]{
		id: "endSessions", method: http.MethodDelete, path: path, tag: "people",
		summary: "End a user's sessions", detail: "All but the one that the request was made with.", params: []parameter[ofUser]{username()},
	}, func(ctx context.Context, caller authority.Caller, in *ofUser) (nothing, error) {
		return nothing{}, s.Authority.EndSessions(ctx, caller, in.Username)
	})
	which := pathID(func(in *ofUser) *keywright.ID { return &in.ID })
	which.doc = "The session's id"
	serve(s, operation[ofUser]{
		id: "endSession", method: http.MethodDelete, path: path + "/{id}", tag: "people",
		summary: "End one of a user's sessions", detail: "Also the one that the request was made with.", params: []parameter[ofUser]{username(), which},
	}, func(ctx context.Context, caller authority.Caller, in *ofUser) (nothing, error) {
		return nothing{}, s.Authority.EndSession(ctx, caller, in.Username, in.ID)
	})
}
