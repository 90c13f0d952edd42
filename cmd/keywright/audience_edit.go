package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/keywright/keywright"
)

type audienceEditCmd struct {
	remote
	output
	audienceRef
	Description *string  `placeholder:"TEXT" help:"New description of the audience."`
	Scope       string   `help:"The entry to add or change, by its scope."`
	About       *string  `group:"Of that entry" placeholder:"TEXT" help:"Its description."`
	Group       *string  `group:"Of that entry" placeholder:"TEXT" help:"Under which heading it is shown."`
	AdminOnly   *bool    `group:"Of that entry" negatable:"" help:"Only an admin gives it, or a token that has it."`
	Since       *string  `group:"Of that entry" placeholder:"VERSION" help:"The version of the API that first knew it."`
	Implies     []string `group:"Of that entry" sep:"none" placeholder:"SCOPE" help:"What it implies, in place of what it did; repeat for more, \"none\" for nothing."`
	Drop        []string `sep:"none" placeholder:"SCOPE" help:"Entry to remove; repeat for more."`
}

// Run changes what the flags name and leaves the rest.
func (c *audienceEditCmd) Run(ctx context.Context, h *host) error {
	if c.Scope == "" && (c.About != nil || c.Group != nil || c.AdminOnly != nil || c.Since != nil || c.Implies != nil) {
		return usagef("say of which entry, with --scope")
	}
	return c.onAudience(ctx, h, c.output, c.Account, func(client *keywright.Client, account string) (keywright.Audience, error) {
		a, err := client.Audience(ctx, account, c.Name)
		if err != nil {
			return a, err
		}
		if a, err = c.change(a); err != nil {
			return a, err
		}
		return client.SetAudience(ctx, account, c.Name, keywright.NewAudience{Description: a.Description, Scopes: a.Scopes})
	})
}

func (c *audienceEditCmd) change(a keywright.Audience) (keywright.Audience, error) {
	replace(&a.Description, c.Description)
	for _, name := range c.Drop {
		i := entryIndex(a.Scopes, name)
		if i < 0 {
			return a, fmt.Errorf("the audience %s has no entry %s: %w", printable(a.Name), printable(name), keywright.ErrNotFound)
		}
		a.Scopes = slices.Delete(a.Scopes, i, i+1)
	}
	if c.Scope == "" {
		return a, nil
	}
	i := entryIndex(a.Scopes, c.Scope)
	if i < 0 {
		i = len(a.Scopes)
		a.Scopes = append(a.Scopes, keywright.CatalogueEntry{Name: c.Scope})
	}
	c.changeEntry(&a.Scopes[i])
	return a, nil
}

func (c *audienceEditCmd) changeEntry(e *keywright.CatalogueEntry) {
	replace(&e.Description, c.About)
	replace(&e.Group, c.Group)
	replace(&e.AdminOnly, c.AdminOnly)
	replace(&e.Since, c.Since)
	if len(c.Implies) == 1 && c.Implies[0] == "none" {
		e.Implies = nil
	} else if len(c.Implies) > 0 {
		e.Implies = c.Implies
	}
}

func entryIndex(entries []keywright.CatalogueEntry, name string) int {
	return slices.IndexFunc(entries, func(e keywright.CatalogueEntry) bool { return e.Name == name })
}

// maxAudienceFile is more than the server takes.
const maxAudienceFile = 2 << 20

type audienceImportCmd struct {
	remote
	output
	consent
	File    string `arg:"" help:"JSON with name, description and scopes, as audience show --json prints it (\"-\": standard input)."`
	Name    string `placeholder:"API" help:"Which audience (default: as the file says)."`
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
}

// Run puts an audience from a file in the place of what is registered.
func (c *audienceImportCmd) Run(ctx context.Context, h *host) error {
	in, err := c.read(h)
	if err != nil {
		return err
	}
	if c.Name != "" {
		in.Name = c.Name
	}
	if in.Name == "" {
		return usagef("the file does not say which audience it is: name it with --name")
	}
	return c.onAudience(ctx, h, c.output, c.Account, func(client *keywright.Client, account string) (keywright.Audience, error) {
		if err := c.mayReplace(ctx, h, client, account, in); err != nil {
			return in, err
		}
		return client.SetAudience(ctx, account, in.Name, keywright.NewAudience{Description: in.Description, Scopes: in.Scopes})
	})
}

// read takes what PUT takes, and also what show prints.
func (c *audienceImportCmd) read(h *host) (in keywright.Audience, err error) {
	f, _, err := h.open(c.File)
	if err != nil {
		return in, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAudienceFile))
	if err != nil {
		return in, fmt.Errorf("read %s: %w", c.File, err)
	}
	if err := decodeStrictly(text, &in); err != nil {
		return in, usagef("%s: %s", c.File, err)
	}
	return in, nil
}

// mayReplace asks before entries go.
func (c *audienceImportCmd) mayReplace(ctx context.Context, h *host, client *keywright.Client, account string, in keywright.Audience) error {
	was, err := client.Audience(ctx, account, in.Name)
	if errors.Is(err, keywright.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	gone := 0
	for _, e := range was.Scopes {
		if entryIndex(in.Scopes, e.Name) < 0 {
			gone++
		}
	}
	if gone == 0 {
		return nil
	}
	return h.confirm(ctx, c.Yes, fmt.Sprintf("%d of the %d scopes that %s knows are not in the file. Replace them all?", gone, len(was.Scopes), printable(in.Name)))
}
