package authority

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// maxPreview is the most effects that a preview lists; it counts all.
const maxPreview = 10000

// intent is a policy that somebody thinks of setting, for an account or, if the place names one, for a space of it.
type intent struct {
	at      place
	account keywright.Policy
	space   *keywright.SpacePolicy // of at.space
	disable bool                   // the living tokens too
}

// after is what would be demanded of the tokens of one space.
func (i intent) after(t tenancy) (keywright.Tenant, error) {
	account, space := *t.account, *t.space
	account.Policy = i.account
	if i.space != nil {
		space.Policy = *i.space
	}
	would, err := newTenancy(&account, &space)
	return would.tenant(), err
}

// preview finds out what an intent would do to every token that lives.
func (s *scene) preview(ctx context.Context, i intent) (keywright.PolicyPreview, error) {
	p := keywright.PolicyPreview{Tokens: []keywright.PolicyEffect{}}
	err := s.eachLiving(ctx, i.at, func(l store.Listed) error {
		t, err := s.tenancy(ctx, place{l.Facts.Account, l.Facts.Space})
		if err != nil {
			return err
		}
		would, err := i.after(t)
		if err != nil {
			return err
		}
		p.Tokens = append(p.Tokens, s.effects(&p, l, would, i.disable)...)
		return nil
	})
	slices.SortStableFunc(p.Tokens, func(a, b keywright.PolicyEffect) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Number, b.Number))
	})
	p.Tokens = p.Tokens[:min(len(p.Tokens), maxPreview)]
	return p, err
}

// eachLiving calls f with every token at the place that is neither revoked nor expired.
func (s *scene) eachLiving(ctx context.Context, at place, f func(store.Listed) error) error {
	find := store.TokenQuery{
		Filter: keywright.TokenFilter{Account: at.account, Space: at.space},
		Sort:   keywright.SortCreated,
		Limit:  bulkPage,
		Now:    s.now,
	}
	for {
		page, err := s.tx.Tokens().List(ctx, find)
		if err != nil {
			return err
		}
		for _, l := range page {
			if err := s.settleIn(ctx, l.Record); err != nil {
				return err
			}
			l.Facts.LastUsedAt = l.LastUsedAt
			if state := stateOf(l.Facts, s.now); state == keywright.StateRevoked || state == keywright.StateExpired {
				continue
			}
			if err := f(l); err != nil {
				return err
			}
		}
		if len(page) < bulkPage {
			return nil
		}
		last := page[len(page)-1]
		find.After = &store.Position{Time: last.CreatedAt, ID: last.Facts.ID}
	}
}

// effects are what another tenant would do to a token, and adds them up.
func (s *scene) effects(sum *keywright.PolicyPreview, l store.Listed, would keywright.Tenant, disable bool) []keywright.PolicyEffect {
	e := keywright.PolicyEffect{
		ID: l.Facts.ID, Number: l.Number, Label: l.Label, Owner: l.OwnerName, Space: l.Facts.Space, At: s.now,
	}
	var all []keywright.PolicyEffect
	if disable && l.Facts.DisabledAt.IsZero() {
		e.Effect, e.Because = keywright.EffectDisables, "disable_tokens"
		all, sum.Disables = append(all, e), sum.Disables+1
	}
	lost := losses(l.Facts, would)
	for _, because := range []string{"allowed_scopes", "allowed_audience", "allowed_cidrs"} {
		if lost, ok := lost[because]; ok {
			e.Effect, e.Because, e.Lost = keywright.EffectNarrows, because, lost
			all = append(all, e)
		}
	}
	if len(lost) > 0 {
		sum.Narrows++
	}
	if at, because := sooner(l.Facts, would); because != "" {
		e.Effect, e.Because, e.Lost = keywright.EffectEnds, because, nil
		if e.At = at; at.Before(s.now) {
			e.At = s.now
		}
		all, sum.Ends = append(all, e), sum.Ends+1
	}
	return all
}

// sooner is when a token would end sooner than it does now, and by which member of the policy; "" if it would not.
func sooner(f keywright.Facts, would keywright.Tenant) (at time.Time, because string) {
	after := f
	after.Tenant = would
	if end := after.Ends(); !endsBy(end, f.Ends()) {
		at, because = end, "max_lifetime"
	}
	if lapse := after.Lapses(); !endsBy(lapse, f.Lapses()) && !endsBy(lapse, after.Ends()) {
		at, because = lapse, "max_unused"
	}
	return at, because
}

// losses are the scopes, audiences and networks that a token has now and would not have.
func losses(f keywright.Facts, would keywright.Tenant) map[string][]string {
	lost := map[string][]string{}
	for _, l := range would.Limits {
		for _, scope := range f.Scopes {
			if inScopes(scope, f.Tenant.Limits) && !inScopes(scope, []keywright.Limit{l}) {
				lost["allowed_scopes"] = append(lost["allowed_scopes"], scope.String())
			}
		}
		if out := outOfAudience(f, l); out != nil && !slices.ContainsFunc(f.Tenant.Limits, func(l keywright.Limit) bool { return outOfAudience(f, l) != nil }) {
			lost["allowed_audience"] = append(lost["allowed_audience"], out...)
		}
		if out := outOfNetworks(f, l); out != nil && !slices.ContainsFunc(f.Tenant.Limits, func(l keywright.Limit) bool { return outOfNetworks(f, l) != nil }) {
			lost["allowed_cidrs"] = append(lost["allowed_cidrs"], out...)
		}
	}
	for because, list := range lost {
		lost[because] = distinct(list, cmp.Compare[string])
	}
	return lost
}

func inScopes(scope keywright.Scope, limits []keywright.Limit) bool {
	return !slices.ContainsFunc(limits, func(l keywright.Limit) bool {
		_, ok := l.Scopes.Contains(keywright.Scopes{scope})
		return len(l.Scopes) > 0 && !ok
	})
}

// outOfAudience is what a limit takes from a token's audience; nil: nothing. A token that names none is for who names none.
func outOfAudience(f keywright.Facts, l keywright.Limit) []string {
	switch {
	case len(l.Audience) == 0 || f.Kind == keywright.KindManager && len(f.Audience) == 0:
		return nil
	case len(f.Audience) == 0:
		return []string{"(none)"}
	}
	out := slices.DeleteFunc(slices.Clone(f.Audience), func(a string) bool { return slices.Contains(l.Audience, a) })
	if len(out) == 0 {
		return nil
	}
	return out
}

func outOfNetworks(f keywright.Facts, l keywright.Limit) []string {
	switch {
	case networksHold(l.Networks, f.Networks):
		return nil
	case len(f.Networks) == 0:
		return []string{"(any)"}
	}
	return prefixes(slices.DeleteFunc(slices.Clone(f.Networks), func(n netip.Prefix) bool {
		return networksHold(l.Networks, []netip.Prefix{n})
	}))
}
