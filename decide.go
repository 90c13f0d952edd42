package keywright

import (
	"net/netip"
	"slices"
	"time"
)

// Facts is what is on file about a token, as far as a decision needs it. The
// zero Facts is refused.
type Facts struct {
	ID         ID
	Kind       Kind
	Account    string
	Space      string
	Scopes     Scopes
	Audience   []string
	Networks   []netip.Prefix
	NotBefore  time.Time // zero: from the start
	ExpiresAt  time.Time // zero: permanent
	RenewedAt  time.Time // created, or last given a new expiry or secret: maximum lifetime counts from here
	LastUsedAt time.Time // as far as is known; only asked where Tenant.MaxUnused is set
	DisabledAt time.Time
	RevokedAt  time.Time
	Tenant     Tenant
}

// Tenant is what the token's account and space add to its facts. A policy that is made stricter so holds for
// every token in the revision in which it was set.
type Tenant struct {
	Open        bool          // neither the account nor the space is closed; the zero Tenant is closed
	MaxLifetime time.Duration // zero: no maximum
	MaxUnused   time.Duration // zero: no limit
	Limits      []Limit       // of the account's policy and of the space's: each holds by itself
}

// Access is one attempt: what somebody wants to do with a token.
type Access struct {
	Scopes     Scopes     // each must be covered
	Audience   string     // the API that asks; empty: it names none
	Account    string     // whose data; empty: not asked
	Space      string     // which space's data; empty: not asked
	Address    netip.Addr // of the one who presented the credential; zero: not known
	UserAgent  string     // what the same calls itself; noted, nothing is decided by it
	Management bool       // the attempt is at Keywright's own management API
	Bound      *Bound     // the access token presented, if it was one
}

// Bound is what an access token narrows its token to. It holds only claims whose
// signature was checked.
type Bound struct {
	Scopes    Scopes
	Audience  []string
	ExpiresAt time.Time
	Revoked   bool // this very access token was revoked, or the secret that got it has ended
}

// ManagementAudience is the audience of Keywright's own API.
const ManagementAudience = "keywright"

// Reason says why a decision is as it is. The zero Reason refuses.
type Reason uint8

// The reasons, in the order in which Decide looks for them.
const (
	Undecided Reason = iota
	Allowed
	Unproved          // malformed, unknown or wrong secret: nobody is told which
	Revoked           // final
	Expired           // by its own date or by policy
	NotYetValid       //
	Disabled          // reversible
	Closed            // the account or space is closed
	WrongKind         // a manager token at anybody's data
	WrongTenant       // another account's or space's data
	WrongAudience     //
	WrongNetwork      //
	InsufficientScope //
	reasonCount       = iota
)

var reasonNames = [reasonCount]string{
	"undecided", "allowed", "invalid", "revoked", "expired", "not_yet_valid", "disabled", "closed",
	"wrong_kind", "wrong_tenant", "wrong_audience", "wrong_network", "insufficient_scope",
}

// String is the reason as the API writes it.
func (r Reason) String() string {
	if int(r) >= len(reasonNames) {
		return reasonNames[Undecided]
	}
	return reasonNames[r]
}

// MarshalText writes String.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes; an unknown reason is Undecided, which refuses.
func (r *Reason) UnmarshalText(text []byte) error {
	*r = Reason(max(0, slices.Index(reasonNames[:], string(text))))
	return nil
}

// Decision is a verdict. The zero Decision refuses.
type Decision struct {
	Reason  Reason
	Missing Scope // with InsufficientScope: the first scope that is not covered; zero if the token has none at all
}

// Allowed reports whether the attempt may pass.
func (d Decision) Allowed() bool { return d.Reason == Allowed }

// rules are what Decide asks, in order; each has the name of its refusal.
var rules = [...]Reason{
	Undecided, Revoked, Expired, NotYetValid, Disabled, Closed, WrongKind, WrongTenant, WrongAudience, WrongNetwork, InsufficientScope,
}

// Decide holds an attempt against the facts at the instant now. It is the whole
// policy, and pure; the first refusal wins. The caller has proved the secret
// before.
func Decide(f Facts, a Access, now time.Time) Decision {
	for _, rule := range rules {
		if missing, refused := f.refuses(rule, &a, now); refused {
			return Decision{Reason: rule, Missing: missing}
		}
	}
	return Decision{Reason: Allowed}
}

// refuses holds an attempt against one rule. What is no rule refuses.
func (f *Facts) refuses(rule Reason, a *Access, now time.Time) (missing Scope, refused bool) {
	switch rule {
	case Undecided:
		return missing, f.ID.IsZero() || f.Kind == 0
	case Revoked:
		return missing, !f.RevokedAt.IsZero() || a.Bound != nil && a.Bound.Revoked
	case Expired:
		return missing, f.Ended(now) || a.Bound != nil && !now.Before(a.Bound.ExpiresAt)
	case NotYetValid:
		return missing, now.Before(f.NotBefore)
	case Disabled:
		return missing, !f.DisabledAt.IsZero()
	case Closed:
		return missing, !f.Tenant.Open
	case WrongKind:
		return missing, f.Kind == KindManager && !a.Management
	case WrongTenant:
		return missing, !f.reaches(a)
	case WrongAudience:
		return missing, !f.hears(a)
	case WrongNetwork:
		return missing, !f.admits(a.Address)
	case InsufficientScope:
		return f.lacks(a)
	}
	return missing, true
}

