package keywright

import (
	"context"
	"net/url"
)

// EditAccount gives an account another title.
func (c *Client) EditAccount(ctx context.Context, name, title string) (Account, error) {
	return call[Account](ctx, c, request{method: "PATCH", path: v1("accounts", name), body: map[string]string{"title": title}})
}

// CloseAccount suspends every token of an account.
func (c *Client) CloseAccount(ctx context.Context, name string) (Account, error) {
	return call[Account](ctx, c, request{method: "POST", path: v1("accounts", name, "close")})
}

// ReopenAccount lets the tokens of a closed account work again.
func (c *Client) ReopenAccount(ctx context.Context, name string) (Account, error) {
	return call[Account](ctx, c, request{method: "POST", path: v1("accounts", name, "reopen")})
}

// Space returns one space.
func (c *Client) Space(ctx context.Context, account, name string) (Space, error) {
	return call[Space](ctx, c, request{method: "GET", path: v1("accounts", account, "spaces", name)})
}

// EditSpace gives a space another title.
func (c *Client) EditSpace(ctx context.Context, account, name, title string) (Space, error) {
	return call[Space](ctx, c, request{
		method: "PATCH", path: v1("accounts", account, "spaces", name), body: map[string]string{"title": title},
	})
}

// CloseSpace suspends every token of a space.
func (c *Client) CloseSpace(ctx context.Context, account, name string) (Space, error) {
	return call[Space](ctx, c, request{method: "POST", path: v1("accounts", account, "spaces", name, "close")})
}

// ReopenSpace lets the tokens of a closed space work again.
func (c *Client) ReopenSpace(ctx context.Context, account, name string) (Space, error) {
	return call[Space](ctx, c, request{method: "POST", path: v1("accounts", account, "spaces", name, "reopen")})
}

// DeleteSpace removes a space with its tokens; its name is repeated, so that nobody deletes one by accident.
func (c *Client) DeleteSpace(ctx context.Context, account, name, repeated string) (Revision, error) {
	query := url.Values{}
	set(query, "repeat", repeated)
	gone, err := call[struct {
		Revision Revision `json:"revision"`
	}](ctx, c, request{method: "DELETE", path: v1("accounts", account, "spaces", name), query: query})
	return gone.Revision, err
}

// Members returns a page of those with a role on an account itself or, if one is named, on a space of it.
func (c *Client) Members(ctx context.Context, account, space string, q ListQuery) (Page[Member], error) {
	path := v1("accounts", account, "members")
	if space != "" {
		path = v1("accounts", account, "spaces", space, "members")
	}
	return call[Page[Member]](ctx, c, request{method: "GET", path: path, query: listValues(q.Limit, q.Cursor)})
}

// Operators returns a page of those with a role on the instance.
func (c *Client) Operators(ctx context.Context, q ListQuery) (Page[Member], error) {
	return call[Page[Member]](ctx, c, request{method: "GET", path: v1("operators"), query: listValues(q.Limit, q.Cursor)})
}

// GrantOperator makes a user an operator.
func (c *Client) GrantOperator(ctx context.Context, username string) (User, error) {
	return call[User](ctx, c, request{method: "PUT", path: v1("operators", username)})
}

// DropOperator makes a user an operator no more.
func (c *Client) DropOperator(ctx context.Context, username string) (User, error) {
	return call[User](ctx, c, request{method: "DELETE", path: v1("operators", username)})
}

// Invite invites somebody to become a user with a role in the account. The link in the answer is shown this once.
func (c *Client) Invite(ctx context.Context, account string, invite NewInvite) (Invited, error) {
	body := map[string]any{"username": invite.Username, "email": invite.Email, "role": invite.Role.Name}
	if invite.Role.Space != "" {
		body["space"] = invite.Role.Space
	}
	if invite.ExpiresIn != 0 {
		body["expires_in"] = invite.ExpiresIn
	}
	made, err := call[struct {
		Link       string `json:"link"`
		Invitation Invite `json:"invitation"`
	}](ctx, c, request{method: "POST", path: v1("accounts", account, "invitations"), body: body})
	if err != nil {
		return Invited{}, err
	}
	return Invited{made.Invitation, NewSecret(made.Link)}, nil
}

// Invites returns a page of the invitations to an account that were neither accepted nor withdrawn.
func (c *Client) Invites(ctx context.Context, account string, q ListQuery) (Page[Invite], error) {
	return call[Page[Invite]](ctx, c, request{
		method: "GET", path: v1("accounts", account, "invitations"), query: listValues(q.Limit, q.Cursor),
	})
}

// WithdrawInvite ends an invitation before it is accepted.
func (c *Client) WithdrawInvite(ctx context.Context, account string, id ID) error {
	_, err := call[struct{}](ctx, c, request{method: "DELETE", path: v1("accounts", account, "invitations", id.String())})
	return err
}

// AcceptInvite makes a user of who has the token of an invitation, which is what follows the # of its link. It
// presents no credential.
func (c *Client) AcceptInvite(ctx context.Context, token, password Secret) (User, error) {
	return call[User](ctx, c.nobody(), request{method: "POST", path: v1("invitations", "accept"), body: map[string]string{
		"token": token.Reveal(), "password": password.Reveal(),
	}})
}

// DisableUser keeps a user from signing in, ends its sessions, and ends its tokens or hands them to somebody.
func (c *Client) DisableUser(ctx context.Context, username string, tokens Offboarding) (Offboarded, error) {
	return call[Offboarded](ctx, c, request{method: "POST", path: v1("users", username, "disable"), body: tokens})
}

// EnableUser lets a disabled user sign in again. Its tokens that ended stay ended.
func (c *Client) EnableUser(ctx context.Context, username string) (User, error) {
	return call[User](ctx, c, request{method: "POST", path: v1("users", username, "enable")})
}

// DeleteUser removes a user, and ends its tokens or hands them to somebody.
func (c *Client) DeleteUser(ctx context.Context, username string, tokens Offboarding) (Offboarded, error) {
	query := url.Values{}
	set(query, "tokens", tokens.Tokens)
	set(query, "to", tokens.To)
	set(query, "reason", tokens.Reason)
	return call[Offboarded](ctx, c, request{method: "DELETE", path: v1("users", username), query: query})
}

// Sessions returns a page of a user's sessions, the newest first.
func (c *Client) Sessions(ctx context.Context, username string, q ListQuery) (Page[SessionInfo], error) {
	return call[Page[SessionInfo]](ctx, c, request{
		method: "GET", path: v1("users", username, "sessions"), query: listValues(q.Limit, q.Cursor),
	})
}

// EndSession ends one of a user's sessions.
func (c *Client) EndSession(ctx context.Context, username string, id ID) error {
	_, err := call[struct{}](ctx, c, request{method: "DELETE", path: v1("users", username, "sessions", id.String())})
	return err
}

// EndSessions ends a user's sessions, all but the one that is presented.
func (c *Client) EndSessions(ctx context.Context, username string) error {
	_, err := call[struct{}](ctx, c, request{method: "DELETE", path: v1("users", username, "sessions")})
	return err
}
