package authority

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"reflect"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// SetPolicy replaces an account's policy. What it makes stricter holds at use for every token that exists, in the
// revision of the change, and no token is rewritten: Tenant carries it to keywright.Decide.
func (a *Authority) SetPolicy(ctx context.Context, caller Caller, account string, req keywright.NewPolicy) (keywright.Account, error) {
	var shown keywright.Account
	_, err := a.change(ctx, caller, func(s *scene) error {
		t, i, err := s.intendAccount(ctx, account, policyWrite, req)
		if err != nil {
			return err
		}
		changed := *t.account
		changed.Policy = i.account
		e := s.event("account.policy", changed.Name, "", "account:"+changed.Name)
		e.Before, e.After = changes(policyStory(t.account.Policy), policyStory(changed.Policy))
		shown = accountResource(&changed)
		if err := s.tx.Tenants().UpdateAccount(ctx, &changed, e); err != nil {
			return err
		}
		return s.carryOut(ctx, i)
	})
	return shown, err
}

// PreviewPolicy says what SetPolicy would do to the tokens that live, and changes nothing. With dryRun the caller
// must be one who could set it; else it must see policy and tokens.
func (a *Authority) PreviewPolicy(ctx context.Context, caller Caller, account string, req keywright.NewPolicy, dryRun bool) (keywright.PolicyPreview, error) {
	return a.previewOf(ctx, caller, func(s *scene) (intent, error) {
		_, i, err := s.intendAccount(ctx, account, previewScope(dryRun), req)
		return i, err
	})
}

func previewScope(dryRun bool) string {
	if dryRun {
		return policyWrite
	}
	return policyRead
}

func (a *Authority) previewOf(ctx context.Context, caller Caller, read func(*scene) (intent, error)) (keywright.PolicyPreview, error) {
	var p keywright.PolicyPreview
	err := a.view(ctx, caller, func(s *scene) error {
		i, err := read(s)
		if err != nil {
			return err
		}
		if err := s.require(i.at, tokensRead); err != nil {
			return missing("account", err)
		}
		p, err = s.preview(ctx, i)
		return err
	})
	return p, err
}

func (s *scene) intendAccount(ctx context.Context, account, scope string, req keywright.NewPolicy) (tenancy, intent, error) {
	t, err := s.accountFor(ctx, account, scope)
	if err != nil {
		return t, intent{}, err
	}
	policy, err := readPolicy(req.Policy)
	if err == nil && req.DisableTokens && policy.Enabled {
		err = keywright.Invalid("/disable_tokens", "goes with enabled false")
	}
	return t, intent{at: place{account: t.account.Name}, account: policy, disable: req.DisableTokens}, err
}

// carryOut does to the tokens what only rows can tell, once the policy is kept.
func (s *scene) carryOut(ctx context.Context, i intent) error {
	clear(s.tenants)
	if !i.disable {
		return nil
	}
	var enabled []keywright.ID
	err := s.eachLiving(ctx, i.at, func(l store.Listed) error {
		if l.Facts.DisabledAt.IsZero() {
			enabled = append(enabled, l.Facts.ID)
		}
		return nil
	})
	for _, id := range enabled {
		if err != nil {
			return err
		}
		err = s.switchOff(ctx, id)
	}
	return err
}

// switchOff reads the token again: with one before, its descendants were disabled.
func (s *scene) switchOff(ctx context.Context, id keywright.ID) error {
	rec, err := s.tx.Tokens().Get(ctx, id)
	if err != nil || !rec.Facts.DisabledAt.IsZero() {
		return err
	}
	if err := s.situate(ctx, rec); err != nil {
		return err
	}
	_, err = s.disable(ctx, rec, "tokens are switched off")
	return err
}

// SpacePolicy returns what a space demands: its own and what comes of it together with the account's.
func (a *Authority) SpacePolicy(ctx context.Context, caller Caller, account, space string) (keywright.SpaceDemands, error) {
	var d keywright.SpaceDemands
	err := a.view(ctx, caller, func(s *scene) error {
		t, err := s.spaceTenancy(ctx, account, space, policyRead)
		if err == nil {
			d = spaceDemands(t)
		}
		return err
	})
	return d, err
}

// spaceTenancy reads a space over which the actor has a say.
func (s *scene) spaceTenancy(ctx context.Context, account, space, scope string) (tenancy, error) {
	at := place{cmp.Or(account, s.actor.account), space}
	if err := s.require(at, scope); err != nil {
		return tenancy{}, missing("space", err)
	}
	return s.tenancy(ctx, at)
}

func spaceDemands(t tenancy) keywright.SpaceDemands {
	return keywright.SpaceDemands{Account: t.account.Name, Space: t.space.Name, Own: t.space.Policy, Effective: t.policy()}
}

