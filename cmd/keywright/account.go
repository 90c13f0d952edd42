package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/keywright/keywright"
)

// accountCmd holds the commands of accounts.
type accountCmd struct {
	List    accountListCmd    `cmd:"" aliases:"ls" help:"List the accounts you may see."`
	Show    accountShowCmd    `cmd:"" help:"Show an account and its policy."`
	Create  accountCreateCmd  `cmd:"" help:"Create an account with its space default."`
	Edit    accountEditCmd    `cmd:"" help:"Give an account another title."`
	Close   accountCloseCmd   `cmd:"" help:"Suspend every token of an account."`
	Reopen  accountReopenCmd  `cmd:"" help:"Let the tokens of a closed account work again."`
	Members accountMembersCmd `cmd:"" help:"List who has a role on an account."`
	Policy  accountPolicyCmd  `cmd:"" help:"Show an account's policy or change what the flags name."`
}

type accountListCmd struct {
	remote
	output
	paging
}

// Run lists accounts.
func (c *accountListCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Account], error) { return client.Accounts(ctx, q) })
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, a := range got.Items {
			rows[i] = []string{printable(a.Name), printable(a.Title), instant(a.CreatedAt)}
		}
		table(w, []string{"NAME", "TITLE", "CREATED"}, rows)
		more(w, got.Next)
	})
}

type accountShowCmd struct {
	remote
	output
	Name string `arg:"" optional:"" help:"Which (default: your own)."`
}

// Run shows one account.
func (c *accountShowCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	a, err := account(ctx, client, c.Name)
	if err != nil {
		return err
	}
	return c.print(h, a, func(w io.Writer) { showAccount(w, a) })
}

// account fetches the account named or the caller's own.
func account(ctx context.Context, client *keywright.Client, name string) (keywright.Account, error) {
	name, err := accountName(ctx, client, name)
	if err != nil {
		return keywright.Account{}, err
	}
	return client.Account(ctx, name)
}

func accountName(ctx context.Context, client *keywright.Client, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	self, err := client.Whoami(ctx)
	return self.Account, err
}

func showAccount(w io.Writer, a keywright.Account) {
	fields(w, "Account", printable(a.Name), "Title", printable(a.Title), "Created", instant(a.CreatedAt), "Closed", instantOr(a.ClosedAt, ""))
	showPolicy(w, a.Policy)
}

func showPolicy(w io.Writer, p keywright.Policy) {
	fields(w,
		"Tokens may be created", fmt.Sprint(p.Enabled),
		"Default lifetime", lifetimeOr(p.DefaultLifetime, "permanent"),
		"Temporary lifetime", lifetimeOr(p.TemporaryLifetime, "-"),
		"Maximum lifetime", lifetimeOr(p.MaxLifetime, "none"),
		"Expiry required", fmt.Sprint(p.ExpiryRequired),
		"Permanent tokens per space", limit(p.MaxPermanent),
		"Tokens", limit(p.MaxTokens),
		"Longest rotation overlap", formatSeconds(p.MaxOverlap),
		"Allowed scopes", noneIfEmpty(list(p.AllowedScopes), "any"),
		"Allowed audience", noneIfEmpty(list(p.AllowedAudience), "any"),
		"Allowed networks", noneIfEmpty(list(p.AllowedCIDRs), "any"),
		"Recoverable tokens", fmt.Sprint(p.RecoverableAllowed),
	)
}

func lifetimeOr(seconds int64, none string) string {
	if seconds == 0 {
		return none
	}
	return formatSeconds(seconds)
}

func limit(n int64) string {
	if n < 0 {
		return "no limit"
	}
	return fmt.Sprintf("at most %d", n)
}

type accountCreateCmd struct {
	remote
	output
	Name  string `arg:"" help:"Lower-case word; child@parent for a child."`
	Title string `help:"Name for people."`
}

// Run creates an account.
func (c *accountCreateCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	a, err := client.CreateAccount(ctx, c.Name, c.Title)
	if err != nil {
		return err
	}
	return c.print(h, a, func(w io.Writer) { showAccount(w, a) })
}

