package main

import (
	"context"
	"fmt"
	"io"

	"github.com/keywright/keywright"
)

// spaceCmd holds the commands of spaces.
type spaceCmd struct {
	List    spaceListCmd    `cmd:"" aliases:"ls" help:"List the spaces of an account."`
	Show    spaceShowCmd    `cmd:"" help:"Show a space."`
	Create  spaceCreateCmd  `cmd:"" help:"Create a space."`
	Edit    spaceEditCmd    `cmd:"" help:"Give a space another title."`
	Close   spaceCloseCmd   `cmd:"" help:"Suspend every token of a space."`
	Reopen  spaceReopenCmd  `cmd:"" help:"Let the tokens of a closed space work again."`
	Members spaceMembersCmd `cmd:"" help:"List who has a role on a space."`
	Delete  spaceDeleteCmd  `cmd:"" help:"Delete a space with its tokens."`
	Policy  spacePolicyCmd  `cmd:"" help:"Show what holds in a space, or narrow it by what the flags name."`
}

type spaceListCmd struct {
	remote
	output
	paging
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
}

// Run lists spaces.
func (c *spaceListCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Space], error) {
		return client.Spaces(ctx, of, q)
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, s := range got.Items {
			rows[i] = []string{printable(s.Name), printable(s.Account), printable(s.Title), instant(s.CreatedAt)}
		}
		table(w, []string{"NAME", "ACCOUNT", "TITLE", "CREATED"}, rows)
		more(w, got.Next)
	})
}

type spaceCreateCmd struct {
	remote
	output
	Name    string `arg:"" help:"Lower-case word."`
	Account string `placeholder:"NAME" help:"In which account (default: your own)."`
	Title   string `help:"Name for people."`
}

// Run creates a space.
func (c *spaceCreateCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	s, err := client.CreateSpace(ctx, of, c.Name, c.Title)
	if err != nil {
		return err
	}
	return c.print(h, s, func(w io.Writer) {
		fmt.Fprintf(w, "Created the space %s in %s.\n", printable(s.Name), printable(s.Account))
	})
}
