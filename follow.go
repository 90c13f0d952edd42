package keywright

import (
	"net/netip"
	"slices"
	"time"
)

// Whoever decides by itself, as package guard does, asks once what is on file about a credential, remembers it, and
// follows what changes. What it remembers is good only until its lease ends.

// ChangesQuery asks what has to be forgotten.
type ChangesQuery struct {
	// Everything up to Since is forgotten: asking acknowledges that. 0: nothing is remembered yet. The greatest there is says
	// goodbye: nothing is remembered any more, and nobody waits for this follower.
	Since    Revision
	Follower ID // of whoever remembers; a new one for whoever begins anew
}

// Changes is what has to be forgotten, and for how long the rest is good.
type Changes struct {
	Revision Revision `json:"revision" doc:"What to ask for next; everything up to it is in this answer, or was told before"`
	All      bool     `json:"all" doc:"Forget everything"`
	Forget   []string `json:"forget" doc:"Subjects: forget every answer that names one of them"`
	LeaseMS  int64    `json:"lease_ms" doc:"Milliseconds for which what is remembered may be used, counted from when this request was sent. An answer that comes after the lease before has ended gives none: begin anew"`
	Reported int64    `json:"reported,omitempty" doc:"The number of the report that is counted now; left out if none was sent, or it has to be sent again"`
}

// Lease is how long what is remembered may be used, counted from when the request was sent.
func (c Changes) Lease() time.Duration { return time.Duration(c.LeaseMS) * time.Millisecond }

// UsageReport says how tokens were used at whoever decides by itself. It is counted once, however often it is sent.
type UsageReport struct {
	Reporter ID             `json:"reporter" doc:"Of whoever reports: chosen when it starts, and kept"`
	Number   int64          `json:"number" minimum:"1" doc:"1, 2, 3 … of the reporter. What has a number that was counted is not counted again"`
	Tokens   []ReportedUses `json:"tokens" maxItems:"1000" doc:"At most 1000; of tokens that the caller may not hear of nothing is counted"`
}

// ReportedUses is how one token was used since the last report.
type ReportedUses struct {
	Token     ID              `json:"token"`
	UsedAt    *time.Time      `json:"used_at,omitempty" doc:"When it was last accepted"`
	Address   string          `json:"address,omitempty" doc:"Of whoever presented it then"`
	UserAgent string          `json:"user_agent,omitempty" doc:"What that called itself"`
	Scopes    []string        `json:"scopes,omitempty" maxItems:"32" doc:"Those that were asked for and covered"`
	AnyScope  bool            `json:"any_scope,omitempty" doc:"It was accepted without being asked for a scope: any may have been used"`
	Counts    []ReportedCount `json:"counts" doc:"At most 2000 of all tokens together"`
}

// ReportedCount is how many attempts with one token ended in one way in one hour.
type ReportedCount struct {
	Hour      time.Time `json:"hour" doc:"When it begins, UTC"`
	Reason    Reason    `json:"reason" doc:"allowed: accepted"`
	N         int64     `json:"n" minimum:"1" maximum:"1000000000"`
	Address   string    `json:"address,omitempty" doc:"Of the last attempt, if it was refused"`
	UserAgent string    `json:"user_agent,omitempty"`
}

// FactsRequest asks what is on file about a presented credential.
type FactsRequest struct {
	Token     string `json:"token" doc:"API key, access token or imported key"`
	Address   string `json:"address,omitempty" doc:"IP address of the one who presented it: failures count against it"`
	UserAgent string `json:"user_agent,omitempty" doc:"What the one who presented it calls itself"`
}

// FactsRules is which rules Decide has. Facts that are made for later ones may hold something that it does not look at.
const FactsRules = 1

// PresentedFacts is what is on file about a presented credential: facts, from which Decide makes the verdict at each use.
type PresentedFacts struct {
	Rules    int         `json:"rules" doc:"Which rules the facts are made for. Whoever knows only earlier ones must not decide by them"`
	Revision Revision    `json:"revision" doc:"Every change up to it is in the facts. Whoever has heard of a later one must not remember them"`
	Subjects []string    `json:"subjects" doc:"What the facts rest on: forget them when one of these has to be forgotten. Empty: do not remember them"`
	Token    *TokenFacts `json:"token,omitempty" doc:"Left out: the credential is good for nothing here"`
}

// TokenFacts is what is on file about the token of a credential whose secret was proved. Times that are left out are
// not set.
type TokenFacts struct {
	ID        ID                `json:"id"`
	Label     string            `json:"label"`
	Kind      Kind              `json:"kind"`
	Account   string            `json:"account"`
	Space     string            `json:"space"`
	Owner     string            `json:"owner"`
	Metadata  map[string]string `json:"metadata"`
	Scopes    Scopes            `json:"scopes"`
	Audience  []string          `json:"audience"`
	Networks  []netip.Prefix    `json:"networks"`
	NotBefore *time.Time        `json:"not_before,omitempty"`
	ExpiresAt *time.Time        `json:"expires_at,omitempty"`
	RenewedAt time.Time         `json:"renewed_at"`

	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"Only where max_unused is set"`
	DisabledAt *time.Time `json:"disabled_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`

	SecretEndsAt *time.Time   `json:"secret_ends_at,omitempty" doc:"When the secret ends that was shown, or that got the access token; ask again then"`
	Access       *AccessFacts `json:"access,omitempty" doc:"Of the access token, if it was one"`
	Tenant       TenantFacts  `json:"tenant"`
}

