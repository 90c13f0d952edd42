package authority

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// allowScopes refuses scopes that an account's policy does not allow.
func (p *problems) allowScopes(policy keywright.Policy, given keywright.Scopes) {
	if len(policy.AllowedScopes) == 0 {
		return
	}
	allowed, err := keywright.ParseScopes(policy.AllowedScopes...)
	if missing, ok := allowed.Contains(given); err != nil || !ok {
		p.add("/scopes", "the account's policy does not allow %s, only %s", missing, strings.Join(policy.AllowedScopes, " "))
	}
}

// allowAudience refuses audiences that an account's policy does not allow. A manager token is heard by nobody
// but this management API, so it may go without.
func (p *problems) allowAudience(policy keywright.Policy, kind keywright.Kind, given []string) {
	if len(policy.AllowedAudience) == 0 || kind == keywright.KindManager && len(given) == 0 {
		return
	}
	if !(audience{listed: policy.AllowedAudience}).holds(given) {
		p.add("/audience", "the account's policy demands one or more of %s", strings.Join(policy.AllowedAudience, ", "))
	}
}

// allowNetworks refuses networks beyond those of an account's policy.
func (p *problems) allowNetworks(policy keywright.Policy, given []netip.Prefix) {
	var ignored problems
	allowed := ignored.networks("", policy.AllowedCIDRs)
	if len(ignored) > 0 || !networksHold(allowed, given) {
		p.add("/allowed_cidrs", "the account's policy demands networks within %s", strings.Join(policy.AllowedCIDRs, ", "))
	}
}

// withinQuota refuses if, with what this transaction did, there are more tokens than the
// account's policy allows. It counts after the fact, with the account held, so that the count is true.
func (s *scene) withinQuota(ctx context.Context, recs ...*store.Record) error {
	for _, at := range placesCounted(recs) {
		permanent := slices.ContainsFunc(recs, func(r *store.Record) bool {
			return r.Facts.Space == at.space && r.Facts.ExpiresAt.IsZero()
		})
		if err := s.countAt(ctx, at, permanent); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps every other change that holds the account out until this one has ended.
func (s *scene) hold(ctx context.Context, account string) error {
	if err := s.tx.Tenants().Hold(ctx, account); err != nil {
		return missing("account", err)
	}
	return nil
}

func placesCounted(recs []*store.Record) []place {
	var at []place
	for _, r := range recs {
		if here := (place{r.Facts.Account, r.Facts.Space}); !slices.Contains(at, here) {
			at = append(at, here)
		}
	}
	return at
}

// countAt holds what there is now against the account's limits. It counts only what has a limit.
func (s *scene) countAt(ctx context.Context, at place, permanent bool) error {
	t, err := s.tenancy(ctx, at)
	if err != nil {
		return err
	}
	limits := t.policy()
	permanent = permanent && limits.MaxPermanent >= 0
	if limits.MaxTokens < 0 && !permanent {
		return nil
	}
	if err := s.hold(ctx, at.account); err != nil {
		return err
	}
	if err := s.countAll(ctx, at, limits.MaxTokens); err != nil || !permanent {
		return err
	}
	n, err := s.tx.Tokens().CountPermanent(ctx, at.account, at.space, s.now)
	if err == nil && n > limits.MaxPermanent {
		return fmt.Errorf("%w: the policy of account %s allows %d permanent tokens in a space; give this one an expiry, or revoke one",
			keywright.ErrQuota, at.account, limits.MaxPermanent)
	}
	return err
}

func (s *scene) countAll(ctx context.Context, at place, limit int64) error {
	if limit < 0 {
		return nil
	}
	n, err := s.tx.Tokens().Count(ctx, at.account, s.now)
	if err == nil && n > limit {
		return fmt.Errorf("%w: the policy of account %s allows %d tokens; revoke or delete one first",
			keywright.ErrQuota, at.account, limit)
	}
	return err
}

// readPolicy checks a policy before it is kept.
func readPolicy(policy keywright.Policy) (keywright.Policy, error) {
	var p problems
	p.spans(policy)
	if policy.MaxPermanent < -1 {
		p.add("/max_permanent", "must be 0 or more, or -1 for no limit")
	}
	if policy.MaxTokens < -1 {
		p.add("/max_tokens", "must be 0 or more, or -1 for no limit")
	}
	policy.AllowedScopes = p.scopes("/allowed_scopes", policy.AllowedScopes).Strings()
	policy.AllowedAudience = p.audience("/allowed_audience", policy.AllowedAudience)
	networks := p.networks("/allowed_cidrs", policy.AllowedCIDRs)
	policy.AllowedCIDRs = make([]string, len(networks))
	for i, n := range networks {
		policy.AllowedCIDRs[i] = n.String()
	}
	return policy, p.err()
}

// spans checks a policy's durations: none negative, none beyond a century, none against another.
func (p *problems) spans(policy keywright.Policy) {
	const century = 100 * 365 * 24 * 60 * 60
	for _, span := range []struct {
		member string
		value  int64
	}{
		{"/default_lifetime", policy.DefaultLifetime},
		{"/temporary_lifetime", policy.TemporaryLifetime},
		{"/max_lifetime", policy.MaxLifetime},
		{"/max_overlap", policy.MaxOverlap},
	} {
		if span.value < 0 || span.value > century {
			p.add(span.member, "must be 0 to %d seconds", int64(century))
		}
	}
	if policy.MaxLifetime > 0 && policy.DefaultLifetime > policy.MaxLifetime {
		p.add("/default_lifetime", "must not be longer than max_lifetime")
	}
	if policy.ExpiryRequired && policy.DefaultLifetime == 0 && policy.MaxLifetime == 0 {
		p.add("/default_lifetime", "must be set when an expiry is required")
	}
}
