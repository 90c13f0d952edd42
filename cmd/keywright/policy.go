package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/keywright/keywright"
)

// policyFlags name what to change in a policy.
type policyFlags struct {
	Enabled            *bool    `negatable:"" group:"Change" help:"May tokens be created, or brought back to life."`
	DefaultLifetime    *string  `group:"Change" placeholder:"DURATION" help:"Of a token whose maker says nothing; 0: permanent."`
	TemporaryLifetime  *string  `group:"Change" placeholder:"DURATION" help:"Of a temporary token."`
	MaxLifetime        *string  `group:"Change" placeholder:"DURATION" help:"Longest, of tokens that exist too; 0: no maximum."`
	MaxUnused          *string  `group:"Change" placeholder:"DURATION" help:"Longest that a token may go unused; 0: no limit."`
	ExpiryRequired     *bool    `negatable:"" group:"Change" help:"No permanent tokens."`
	MaxPermanent       *int64   `group:"Change" placeholder:"N" help:"Permanent tokens per space; -1: no limit."`
	MaxTokens          *int64   `group:"Change" placeholder:"N" help:"Tokens in all; -1: no limit."`
	MaxOverlap         *string  `group:"Change" placeholder:"DURATION" help:"Longest life of the old secret after a rotation."`
	AllowScope         []string `group:"Change" sep:"none" help:"Allowed scopes, in place of those before, of tokens that exist too; repeat for more, \"any\" lifts the limit."`
	AllowAudience      []string `group:"Change" sep:"none" placeholder:"API" help:"Allowed audience, likewise."`
	AllowCIDR          []string `group:"Change" name:"allow-cidr" sep:"none" placeholder:"NETWORK" help:"Allowed networks, likewise."`
	RecoverableAllowed *bool    `negatable:"" group:"Change" help:"May a sealed copy of a key be kept."`
	DisableTokens      bool     `group:"Change" help:"With --no-enabled: disable the living tokens too."`
	Preview            bool     `help:"Change nothing: show which tokens it would end, narrow or disable, and when."`
}

func (f policyFlags) change(p keywright.Policy) (keywright.Policy, error) {
	replace(&p.Enabled, f.Enabled)
	replace(&p.ExpiryRequired, f.ExpiryRequired)
	replace(&p.RecoverableAllowed, f.RecoverableAllowed)
	replace(&p.MaxPermanent, f.MaxPermanent)
	replace(&p.MaxTokens, f.MaxTokens)
	replaceList(&p.AllowedScopes, f.AllowScope)
	replaceList(&p.AllowedAudience, f.AllowAudience)
	replaceList(&p.AllowedCIDRs, f.AllowCIDR)
	for _, d := range []struct {
		seconds *int64
		given   *string
	}{
		{&p.DefaultLifetime, f.DefaultLifetime},
		{&p.TemporaryLifetime, f.TemporaryLifetime},
		{&p.MaxLifetime, f.MaxLifetime},
		{&p.MaxUnused, f.MaxUnused},
		{&p.MaxOverlap, f.MaxOverlap},
	} {
		if err := replaceSeconds(d.seconds, d.given); err != nil {
			return p, err
		}
	}
	return p, nil
}

type accountPolicyCmd struct {
	remote
	output
	patience
	consent
	Name string `arg:"" optional:"" help:"Whose (default: your own account's)."`
	policyFlags
}

// Run shows the policy or, if a flag names a change, puts the changed one in its place.
func (c *accountPolicyCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	a, err := account(ctx, client, c.Name)
	if err != nil {
		return err
	}
	changed := keywright.NewPolicy{DisableTokens: c.DisableTokens}
	if changed.Policy, err = c.change(a.Policy); err != nil {
		return err
	}
	if c.Preview {
		p, err := client.PreviewPolicy(ctx, a.Name, changed)
		if err != nil {
			return err
		}
		return c.print(h, p, func(w io.Writer) { showPreview(w, p) })
	}
	if c.DisableTokens || !sameJSON(a.Policy, changed.Policy) {
		if a, err = c.put(ctx, h, client, a, changed); err != nil {
			return err
		}
	}
	return c.print(h, a.Policy, func(w io.Writer) { showPolicy(w, a.Policy) })
}

// put asks before tokens that exist end, are narrowed or are disabled.
func (c *accountPolicyCmd) put(ctx context.Context, h *host, client *keywright.Client, a keywright.Account, p keywright.NewPolicy) (keywright.Account, error) {
	foretold, err := client.PreviewPolicy(ctx, a.Name, p)
	if err != nil {
		return a, err
	}
	shorter := p.MaxLifetime > 0 && (a.Policy.MaxLifetime == 0 || p.MaxLifetime < a.Policy.MaxLifetime)
	if shorter || len(foretold.Tokens) > 0 {
		if err := h.confirm(ctx, c.Yes, foretell(printable(a.Name), foretold)); err != nil {
			return a, err
		}
	}
	return client.SetPolicy(ctx, a.Name, p)
}

