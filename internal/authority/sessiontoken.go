package authority

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// purposeSessionToken keeps the signatures of session tokens apart from every other digest.
const purposeSessionToken = "session token"

// sessionHeader is the first segment of every session token. Its signature is the keyed digest of the rest, as with
// HS256, under the pepper: nobody but this instance can check it, so that no API takes a person for a token.
var sessionHeader = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))

// sessionPayload is what a session token says: whose session it is, and to what it was narrowed.
type sessionPayload struct {
	Issuer   string  `json:"iss"`
	Subject  string  `json:"sub"` // username
	Audience string  `json:"aud"`
	Session  string  `json:"sid"`
	IssuedAt int64   `json:"iat"`
	Expires  int64   `json:"exp"`
	Scope    *string `json:"scope,omitempty"` // nil: not narrowed
}

// managementAudience names this management API, which alone a person's session is for.
const managementAudience = "keywright"

// LoginAccess is Login for clients that know a person's session as a JWT only. With scopes, the session
// gives no token more than these, whatever the person's roles let it give; without, all of that.
func (a *Authority) LoginAccess(ctx context.Context, caller Caller, username string, password keywright.Secret, asked []string) (AccessGrant, error) {
	scopes, err := keywright.ParseScopes(asked...)
	if err != nil {
		return AccessGrant{}, keywright.Invalid("scope", "%v", err)
	}
	session, err := a.Login(ctx, caller, username, password)
	if err != nil {
		return AccessGrant{}, err
	}
	begun, err := a.ParseCredential(session.Token.Reveal())
	if err != nil {
		return AccessGrant{}, notKnown(fmt.Errorf("authority: the session begun: %w", err))
	}
	now := a.instant()
	p := sessionPayload{
		Issuer: a.cfg.Issuer, Subject: session.Username, Audience: managementAudience, Session: begun.ID().String(),
		IssuedAt: now.Unix(), Expires: session.ExpiresAt.Unix(),
	}
	if len(asked) > 0 {
		claim := scopeClaim(scopes)
		p.Scope = &claim
	}
	text, err := a.signSession(p)
	return AccessGrant{
		AccessToken: keywright.NewSecret(text),
		ExpiresIn:   time.Unix(p.Expires, 0).Sub(now).Truncate(time.Second),
		Scopes:      scopes,
		ExpiresAt:   time.Unix(p.Expires, 0).UTC(),
	}, err
}

func (a *Authority) signSession(p sessionPayload) (string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	signed := sessionHeader + "." + base64.RawURLEncoding.EncodeToString(text)
	digest, _ := a.cfg.Keys.Digest(purposeSessionToken, signed)
	return signed + "." + base64.RawURLEncoding.EncodeToString(digest[:]), nil
}

// readSession returns what a session token says; nil if it is not one of ours.
func (a *Authority) readSession(text string) *sessionPayload {
	signed, signature, _ := cutLast(text, ".")
	header, body, _ := strings.Cut(signed, ".")
	sum, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || header != sessionHeader || !a.signedSession(signed, sum) {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil
	}
	p := &sessionPayload{}
	if err := json.Unmarshal(payload, p, json.RejectUnknownMembers(true)); err != nil || p.Issuer != a.cfg.Issuer {
		return nil
	}
	return p
}

func (a *Authority) signedSession(signed string, sum []byte) bool {
	for _, digest := range a.cfg.Keys.Digests(purposeSessionToken, signed) {
		if subtle.ConstantTimeCompare(digest[:], sum) == 1 {
			return true
		}
	}
	return false
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// sessionOf is the live session that a session token is of, and what it was narrowed to; nil for anything else.
func (a *Authority) sessionOf(ctx context.Context, tx store.Tx, c keywright.Credential) (*store.Session, *keywright.Bound, error) {
	p := a.readSession(c.Reveal())
	if p == nil {
		return nil, nil, nil
	}
	now := a.cfg.Now()
	id, err := keywright.ParseID(p.Session)
	if err != nil || now.Unix() >= p.Expires {
		return nil, nil, keywright.ErrUnauthenticated
	}
	session, err := a.liveSession(ctx, tx, id, now)
	if err != nil || p.Scope == nil {
		return session, nil, err
	}
	scopes, err := keywright.ParseScopes(strings.Fields(*p.Scope)...)
	if err != nil {
		return nil, nil, keywright.ErrUnauthenticated
	}
	return session, &keywright.Bound{Scopes: scopes}, nil
}

// liveSession is a session that was proved to be shown, if it still is one of somebody who may sign in.
func (a *Authority) liveSession(ctx context.Context, tx store.Tx, id keywright.ID, now time.Time) (*store.Session, error) {
	session, err := tx.People().Session(ctx, id)
	if err != nil {
		return nil, gone(err, keywright.ErrUnauthenticated)
	}
	user, err := tx.People().User(ctx, session.User)
	if err != nil {
		return nil, gone(err, keywright.ErrUnauthenticated)
	}
	if !user.DisabledAt.IsZero() || !now.Before(session.ExpiresAt) {
		return nil, keywright.ErrUnauthenticated
	}
	return session, nil
}
