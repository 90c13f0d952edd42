package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/keywright/keywright"
)

// audienceCmd holds the commands of audiences.
type audienceCmd struct {
	List   audienceListCmd   `cmd:"" aliases:"ls" help:"List the audiences that an account has registered."`
	Show   audienceShowCmd   `cmd:"" help:"Show an audience and its catalogue of scopes."`
	Create audienceCreateCmd `cmd:"" help:"Register an audience."`
	Edit   audienceEditCmd   `cmd:"" help:"Change what the flags name of an audience and of one entry of its catalogue."`
	Import audienceImportCmd `cmd:"" help:"Register or replace an audience from a file."`
	Delete audienceDeleteCmd `cmd:"" help:"Forget an audience and its catalogue; tokens stay."`
	Covers audienceCoversCmd `cmd:"" help:"Say what scopes would allow: which entries they cover and what they imply."`
}

// audienceRef names an audience.
type audienceRef struct {
	Name    string `arg:"" help:"Which; - for the tokens that name none."`
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
}

// onAudience dials, finds the account, and does something to an audience that is then shown.
func (r remote) onAudience(ctx context.Context, h *host, out output, account string,
	do func(client *keywright.Client, account string) (keywright.Audience, error),
) error {
	client, err := r.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, account)
	if err != nil {
		return err
	}
	a, err := do(client, of)
	if err != nil {
		return err
	}
	return out.print(h, a, func(w io.Writer) { showAudience(w, a) })
}

func showAudience(w io.Writer, a keywright.Audience) {
	fields(w, "Audience", printable(a.Name), "Account", printable(a.Account), "Description", printable(a.Description),
		"Changed", instant(a.UpdatedAt), "Scopes", strconv.Itoa(len(a.Scopes)))
	if len(a.Scopes) == 0 {
		return
	}
	rows := make([][]string, len(a.Scopes))
	for i, e := range a.Scopes {
		rows[i] = []string{
			printable(e.Name), orDash(printable(e.Group)), orDash(yes(e.AdminOnly)), orDash(printable(e.Since)), orDash(printable(list(e.Implies))), printable(e.Description),
		}
	}
	fmt.Fprintln(w)
	table(w, []string{"SCOPE", "GROUP", "ADMIN ONLY", "SINCE", "IMPLIES", "DESCRIPTION"}, rows)
}

type audienceListCmd struct {
	remote
	output
	paging
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
}

// Run lists audiences.
func (c *audienceListCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.AudienceSummary], error) {
		return client.Audiences(ctx, of, q)
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, a := range got.Items {
			rows[i] = []string{printable(a.Name), strconv.FormatInt(a.Entries, 10), instant(a.UpdatedAt), printable(a.Description)}
		}
		table(w, []string{"NAME", "SCOPES", "CHANGED", "DESCRIPTION"}, rows)
		more(w, got.Next)
	})
}

type audienceShowCmd struct {
	remote
	output
	audienceRef
}

// Run shows one audience.
func (c *audienceShowCmd) Run(ctx context.Context, h *host) error {
	return c.onAudience(ctx, h, c.output, c.Account, func(client *keywright.Client, account string) (keywright.Audience, error) {
		return client.Audience(ctx, account, c.Name)
	})
}

type audienceCreateCmd struct {
	remote
	output
	audienceRef
	Description string   `placeholder:"TEXT" help:"For people."`
	Scope       []string `sep:"none" help:"Scope that it knows; repeat for more. None: it takes every scope."`
}

// Run registers an audience that is not registered yet.
func (c *audienceCreateCmd) Run(ctx context.Context, h *host) error {
	return c.onAudience(ctx, h, c.output, c.Account, func(client *keywright.Client, account string) (keywright.Audience, error) {
		_, err := client.Audience(ctx, account, c.Name)
		if err == nil {
			err = fmt.Errorf("%w: the audience %s is registered already; edit or import it", keywright.ErrConflict, printable(c.Name))
		}
		if !errors.Is(err, keywright.ErrNotFound) {
			return keywright.Audience{}, err
		}
		fresh := keywright.NewAudience{Description: c.Description}
		for _, scope := range c.Scope {
			fresh.Scopes = append(fresh.Scopes, keywright.CatalogueEntry{Name: scope})
		}
		return client.SetAudience(ctx, account, c.Name, fresh)
	})
}

type audienceDeleteCmd struct {
	remote
	output
	consent
	audienceRef
}

// Run deletes an audience once that is confirmed.
func (c *audienceDeleteCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	a, err := client.Audience(ctx, of, c.Name)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Tokens for %s of %s will take any scope again, and lose what its catalogue implies. Delete its %d scopes?",
		printable(a.Name), printable(of), len(a.Scopes))
	if err := h.confirm(ctx, c.Yes, question); err != nil {
		return err
	}
	revision, err := client.DeleteAudience(ctx, of, c.Name)
	if err != nil {
		return err
	}
	answer := struct {
		Revision keywright.Revision `json:"revision"`
	}{revision}
	return c.print(h, answer, func(w io.Writer) {
		fmt.Fprintf(w, "Deleted the audience %s of %s.\n", printable(a.Name), printable(of))
	})
}

type audienceCoversCmd struct {
	remote
	output
	Audience string   `default:"-" placeholder:"API" help:"At which audience (default: -, that of the tokens that name none)."`
	Account  string   `placeholder:"NAME" help:"Of which account (default: your own)."`
	Scope    []string `required:"" sep:"none" help:"Scope; repeat for more."`
}

// Run says what scopes come to. Unknown ones are told, and make the exit code that of a refusal.
func (c *audienceCoversCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	got, err := client.Covered(ctx, of, c.Audience, c.Scope...)
	if err != nil {
		return err
	}
	if err := c.print(h, got, func(w io.Writer) { showCoverage(w, got) }); err != nil {
		return err
	}
	return verdictCode(len(got.Unknown) == 0)
}

func showCoverage(w io.Writer, c keywright.Coverage) {
	rows := make([][]string, len(c.Entries))
	for i, e := range c.Entries {
		by := e.By
		if e.Implied {
			by += " (implied)"
		}
		how := "in part"
		if e.Whole {
			how = "all"
		}
		rows[i] = []string{printable(e.Name), how, printable(by), orDash(yes(e.AdminOnly)), printable(e.Description)}
	}
	table(w, []string{"SCOPE", "COVERED", "BY", "ADMIN ONLY", "DESCRIPTION"}, rows)
	if len(c.Implied) > 0 {
		fmt.Fprintf(w, "Implied: %s\n", printable(list(c.Implied.Strings())))
	}
	for _, u := range c.Unknown {
		why := "Unknown: " + u.Scope
		if u.Nearest != "" {
			why += "; did you mean " + u.Nearest + "?"
		}
		fmt.Fprintln(w, printable(strings.TrimSpace(why)))
	}
}