func foretell(whose string, p keywright.PolicyPreview) string {
	return fmt.Sprintf("Of the tokens of %s that live, %d end sooner, %d lose something, %d are disabled (--preview lists them). Go on?",
		whose, p.Ends, p.Narrows, p.Disables)
}

func showPreview(w io.Writer, p keywright.PolicyPreview) {
	rows := make([][]string, len(p.Tokens))
	for i, e := range p.Tokens {
		rows[i] = []string{
			strconv.FormatInt(e.Number, 10), printable(e.Label), printable(e.Space), e.Effect, instant(e.At), e.Because, printable(list(e.Lost)),
		}
	}
	table(w, []string{"NO", "LABEL", "SPACE", "EFFECT", "AT", "BECAUSE", "LOST"}, rows)
	fmt.Fprintf(w, "%d end sooner, %d lose something, %d are disabled.\n", p.Ends, p.Narrows, p.Disables)
}

type spacePolicyCmd struct {
	remote
	output
	patience
	consent
	Name    string `arg:"" help:"Whose."`
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
	Reset   bool   `group:"Change" help:"Begin from the account's policy: forget what the space has set."`
	policyFlags
}

// Run shows what holds in a space or, if a flag names a change, makes it narrower.
func (c *spacePolicyCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	d, err := client.SpacePolicy(ctx, of, c.Name)
	if err != nil {
		return err
	}
	changed := keywright.NewSpacePolicy{SpacePolicy: d.Own, DisableTokens: c.DisableTokens}
	if c.Reset {
		changed.SpacePolicy = keywright.SpacePolicy{}
	}
	if err := c.narrow(&changed.SpacePolicy); err != nil {
		return err
	}
	if c.Preview {
		p, err := client.PreviewSpacePolicy(ctx, of, c.Name, changed)
		if err != nil {
			return err
		}
		return c.print(h, p, func(w io.Writer) { showPreview(w, p) })
	}
	if c.DisableTokens || !sameJSON(d.Own, changed.SpacePolicy) {
		if d, err = c.put(ctx, h, client, of, changed); err != nil {
			return err
		}
	}
	return c.print(h, d, func(w io.Writer) { showPolicy(w, d.Effective) })
}

func (c *spacePolicyCmd) put(ctx context.Context, h *host, client *keywright.Client, account string, p keywright.NewSpacePolicy) (keywright.SpaceDemands, error) {
	foretold, err := client.PreviewSpacePolicy(ctx, account, c.Name, p)
	if err != nil {
		return keywright.SpaceDemands{}, err
	}
	if len(foretold.Tokens) > 0 {
		if err := h.confirm(ctx, c.Yes, foretell(printable(account+"/"+c.Name), foretold)); err != nil {
			return keywright.SpaceDemands{}, err
		}
	}
	return client.SetSpacePolicy(ctx, account, c.Name, p)
}

// narrow sets in a space's policy what the flags name.
func (f policyFlags) narrow(p *keywright.SpacePolicy) error {
	setOptional(&p.Enabled, f.Enabled)
	setOptional(&p.ExpiryRequired, f.ExpiryRequired)
	setOptional(&p.RecoverableAllowed, f.RecoverableAllowed)
	setOptional(&p.MaxPermanent, f.MaxPermanent)
	setOptional(&p.MaxTokens, f.MaxTokens)
	replaceList(&p.AllowedScopes, f.AllowScope)
	replaceList(&p.AllowedAudience, f.AllowAudience)
	replaceList(&p.AllowedCIDRs, f.AllowCIDR)
	for _, d := range []struct {
		seconds **int64
		given   *string
	}{
		{&p.DefaultLifetime, f.DefaultLifetime},
		{&p.TemporaryLifetime, f.TemporaryLifetime},
		{&p.MaxLifetime, f.MaxLifetime},
		{&p.MaxUnused, f.MaxUnused},
		{&p.MaxOverlap, f.MaxOverlap},
	} {
		var seconds int64
		if err := replaceSeconds(&seconds, d.given); err != nil {
			return err
		}
		if d.given != nil {
			*d.seconds = &seconds
		}
	}
	return nil
}

func setOptional[T any](value **T, given *T) {
	if given != nil {
		*value = given
	}
}

func replace[T any](value, given *T) {
	if given != nil {
		*value = *given
	}
}

func replaceList(value *[]string, given []string) {
	if len(given) == 1 && given[0] == "any" {
		*value = []string{}
	} else if len(given) > 0 {
		*value = given
	}
}

func replaceSeconds(value *int64, given *string) error {
	if given == nil {
		return nil
	}
	d, err := parseDuration(*given)
	*value = int64(d.Seconds())
	return err
}

func sameJSON(a, b any) bool {
	was, err1 := json.Marshal(a)
	is, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(was) == string(is)
}
