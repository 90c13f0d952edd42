package main

import (
	"context"
	"fmt"
	"io"

	"github.com/keywright/keywright"
)

type accountCataloguesCmd struct {
	remote
	output
}

// Run lists the catalogues that come with the server.
func (c *accountCataloguesCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	all, err := client.Catalogues(ctx)
	if err != nil {
		return err
	}
	return c.print(h, items[keywright.Catalogue]{Items: all}, func(w io.Writer) {
		var rows [][]string
		for _, one := range all {
			for _, a := range one.Audiences {
				rows = append(rows, []string{printable(one.Name), printable(a.Name), fmt.Sprint(len(a.Scopes)), printable(a.Description)})
			}
		}
		table(w, []string{"CATALOGUE", "AUDIENCE", "SCOPES", "DESCRIPTION"}, rows)
	})
}

type accountAdoptCmd struct {
	remote
	output
	Name    string `arg:"" help:"Which: keywright account catalogues lists them."`
	Account string `placeholder:"NAME" help:"Into which account (default: your own)."`
}

// Run registers the audiences of a catalogue.
func (c *accountAdoptCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	into, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	adopted, err := client.AdoptCatalogue(ctx, into, c.Name)
	if err != nil {
		return err
	}
	return c.print(h, items[keywright.Audience]{Items: adopted}, func(w io.Writer) {
		for _, a := range adopted {
			fmt.Fprintf(w, "%s knows the audience %s, with %d scopes.\n", printable(into), printable(a.Name), len(a.Scopes))
		}
	})
}
