package authority

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/keywright/keywright"
)

// GrantRequest asks for an access token, narrower than its token if it says so.
type GrantRequest struct {
	Scopes    []string // empty: all of the token's
	Lenient   bool     // of Scopes, what is beyond the token's is left out instead of refused
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
	ExpiresAt   time.Time
}

// The types of subject token that can be exchanged. An API key is a bearer token too, and a client may say no more than that.
const (
	typeAPIKey      = "urn:keywright:params:oauth:token-type:api_key"
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
)

// Grant makes an access token for the caller's own token (client_credentials, RFC 6749 section 4.4). It is
// narrower than the token if the request says so, never wider; what is beyond the token is a
// *keywright.InvalidError about "scope", "resource" or "audience".
func (a *Authority) Grant(ctx context.Context, caller Caller, req GrantRequest) (AccessGrant, error) {
	client, err := a.client(ctx, caller)
	if err != nil {
		return AccessGrant{}, err
	}
	return a.grant(ctx, &client, req, "")
}

// client proves a caller that shows its token's own secret: an access token gets no access tokens, nor does a session.
func (a *Authority) client(ctx context.Context, caller Caller) (Verdict, error) {
	if !showsSecret(caller.Credential) {
		return Verdict{}, keywright.ErrUnauthenticated
	}
	return a.proved(ctx, a.memory(), caller.Credential, question{Access: keywright.Access{Address: caller.Address}, own: true, seen: caller.origin()})
}

func showsSecret(c keywright.Credential) bool {
	switch c.Form() {
	case keywright.FormAPIKey, keywright.FormIDSecret, keywright.FormForeign:
		return true
	}
	return false
}

// Exchange makes an access token for the subject token, never wider, never longer (RFC 8693). The subject
// is of the caller's account; what was itself got by a grant or an exchange is not exchanged. A caller without a credential
// exchanges what it holds: the subject speaks for itself.
func (a *Authority) Exchange(ctx context.Context, caller Caller, req ExchangeRequest) (AccessGrant, error) {
	if req.SubjectType != typeAPIKey && req.SubjectType != typeAccessToken {
		return AccessGrant{}, keywright.Invalid("subject_token_type", "want %s or %s", typeAPIKey, typeAccessToken)
	}
	if caller.Credential.Form() == 0 {
		return a.exchangeOwn(ctx, caller, req)
	}
	client, err := a.client(ctx, caller)
	if err != nil {
		return AccessGrant{}, err
	}
	subject, err := a.subject(ctx, caller, &client, req.Subject)
	if err != nil {
		return AccessGrant{}, err
	}
	actor := ""
	if subject.facts.ID != client.facts.ID {
		actor = client.facts.ID.String()
	}
	return a.grant(ctx, &subject, req.GrantRequest, actor)
}

// exchangeOwn is an exchange in which nobody but the subject speaks: whoever holds an API key may have an
// access token for it.
func (a *Authority) exchangeOwn(ctx context.Context, caller Caller, req ExchangeRequest) (AccessGrant, error) {
	var err error
	if caller.Credential, err = a.ParseCredential(req.Subject); err != nil {
		return AccessGrant{}, unusableSubject()
	}
	client, err := a.client(ctx, caller)
	if errors.Is(err, keywright.ErrUnauthenticated) {
		err = unusableSubject()
	}
	if err != nil {
		return AccessGrant{}, err
	}
	return a.grant(ctx, &client, req.GrantRequest, "")
}

func unusableSubject() error {
	return keywright.Invalid("subject_token", "it is not an API key that can be used now")
}

func (a *Authority) subject(ctx context.Context, caller Caller, client *Verdict, presented string) (Verdict, error) {
	c, err := a.ParseCredential(presented)
	if err != nil || !showsSecret(c) {
		return Verdict{}, unusableSubject()
	}
	q := question{own: true, asker: client.facts.ID, from: caller.Address, seen: caller.origin()}
	v, err := a.verify(ctx, a.memory(), c, q)
	if err == nil && (!v.usable() || v.facts.Account != client.facts.Account) {
		err = unusableSubject()
	}
	return v, err
}

