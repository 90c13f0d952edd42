package keywright

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"
)

// SpacePolicy is what a space demands beyond its account, and only that: it narrows. A member that
// is nil or empty is as the account has it.
type SpacePolicy struct {
	Enabled            *bool    `json:"enabled,omitempty" doc:"false: no tokens are made in the space"`
	DefaultLifetime    *int64   `json:"default_lifetime,omitempty" doc:"Seconds"`
	TemporaryLifetime  *int64   `json:"temporary_lifetime,omitempty" doc:"Seconds"`
	MaxLifetime        *int64   `json:"max_lifetime,omitempty" doc:"Seconds, at creation and at use"`
	MaxUnused          *int64   `json:"max_unused,omitempty" doc:"Seconds a token may go unused"`
	ExpiryRequired     *bool    `json:"expiry_required,omitempty"`
	MaxPermanent       *int64   `json:"max_permanent,omitempty" doc:"Permanent tokens in the space"`
	MaxTokens          *int64   `json:"max_tokens,omitempty" doc:"Tokens in the space"`
	MaxOverlap         *int64   `json:"max_overlap,omitempty" doc:"Seconds the old secret may live after a rotation"`
	AllowedScopes      []string `json:"allowed_scopes,omitempty"`
	AllowedAudience    []string `json:"allowed_audience,omitempty"`
	AllowedCIDRs       []string `json:"allowed_cidrs,omitempty"`
	RecoverableAllowed *bool    `json:"recoverable_allowed,omitempty"`
}

// NewPolicy asks for an account's policy, all of it.
type NewPolicy struct {
	Policy
	DisableTokens bool `json:"disable_tokens,omitempty" doc:"With enabled false: disable the living tokens too"`
}

// NewSpacePolicy asks for a space's policy, all of it.
type NewSpacePolicy struct {
	SpacePolicy
	DisableTokens bool `json:"disable_tokens,omitempty" doc:"With enabled false: disable the living tokens too"`
}

// SpaceDemands is what a space demands of its tokens.
type SpaceDemands struct {
	Account   string      `json:"account"`
	Space     string      `json:"space"`
	Own       SpacePolicy `json:"own" doc:"What the space has set; what is missing is as the account has it"`
	Effective Policy      `json:"effective" doc:"What holds: the stricter of the account's and the space's own"`
}

// The effects a policy can have on a token.
const (
	EffectEnds     = "ends"
	EffectNarrows  = "narrows"
	EffectDisables = "disables"
)

// PolicyPreview is what a policy would do to the tokens that live, were it set now.
type PolicyPreview struct {
	Ends     int64          `json:"ends" doc:"Tokens that would end sooner than they do now"`
	Narrows  int64          `json:"narrows" doc:"Tokens that could no longer do all that they can now"`
	Disables int64          `json:"disables" doc:"Tokens that would be disabled"`
	Tokens   []PolicyEffect `json:"tokens" doc:"What would happen first comes first; the first 10000"`
}

// PolicyEffect is one thing that a policy would do to one token.
type PolicyEffect struct {
	ID      ID        `json:"id"`
	Number  int64     `json:"number"`
	Label   string    `json:"label"`
	Owner   string    `json:"owner"`
	Space   string    `json:"space"`
	Effect  string    `json:"effect" enum:"ends,narrows,disables"`
	At      time.Time `json:"at" doc:"When it would happen; by max_unused, unless the token is used before"`
	Because string    `json:"because" doc:"The member of the policy"`
	Lost    []string  `json:"lost,omitempty" doc:"Scopes, audiences or networks that the policy does not allow"`
}

// Limit is an outer bound on its tokens, whatever they hold. An empty member does not limit.
type Limit struct {
	Scopes   Scopes
	Audience []string
	Networks []netip.Prefix
}

// Demands is what holds for the tokens of one space.
type Demands struct {
	Policy Policy
	Limits []Limit
}

// Together is what an account's policy and a space's demand together: the one place where two policies become
// one. Of numbers the stricter holds. Of lists both hold, each by itself, so that what is allowed is
// exactly what both allow; the Policy shows what can be written of it in one list. If nothing can, as the account's has
// been narrowed since, no tokens are made. Lists that cannot be read are an error.
func Together(account Policy, space SpacePolicy) (Demands, error) {
	d := Demands{Policy: account}
	outer, err := limit(account.AllowedScopes, account.AllowedAudience, account.AllowedCIDRs)
	if err != nil {
		return d, fmt.Errorf("the account's policy: %w", err)
	}
	inner, err := limit(space.AllowedScopes, space.AllowedAudience, space.AllowedCIDRs)
	if err != nil {
		return d, fmt.Errorf("the space's policy: %w", err)
	}
	for _, l := range []Limit{outer, inner} {
		if l.limits() {
			d.Limits = append(d.Limits, l)
		}
	}
	d.Policy.numbers(space)
	d.Policy.lists(outer, inner)
	return d, nil
}

