package keywright_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func mustID(s string) keywright.ID {
	id, err := keywright.ParseID(s)
	if err != nil {
		panic(err)
	}
	return id
}

func instant() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// usable is a token that everything is right with.
func usable() factsVector {
	return factsVector{
		ID: mustID("0195540c-3a00-7d4e-8f50-123456789abc"), Kind: keywright.KindAccount, Account: "acme", Space: "default",
		Scopes: []string{"invoices:*"}, RenewedAt: instant().Add(-24 * time.Hour), Open: true,
	}
}

// decision is the verdict on the usable token and a plain attempt, each changed.
func decision(name string, reason keywright.Reason, change func(*factsVector, *accessVector)) decisionVector {
	v := decisionVector{
		Name: name, Facts: usable(), Access: accessVector{Scopes: []string{"invoices:read"}}, Now: instant(), Reason: reason,
	}
	change(&v.Facts, &v.Access)
	return v
}

func missing(v decisionVector, scope string) decisionVector {
	v.Missing = scope
	return v
}

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, row := range decisionVectors() {
		row.check(t)
	}
}

func decisionVectors() []decisionVector {
	var all []decisionVector
	for _, part := range [][]decisionVector{
		timeVectors(), stateVectors(), tenantVectors(), audienceVectors(), networkVectors(), grantVectors(), boundVectors(),
		unusedVectors(), limitVectors(),
	} {
		all = append(all, part...)
	}
	return all
}

func timeVectors() []decisionVector {
	const day = 24 * 60 * 60
	now := instant()
	type f = *factsVector
	type a = *accessVector
	return []decisionVector{
		decision("permanent", keywright.Allowed, func(f, a) {}),
		decision("a microsecond before expiry", keywright.Allowed, func(t f, _ a) { t.ExpiresAt = now.Add(time.Microsecond) }),
		decision("exactly at expiry", keywright.Expired, func(t f, _ a) { t.ExpiresAt = now }),
		decision("after expiry", keywright.Expired, func(t f, _ a) { t.ExpiresAt = now.Add(-time.Hour) }),
		decision("expiry in another zone", keywright.Expired, func(t f, _ a) { t.ExpiresAt = now.In(time.FixedZone("", 5*3600)) }),
		decision("year 9999", keywright.Allowed, func(t f, _ a) { t.ExpiresAt = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }),
		decision("within the maximum lifetime", keywright.Allowed, func(t f, _ a) { t.MaxLifetime = day + 1 }),
		decision("exactly at the maximum lifetime", keywright.Expired, func(t f, _ a) { t.MaxLifetime = day }),
		decision("maximum lifetime before expiry", keywright.Expired, func(t f, _ a) { t.MaxLifetime, t.ExpiresAt = day, now.Add(time.Hour) }),
		decision("expiry before maximum lifetime", keywright.Expired, func(t f, _ a) { t.MaxLifetime, t.ExpiresAt = 2*day, now }),
		decision("renewed since", keywright.Allowed, func(t f, _ a) { t.MaxLifetime, t.RenewedAt = day, now }),
		decision("exactly at not before", keywright.Allowed, func(t f, _ a) { t.NotBefore = now }),
		decision("before not before", keywright.NotYetValid, func(t f, _ a) { t.NotBefore = now.Add(time.Microsecond) }),
	}
}

// unusedVectors: whatever shows that somebody wants the token keeps it from ending for want of use.
func unusedVectors() []decisionVector {
	const day = 24 * 60 * 60
	now := instant()
	type f = *factsVector
	type a = *accessVector
	return []decisionVector{
		decision("never used, not for long enough", keywright.Allowed, func(t f, _ a) { t.MaxUnused = day + 1 }),
		decision("never used for exactly too long", keywright.Expired, func(t f, _ a) { t.MaxUnused = day }),
		decision("used since", keywright.Allowed, func(t f, _ a) { t.MaxUnused, t.LastUsedAt = day, now.Add(-time.Hour) }),
		decision("used too long ago", keywright.Expired, func(t f, _ a) { t.MaxUnused, t.LastUsedAt = 3600, now.Add(-time.Hour) }),
		decision("not yet valid for long enough", keywright.Allowed, func(t f, _ a) { t.MaxUnused, t.NotBefore = day, now.Add(-time.Hour) }),
		decision("used before it was renewed", keywright.Allowed, func(t f, _ a) {
			t.MaxUnused, t.LastUsedAt, t.RenewedAt = 60, now.Add(-time.Hour), now
		}),
		decision("use does not extend the maximum lifetime", keywright.Expired, func(t f, _ a) { t.MaxUnused, t.MaxLifetime, t.LastUsedAt = day, day, now }),
		decision("use does not extend the expiry", keywright.Expired, func(t f, _ a) { t.MaxUnused, t.ExpiresAt, t.LastUsedAt = day, now, now }),
	}
}