// grant makes the access token of a proved token.
func (a *Authority) grant(ctx context.Context, v *Verdict, req GrantRequest, actor string) (AccessGrant, error) {
	scopes, err := grantedScopes(v.facts.Granted(), req)
	if err != nil {
		return AccessGrant{}, err
	}
	audience, err := a.grantedAudience(v.facts.Heard(), req)
	if err != nil {
		return AccessGrant{}, err
	}
	now := a.cfg.Now()
	issued, ends := a.accessLife(v, now)
	a.noteScopes(v.Record, scopes, len(req.Scopes) == 0) // who takes an access token need not ask us
	if !now.Before(ends) {
		return AccessGrant{}, keywright.ErrUnauthenticated // the token ends within this second
	}
	jti, err := a.newJTI()
	if err != nil {
		return AccessGrant{}, err
	}
	id := v.facts.ID.String()
	p := &payload{
		Issuer: a.cfg.Issuer, Subject: id, ClientID: id, Audience: a.audienceClaim(audience),
		Expires: ends.Unix(), IssuedAt: issued.Unix(), JTI: jti, Scope: scopeClaim(scopes),
		Secret: v.secret.Number, Account: v.facts.Account, Space: v.facts.Space,
	}
	if actor != "" {
		p.Actor = &actingParty{actor}
	}
	text, err := a.signAccessToken(ctx, p, now)
	if err != nil {
		return AccessGrant{}, notKnown(err)
	}
	return AccessGrant{keywright.NewSecret(text), ends.Sub(issued), scopes, audience, ends}, nil
}

// accessLife says from when to when an access token lives, in whole seconds: no longer than its token, nor than the
// secret that gets it. It is not issued before the instant up to which earlier ones are revoked.
func (a *Authority) accessLife(v *Verdict, now time.Time) (issued, ends time.Time) {
	issued = now.Truncate(time.Second)
	if since := v.Record.AccessSince; issued.Before(since) {
		issued = since.Truncate(time.Second).Add(time.Second)
	}
	ends = issued.Add(a.cfg.AccessTTL)
	for _, limit := range []time.Time{v.facts.Ends(), v.secret.Until} {
		if !limit.IsZero() && limit.Before(ends) {
			ends = limit
		}
	}
	return issued, ends.Truncate(time.Second)
}

// grantedScopes is what is asked for, if the token contains it, or all that the token has. Leniently it is the part
// that the token contains, and may be nothing.
func grantedScopes(own keywright.Scopes, req GrantRequest) (keywright.Scopes, error) {
	if len(own) == 0 && !req.Lenient {
		return nil, keywright.Invalid("scope", "the token has no scopes")
	}
	if len(req.Scopes) == 0 {
		return own, nil
	}
	wanted, err := keywright.ParseScopes(req.Scopes...)
	if err != nil {
		return nil, keywright.Invalid("scope", "%v", err)
	}
	if req.Lenient {
		return own.Narrow(wanted), nil
	}
	if beyond, ok := own.Contains(wanted); !ok {
		return nil, keywright.Invalid("scope", "%s is beyond the token's", beyond)
	}
	return wanted, nil
}

// grantedAudience is the audiences that are asked for, if they are the token's, or all of them.
// A token that names none is for those who name none: its default resource is the issuer.
func (a *Authority) grantedAudience(own []string, req GrantRequest) ([]string, error) {
	var chosen []string
	for n, name := range slices.Concat(req.Resources, req.Audience) {
		member := "resource"
		if n >= len(req.Resources) {
			member = "audience"
		}
		switch {
		case len(own) == 0 && name == a.cfg.Issuer, slices.Contains(chosen, name):
		case slices.Contains(own, name):
			chosen = append(chosen, name)
		default:
			return nil, keywright.Invalid(member, "%q is none of the token's audiences", name)
		}
	}
	if len(chosen) == 0 {
		return own, nil
	}
	slices.Sort(chosen)
	return chosen, nil
}

func (a *Authority) newJTI() (string, error) {
	var bits [16]byte
	if _, err := io.ReadFull(a.cfg.Random, bits[:]); err != nil {
		return "", fmt.Errorf("authority: read randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(bits[:]), nil
}
