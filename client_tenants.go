package keywright

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// items is a list that has no pages.
type items[T any] struct {
	Items []T `json:"items"`
}

func v1(segments ...string) []string { return append([]string{"v1"}, segments...) }

func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

func listValues(limit int, cursor string) url.Values {
	v := url.Values{}
	if limit != 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	set(v, "cursor", cursor)
	return v
}

// All goes through the pages of a list, asking for each when it is reached:
//
//	for event, err := range keywright.All(func(cursor string) (keywright.Page[keywright.Event], error) {
//		return client.Events(ctx, keywright.EventQuery{ListQuery: keywright.ListQuery{Cursor: cursor}})
//	}) { … }
//
// It ends after the first error, which comes with a zero item.
func All[T any](page func(cursor string) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			p, err := page(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if cursor = p.Next; cursor == "" {
				return
			}
		}
	}
}

// ListQuery asks for one page of a list in name order.
type ListQuery struct {
	Limit  int    // 1 to 200; default 50
	Cursor string // from the page before; empty: the first page
}

// Session is a person's session that was begun.
type Session struct {
	Token     Secret
	Username  string
	ExpiresAt time.Time
}

// Login begins a session for a username or e-mail and its password. Present its token
// as the credential of further requests.
func (c *Client) Login(ctx context.Context, username string, password Secret) (Session, error) {
	return c.begin(ctx, v1("login"), map[string]string{"username": username, "password": password.Reveal()})
}

// LoginBySSO begins the session of a person who came back from single sign-on with a code. The verifier is that of the
// challenge which was given to /sso/login (RFC 7636, S256).
func (c *Client) LoginBySSO(ctx context.Context, code, verifier Secret) (Session, error) {
	return c.begin(ctx, v1("login", "sso"), map[string]string{"code": code.Reveal(), "verifier": verifier.Reveal()})
}

func (c *Client) begin(ctx context.Context, path []string, body map[string]string) (Session, error) {
	begun, err := call[struct {
		Token     string    `json:"token"`
		Username  string    `json:"username"`
		ExpiresAt time.Time `json:"expires_at"`
	}](ctx, c.nobody(), request{method: "POST", path: path, body: body})
	if err != nil {
		return Session{}, err
	}
	return Session{NewSecret(begun.Token), begun.Username, begun.ExpiresAt}, nil
}

// SignInWays says how people sign in.
func (c *Client) SignInWays(ctx context.Context) (SignInWays, error) {
	return call[SignInWays](ctx, c.nobody(), request{method: "GET", path: v1("login")})
}

// nobody is the client without its credential.
func (c *Client) nobody() *Client {
	return &Client{BaseURL: c.BaseURL, HTTP: c.HTTP, UserAgent: c.UserAgent}
}

// Logout ends the session that is presented.
func (c *Client) Logout(ctx context.Context) error {
	_, err := call[struct{}](ctx, c, request{method: "POST", path: v1("logout")})
	return err
}

// ChangePassword sets the caller's own password and, if so asked, ends all its other sessions and all its tokens.
func (c *Client) ChangePassword(ctx context.Context, change PasswordChange) error {
	body := map[string]any{
		"new_password": change.New.Reveal(), "end_sessions": change.EndSessions, "end_tokens": change.EndTokens,
	}
	if old := change.Old.Reveal(); old != "" {
		body["old_password"] = old
	}
	_, err := call[struct{}](ctx, c, request{method: "POST", path: v1("password"), body: body})
	return err
}

// Whoami says who the caller is and what it may do.
func (c *Client) Whoami(ctx context.Context) (Self, error) {
	return call[Self](ctx, c, request{method: "GET", path: v1("whoami")})
}

// Accounts returns a page of the accounts the caller may see.
func (c *Client) Accounts(ctx context.Context, q ListQuery) (Page[Account], error) {
	return call[Page[Account]](ctx, c, request{method: "GET", path: v1("accounts"), query: listValues(q.Limit, q.Cursor)})
}

// Account returns one account.
func (c *Client) Account(ctx context.Context, name string) (Account, error) {
	return call[Account](ctx, c, request{method: "GET", path: v1("accounts", name)})
}

// CreateAccount makes an account with its space "default".
func (c *Client) CreateAccount(ctx context.Context, name, title string) (Account, error) {
	return call[Account](ctx, c, request{method: "POST", path: v1("accounts"), body: named{name, title}})
}

type named struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
}

// Spaces returns a page of the spaces of an account that the caller may see.
func (c *Client) Spaces(ctx context.Context, account string, q ListQuery) (Page[Space], error) {
	return call[Page[Space]](ctx, c, request{
		method: "GET", path: v1("accounts", account, "spaces"), query: listValues(q.Limit, q.Cursor),
	})
}

// CreateSpace makes a space.
func (c *Client) CreateSpace(ctx context.Context, account, name, title string) (Space, error) {
	return call[Space](ctx, c, request{method: "POST", path: v1("accounts", account, "spaces"), body: named{name, title}})
}

// Users returns a page of the users with a role in the account.
func (c *Client) Users(ctx context.Context, account string, q ListQuery) (Page[User], error) {
	return call[Page[User]](ctx, c, request{
		method: "GET", path: v1("accounts", account, "users"), query: listValues(q.Limit, q.Cursor),
	})
}

// NewUser asks for a user with one role in an account or a space of it.
type NewUser struct {
	Username string
	Email    string
	Password Secret
	Role     Role
}

// CreateUser makes a user with a role in the account.
func (c *Client) CreateUser(ctx context.Context, account string, user NewUser) (User, error) {
	return call[User](ctx, c, request{method: "POST", path: v1("accounts", account, "users"), body: map[string]any{
		"username": user.Username, "email": user.Email, "password": user.Password.Reveal(),
		"role": user.Role.Name, "space": user.Role.Space,
	}})
}

// GrantRole gives a user a role in the account or, if the role names one, a space of it.
func (c *Client) GrantRole(ctx context.Context, account, username string, role Role) (User, error) {
	return call[User](ctx, c, request{
		method: "PUT", path: v1("accounts", account, "users", username, "roles"),
		body: map[string]string{"role": role.Name, "space": role.Space},
	})
}

// DropRole takes a role away from a user.
func (c *Client) DropRole(ctx context.Context, account, username string, role Role) (User, error) {
	query := url.Values{}
	set(query, "role", role.Name)
	set(query, "space", role.Space)
	return call[User](ctx, c, request{
		method: "DELETE", path: v1("accounts", account, "users", username, "roles"), query: query,
	})
}

// OpenAPI returns the description of the REST API (OpenAPI 3.1, JSON).
func (c *Client) OpenAPI(ctx context.Context) (json.RawMessage, error) {
	return call[json.RawMessage](ctx, c, request{method: "GET", path: []string{"openapi.json"}})
}
