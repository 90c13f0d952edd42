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

// switchedOn refuses where tokens are switched off: then none is made, nor brought back to life.
func (s *scene) switchedOn(ctx context.Context, rec *store.Record) error {
	at := place{rec.Facts.Account, rec.Facts.Space}
	t, err := s.tenancy(ctx, at)
	if err == nil && !t.policy().Enabled {
		err = fmt.Errorf("%w: the policy of %s does not let tokens be made or brought back to life", keywright.ErrForbidden, at)
	}
	return err
}

// allowScopes refuses scopes that the policies of account and space do not allow.
func (p *problems) allowScopes(limits []keywright.Limit, given keywright.Scopes) {
	for _, l := range limits {
		if missing, ok := l.Scopes.Contains(given); len(l.Scopes) > 0 && !ok {
			p.add("/scopes", "the policy does not allow %s, only %s", missing, strings.Join(l.Scopes.Strings(), " "))
		}
	}
}

// allowAudience refuses audiences that the policies do not allow. A manager token is heard by nobody
// but this management API, so it may go without.
func (p *problems) allowAudience(limits []keywright.Limit, kind keywright.Kind, given []string) {
	for _, l := range limits {
		if len(l.Audience) == 0 || kind == keywright.KindManager && len(given) == 0 {
			continue
		}
		if !(audience{listed: l.Audience}).holds(given) {
			p.add("/audience", "the policy demands one or more of %s", strings.Join(l.Audience, ", "))
		}
	}
}

// allowNetworks refuses networks beyond those of the policies.
func (p *problems) allowNetworks(limits []keywright.Limit, given []netip.Prefix) {
	for _, l := range limits {
		if !networksHold(l.Networks, given) {
			p.add("/allowed_cidrs", "the policy demands networks within %s", strings.Join(prefixes(l.Networks), ", "))
		}
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

// countAt holds what there is now against the limits of the account and of the space. It counts only what has a limit.
func (s *scene) countAt(ctx context.Context, at place, permanent bool) error {
	t, err := s.tenancy(ctx, at)
	if err != nil {
		return err
	}
	quotas := []quota{
		{place{account: at.account}, t.account.Policy.MaxTokens, "tokens", s.countLive},
		{at, spaceTokens(t.space), "tokens", s.countLive},
	}
	if permanent {
		quotas = append(quotas, quota{at, t.policy().MaxPermanent, "permanent tokens", s.countPermanent})
	}
	quotas = slices.DeleteFunc(quotas, func(q quota) bool { return q.limit < 0 })
	if len(quotas) == 0 {
		return nil
	}
	if err := s.hold(ctx, at.account); err != nil {
		return err
	}
	for _, q := range quotas {
		if err := q.check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// quota is how many tokens of a sort there may be at a place; negative: no limit.
type quota struct {
	at    place
	limit int64
	what  string
	count func(context.Context, place) (int64, error)
}

func (q quota) check(ctx context.Context) error {
	n, err := q.count(ctx, q.at)
	if err == nil && n > q.limit {
		err = fmt.Errorf("%w: the policy allows %d %s in %s; revoke or delete one first", keywright.ErrQuota, q.limit, q.what, q.at)
	}
	return err
}

func (s *scene) countLive(ctx context.Context, at place) (int64, error) {
	return s.tx.Tokens().Count(ctx, at.account, at.space, s.now)
}

func (s *scene) countPermanent(ctx context.Context, at place) (int64, error) {
	return s.tx.Tokens().CountPermanent(ctx, at.account, at.space, s.now)
}

func spaceTokens(space *store.Space) int64 {
	if space == nil || space.Policy.MaxTokens == nil {
		return -1
	}
	return *space.Policy.MaxTokens
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

// century is the longest span of a policy, in seconds.
const century = 100 * 365 * 24 * 60 * 60

// spans checks a policy's durations: none negative, none beyond a century, none against another.
func (p *problems) spans(policy keywright.Policy) {
	for _, span := range []struct {
		member string
		value  int64
	}{
		{"/default_lifetime", policy.DefaultLifetime},
		{"/temporary_lifetime", policy.TemporaryLifetime},
		{"/max_lifetime", policy.MaxLifetime},
		{"/max_unused", policy.MaxUnused},
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
