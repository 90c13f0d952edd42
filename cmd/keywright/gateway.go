package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/keywright/keywright"
)

// gatewayCmd holds the commands of gateways' rules.
type gatewayCmd struct {
	List   gatewayListCmd   `cmd:"" aliases:"ls" help:"List the gateways of an account."`
	Show   gatewayShowCmd   `cmd:"" help:"Show a gateway and its rules."`
	Set    gatewaySetCmd    `cmd:"" help:"Make a gateway, or replace its rules, from a file."`
	Delete gatewayDeleteCmd `cmd:"" help:"Forget a gateway; proxies that ask by its name let nothing pass then."`
}

// gatewayRef names a gateway.
type gatewayRef struct {
	Name    string `arg:"" help:"The name that proxies ask by."`
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
}

// at dials and finds the account.
func (g gatewayRef) at(ctx context.Context, h *host, r remote) (client *keywright.Client, account string, err error) {
	if client, err = r.dial(h); err != nil {
		return nil, "", err
	}
	account, err = accountName(ctx, client, g.Account)
	return client, account, err
}

func showGateway(w io.Writer, g keywright.Gateway) {
	fields(w, "Gateway", printable(g.Name), "Account", printable(g.Account), "Version", strconv.FormatInt(g.Version, 10), "Changed", instant(g.UpdatedAt))
	rows := make([][]string, len(g.Routes))
	for i, r := range g.Routes {
		rows[i] = []string{
			cmp.Or(printable(list(r.Methods)), "any"), printable(r.Path.String()), orDash(printable(r.Audience)), orDash(printable(r.Space)),
			orDash(printable(list(r.Scopes.Strings()))),
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		table(w, []string{"METHODS", "PATH", "AUDIENCE", "SPACE", "SCOPES"}, rows)
	}
}

type gatewayListCmd struct {
	remote
	output
	paging
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
}

// Run lists gateways.
func (c *gatewayListCmd) Run(ctx context.Context, h *host) error {
	client, of, err := gatewayRef{Account: c.Account}.at(ctx, h, c.remote)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.GatewaySummary], error) {
		return client.Gateways(ctx, of, q)
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, g := range got.Items {
			rows[i] = []string{printable(g.Name), strconv.FormatInt(g.Version, 10), instant(g.UpdatedAt)}
		}
		table(w, []string{"NAME", "VERSION", "CHANGED"}, rows)
		more(w, got.Next)
	})
}

type gatewayShowCmd struct {
	remote
	output
	gatewayRef
}

// Run shows one gateway.
func (c *gatewayShowCmd) Run(ctx context.Context, h *host) error {
	client, of, err := c.at(ctx, h, c.remote)
	if err != nil {
		return err
	}
	g, err := client.Gateway(ctx, of, c.Name)
	if err != nil {
		return err
	}
	return c.print(h, g, func(w io.Writer) { showGateway(w, g) })
}

type gatewaySetCmd struct {
	remote
	output
	gatewayRef
	File    string `arg:"" help:"JSON with the rules, as gateway show --json prints them, or their list alone (\"-\": standard input)."`
	Version *int64 `placeholder:"N" help:"Only if the rules are of this version; 0: if there are none (default: whatever there is now)."`
}

// maxGatewayFile is more than the server takes.
const maxGatewayFile = 4 << 20

// Run replaces a gateway's rules.
func (c *gatewaySetCmd) Run(ctx context.Context, h *host) error {
	routes, err := c.read(h)
	if err != nil {
		return err
	}
	client, of, err := c.at(ctx, h, c.remote)
	if err != nil {
		return err
	}
	version, err := c.replaces(ctx, client, of)
	if err != nil {
		return err
	}
	g, err := client.SetGateway(ctx, of, c.Name, keywright.NewGateway{Version: version, Routes: routes})
	if err != nil {
		return err
	}
	return c.print(h, g, func(w io.Writer) { showGateway(w, g) })
}

// read takes what show prints, or a list of rules as it stands in the server's file.
func (c *gatewaySetCmd) read(h *host) ([]keywright.NewRoute, error) {
	f, _, err := h.open(c.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxGatewayFile))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.File, err)
	}
	var routes []keywright.NewRoute
	if err := decodeStrictly(text, &routes); err == nil {
		return routes, nil
	}
	var shown struct {
		keywright.GatewaySummary
		Routes   []keywright.NewRoute `json:"routes"`
		Revision keywright.Revision   `json:"revision"`
	}
	if err := decodeStrictly(text, &shown); err != nil {
		return nil, usagef("%s: %s", c.File, err)
	}
	return shown.Routes, nil
}

// replaces is the version that the new rules take the place of.
func (c *gatewaySetCmd) replaces(ctx context.Context, client *keywright.Client, account string) (int64, error) {
	if c.Version != nil {
		return *c.Version, nil
	}
	was, err := client.Gateway(ctx, account, c.Name)
	if errors.Is(err, keywright.ErrNotFound) {
		return 0, nil
	}
	return was.Version, err
}

type gatewayDeleteCmd struct {
	remote
	output
	consent
	gatewayRef
}

// Run deletes a gateway once that is confirmed.
func (c *gatewayDeleteCmd) Run(ctx context.Context, h *host) error {
	client, of, err := c.at(ctx, h, c.remote)
	if err != nil {
		return err
	}
	g, err := client.Gateway(ctx, of, c.Name)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Proxies that ask by %s of %s will let nothing pass. Delete its %d rules?", printable(g.Name), printable(of), len(g.Routes))
	if err := h.confirm(ctx, c.Yes, question); err != nil {
		return err
	}
	revision, err := client.DeleteGateway(ctx, of, c.Name)
	if err != nil {
		return err
	}
	answer := struct {
		Revision keywright.Revision `json:"revision"`
	}{revision}
	return c.print(h, answer, func(w io.Writer) { fmt.Fprintf(w, "Deleted the gateway %s of %s.\n", printable(g.Name), printable(of)) })
}