// SetSpacePolicy replaces what a space demands beyond its account; it may only narrow. What the account
// demands later holds too, whatever the space has set.
func (a *Authority) SetSpacePolicy(ctx context.Context, caller Caller, account, space string, req keywright.NewSpacePolicy) (keywright.SpaceDemands, error) {
	var shown keywright.SpaceDemands
	_, err := a.change(ctx, caller, func(s *scene) error {
		t, i, err := s.intendSpace(ctx, account, space, policyWrite, req)
		if err != nil {
			return err
		}
		e := s.event("space.policy", i.at.account, space, "space:"+space)
		e.Before, e.After = changes(spacePolicyStory(t.space.Policy), spacePolicyStory(*i.space))
		if err := s.tx.Tenants().SetSpacePolicy(ctx, i.at.account, space, *i.space, e); err != nil {
			return err
		}
		if err := s.carryOut(ctx, i); err != nil {
			return err
		}
		t, err = s.tenancy(ctx, i.at)
		if err == nil {
			shown = spaceDemands(t)
		}
		return err
	})
	return shown, err
}

// PreviewSpacePolicy is PreviewPolicy for a space.
func (a *Authority) PreviewSpacePolicy(ctx context.Context, caller Caller, account, space string, req keywright.NewSpacePolicy, dryRun bool) (keywright.PolicyPreview, error) {
	return a.previewOf(ctx, caller, func(s *scene) (intent, error) {
		_, i, err := s.intendSpace(ctx, account, space, previewScope(dryRun), req)
		return i, err
	})
}

func (s *scene) intendSpace(ctx context.Context, account, space, scope string, req keywright.NewSpacePolicy) (tenancy, intent, error) {
	t, err := s.spaceTenancy(ctx, account, space, scope)
	if err != nil {
		return t, intent{}, err
	}
	own, err := readSpacePolicy(t.account.Policy, req.SpacePolicy)
	if err == nil && req.DisableTokens && (own.Enabled == nil || *own.Enabled) {
		err = keywright.Invalid("/disable_tokens", "goes with enabled false")
	}
	i := intent{at: place{t.account.Name, space}, account: t.account.Policy, space: &own, disable: req.DisableTokens}
	return t, i, err
}

// readSpacePolicy checks a space's policy before it is kept: each member must be what holds together with the account's,
// or it would be wider.
func readSpacePolicy(account keywright.Policy, own keywright.SpacePolicy) (keywright.SpacePolicy, error) {
	var p problems
	own.AllowedScopes = emptyAsNil(p.scopes("/allowed_scopes", own.AllowedScopes).Strings())
	own.AllowedAudience = emptyAsNil(p.audience("/allowed_audience", own.AllowedAudience))
	own.AllowedCIDRs = emptyAsNil(prefixes(p.networks("/allowed_cidrs", own.AllowedCIDRs)))
	if err := p.err(); err != nil {
		return own, err
	}
	both, err := keywright.Together(account, own)
	if err != nil {
		return own, err
	}
	holds := reflect.ValueOf(both.Policy)
	for field, value := range demanded(own) {
		if field.Type.Kind() == reflect.Pointer {
			p.narrows("/"+memberOf(field), value, holds.FieldByName(field.Name).Interface())
		}
	}
	p.listsNarrow(account, own)
	return own, p.err()
}

func (p *problems) narrows(member string, set, holds any) {
	if n, ok := set.(int64); ok && (n < 0 || n > century) {
		p.add(member, "must be 0 to %d; leave it out, and it is as the account has it", int64(century))
	} else if set != holds {
		p.add(member, "a space may only narrow: its account's policy has %v", holds)
	}
}

// listsNarrow holds a space's lists against its account's: what is in them must be allowed there.
func (p *problems) listsNarrow(account keywright.Policy, own keywright.SpacePolicy) {
	outer, err := keywright.Together(account, keywright.SpacePolicy{})
	inner, err2 := keywright.Together(keywright.Policy{}, own)
	if err := errors.Join(err, err2); err != nil || len(inner.Limits) == 0 {
		return
	}
	given := inner.Limits[0]
	p.allowScopes(outer.Limits, given.Scopes)
	if len(given.Audience) > 0 {
		p.allowAudience(outer.Limits, keywright.KindAccount, given.Audience)
	}
	if len(given.Networks) > 0 {
		p.allowNetworks(outer.Limits, given.Networks)
	}
	for i, problem := range *p {
		switch problem.Member {
		case "/scopes", "/audience":
			(*p)[i].Member = "/allowed_" + problem.Member[1:]
		}
	}
}

func emptyAsNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

// spacePolicyStory tells what a space has set, by the names of the API.
func spacePolicyStory(p keywright.SpacePolicy) map[string]any {
	told := map[string]any{}
	for field, value := range demanded(p) {
		told[memberOf(field)] = value
	}
	return told
}

// demanded goes through the members that a space has set, with their values.
func demanded(p keywright.SpacePolicy) iter.Seq2[reflect.StructField, any] {
	return func(yield func(reflect.StructField, any) bool) {
		v := reflect.ValueOf(p)
		for _, field := range reflect.VisibleFields(v.Type()) {
			value := v.FieldByIndex(field.Index)
			if !value.IsZero() && !yield(field, reflect.Indirect(value).Interface()) {
				return
			}
		}
	}
}

func memberOf(field reflect.StructField) string {
	member, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return member
}
