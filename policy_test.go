package keywright_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
)

// Together: whatever a space asks for, no member of what comes of it is wider than the account's.
func TestTogetherNarrows(t *testing.T) {
	t.Parallel()
	number := func(least int64) *rapid.Generator[int64] { return rapid.Int64Range(least, 5) }
	rapid.Check(t, func(t *rapid.T) {
		account := keywright.Policy{
			Enabled: rapid.Bool().Draw(t, "on"), MaxLifetime: number(0).Draw(t, "life"), MaxUnused: number(0).Draw(t, "unused"),
			MaxTokens: number(-1).Draw(t, "tokens"), MaxPermanent: number(-1).Draw(t, "permanent"), MaxOverlap: number(0).Draw(t, "overlap"),
			ExpiryRequired: rapid.Bool().Draw(t, "expiry"), RecoverableAllowed: rapid.Bool().Draw(t, "recoverable"),
			AllowedAudience: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 2).Draw(t, "audience"),
		}
		own := keywright.SpacePolicy{
			Enabled:     rapid.Ptr(rapid.Bool(), true).Draw(t, "own on"),
			MaxLifetime: rapid.Ptr(number(0), true).Draw(t, "own life"), MaxUnused: rapid.Ptr(number(0), true).Draw(t, "own unused"),
			MaxTokens: rapid.Ptr(number(-1), true).Draw(t, "own tokens"), MaxPermanent: rapid.Ptr(number(-1), true).Draw(t, "own permanent"),
			MaxOverlap: rapid.Ptr(number(0), true).Draw(t, "own overlap"), ExpiryRequired: rapid.Ptr(rapid.Bool(), true).Draw(t, "own expiry"),
			RecoverableAllowed: rapid.Ptr(rapid.Bool(), true).Draw(t, "own recoverable"),
			AllowedAudience:    rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 2).Draw(t, "own audience"),
		}
		both, err := keywright.Together(account, own)
		if err != nil {
			t.Fatal(err)
		}
		p := both.Policy
		for _, pair := range [][3]int64{
			{account.MaxLifetime, p.MaxLifetime, 0}, {account.MaxUnused, p.MaxUnused, 0}, {account.MaxTokens, p.MaxTokens, -1},
			{account.MaxPermanent, p.MaxPermanent, -1}, {account.MaxOverlap, p.MaxOverlap, -1},
		} {
			if pair[0] != pair[2] && (pair[1] == pair[2] || pair[1] > pair[0]) {
				t.Fatalf("%+v and %+v are %+v", account, own, p)
			}
		}
		if p.Enabled && !account.Enabled || p.RecoverableAllowed && !account.RecoverableAllowed || account.ExpiryRequired && !p.ExpiryRequired {
			t.Fatalf("%+v and %+v are %+v", account, own, p)
		}
		for _, a := range p.AllowedAudience {
			if len(account.AllowedAudience) > 0 && !slices.Contains(account.AllowedAudience, a) {
				t.Fatalf("%q and %q are %q", account.AllowedAudience, own.AllowedAudience, p.AllowedAudience)
			}
		}
	})
}

func TestTogetherLists(t *testing.T) {
	t.Parallel()
	both, err := keywright.Together(
		keywright.Policy{Enabled: true, AllowedScopes: []string{"a:*"}, AllowedCIDRs: []string{"10.0.0.0/8", "2001:db8::/32"}},
		keywright.SpacePolicy{AllowedScopes: []string{"a:read"}, AllowedCIDRs: []string{"10.1.0.0/16", "192.0.2.0/24"}})
	if p := both.Policy; err != nil || !p.Enabled || !slices.Equal(p.AllowedScopes, []string{"a:read"}) || !slices.Equal(p.AllowedCIDRs, []string{"10.1.0.0/16"}) {
		t.Errorf("%+v, %v", both, err)
	}
	// The account was narrowed since: nothing is allowed, which an empty list would not say.
	both, err = keywright.Together(keywright.Policy{Enabled: true, AllowedAudience: []string{"x"}}, keywright.SpacePolicy{AllowedAudience: []string{"y"}})
	if err != nil || both.Policy.Enabled || len(both.Limits) != 2 {
		t.Errorf("%+v, %v", both, err)
	}
	if _, err := keywright.Together(keywright.Policy{AllowedScopes: []string{"a b"}}, keywright.SpacePolicy{}); err == nil {
		t.Error("a policy that cannot be read is taken for one")
	}
	if _, err := keywright.Together(keywright.Policy{}, keywright.SpacePolicy{AllowedCIDRs: []string{"10"}}); err == nil {
		t.Error("a space's policy that cannot be read is taken for one")
	}
}
