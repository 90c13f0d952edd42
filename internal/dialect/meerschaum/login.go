package meerschaum

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/dialect"
)

// naive is how an instant is written to /login's clients: UTC without saying so, with six digits of the second. They
// read no other form.
const naive = "2006-01-02T15:04:05.000000"

// loggedIn is the answer to a login.
type loggedIn struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	Expires     string `json:"expires"`
}

// login answers POST /login.
func (s *server) login(r *http.Request) (any, error) {
	asked, err := readLogin(r)
	if err != nil {
		return nil, err
	}
	granted, err := s.grant(r, asked)
	if err != nil {
		return nil, err
	}
	return loggedIn{
		AccessToken: granted.AccessToken.Reveal(),
		TokenType:   "bearer",
		Expires:     granted.ExpiresAt.UTC().Format(naive),
	}, nil
}

// loginForm is what a client sends to log in.
type loginForm struct {
	grant              string // password, client_credentials; empty: as the rest says
	username, password string
	id, secret         string
	scopes             []string
	bare               bool // none of the four credential fields is there
}

// grant is a session for who logs in by password, which lives for hours, and an access token for a token.
func (s *server) grant(r *http.Request, asked loginForm) (authority.AccessGrant, error) {
	if asked.grant == "password" {
		return s.Authority.LoginAccess(r.Context(), s.Caller(r, keywright.Credential{}), asked.username, keywright.NewSecret(asked.password), asked.scopes)
	}
	credential, err := s.client(r, asked)
	if err != nil {
		return authority.AccessGrant{}, err
	}
	return s.Authority.Grant(r.Context(), s.Caller(r, credential), authority.GrantRequest{Scopes: asked.scopes, Lenient: true})
}

// client is the token that logs in: by the form or, where that has no credentials, by the header.
func (s *server) client(r *http.Request, asked loginForm) (keywright.Credential, error) {
	if asked.bare {
		return s.presentedIn(r)
	}
	return s.pair(asked.id, asked.secret)
}

// readLogin reads the form. A body of another type has no fields, and what is in the URL is never looked at.
func readLogin(r *http.Request) (loginForm, error) {
	body, err := dialect.Body(r, bodyLimit)
	if err != nil {
		return loginForm{}, err
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "" && kind != "application/x-www-form-urlencoded" {
		body = nil
	}
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return loginForm{}, unprocessable(fault{"form_invalid", []any{"body"}, "The form is not URL-encoded", nil})
	}
	for _, name := range []string{"grant_type", "username", "password", "client_id", "client_secret", "scope"} {
		if len(fields[name]) > 1 {
			return loginForm{}, unprocessable(fault{"repeated", []any{"body", name}, "Field is there more than once", nil})
		}
	}
	return newLoginForm(fields)
}

func newLoginForm(fields url.Values) (loginForm, error) {
	asked := loginForm{
		grant:    fields.Get("grant_type"),
		username: fields.Get("username"),
		password: fields.Get("password"),
		id:       fields.Get("client_id"),
		secret:   fields.Get("client_secret"),
		scopes:   strings.Fields(fields.Get("scope")),
	}
	asked.bare = asked.username+asked.password+asked.id+asked.secret == ""
	switch {
	case asked.grant == "" && asked.username != "" && asked.password != "":
		asked.grant = "password"
	case asked.grant != "" && asked.grant != "password" && asked.grant != "client_credentials":
		return asked, unprocessable(fault{"string_pattern_mismatch", []any{"body", "grant_type"},
			"String should match pattern '^(password|client_credentials)$'", nil})
	}
	return asked, nil
}