// limitVectors: what a policy lists bounds every token, whatever it holds.
func limitVectors() []decisionVector {
	type f = *factsVector
	type a = *accessVector
	scoped := func(list ...string) limitVector { return limitVector{Scopes: list} }
	heard := func(t f, x a, audience ...string) {
		t.Audience, x.Audience = []string{"apiv2", "http"}, "http"
		t.Limits = []limitVector{{Audience: audience}}
	}
	manager := func(t f, x a) {
		t.Kind, t.Scopes = keywright.KindManager, []string{"keywright:tokens:read"}
		x.Scopes, x.Management = t.Scopes, true
	}
	return []decisionVector{
		decision("a scope the policy allows", keywright.Allowed, func(t f, _ a) { t.Limits = []limitVector{scoped("invoices:read")} }),
		missing(decision("a scope the policy does not allow", keywright.InsufficientScope, func(t f, _ a) { t.Limits = []limitVector{scoped("orders:**")} }), "invoices:read"),
		decision("a scope both policies allow", keywright.Allowed, func(t f, _ a) { t.Limits = []limitVector{scoped("*:read"), scoped("invoices:*")} }),
		missing(decision("a scope one policy allows", keywright.InsufficientScope, func(t f, _ a) {
			t.Limits = []limitVector{scoped("invoices:*"), scoped("orders:*")}
		}), "invoices:read"),
		decision("a policy allows, the token does not have", keywright.InsufficientScope, func(t f, x a) {
			t.Limits, t.Scopes, x.Scopes = []limitVector{scoped("**")}, []string{"orders:read"}, nil
			t.Scopes = nil
		}),
		decision("no scope is asked for, none is left", keywright.InsufficientScope, func(t f, x a) { t.Limits, x.Scopes = []limitVector{scoped("orders:*")}, nil }),
		decision("no scope is asked for, one is left", keywright.Allowed, func(t f, x a) { t.Limits, x.Scopes = []limitVector{scoped("invoices:read")}, nil }),
		missing(decision("a policy of data at management", keywright.InsufficientScope, func(t f, x a) { manager(t, x); t.Limits = []limitVector{scoped("**")} }), "keywright:tokens:read"),
		decision("an audience the policy allows", keywright.Allowed, func(t f, x a) { heard(t, x, "http") }),
		decision("an audience the policy does not allow", keywright.WrongAudience, func(t f, x a) { heard(t, x, "apiv2") }),
		decision("a token for none where the policy lists audiences", keywright.WrongAudience, func(t f, _ a) { t.Limits = []limitVector{{Audience: []string{"http"}}} }),
		decision("a manager token where the policy lists audiences", keywright.Allowed, func(t f, x a) { manager(t, x); t.Limits = []limitVector{{Audience: []string{"http"}}} }),
		decision("an account token at management where the policy lists others", keywright.WrongAudience, func(t f, x a) {
			x.Management, t.Audience, t.Limits = true, []string{"keywright"}, []limitVector{{Audience: []string{"http"}}}
		}),
		decision("a network the policy allows", keywright.Allowed, func(t f, x a) {
			x.Address, t.Limits = "192.0.2.1", []limitVector{{Networks: prefixes("192.0.2.0/24")}}
		}),
		decision("a network the policy does not allow", keywright.WrongNetwork, func(t f, x a) {
			x.Address, t.Limits = "198.51.100.1", []limitVector{{Networks: prefixes("192.0.2.0/24")}}
		}),
		decision("the token's network is not the policy's", keywright.WrongNetwork, func(t f, x a) {
			x.Address, t.Networks, t.Limits = "198.51.100.1", prefixes("198.51.100.0/24"), []limitVector{{Networks: prefixes("192.0.2.0/24")}}
		}),
	}
}

