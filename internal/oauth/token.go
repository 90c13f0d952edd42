package oauth

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/keywright/keywright/internal/authority"
)

// The grants that are served.
const (
	grantClientCredentials = "client_credentials"
	grantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// The token types of RFC 8693 section 3.
const (
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
)

// token answers POST /oauth2/token (RFC 6749 section 3.2):
//
//  1. the grant, by its type
//  2. what it is for: scope, resource, audience
//  3. an access token of the authority
//  4. the answer, which always says the scope
func (s *Server) token(ctx context.Context, q *request) ([]byte, error) {
	switch q.form.get("grant_type") {
	case grantClientCredentials:
		return s.clientCredentials(ctx, q)
	case grantTokenExchange:
		return s.exchange(ctx, q)
	case "":
		return nil, badRequest("parameter grant_type is missing")
	}
	return nil, &failure{status: http.StatusBadRequest, code: unsupportedGrant, description: "use " + grantClientCredentials + " or " + grantTokenExchange}
}

// clientCredentials is the grant of RFC 6749 section 4.4. It gives no refresh token.
func (s *Server) clientCredentials(ctx context.Context, q *request) ([]byte, error) {
	target, err := q.target()
	if err != nil {
		return nil, err
	}
	granted, err := s.Authority.Grant(ctx, q.caller, target)
	if err != nil {
		return nil, err
	}
	body := granting(granted)
	return body.end(), nil
}

// exchange is the grant of RFC 8693 section 2: an API key or an access token for a narrower access token.
func (s *Server) exchange(ctx context.Context, q *request) ([]byte, error) {
	if err := q.checkExchange(); err != nil {
		return nil, err
	}
	target, err := q.target()
	if err != nil {
		return nil, err
	}
	granted, err := s.Authority.Exchange(ctx, q.caller, authority.ExchangeRequest{
		Subject:      q.form.get("subject_token"),
		SubjectType:  q.form.get("subject_token_type"),
		GrantRequest: target,
	})
	if err != nil {
		return nil, err
	}
	body := granting(granted)
	body.text("issued_token_type", typeAccessToken)
	return body.end(), nil
}

// checkExchange holds the parameters of an exchange against RFC 8693 section 2.1.
func (q *request) checkExchange() error {
	asked, actor := q.form.get("requested_token_type"), q.form.get("actor_token")
	switch {
	case q.form.get("subject_token") == "":
		return badRequest("parameter subject_token is missing")
	case q.form.get("subject_token_type") == "":
		return badRequest("parameter subject_token_type is missing")
	case (actor == "") != (q.form.get("actor_token_type") == ""):
		return badRequest("actor_token and actor_token_type go together")
	case actor != "":
		return badRequest("actor_token is not supported")
	case asked != "" && asked != typeAccessToken && asked != typeJWT:
		return badRequest("requested_token_type must be " + typeAccessToken)
	}
	return nil
}

// target reads what the access token is to be for. The order of scopes and their repeats do not matter.
func (q *request) target() (authority.GrantRequest, error) {
	t := authority.GrantRequest{
		Scopes:    strings.FieldsFunc(q.form.get("scope"), func(r rune) bool { return r == ' ' }),
		Resources: q.form.all("resource"),
		Audience:  q.form.all("audience"),
	}
	for _, resource := range t.Resources {
		u, err := url.Parse(resource)
		if err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			return t, &failure{status: http.StatusBadRequest, code: invalidTarget, description: "resource must be an absolute URI without a fragment"}
		}
	}
	return t, nil
}

// granting is the success of RFC 6749 section 5.1.
func granting(g authority.AccessGrant) object {
	body := newObject()
	body.text("access_token", g.AccessToken.Reveal())
	body.text("token_type", "Bearer")
	body.number("expires_in", int64(g.ExpiresIn.Seconds()))
	body.scope(g.Scopes)
	return body
}
