package main

import (
	"context"
	"fmt"
	"io"

	"github.com/keywright/keywright"
)

// onAccount changes an account and prints it as it is then.
func (r remote) onAccount(ctx context.Context, h *host, out output,
	change func(context.Context, *keywright.Client) (keywright.Account, error),
) error {
	client, err := r.dial(h)
	if err != nil {
		return err
	}
	a, err := change(ctx, client)
	if err != nil {
		return err
	}
	return out.print(h, a, func(w io.Writer) {
		fields(w, "Account", printable(a.Name), "Title", printable(a.Title), "Closed", instantOr(a.ClosedAt, "no"))
	})
}

type accountEditCmd struct {
	remote
	output
	Name  string `arg:"" help:"Which."`
	Title string `required:"" help:"New name for people."`
}

// Run gives the account its title.
func (c *accountEditCmd) Run(ctx context.Context, h *host) error {
	return c.onAccount(ctx, h, c.output, func(ctx context.Context, client *keywright.Client) (keywright.Account, error) {
		return client.EditAccount(ctx, c.Name, c.Title)
	})
}

type accountCloseCmd struct {
	remote
	output
	patience
	consent
	Name string `arg:"" help:"Which."`
}

// Run closes the account once that is confirmed.
func (c *accountCloseCmd) Run(ctx context.Context, h *host) error {
	return c.onAccount(ctx, h, c.output, func(ctx context.Context, client *keywright.Client) (keywright.Account, error) {
		question := fmt.Sprintf("No token of account %s is accepted until it is reopened. Close it?", printable(c.Name))
		if err := h.confirm(ctx, c.Yes, question); err != nil {
			return keywright.Account{}, err
		}
		return client.CloseAccount(ctx, c.Name)
	})
}

type accountReopenCmd struct {
	remote
	output
	Name string `arg:"" help:"Which."`
}

// Run reopens the account.
func (c *accountReopenCmd) Run(ctx context.Context, h *host) error {
	return c.onAccount(ctx, h, c.output, func(ctx context.Context, client *keywright.Client) (keywright.Account, error) {
		return client.ReopenAccount(ctx, c.Name)
	})
}

type accountMembersCmd struct {
	remote
	output
	paging
	Name string `arg:"" optional:"" help:"Of which account (default: your own)."`
}

// Run lists who has a role on the account itself.
func (c *accountMembersCmd) Run(ctx context.Context, h *host) error {
	return c.listMembers(ctx, h, c.Name, "", c.paging, c.output)
}

// listMembers prints who has a role on an account or a space.
func (r remote) listMembers(ctx context.Context, h *host, account, space string, p paging, out output) error {
	client, err := r.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, account)
	if err != nil {
		return err
	}
	got, err := collect(p, func(q keywright.ListQuery) (keywright.Page[keywright.Member], error) {
		return client.Members(ctx, of, space, q)
	})
	return out.members(h, got, err)
}

func (o output) members(h *host, got items[keywright.Member], err error) error {
	if err != nil {
		return err
	}
	return o.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, m := range got.Items {
			rows[i] = []string{printable(m.Username), roles(m.Roles), instantOr(m.DisabledAt, "-")}
		}
		table(w, []string{"USERNAME", "ROLES", "DISABLED"}, rows)
		more(w, got.Next)
	})
}

// spaceRef names a space.
type spaceRef struct {
	Name    string `arg:"" help:"Which."`
	Account string `placeholder:"NAME" help:"In which account (default: your own)."`
}

// onSpace does something with a space and prints it as it is then.
func (r remote) onSpace(ctx context.Context, h *host, ref spaceRef, out output,
	act func(client *keywright.Client, account string) (keywright.Space, error),
) error {
	client, err := r.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, ref.Account)
	if err != nil {
		return err
	}
	s, err := act(client, of)
	if err != nil {
		return err
	}
	return out.print(h, s, func(w io.Writer) {
		fields(w, "Space", printable(s.Name), "Account", printable(s.Account), "Title", printable(s.Title),
			"Created", instant(s.CreatedAt), "Closed", instantOr(s.ClosedAt, "no"))
	})
}

type spaceShowCmd struct {
	remote
	output
	spaceRef
}

// Run shows the space.
func (c *spaceShowCmd) Run(ctx context.Context, h *host) error {
	return c.onSpace(ctx, h, c.spaceRef, c.output, func(client *keywright.Client, account string) (keywright.Space, error) {
		return client.Space(ctx, account, c.Name)
	})
}

type spaceEditCmd struct {
	remote
	output
	spaceRef
	Title string `required:"" help:"New name for people."`
}

// Run gives the space its title.
func (c *spaceEditCmd) Run(ctx context.Context, h *host) error {
	return c.onSpace(ctx, h, c.spaceRef, c.output, func(client *keywright.Client, account string) (keywright.Space, error) {
		return client.EditSpace(ctx, account, c.Name, c.Title)
	})
}

type spaceCloseCmd struct {
	remote
	output
	patience
	consent
	spaceRef
}

// Run closes the space once that is confirmed.
func (c *spaceCloseCmd) Run(ctx context.Context, h *host) error {
	return c.onSpace(ctx, h, c.spaceRef, c.output, func(client *keywright.Client, account string) (keywright.Space, error) {
		question := fmt.Sprintf("No token of space %s in %s is accepted until it is reopened. Close it?", printable(c.Name), printable(account))
		if err := h.confirm(ctx, c.Yes, question); err != nil {
			return keywright.Space{}, err
		}
		return client.CloseSpace(ctx, account, c.Name)
	})
}

type spaceReopenCmd struct {
	remote
	output
	spaceRef
}

// Run reopens the space.
func (c *spaceReopenCmd) Run(ctx context.Context, h *host) error {
	return c.onSpace(ctx, h, c.spaceRef, c.output, func(client *keywright.Client, account string) (keywright.Space, error) {
		return client.ReopenSpace(ctx, account, c.Name)
	})
}

type spaceMembersCmd struct {
	remote
	output
	paging
	spaceRef
}

// Run lists who has a role on the space.
func (c *spaceMembersCmd) Run(ctx context.Context, h *host) error {
	return c.listMembers(ctx, h, c.Account, c.Name, c.paging, c.output)
}

type spaceDeleteCmd struct {
	remote
	output
	patience
	spaceRef
	Repeat string `placeholder:"NAME" help:"The name once more; asked for at a terminal."`
}

// Run deletes the space if its name is repeated.
func (c *spaceDeleteCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	if c.Repeat == "" {
		question := fmt.Sprintf("Space %s of %s goes with all its tokens. Repeat its name to delete it", printable(c.Name), printable(of))
		if c.Repeat, err = h.ask(ctx, question); err != nil {
			return err
		}
	}
	if c.Repeat != c.Name {
		return usagef("--repeat must be %s; nothing was changed", printable(c.Name))
	}
	revision, err := client.DeleteSpace(ctx, of, c.Name, c.Repeat)
	if err != nil {
		return err
	}
	return c.print(h, deletedAnswer{revision}, func(w io.Writer) {
		fmt.Fprintf(w, "Deleted the space %s of %s with its tokens.\n", printable(c.Name), printable(of))
	})
}
