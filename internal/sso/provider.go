package sso

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// Settings say which provider signs people in, and as what this instance is known to it.
type Settings struct {
	Issuer       string // exactly as the provider writes it; https, or http on this machine
	ClientID     string
	ClientSecret keywright.Secret // empty: the client is a public one
	Scopes       []string         // empty: openid, profile, email
	GroupsClaim  string           // empty: groups
}

// Provider is the provider as far as it is known. Make it with NewProvider. Safe for concurrent use.
type Provider struct {
	Settings
	redirect string
	http     *http.Client
	now      func() time.Time

	mu     sync.Mutex // one discovery at a time, whoever asks
	found  *discovered
	asked  time.Time
	failed error
}

// NewProvider checks the settings. It does no I/O: the provider is asked who it is when the first person signs in, and again if
// it did not answer.
func NewProvider(s Settings, baseURL string, now func() time.Time) (*Provider, error) {
	u, err := url.Parse(s.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && !(u.Scheme == "http" && onThisMachine(u.Hostname())):
		return nil, fmt.Errorf("single sign-on: the issuer %q must be an https URL without query and fragment", s.Issuer)
	case s.ClientID == "":
		return nil, errors.New("single sign-on: the client id is missing")
	}
	if len(s.Scopes) == 0 {
		s.Scopes = []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail}
	}
	if !slices.Contains(s.Scopes, oidc.ScopeOpenID) {
		s.Scopes = append([]string{oidc.ScopeOpenID}, s.Scopes...)
	}
	if s.GroupsClaim == "" {
		s.GroupsClaim = "groups"
	}
	return &Provider{
		Settings: s,
		redirect: strings.TrimSuffix(baseURL, "/") + callbackPath,
		http: &http.Client{
			Transport:     transport{http.DefaultTransport},
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		now: now,
	}, nil
}

// transport makes of every failure that is not an answer keywright.ErrUnavailable, and reads no answer without end.
type transport struct{ http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	const longest = 1 << 20
	res, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%w: the provider of single sign-on: %w", keywright.ErrUnavailable, err)
	}
	if res.StatusCode >= http.StatusInternalServerError || res.StatusCode == http.StatusTooManyRequests {
		_ = res.Body.Close()
		return nil, fmt.Errorf("%w: the provider of single sign-on answers %s at %s", keywright.ErrUnavailable, res.Status, r.URL.Path)
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, longest), res.Body}
	return res, nil
}

// discovered is what the provider says of itself.
type discovered struct {
	*oidc.Provider
	oauth  oauth2.Config
	keys   oidc.KeySet
	naming bool // it names itself in every answer (RFC 9207)
}

// discover asks the provider who it is, once. One that did not answer is asked again, at most every few seconds.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	const again = 3 * time.Second
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.failed != nil && p.now().Sub(p.asked) < again {
		return nil, p.failed
	}
	// One who hangs up must not make the others hear that the provider is down.
	p.found, p.failed = p.ask(context.WithoutCancel(ctx))
	p.asked = p.now()
	return p.found, p.failed
}

func (p *Provider) ask(ctx context.Context) (*discovered, error) {
	ctx = oidc.ClientContext(ctx, p.http)
	provider, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: single sign-on: %w", keywright.ErrUnavailable, err)
	}
	var more struct {
		Keys   string `json:"jwks_uri"`
		Naming bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fmt.Errorf("%w: single sign-on: %w", keywright.ErrUnavailable, err)
	}
	return &discovered{
		Provider: provider,
		oauth: oauth2.Config{
			ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), Endpoint: provider.Endpoint(), RedirectURL: p.redirect, Scopes: p.Scopes,
		},
		keys:   oidc.NewRemoteKeySet(ctx, more.Keys),
		naming: more.Naming,
	}, nil
}

// authorization is where the person shows the provider who it is.
func (d *discovered) authorization(p *pending) string {
	return d.oauth.AuthCodeURL(p.State, oidc.Nonce(p.Nonce), oauth2.S256ChallengeOption(p.Verifier))
}

// identify finds out whom the provider vouches for:
//
//  1. it is this provider that answers (RFC 9207)
//  2. it does vouch for somebody
//  3. the code is exchanged, with our verifier
//  4. the ID token is this provider's, for this client, in time, and for this request
//  5. what it leaves out is asked for
func (p *Provider) identify(ctx context.Context, own *pending, answer url.Values) (authority.Identity, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return authority.Identity{}, err
	}
	if iss := answer.Get("iss"); iss != p.Issuer && (d.naming || answer.Has("iss")) {
		return authority.Identity{}, &refusal{"the answer is another provider's"}
	}
	if answer.Has("error") || answer.Get("code") == "" {
		return authority.Identity{}, denied(answer)
	}
	ctx = oidc.ClientContext(ctx, p.http)
	tokens, err := d.oauth.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(own.Verifier))
	if err != nil {
		return authority.Identity{}, untaken(err)
	}
	token, err := p.verify(ctx, d, own, tokens)
	if err != nil {
		return authority.Identity{}, err
	}
	c, err := p.claims(ctx, d, token, tokens)
	if err != nil {
		return authority.Identity{}, err
	}
	return authority.Identity{
		Issuer: token.Issuer, Subject: token.Subject,
		Email: c.email, EmailVerified: c.verified, Username: c.username, Groups: c.groups,
	}, nil
}

