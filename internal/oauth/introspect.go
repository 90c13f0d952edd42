package oauth

import (
	"context"

	"github.com/keywright/keywright/internal/authority"
)

// inactive is the whole answer about every token that is not to be believed,
// for whatever cause (RFC 7662 section 2.2).
const inactive = `{"active":false}`

// introspect answers POST /oauth2/introspect (RFC 7662 section 2):
//
//  1. the token; its hint is not needed and not looked at
//  2. what the authority tells this caller of it
//  3. that, or the one inactive answer
func (s *Server) introspect(ctx context.Context, q *request) ([]byte, error) {
	token := q.form.get("token")
	if token == "" {
		return nil, badRequest("parameter token is missing")
	}
	about, err := s.Authority.Introspect(ctx, q.caller, token)
	if err != nil {
		return nil, err
	}
	if about == nil {
		return []byte(inactive), nil
	}
	return active(about), nil
}

// active writes what is known of an active token. A permanent one has no exp.
func active(t *authority.Introspection) []byte {
	o := newObject()
	o.name("active")
	o.b = append(o.b, "true"...)
	o.scope(t.Scopes)
	o.text("client_id", t.ClientID)
	o.text("username", t.Username)
	o.text("token_type", t.TokenType)
	o.instant("exp", t.ExpiresAt)
	o.instant("iat", t.IssuedAt)
	o.instant("nbf", t.NotBefore)
	o.text("sub", t.Subject)
	o.audience(t.Audience)
	o.text("iss", t.Issuer)
	o.text("jti", t.JTI)
	o.text("account", t.Account)
	o.text("space", t.Space)
	return o.end()
}