func stateVectors() []decisionVector {
	now := instant()
	type f = *factsVector
	type a = *accessVector
	return []decisionVector{
		decision("no id", keywright.Undecided, func(t f, _ a) { t.ID = keywright.ID{} }),
		decision("no kind", keywright.Undecided, func(t f, _ a) { t.Kind = 0 }),
		decision("revoked", keywright.Revoked, func(t f, _ a) { t.RevokedAt = now }),
		decision("revoked, by a clock that is ahead", keywright.Revoked, func(t f, _ a) { t.RevokedAt = now.Add(time.Hour) }),
		decision("disabled", keywright.Disabled, func(t f, _ a) { t.DisabledAt = now }),
		decision("tenant closed", keywright.Closed, func(t f, _ a) { t.Open = false }),
		decision("revoked before expired", keywright.Revoked, func(t f, _ a) { t.RevokedAt, t.ExpiresAt = now, now }),
		decision("expired before disabled", keywright.Expired, func(t f, _ a) { t.ExpiresAt, t.DisabledAt = now, now }),
		decision("expired before not yet valid", keywright.Expired, func(t f, _ a) { t.ExpiresAt, t.NotBefore = now, now.Add(1) }),
		decision("not yet valid before disabled", keywright.NotYetValid, func(t f, _ a) { t.NotBefore, t.DisabledAt = now.Add(time.Hour), now }),
		decision("disabled before closed", keywright.Disabled, func(t f, _ a) { t.DisabledAt, t.Open = now, false }),
		decision("closed before wrong kind", keywright.Closed, func(t f, _ a) { t.Open, t.Kind = false, keywright.KindManager }),
	}
}

func tenantVectors() []decisionVector {
	type f = *factsVector
	type a = *accessVector
	manager := func(t f) { t.Kind, t.Scopes = keywright.KindManager, []string{"keywright:tokens:*"} }
	ask := func(x a) { x.Scopes = []string{"keywright:tokens:read"} }
	return []decisionVector{
		decision("its account", keywright.Allowed, func(_ f, x a) { x.Account = "acme" }),
		decision("another account", keywright.WrongTenant, func(_ f, x a) { x.Account = "emca" }),
		decision("a child account", keywright.WrongTenant, func(_ f, x a) { x.Account = "child@acme" }),
		decision("account token in its default space", keywright.Allowed, func(_ f, x a) { x.Space = "default" }),
		decision("account token in another space", keywright.WrongTenant, func(_ f, x a) { x.Space = "lab" }),
		decision("space token in its space", keywright.Allowed, func(t f, x a) { t.Kind, t.Space, x.Space = keywright.KindSpace, "lab", "lab" }),
		decision("space token in another space", keywright.WrongTenant, func(t f, x a) { t.Kind, t.Space, x.Space = keywright.KindSpace, "lab", "default" }),
		decision("space token at the management of another space", keywright.WrongTenant, func(t f, x a) {
			t.Kind, t.Space, x.Space, x.Management = keywright.KindSpace, "lab", "default", true
		}),
		decision("account token at the management of another space", keywright.InsufficientScope, func(t f, x a) {
			t.Scopes, x.Space, x.Management = nil, "lab", true
		}),
		decision("manager token at data", keywright.WrongKind, func(t f, x a) { manager(t); ask(x) }),
		decision("manager token at management", keywright.Allowed, func(t f, x a) { manager(t); ask(x); x.Management = true }),
		decision("manager token at the management of another space", keywright.Allowed, func(t f, x a) { manager(t); ask(x); x.Management, x.Space = true, "lab" }),
		decision("manager token at the management of another account", keywright.WrongTenant, func(t f, x a) { manager(t); ask(x); x.Management, x.Account = true, "emca" }),
		decision("wrong kind before wrong tenant", keywright.WrongKind, func(t f, x a) { manager(t); x.Account = "emca" }),
		decision("wrong tenant before wrong audience", keywright.WrongTenant, func(_ f, x a) { x.Account, x.Audience = "emca", "http" }),
	}
}

func audienceVectors() []decisionVector {
	type f = *factsVector
	type a = *accessVector
	return []decisionVector{
		decision("its audience", keywright.Allowed, func(t f, x a) { t.Audience, x.Audience = []string{"apiv2", "http"}, "http" }),
		decision("another audience", keywright.WrongAudience, func(t f, x a) { t.Audience, x.Audience = []string{"http"}, "apiv2" }),
		decision("a token for audiences at one who names none", keywright.WrongAudience, func(t f, _ a) { t.Audience = []string{"http"} }),
		decision("a token for none at one who names one", keywright.WrongAudience, func(_ f, x a) { x.Audience = "http" }),
		decision("audience in another case", keywright.WrongAudience, func(t f, x a) { t.Audience, x.Audience = []string{"http"}, "HTTP" }),
		decision("a token for none at management", keywright.Allowed, func(_ f, x a) { x.Management = true }),
		decision("a token for others at management", keywright.WrongAudience, func(t f, x a) { t.Audience, x.Management = []string{"http"}, true }),
		decision("a token for keywright at management", keywright.Allowed, func(t f, x a) { t.Audience, x.Management = []string{"http", "keywright"}, true }),
		decision("wrong audience before wrong network", keywright.WrongAudience, func(t f, x a) {
			t.Networks, x.Audience = prefixes("10.0.0.0/8"), "http"
		}),
	}
}

