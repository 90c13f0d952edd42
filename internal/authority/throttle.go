package authority

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"github.com/keywright/keywright"
)

// throttle makes guessing slow. It counts failures only, by the id that was tried and by the
// address that tried, so that whoever knows the secret is never locked out by who does not.
// What is short enough to be guessed (a password, somebody else's key) is not even looked at beyond the allowance.
type throttle struct {
	byID       buckets[keywright.ID]
	byAddress  buckets[netip.Addr]
	byLogin    buckets[loginAttempt]
	byLoginsOf buckets[netip.Addr]
}

// loginAttempt is a person, however its name was written, tried from an address.
type loginAttempt struct {
	person  string
	address netip.Addr
}

// The limits. Some OAuth clients try every wrong secret twice, in the header and in the body.
var (
	limitByID       = allowance{burst: 20, every: 3 * time.Second}
	limitByAddress  = allowance{burst: 100, every: 500 * time.Millisecond}
	limitByLogin    = allowance{burst: 6, every: 20 * time.Second}
	limitByLoginsOf = allowance{burst: 30, every: 2 * time.Second}
)

func newThrottle() *throttle {
	return &throttle{
		byID:       newBuckets[keywright.ID](limitByID),
		byAddress:  newBuckets[netip.Addr](limitByAddress),
		byLogin:    newBuckets[loginAttempt](limitByLogin),
		byLoginsOf: newBuckets[netip.Addr](limitByLoginsOf),
	}
}

// admit refuses to look at what could be guessed from an address that has failed too often.
func (t *throttle) admit(c keywright.Credential, from netip.Addr, now time.Time) error {
	if c.Form() != keywright.FormForeign || !from.IsValid() {
		return nil
	}
	return throttled(t.byAddress.wait(neighbourhood(from), now))
}

// failed counts a failed proof. Within the allowance it returns nil.
func (t *throttle) failed(c keywright.Credential, from netip.Addr, now time.Time) error {
	var wait time.Duration
	if id := c.ID(); !id.IsZero() {
		wait = t.byID.take(id, now)
	}
	if from.IsValid() {
		wait = max(wait, t.byAddress.take(neighbourhood(from), now))
	}
	return throttled(wait)
}

// admitLogin refuses to look at a password beyond the limits.
func (t *throttle) admitLogin(who loginAttempt, now time.Time) error {
	return throttled(max(t.byLogin.wait(who, now), t.byLoginsOf.wait(who.address, now)))
}

// failedLogin counts a wrong password; the next look will tell.
func (t *throttle) failedLogin(who loginAttempt, now time.Time) {
	t.byLogin.take(who, now)
	t.byLoginsOf.take(who.address, now)
}

func throttled(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &keywright.ThrottledError{RetryAfter: max(wait, time.Second)}
}

// neighbourhood is what one party is likely to own: an IPv4 address, an IPv6 /64.
func neighbourhood(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() || !a.IsValid() {
		return a
	}
	p, _ := a.Prefix(64) // fails for a length beyond the address's only
	return p.Addr()
}

type allowance struct {
	burst int
	every time.Duration // one more
}

// buckets is a token bucket for each key, of the most recent keys.
type buckets[K comparable] struct {
	allowance
	known *recent[K, *rate.Limiter]
}

const rememberedBuckets = 1 << 16

func newBuckets[K comparable](l allowance) buckets[K] {
	return buckets[K]{l, newRecent[K, *rate.Limiter](rememberedBuckets)}
}

// take takes one from the key's bucket, or says how long until there is one.
func (b buckets[K]) take(key K, now time.Time) time.Duration {
	l, ok := b.known.get(key)
	if !ok {
		l = b.known.setIfAbsent(key, rate.NewLimiter(rate.Every(b.every), b.burst))
	}
	if l.AllowN(now, 1) {
		return 0
	}
	return b.until(l, now)
}

// wait says how long until there is one in the key's bucket, and takes nothing.
func (b buckets[K]) wait(key K, now time.Time) time.Duration {
	l, ok := b.known.get(key)
	if !ok || l.TokensAt(now) >= 1 {
		return 0
	}
	return b.until(l, now)
}

func (b buckets[K]) until(l *rate.Limiter, now time.Time) time.Duration {
	return time.Duration((1 - l.TokensAt(now)) * float64(b.every))
}