// noNumber stands for no limit where 0 is a limit.
const noNumber = -1

func (p *Policy) numbers(by SpacePolicy) {
	const temporary = 24 * 60 * 60
	p.Enabled = p.Enabled && (by.Enabled == nil || *by.Enabled)
	p.ExpiryRequired = p.ExpiryRequired || by.ExpiryRequired != nil && *by.ExpiryRequired
	p.RecoverableAllowed = p.RecoverableAllowed && (by.RecoverableAllowed == nil || *by.RecoverableAllowed)
	p.TemporaryLifetime = stricter(cmp.Or(p.TemporaryLifetime, temporary), by.TemporaryLifetime, 0)
	p.DefaultLifetime = stricter(p.DefaultLifetime, by.DefaultLifetime, 0)
	p.MaxLifetime = stricter(p.MaxLifetime, by.MaxLifetime, 0)
	p.MaxUnused = stricter(p.MaxUnused, by.MaxUnused, 0)
	p.MaxPermanent = stricter(p.MaxPermanent, by.MaxPermanent, noNumber)
	p.MaxTokens = stricter(p.MaxTokens, by.MaxTokens, noNumber)
	p.MaxOverlap = stricter(p.MaxOverlap, by.MaxOverlap, noNumber)
}

// stricter is the smaller of two limits, of which none stands for no limit.
func stricter(outer int64, inner *int64, none int64) int64 {
	if inner == nil || *inner == none || outer != none && outer < *inner {
		return outer
	}
	return *inner
}

func (p *Policy) lists(outer, inner Limit) {
	scopes := within(outer.Scopes, inner.Scopes, Scopes.Narrow)
	audience := within(outer.Audience, inner.Audience, common)
	networks := within(outer.Networks, inner.Networks, overlap)
	contrary := len(scopes) == 0 && len(inner.Scopes) > 0 || len(audience) == 0 && len(inner.Audience) > 0 ||
		len(networks) == 0 && len(inner.Networks) > 0
	p.Enabled = p.Enabled && !contrary
	p.AllowedScopes = scopes.Strings()
	p.AllowedAudience = append([]string{}, audience...)
	p.AllowedCIDRs = make([]string, len(networks))
	for i, n := range networks {
		p.AllowedCIDRs[i] = n.String()
	}
}

// within is what both lists allow, where an empty list allows all.
func within[List ~[]E, E any](outer, inner List, both func(outer, inner List) List) List {
	switch {
	case len(inner) == 0:
		return outer
	case len(outer) == 0:
		return inner
	}
	return both(outer, inner)
}

func common(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(b), func(s string) bool { return !slices.Contains(a, s) })
}

// overlap is what both lists of networks hold: of two networks one holds the other, or they have nothing in common.
func overlap(a, b []netip.Prefix) []netip.Prefix {
	var both []netip.Prefix
	for _, p := range a {
		for _, q := range b {
			if p.Overlaps(q) && p.Bits() >= q.Bits() {
				both = append(both, p)
			} else if p.Overlaps(q) {
				both = append(both, q)
			}
		}
	}
	slices.SortFunc(both, netip.Prefix.Compare)
	return slices.Compact(both)
}

func limit(scopes, audience, networks []string) (l Limit, err error) {
	if l.Scopes, err = ParseScopes(scopes...); err != nil {
		return l, err
	}
	l.Audience = audience
	for _, text := range networks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return l, fmt.Errorf("network: %w", err)
		}
		l.Networks = append(l.Networks, network)
	}
	return l, nil
}

func (l Limit) limits() bool { return len(l.Scopes) > 0 || len(l.Audience) > 0 || len(l.Networks) > 0 }

// Tenant is what the demands add to a token's facts; open is whether neither the account nor the space is closed.
func (d Demands) Tenant(open bool) Tenant {
	return Tenant{Open: open, MaxLifetime: span(d.Policy.MaxLifetime), MaxUnused: span(d.Policy.MaxUnused), Limits: d.Limits}
}

// span is a number of seconds; what is beyond a Duration is its longest.
func span(seconds int64) time.Duration {
	if seconds > math.MaxInt64/int64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(seconds) * time.Second
}