func networkVectors() []decisionVector {
	within := func(name string, reason keywright.Reason, address string) decisionVector {
		return decision(name, reason, func(t *factsVector, x *accessVector) {
			t.Networks, x.Address = prefixes("192.0.2.0/24", "2001:db8::/32", "fe80::/10"), address
		})
	}
	return []decisionVector{
		within("in the IPv4 network", keywright.Allowed, "192.0.2.255"),
		within("beside the IPv4 network", keywright.WrongNetwork, "192.0.3.0"),
		within("IPv4 written as IPv6", keywright.Allowed, "::ffff:192.0.2.1"),
		within("another IPv4 written as IPv6", keywright.WrongNetwork, "::ffff:198.51.100.1"),
		within("IPv4-compatible is not IPv4", keywright.WrongNetwork, "::192.0.2.1"),
		within("in the IPv6 network", keywright.Allowed, "2001:db8::1"),
		within("beside the IPv6 network", keywright.WrongNetwork, "2001:db9::1"),
		within("with a zone", keywright.Allowed, "fe80::1%eth0"),
		within("address not known", keywright.WrongNetwork, ""),
		decision("no networks, address not known", keywright.Allowed, func(*factsVector, *accessVector) {}),
		missing(decision("wrong network before scopes", keywright.WrongNetwork, func(t *factsVector, x *accessVector) {
			t.Networks, t.Scopes = prefixes("192.0.2.0/24"), nil
		}), ""),
	}
}

func grantVectors() []decisionVector {
	type f = *factsVector
	type a = *accessVector
	return []decisionVector{
		decision("no scope is asked for", keywright.Allowed, func(_ f, x a) { x.Scopes = nil }),
		decision("a token without scopes, asked for none", keywright.InsufficientScope, func(t f, x a) { t.Scopes, x.Scopes = nil, nil }),
		decision("a token without scopes", keywright.InsufficientScope, func(t f, _ a) { t.Scopes = nil }),
		missing(decision("one of two scopes", keywright.InsufficientScope, func(_ f, x a) { x.Scopes = []string{"invoices:read", "orders:read"} }), "orders:read"),
		missing(decision("a wildcard asked for that is wider", keywright.InsufficientScope, func(_ f, x a) { x.Scopes = []string{"invoices:**"} }), "invoices:**"),
		decision("a wildcard asked for that is covered", keywright.Allowed, func(_ f, x a) { x.Scopes = []string{"invoices:*"} }),
		missing(decision("everything does not cover the reserved", keywright.InsufficientScope, func(t f, x a) {
			t.Scopes, x.Scopes, x.Management = []string{"**"}, []string{"keywright:tokens:read"}, true
		}), "keywright:tokens:read"),
	}
}

