package authority

import (
	"context"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/keywright/keywright"
)

// GrantRequest asks for an access token, narrower than its token if it says so.
type GrantRequest struct {
	Scopes    []string // empty: all of the token's
	Resources []string // RFC 8707: absolute URIs, each one of the token's audiences
	Audience  []string // RFC 8693: logical names, each one of the token's audiences
}

// ExchangeRequest asks for an access token for a subject token (RFC 8693).
type ExchangeRequest struct {
	Subject     string
	SubjectType string
	GrantRequest
}

// AccessGrant is an access token that was made.
type AccessGrant struct {
	AccessToken keywright.Secret
	ExpiresIn   time.Duration
	Scopes      keywright.Scopes
	Audience    []string
}

// Introspection is what RFC 7662 tells of an active token.
type Introspection struct {
	Scopes    keywright.Scopes
	ClientID  string
	Subject   string
	Username  string // the owner
	TokenType string // "access_token" is presented as Bearer; an API key too
	Issuer    string
	Audience  []string
	JTI       string
	IssuedAt  time.Time
	NotBefore time.Time
	ExpiresAt time.Time // zero: permanent
	Account   string
	Space     string
}

// Grant makes an access token for the caller's own token (client_credentials, RFC 6749 section 4.4).
func (a *Authority) Grant(ctx context.Context, caller Caller, req GrantRequest) (AccessGrant, error) {
	panic("unwritten")
}

// Exchange makes an access token for the subject token, never wider, never longer (RFC 8693).
func (a *Authority) Exchange(ctx context.Context, caller Caller, req ExchangeRequest) (AccessGrant, error) {
	panic("unwritten")
}

// Introspect answers about a presented token; nil without an error means inactive, for whatever cause.
func (a *Authority) Introspect(ctx context.Context, caller Caller, presented string) (*Introspection, error) {
	panic("unwritten")
}

// RevokePresented revokes an access token of the caller's token, or the caller's own API key (RFC
// 7009). What is unknown or another's is left alone, without an error.
func (a *Authority) RevokePresented(ctx context.Context, caller Caller, presented string) error {
	panic("unwritten")
}

// JWKS returns the public keys that verify access tokens, those not yet used included.
func (a *Authority) JWKS(ctx context.Context) (jose.JSONWebKeySet, error) { panic("unwritten") }
