package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/keywright/keywright"
)

type verifyCmd struct {
	remote
	output
	Scope    []string `sep:"none" help:"Scope it must cover; repeat for more."`
	Audience string   `placeholder:"API" help:"The API that asks."`
	Space    string   `placeholder:"NAME" help:"Whose data is asked for."`
	Address  string   `placeholder:"IP" help:"From where the key was used."`
	Agent    string   `name:"user-agent" placeholder:"NAME" help:"What the one who used it calls itself; noted with its last use."`
	Offline  bool     `help:"Ask no server: check the format and checksum of an API key."`
	Prefix   string   `default:"kw" help:"With --offline: what the instance's API keys begin with."`
}

// Help says where the key comes from.
func (verifyCmd) Help() string {
	return "The key is the first line of standard input; at a terminal it is asked for and not shown. " +
		"The exit code is 0 if it is valid and 1 if it is not."
}

// Run prints the verdict about one key.
func (c *verifyCmd) Run(ctx context.Context, h *host) error {
	if c.Offline {
		return c.offline(ctx, h)
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	key, err := h.secret(ctx, "key", false)
	if err != nil {
		return err
	}
	v, err := client.Verify(ctx, keywright.VerifyRequest{
		Token: key, Scopes: c.Scope, Audience: c.Audience, Space: c.Space, Address: c.Address, UserAgent: c.Agent,
	})
	if err != nil {
		return err
	}
	if err := c.print(h, v, func(w io.Writer) { showVerdict(h, w, v) }); err != nil {
		return err
	}
	return verdictCode(v.Valid)
}

func verdictCode(valid bool) error {
	if !valid {
		return reported{exitRefused}
	}
	return nil
}

func showVerdict(h *host, w io.Writer, v keywright.Verification) {
	if !v.Valid || v.Token == nil {
		fmt.Fprintln(w, strings.TrimSpace(h.paint(redColour, "not valid")+": "+v.Reason.String()+" "+printable(v.Missing)))
		return
	}
	fmt.Fprintln(w, h.paint(greenColour, "valid"))
	fields(w,
		"Label", printable(v.Token.Label),
		"Client ID", v.Token.ID.String(),
		"Kind", v.Token.Kind.String(),
		"Account", printable(v.Token.Account),
		"Space", printable(v.Token.Space),
		"Owner", printable(v.Token.Owner),
		"Scopes", printable(list(v.Token.Scopes.Strings())),
		"Audience", printable(list(v.Token.Audience)),
		"Metadata", metadata(v.Token.Metadata),
		"Expires", instantOr(v.Token.ExpiresAt, "never"),
	)
}

// offlineAnswer says whether a string is written like an API key. It says nothing about whether the key works.
type offlineAnswer struct {
	WellFormed bool   `json:"well_formed"`
	ClientID   string `json:"client_id,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

func (c *verifyCmd) offline(ctx context.Context, h *host) error {
	key, err := h.secret(ctx, "key", false)
	if err != nil {
		return err
	}
	a := checkOffline(c.Prefix, key)
	if err := c.print(h, a, func(w io.Writer) { showOffline(w, a) }); err != nil {
		return err
	}
	return verdictCode(a.WellFormed)
}

func checkOffline(prefix, key string) offlineAnswer {
	credential, err := keywright.ParseCredential(prefix, key)
	switch {
	case err != nil:
		return offlineAnswer{Reason: "it begins like an API key, but its length, alphabet or checksum is wrong"}
	case credential.Form() != keywright.FormAPIKey:
		return offlineAnswer{Reason: "it is no API key of an instance with the prefix " + prefix + "; other credentials only the server can check"}
	}
	return offlineAnswer{WellFormed: true, ClientID: credential.ID().String()}
}

func showOffline(w io.Writer, a offlineAnswer) {
	if !a.WellFormed {
		fmt.Fprintln(w, "not well formed:", printable(a.Reason))
		return
	}
	fmt.Fprintln(w, "well formed: an API key of client id", a.ClientID)
	fmt.Fprintln(w, "Whether it works, only the server knows.")
}