// AccessFacts is what an access token narrows its token to.
type AccessFacts struct {
	Scopes    Scopes    `json:"scopes"`
	Audience  []string  `json:"audience"`
	ExpiresAt time.Time `json:"expires_at"`
	Revoked   bool      `json:"revoked"`
}

// TenantFacts is what the account and the space add.
type TenantFacts struct {
	Open        bool         `json:"open" doc:"Neither the account nor the space is closed"`
	MaxLifetime int64        `json:"max_lifetime" doc:"Seconds; 0: no maximum"`
	MaxUnused   int64        `json:"max_unused" doc:"Seconds; 0: no limit"`
	Limits      []LimitFacts `json:"limits" doc:"Of the account's policy and the space's: each holds by itself"`
}

// LimitFacts is one outer bound of a policy; an empty member does not limit.
type LimitFacts struct {
	Scopes   Scopes         `json:"scopes"`
	Audience []string       `json:"audience"`
	Networks []netip.Prefix `json:"networks"`
}

// Facts is the token's, as Decide takes them.
func (t *TokenFacts) Facts() Facts {
	f := Facts{
		ID: t.ID, Kind: t.Kind, Account: t.Account, Space: t.Space,
		Scopes: t.Scopes, Audience: t.Audience, Networks: t.Networks,
		NotBefore: timeOf(t.NotBefore), ExpiresAt: timeOf(t.ExpiresAt), RenewedAt: t.RenewedAt, LastUsedAt: timeOf(t.LastUsedAt),
		DisabledAt: timeOf(t.DisabledAt), RevokedAt: timeOf(t.RevokedAt),
		Tenant: Tenant{
			Open:        t.Tenant.Open,
			MaxLifetime: time.Duration(t.Tenant.MaxLifetime) * time.Second,
			MaxUnused:   time.Duration(t.Tenant.MaxUnused) * time.Second,
		},
	}
	for _, l := range t.Tenant.Limits {
		f.Tenant.Limits = append(f.Tenant.Limits, Limit(l))
	}
	return f
}

// Bound is what the access token narrows its token to; nil if it was none.
func (t *TokenFacts) Bound() *Bound {
	if t.Access == nil {
		return nil
	}
	b := Bound(*t.Access)
	return &b
}

// Verified is what is told of the token where it is accepted.
func (t *TokenFacts) Verified() VerifiedToken {
	facts, bound := t.Facts(), t.Bound()
	v := VerifiedToken{
		ID: t.ID, Label: t.Label, Kind: t.Kind, Account: t.Account, Space: t.Space, Owner: t.Owner, Metadata: t.Metadata,
		Scopes: facts.GrantedTo(bound), Audience: facts.HeardWith(bound),
	}
	if end := facts.EndsWith(bound); !end.IsZero() {
		v.ExpiresAt = &end
	}
	return v
}

// NewTokenFacts is facts as they are written.
func NewTokenFacts(f Facts, b *Bound) *TokenFacts {
	t := &TokenFacts{
		ID: f.ID, Kind: f.Kind, Account: f.Account, Space: f.Space,
		Scopes: f.Scopes, Audience: f.Audience, Networks: f.Networks,
		NotBefore: unlessZero(f.NotBefore), ExpiresAt: unlessZero(f.ExpiresAt), RenewedAt: f.RenewedAt, LastUsedAt: unlessZero(f.LastUsedAt),
		DisabledAt: unlessZero(f.DisabledAt), RevokedAt: unlessZero(f.RevokedAt),
		Tenant: TenantFacts{
			Open:        f.Tenant.Open,
			MaxLifetime: int64(f.Tenant.MaxLifetime / time.Second),
			MaxUnused:   int64(f.Tenant.MaxUnused / time.Second),
		},
	}
	for _, l := range f.Tenant.Limits {
		t.Tenant.Limits = append(t.Tenant.Limits, LimitFacts(l))
	}
	if b != nil {
		access := AccessFacts(*b)
		t.Access = &access
	}
	return t
}

// timeOf is a time that may be left out; unlessZero leaves it out.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// GrantedTo is Granted, for whoever presents an access token of the token's: never wider than that.
func (f Facts) GrantedTo(b *Bound) Scopes {
	if b == nil {
		return f.Granted()
	}
	return f.Granted().Narrow(b.Scopes)
}

// HeardWith is Heard, for whoever presents an access token of the token's: what both name.
func (f Facts) HeardWith(b *Bound) []string {
	if b == nil || len(b.Audience) == 0 {
		return f.Heard()
	}
	return slices.DeleteFunc(slices.Clone(f.Heard()), func(s string) bool { return !slices.Contains(b.Audience, s) })
}

// EndsWith is Ends, for whoever presents an access token of the token's: when the first of the two ends.
func (f Facts) EndsWith(b *Bound) time.Time {
	end := f.Ends()
	if b != nil && (end.IsZero() || b.ExpiresAt.Before(end)) {
		return b.ExpiresAt
	}
	return end
}