// denied tells of an answer without a code. The provider's own description is not repeated: anybody can write it into a link.
func denied(answer url.Values) error {
	switch answer.Get("error") {
	case "temporarily_unavailable", "server_error":
		return fmt.Errorf("%w: the provider of single sign-on cannot sign in now", keywright.ErrUnavailable)
	}
	return &refusal{"the provider of single sign-on has signed nobody in"}
}

// untaken tells of a code that was not exchanged.
func untaken(err error) error {
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return &refusal{"the provider of single sign-on takes no code that was used or has run out: sign in again"}
	case errors.As(err, &refused):
		return fmt.Errorf("%w: the provider of single sign-on refuses this instance: error %q", keywright.ErrUnavailable, refused.ErrorCode)
	}
	return fmt.Errorf("%w: single sign-on: %w", keywright.ErrUnavailable, err)
}

// watchedKeys remembers whether it was the keys that could not be had.
type watchedKeys struct {
	oidc.KeySet
	missing error
}

// VerifySignature is oidc.KeySet's.
func (k *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	if errors.Is(err, keywright.ErrUnavailable) {
		k.missing = err
	}
	return payload, err
}

// verify holds an ID token against OpenID Connect Core section 3.1.3.7: signature by an asymmetric key of the provider, issuer,
// audience and expiry by go-oidc; authorized party, nonce and access token here.
func (p *Provider) verify(ctx context.Context, d *discovered, own *pending, tokens *oauth2.Token) (*oidc.IDToken, error) {
	raw, _ := tokens.Extra("id_token").(string)
	keys := &watchedKeys{KeySet: d.keys}
	token, err := oidc.NewVerifier(p.Issuer, keys, &oidc.Config{ClientID: p.ClientID, Now: p.now, SupportedSigningAlgs: asymmetric}).Verify(ctx, raw)
	if keys.missing != nil {
		return nil, keys.missing
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", &refusal{"what the provider of single sign-on says of the person cannot be believed"}, err)
	}
	var party struct {
		Authorized string `json:"azp"`
	}
	err = token.Claims(&party)
	switch {
	case err != nil || token.Issuer != p.Issuer:
		return nil, &refusal{"the ID token is another provider's"}
	case party.Authorized != p.ClientID && (party.Authorized != "" || len(token.Audience) > 1):
		return nil, &refusal{"the ID token was made for another party"}
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(own.Nonce)) != 1:
		return nil, &refusal{"the ID token was made for another sign-in"}
	case token.AccessTokenHash != "" && token.VerifyAccessToken(tokens.AccessToken) != nil:
		return nil, &refusal{"the access token is not the ID token's"}
	}
	return token, nil
}

// asymmetric are the algorithms that an ID token may be signed with. With a symmetric one, whoever knows the client's
// secret, or takes a public key for one, could make it.
var asymmetric = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// claims is what is looked at of all that a provider says of a person.
type claims struct {
	email, username string
	verified        bool
	groups          []string
}

// claims are those of the ID token and, if the groups or the e-mail are not among them, of the UserInfo endpoint, which many
// providers keep them for.
func (p *Provider) claims(ctx context.Context, d *discovered, token *oidc.IDToken, tokens *oauth2.Token) (claims, error) {
	said := map[string]json.RawMessage{}
	if err := token.Claims(&said); err != nil {
		return claims{}, &refusal{"the ID token cannot be read"}
	}
	if (said[p.GroupsClaim] == nil || said["email"] == nil) && d.UserInfoEndpoint() != "" {
		info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		if err != nil {
			return claims{}, fmt.Errorf("%w: single sign-on: %w", keywright.ErrUnavailable, err)
		}
		if info.Subject != token.Subject { // OpenID Connect Core section 5.3.2
			return claims{}, &refusal{"the provider of single sign-on says of somebody else who that is"}
		}
		more := map[string]json.RawMessage{}
		if err := info.Claims(&more); err != nil {
			return claims{}, &refusal{"what the provider of single sign-on says of the person cannot be read"}
		}
		complete(said, more, p.GroupsClaim)
	}
	return readClaims(said, p.GroupsClaim)
}

// complete adds what the ID token leaves out. An e-mail address and whether it is verified come from the same place.
func complete(said, more map[string]json.RawMessage, groups string) {
	if said["email"] == nil {
		said["email"], said["email_verified"] = more["email"], more["email_verified"]
	}
	for _, name := range []string{groups, "preferred_username"} {
		if said[name] == nil {
			said[name] = more[name]
		}
	}
}

// readClaims reads what is there. Of groups that are not names nothing is guessed.
func readClaims(said map[string]json.RawMessage, groupsClaim string) (claims, error) {
	var c claims
	for name, at := range map[string]*string{"email": &c.email, "preferred_username": &c.username} {
		if raw := said[name]; raw != nil && json.Unmarshal(raw, at) != nil {
			return claims{}, &refusal{"the claim " + name + " is no text"}
		}
	}
	verified := strings.TrimSpace(string(said["email_verified"]))
	c.verified = verified == "true" || verified == `"true"` // some write it as text
	var one string
	switch raw := said[groupsClaim]; {
	case raw == nil:
	case json.Unmarshal(raw, &one) == nil:
		c.groups = []string{one}
	case json.Unmarshal(raw, &c.groups) != nil:
		return claims{}, &refusal{"the claim " + groupsClaim + " is no list of names"}
	}
	return c, nil
}
