package authority

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// payload is what an access token says (RFC 9068 section 2.2). What we never write is refused.
type payload struct {
	Issuer   string       `json:"iss"`
	Subject  string       `json:"sub"`
	ClientID string       `json:"client_id"`
	Audience []string     `json:"aud"`
	Expires  int64        `json:"exp"`
	IssuedAt int64        `json:"iat"`
	JTI      string       `json:"jti"`
	Scope    string       `json:"scope"`
	Actor    *actingParty `json:"act,omitempty"` // RFC 8693 section 4.1: who exchanged, if it was another
	Secret   int64        `json:"kw_secret"`     // the number of the secret that got it
	Account  string       `json:"kw_account"`
	Space    string       `json:"kw_space"`
}

type actingParty struct {
	Subject string `json:"sub"`
}

// claims is an access token that was checked: facts, never a verdict. What it says of time,
// scopes and revocation is judged at every use.
type claims struct {
	token    keywright.ID
	jti      string
	secret   int64
	issuedAt time.Time
	bound    keywright.Bound
	ended    keywright.Bound // bound, revoked
}

var errNotAccessToken = errors.New("not an access token of this instance")

// claimsMemory spares a signature check for an access token that was seen before. It is keyed by a digest:
// no secret sits in a map.
type claimsMemory = recent[[sha256.Size]byte, *claims]

const rememberedClaims = 1 << 15

func newClaimsMemory() *claimsMemory {
	return newRecent[[sha256.Size]byte, *claims](rememberedClaims)
}

// readAccessToken returns what an access token claims, nil if it is not one of ours. Its header
// must be, byte for byte, the one we write for a key of ours (RFC 8725 section 3): with that algorithm,
// type and kid are pinned, and no other header parameter can be there.
func (a *Authority) readAccessToken(ctx context.Context, from source, token string) (*claims, error) {
	header, _, _ := strings.Cut(token, ".")
	key, err := a.verifyingKey(ctx, from, header)
	if err != nil || key == nil {
		return nil, err
	}
	digest := sha256.Sum256(append(make([]byte, 0, 1<<10), token...)) // nearly every one fits, and stays off the heap
	if known, ok := a.claims.get(digest); ok {
		return known, nil
	}
	checked, err := a.checkAccessToken(key, token)
	if err != nil {
		return nil, nil // why is nobody's business
	}
	a.claims.set(digest, checked)
	return checked, nil
}

// checkAccessToken checks the signature, once. That the token is spelled in the only way its bytes can be
// was seen when it was parsed.
func (a *Authority) checkAccessToken(key *signingKey, token string) (*claims, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, err
	}
	text, err := signed.Verify(key.public)
	if err != nil {
		return nil, err
	}
	var p payload
	if err := json.Unmarshal(text, &p, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	return p.claims(a.cfg.Issuer)
}

// claims checks what was signed. We signed it ourselves; this is for the day on which a key did
// not stay where it belongs.
func (p *payload) claims(issuer string) (*claims, error) {
	token, err := keywright.ParseID(p.Subject)
	if err != nil {
		return nil, err
	}
	scopes, err := keywright.ParseScopes(strings.Fields(p.Scope)...)
	if err != nil {
		return nil, err
	}
	life := time.Duration(p.Expires-p.IssuedAt) * time.Second
	switch {
	case p.Issuer != issuer, p.ClientID != p.Subject, p.JTI == "", p.Secret < 1, len(p.Audience) == 0:
		return nil, errNotAccessToken
	case p.IssuedAt <= 0, p.Expires <= p.IssuedAt, p.Expires > lastSecond, life > longestAccess:
		return nil, errNotAccessToken
	}
	c := &claims{token: token, jti: p.JTI, secret: p.Secret, issuedAt: time.Unix(p.IssuedAt, 0).UTC()}
	c.bound = keywright.Bound{Scopes: scopes, Audience: p.Audience, ExpiresAt: time.Unix(p.Expires, 0).UTC()}
	if slices.Equal(p.Audience, []string{issuer}) {
		c.bound.Audience = nil // the token names none; a JWT must (RFC 9068 section 2.2)
	}
	c.ended = c.bound
	c.ended.Revoked = true
	return c, nil
}

// lastSecond is the end of the year 9999, after which an instant has no RFC 3339.
const lastSecond = 253402300799

// bind is what the access token narrows its token to, as that stands now. An access token dies
// by itself, with all issued before an instant, or with the secret that got it.
func (c *claims) bind(r *store.Record, now time.Time) *keywright.Bound {
	revoked := slices.ContainsFunc(r.AccessRevoked, func(one store.RevokedAccess) bool { return one.JTI == c.jti })
	alive := slices.ContainsFunc(r.Secrets, func(s store.Secret) bool { return s.Number == c.secret && lives(&s, now) })
	if revoked || !alive || c.issuedAt.Before(r.AccessSince) {
		return &c.ended
	}
	return &c.bound
}

// signAccessToken writes p as a JWT.
func (a *Authority) signAccessToken(ctx context.Context, p *payload, now time.Time) (string, error) {
	key, err := a.activeKey(ctx, now)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	signed, err := key.signer.Sign(text)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// scopeClaim is the set as RFC 6749 section 3.3 writes it.
func scopeClaim(scopes keywright.Scopes) string { return strings.Join(scopes.Strings(), " ") }

// audienceClaim is never empty (RFC 9068 section 2.2).
func (a *Authority) audienceClaim(audience []string) []string {
	if len(audience) == 0 {
		return []string{a.cfg.Issuer}
	}
	return audience
}