type accountPolicyCmd struct {
	remote
	output
	consent
	Name string `arg:"" optional:"" help:"Whose (default: your own account's)."`

	Enabled            *bool    `negatable:"" group:"Change" help:"May tokens be created."`
	DefaultLifetime    *string  `group:"Change" placeholder:"DURATION" help:"Of a token whose maker says nothing; 0: permanent."`
	TemporaryLifetime  *string  `group:"Change" placeholder:"DURATION" help:"Of a temporary token."`
	MaxLifetime        *string  `group:"Change" placeholder:"DURATION" help:"Longest, of tokens that exist too; 0: no maximum."`
	ExpiryRequired     *bool    `negatable:"" group:"Change" help:"No permanent tokens."`
	MaxPermanent       *int64   `group:"Change" placeholder:"N" help:"Permanent tokens per space; -1: no limit."`
	MaxTokens          *int64   `group:"Change" placeholder:"N" help:"Tokens in the account; -1: no limit."`
	MaxOverlap         *string  `group:"Change" placeholder:"DURATION" help:"Longest life of the old secret after a rotation."`
	AllowScope         []string `group:"Change" sep:"none" help:"Allowed scopes, in place of those before; repeat for more, \"any\" lifts the limit."`
	AllowAudience      []string `group:"Change" sep:"none" placeholder:"API" help:"Allowed audience, likewise."`
	AllowCIDR          []string `group:"Change" name:"allow-cidr" sep:"none" placeholder:"NETWORK" help:"Allowed networks, likewise."`
	RecoverableAllowed *bool    `negatable:"" group:"Change" help:"May a sealed copy of a key be kept."`
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
	changed, err := c.change(a.Policy)
	if err != nil {
		return err
	}
	if !samePolicy(a.Policy, changed) {
		if a, err = c.put(ctx, h, client, a, changed); err != nil {
			return err
		}
	}
	return c.print(h, a.Policy, func(w io.Writer) { showPolicy(w, a.Policy) })
}

// put asks before a shorter maximum lifetime ends tokens that exist.
func (c *accountPolicyCmd) put(ctx context.Context, h *host, client *keywright.Client, a keywright.Account, p keywright.Policy) (keywright.Account, error) {
	if p.MaxLifetime > 0 && (a.Policy.MaxLifetime == 0 || p.MaxLifetime < a.Policy.MaxLifetime) {
		question := fmt.Sprintf("Tokens of %s made or renewed more than %s ago end at once. Go on?", printable(a.Name), formatSeconds(p.MaxLifetime))
		if err := h.confirm(ctx, c.Yes, question); err != nil {
			return a, err
		}
	}
	return client.SetPolicy(ctx, a.Name, p)
}

func (c *accountPolicyCmd) change(p keywright.Policy) (keywright.Policy, error) {
	replace(&p.Enabled, c.Enabled)
	replace(&p.ExpiryRequired, c.ExpiryRequired)
	replace(&p.RecoverableAllowed, c.RecoverableAllowed)
	replace(&p.MaxPermanent, c.MaxPermanent)
	replace(&p.MaxTokens, c.MaxTokens)
	replaceList(&p.AllowedScopes, c.AllowScope)
	replaceList(&p.AllowedAudience, c.AllowAudience)
	replaceList(&p.AllowedCIDRs, c.AllowCIDR)
	for _, d := range []struct {
		seconds *int64
		given   *string
	}{
		{&p.DefaultLifetime, c.DefaultLifetime},
		{&p.TemporaryLifetime, c.TemporaryLifetime},
		{&p.MaxLifetime, c.MaxLifetime},
		{&p.MaxOverlap, c.MaxOverlap},
	} {
		if err := replaceSeconds(d.seconds, d.given); err != nil {
			return p, err
		}
	}
	return p, nil
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

func samePolicy(a, b keywright.Policy) bool {
	was, err1 := json.Marshal(a)
	is, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(was) == string(is)
}