// boundVectors: an access token narrows its token and never widens it.
func boundVectors() []decisionVector {
	now := instant()
	bound := func(name string, reason keywright.Reason, change func(*factsVector, *accessVector, *boundVector)) decisionVector {
		return decision(name, reason, func(t *factsVector, x *accessVector) {
			x.Bound = &boundVector{Scopes: []string{"invoices:read"}, ExpiresAt: now.Add(time.Minute)}
			change(t, x, x.Bound)
		})
	}
	type f = *factsVector
	type a = *accessVector
	type b = *boundVector
	return []decisionVector{
		bound("access token", keywright.Allowed, func(f, a, b) {}),
		bound("access token exactly at its expiry", keywright.Expired, func(_ f, _ a, n b) { n.ExpiresAt = now }),
		bound("access token without expiry", keywright.Expired, func(_ f, _ a, n b) { n.ExpiresAt = time.Time{} }),
		bound("access token revoked", keywright.Revoked, func(_ f, _ a, n b) { n.Revoked = true }),
		bound("access token of a revoked token", keywright.Revoked, func(t f, _ a, _ b) { t.RevokedAt = now }),
		bound("access token of an expired token", keywright.Expired, func(t f, _ a, _ b) { t.ExpiresAt = now }),
		bound("access token of a disabled token", keywright.Disabled, func(t f, _ a, _ b) { t.DisabledAt = now }),
		missing(bound("access token with less than its token", keywright.InsufficientScope, func(_ f, x a, _ b) { x.Scopes = []string{"invoices:write"} }), "invoices:write"),
		missing(bound("access token with more than its token has now", keywright.InsufficientScope, func(t f, _ a, _ b) { t.Scopes = []string{"orders:*"} }), "invoices:read"),
		bound("access token without scopes", keywright.InsufficientScope, func(_ f, x a, n b) { n.Scopes, x.Scopes = nil, nil }),
		bound("access token for another audience", keywright.WrongAudience, func(t f, x a, n b) {
			t.Audience, n.Audience, x.Audience = []string{"http", "apiv2"}, []string{"apiv2"}, "http"
		}),
		bound("access token for an audience its token has lost", keywright.WrongAudience, func(t f, x a, n b) {
			t.Audience, n.Audience, x.Audience = []string{"apiv2"}, []string{"http"}, "http"
		}),
		bound("access token for data at management", keywright.WrongAudience, func(_ f, x a, n b) { n.Audience, x.Management = []string{"http"}, true }),
	}
}

// The zero of every type on the way to a verdict refuses.
func TestZeroRefuses(t *testing.T) {
	t.Parallel()
	if (keywright.Decision{}).Allowed() || keywright.Reason(0) == keywright.Allowed {
		t.Error("the zero decision allows")
	}
	if d := keywright.Decide(keywright.Facts{}, keywright.Access{}, instant()); d.Allowed() {
		t.Error("zero facts are allowed")
	}
	var unknown keywright.Reason = keywright.Allowed
	if err := unknown.UnmarshalText([]byte("surely")); err != nil || unknown != keywright.Undecided {
		t.Errorf("an unknown reason is %s, %v", unknown, err)
	}
	if got := keywright.Reason(200).String(); got != "undecided" {
		t.Errorf("reason 200 is %q", got)
	}
}

// Facts that are right refuse as soon as one member that the token needs is
// forgotten, whichever it is; the others only ever take away when they are set.
func TestForgottenFactsRefuse(t *testing.T) {
	t.Parallel()
	needed := map[string]bool{"ID": true, "Kind": true, "Account": true, "Space": true, "Scopes": true, "Audience": true, "Tenant": true, "RenewedAt": true}
	facts := usable().facts(t)
	facts.Audience = []string{"http"}
	facts.Tenant.MaxLifetime = 48 * time.Hour
	access := keywright.Access{Scopes: scopes(t, "invoices:read"), Audience: "http", Account: "acme", Space: "default"}
	if d := keywright.Decide(facts, access, instant()); !d.Allowed() {
		t.Fatalf("all right, but %s", d.Reason)
	}
	for i := range reflect.TypeFor[keywright.Facts]().NumField() {
		name := reflect.TypeFor[keywright.Facts]().Field(i).Name
		forgotten := facts
		reflect.ValueOf(&forgotten).Elem().Field(i).SetZero()
		if name == "Tenant" {
			forgotten.Tenant.MaxLifetime = facts.Tenant.MaxLifetime
		}
		if d := keywright.Decide(forgotten, access, instant()); d.Allowed() == needed[name] {
			t.Errorf("%s forgotten: %s", name, d.Reason)
		}
	}
}

func TestReasonText(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for reason := keywright.Undecided; reason <= keywright.InsufficientScope; reason++ {
		text, _ := reason.MarshalText()
		var back keywright.Reason
		if err := back.UnmarshalText(text); err != nil || back != reason || seen[string(text)] {
			t.Errorf("%d is written %q and read as %d", reason, text, back)
		}
		seen[string(text)] = true
	}
}

func BenchmarkDecide(b *testing.B) {
	facts := usable().facts(b)
	facts.Networks = prefixes("192.0.2.0/24")
	access := keywright.Access{Scopes: scopes(b, "invoices:read"), Address: netip.MustParseAddr("192.0.2.1")}
	now := instant()
	b.ReportAllocs()
	for b.Loop() {
		if !keywright.Decide(facts, access, now).Allowed() {
			b.Fatal("refused")
		}
	}
}