// Ends is the instant from which the token is expired: the earlier of its own expiry and
// its last renewal plus the policy's maximum lifetime; zero if it is permanent.
func (f Facts) Ends() time.Time {
	if f.Tenant.MaxLifetime <= 0 {
		return f.ExpiresAt
	}
	limit := f.RenewedAt.Add(f.Tenant.MaxLifetime)
	if f.ExpiresAt.IsZero() || limit.Before(f.ExpiresAt) {
		return limit
	}
	return f.ExpiresAt
}

// Lapses is the instant from which the token is expired for want of use: the policy's most time unused after it was
// last used or renewed, or began to be valid; zero: never. Every use moves it.
func (f Facts) Lapses() time.Time {
	if f.Tenant.MaxUnused <= 0 {
		return time.Time{}
	}
	since := f.RenewedAt
	for _, t := range [...]time.Time{f.LastUsedAt, f.NotBefore} {
		if t.After(since) {
			since = t
		}
	}
	return since.Add(f.Tenant.MaxUnused)
}

// Ended reports whether the token is expired, by its own date or by policy.
func (f *Facts) Ended(now time.Time) bool {
	return reached(f.Ends(), now) || f.Tenant.MaxUnused > 0 && reached(f.Lapses(), now)
}

func reached(end, now time.Time) bool { return !end.IsZero() && !now.Before(end) }

// reaches: a token acts in its account; at data, only in its own space. At the
// management API an account or manager token reaches the whole account.
func (f *Facts) reaches(a *Access) bool {
	if a.Account != "" && a.Account != f.Account {
		return false
	}
	return a.Space == "" || a.Space == f.Space || a.Management && f.Kind != KindSpace
}

// hears: a token for audiences is for these alone, and a token for none is for
// those who name none. Keywright's own API takes a token that names no audience or names it.
func (f *Facts) hears(a *Access) bool {
	if !forAudience(f.Audience, a.Audience, a.Management) || a.Bound != nil && !forAudience(a.Bound.Audience, a.Audience, a.Management) {
		return false
	}
	for i := range f.Tenant.Limits {
		if !f.heardWithin(&f.Tenant.Limits[i], a) {
			return false
		}
	}
	return true
}

func forAudience(own []string, asked string, management bool) bool {
	if management {
		return len(own) == 0 || slices.Contains(own, ManagementAudience)
	}
	if asked == "" {
		return len(own) == 0
	}
	return slices.Contains(own, asked)
}

// heardWithin: where a policy lists audiences, a token is for these alone. A manager token is heard by nobody but
// Keywright's own API, so it may go without.
func (f *Facts) heardWithin(l *Limit, a *Access) bool {
	switch {
	case len(l.Audience) == 0:
		return true
	case a.Management && len(f.Audience) == 0:
		return f.Kind == KindManager
	case a.Management:
		return slices.Contains(l.Audience, ManagementAudience)
	}
	return slices.Contains(l.Audience, a.Audience)
}

// admits: a token limited to networks refuses an address that is outside them or not known.
func (f *Facts) admits(address netip.Addr) bool {
	if !contain(f.Networks, address) {
		return false
	}
	for i := range f.Tenant.Limits {
		if !contain(f.Tenant.Limits[i].Networks, address) {
			return false
		}
	}
	return true
}

func contain(networks []netip.Prefix, address netip.Addr) bool {
	if len(networks) == 0 {
		return true
	}
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
}

// lacks returns the first scope of those asked for that the token, its access token or a policy does not cover; and
// refuses whoever has none at all.
func (f *Facts) lacks(a *Access) (missing Scope, refused bool) {
	if len(f.Scopes) == 0 || a.Bound != nil && len(a.Bound.Scopes) == 0 {
		return missing, true
	}
	for _, s := range a.Scopes {
		if !f.Scopes.Covers(s) || a.Bound != nil && !a.Bound.Scopes.Covers(s) || !f.Tenant.allows(s) {
			return s, true
		}
	}
	return missing, len(a.Scopes) == 0 && len(f.Tenant.Limits) > 0 && len(f.Granted()) == 0
}

func (t *Tenant) allows(s Scope) bool {
	for i := range t.Limits {
		if l := &t.Limits[i]; len(l.Scopes) > 0 && !l.Scopes.Covers(s) {
			return false
		}
	}
	return true
}

// Granted is what the token's scopes come to under the policy: never wider than either.
func (f Facts) Granted() Scopes {
	granted := f.Scopes
	for _, l := range f.Tenant.Limits {
		if len(l.Scopes) > 0 {
			granted = granted.Narrow(l.Scopes)
		}
	}
	return granted
}

// Heard is what the token's audiences come to under the policy.
func (f Facts) Heard() []string {
	heard := f.Audience
	for _, l := range f.Tenant.Limits {
		if len(l.Audience) > 0 {
			heard = common(l.Audience, heard)
		}
	}
	return heard
}
