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
	DisabledAt time.Time
	RevokedAt  time.Time
	Tenant     Tenant
}

// Tenant is what the token's account and space add to its facts.
type Tenant struct {
	Open        bool          // neither the account nor the space is closed; the zero Tenant is closed
	MaxLifetime time.Duration // zero: no maximum
}

// Access is one attempt: what somebody wants to do with a token.
type Access struct {
	Scopes     Scopes     // each must be covered
	Audience   string     // the API that asks; empty: it names none
	Account    string     // whose data; empty: not asked
	Space      string     // which space's data; empty: not asked
	Address    netip.Addr // of the one who presented the credential; zero: not known
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

// Decide holds an attempt against the facts at the instant now. It is the whole
// policy, and pure; the first refusal wins. The caller has proved the secret
// before.
func Decide(f Facts, a Access, now time.Time) Decision {
	switch {
	case f.ID.IsZero() || f.Kind == 0:
		return Decision{Reason: Undecided}
	case !f.RevokedAt.IsZero() || a.Bound != nil && a.Bound.Revoked:
		return Decision{Reason: Revoked}
	case f.ended(now) || a.Bound != nil && !now.Before(a.Bound.ExpiresAt):
		return Decision{Reason: Expired}
	case now.Before(f.NotBefore):
		return Decision{Reason: NotYetValid}
	case !f.DisabledAt.IsZero():
		return Decision{Reason: Disabled}
	case !f.Tenant.Open:
		return Decision{Reason: Closed}
	case f.Kind == KindManager && !a.Management:
		return Decision{Reason: WrongKind}
	case !f.reaches(a):
		return Decision{Reason: WrongTenant}
	case !f.hears(a):
		return Decision{Reason: WrongAudience}
	case !f.admits(a.Address):
		return Decision{Reason: WrongNetwork}
	}
	return f.grants(a)
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

func (f Facts) ended(now time.Time) bool {
	end := f.Ends()
	return !end.IsZero() && !now.Before(end)
}

// reaches: a token acts in its account; at data, only in its own space. At the
// management API an account or manager token reaches the whole account.
func (f Facts) reaches(a Access) bool {
	if a.Account != "" && a.Account != f.Account {
		return false
	}
	return a.Space == "" || a.Space == f.Space || a.Management && f.Kind != KindSpace
}

// hears: a token for audiences is for these alone, and a token for none is for
// those who name none. Keywright's own API takes a token that names no audience or names it.
func (f Facts) hears(a Access) bool {
	return forAudience(f.Audience, a.Audience, a.Management) &&
		(a.Bound == nil || forAudience(a.Bound.Audience, a.Audience, a.Management))
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

// admits: a token limited to networks refuses an address that is outside them or not known.
func (f Facts) admits(address netip.Addr) bool {
	if len(f.Networks) == 0 {
		return true
	}
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(f.Networks, func(p netip.Prefix) bool { return p.Contains(address) })
}

func (f Facts) grants(a Access) Decision {
	if len(f.Scopes) == 0 || a.Bound != nil && len(a.Bound.Scopes) == 0 {
		return Decision{Reason: InsufficientScope}
	}
	for _, s := range a.Scopes {
		if !f.Scopes.Covers(s) || a.Bound != nil && !a.Bound.Scopes.Covers(s) {
			return Decision{Reason: InsufficientScope, Missing: s}
		}
	}
	return Decision{Reason: Allowed}
}
