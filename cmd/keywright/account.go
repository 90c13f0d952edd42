package main

import (
	"context"
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

	Catalogues accountCataloguesCmd `cmd:"" help:"List the catalogues of scopes that come with the server."`
	Adopt      accountAdoptCmd      `cmd:"" name:"adopt-catalogue" help:"Register the audiences of a catalogue that comes with the server."`
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
		"Longest time unused", lifetimeOr(p.MaxUnused, "no limit"),
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
