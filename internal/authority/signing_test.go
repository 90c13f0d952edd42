package authority

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func (i *instance) published() []string {
	i.t.Helper()
	set, err := i.JWKS(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	kids := make([]string, len(set.Keys))
	for n, key := range set.Keys {
		kids[n] = key.KeyID
	}
	return kids
}

func (i *instance) signer() string {
	i.t.Helper()
	key, err := i.activeKey(i.t.Context(), i.now())
	if err != nil {
		i.t.Fatal(err)
	}
	return key.KID
}

// RFC 7517: public members only, each with kid, use and alg.
func TestJWKSIsPublic(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	set, err := i.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var plain struct{ Keys []map[string]any }
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	if len(plain.Keys) != 1 {
		t.Fatalf("%d keys before the first grant, want one", len(plain.Keys))
	}
	for member := range plain.Keys[0] {
		if !slices.Contains([]string{"kty", "crv", "x", "y", "kid", "use", "alg"}, member) {
			t.Errorf("member %s is published", member)
		}
	}
	if k := plain.Keys[0]; k["use"] != "sig" || k["alg"] != "ES256" || len(k["kid"].(string)) != 43 {
		t.Errorf("key %v", k)
	}
}

// A key is published an hour before it signs, and kept until the last access token it can have signed has ended.
func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	i := newInstance(t, func(c *Config) { c.SigningTTL, c.AccessTTL = 24*time.Hour, time.Hour })
	first := i.signer()
	lifetime := i.issue(keywright.NewToken{Lifetime: keywright.LifetimePermanent}).APIKey.Reveal()
	tend := func(d time.Duration) {
		i.advance(d)
		i.tend(t.Context())
	}

	tend(23*time.Hour - time.Minute)
	if got := i.published(); len(got) != 1 {
		t.Fatalf("published %v before the next is due", got)
	}
	tend(2 * time.Minute)
	kids := i.published()
	if len(kids) != 2 || i.signer() != first {
		t.Fatalf("published %v, signs %s: want the next published and not yet used", kids, i.signer())
	}
	tend(58 * time.Minute)
	if i.signer() != first {
		t.Error("the next key signs before it was published for an hour")
	}
	token := i.grant(lifetime, GrantRequest{})
	tend(3 * time.Minute)
	if i.signer() != kids[1] {
		t.Error("the next key does not sign when its time has come")
	}
	tend(55 * time.Minute)
	if got := i.reason(token, access("invoices:read")); got != keywright.Allowed {
		t.Errorf("an access token of the old key: %v", got)
	}
	tend(15 * time.Minute)
	if got := i.published(); len(got) != 1 || got[0] != kids[1] {
		t.Errorf("published %v, want the old key gone", got)
	}
	if got := i.reason(token, access("invoices:read")); got != keywright.Unproved {
		t.Errorf("an access token of a key that is gone: %v", got)
	}
}

// After a long sleep the old key goes on until verifiers have had their hour with the next.
func TestSigningKeyAfterSleep(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	first := i.signer()
	i.advance(90 * 24 * time.Hour)
	i.tend(t.Context())
	if i.signer() != first || len(i.published()) != 2 {
		t.Errorf("signs %s, published %v", i.signer(), i.published())
	}
	i.advance(time.Hour)
	if i.signer() == first {
		t.Error("the next key does not sign an hour later")
	}
}

// Whoever makes up a kid cannot make the database work: it is looked at once in a while.
func TestUnknownKeyIDReloadsSeldom(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	token := i.grant(i.issue(keywright.NewToken{}).APIKey.Reveal(), GrantRequest{})
	_, rest, _ := strings.Cut(token, ".")
	other := i.open(testMaster)
	if _, err := other.JWKS(t.Context()); err != nil {
		t.Fatal(err)
	}
	loaded := other.signing.known.Load()
	stranger := encode(`{"alg":"ES256","kid":"x","typ":"at+jwt"}`) + "." + rest
	for range 3 {
		if _, err := other.Verify(t.Context(), i.parse(stranger), access()); err != nil {
			t.Fatal(err)
		}
	}
	if other.signing.known.Load() != loaded {
		t.Error("an unknown kid had the keys read again at once")
	}
	i.advance(reloadEvery)
	if _, err := other.Verify(t.Context(), i.parse(stranger), access()); err != nil {
		t.Fatal(err)
	}
	if other.signing.known.Load() == loaded {
		t.Error("an unknown kid never has the keys read again")
	}
}
