package main

import (
	"context"
	"io"

	"github.com/keywright/keywright"
)

// tokenFilter chooses tokens; several flags together choose those that match each.
type tokenFilter struct {
	Account      string `placeholder:"NAME" help:"Tokens of this account (default: your own)."`
	Space        string `placeholder:"NAME" help:"Tokens of this space."`
	Owner        string `placeholder:"USERNAME" help:"Tokens of this person."`
	Audience     string `placeholder:"API" help:"Tokens for this API."`
	Number       int64  `placeholder:"N" help:"The token with this number."`
	Label        string `placeholder:"TEXT" help:"Tokens with this in their label, in any case."`
	Kind         string `enum:",account,space,manager" default:"" placeholder:"KIND" help:"account, space or manager."`
	State        string `enum:",active,disabled,expired,revoked" default:"" placeholder:"STATE" help:"active, disabled, expired or revoked."`
	Permanent    bool   `xor:"permanence" help:"Tokens without expiry."`
	NotPermanent bool   `xor:"permanence" help:"Tokens with an expiry."`
	Parent       string `placeholder:"ID" help:"Tokens that this token made."`
}

func (f tokenFilter) filter() (keywright.TokenFilter, error) {
	filter := keywright.TokenFilter{
		Account:  f.Account,
		Space:    f.Space,
		Owner:    f.Owner,
		Audience: f.Audience,
		Number:   f.Number,
		Label:    f.Label,
		State:    keywright.State(f.State),
	}
	if f.Kind != "" {
		if err := filter.Kind.UnmarshalText([]byte(f.Kind)); err != nil {
			return filter, err
		}
	}
	if f.Permanent || f.NotPermanent {
		filter.Permanent = &f.Permanent
	}
	if f.Parent != "" {
		id, err := keywright.ParseID(f.Parent)
		if err != nil {
			return filter, usagef("--parent: %s", err)
		}
		filter.Parent = &id
	}
	return filter, nil
}

type tokenListCmd struct {
	remote
	output
	tokenFilter
	paging
	Sort string `enum:"created,-created,label,-label,expires,-expires,last_used,-last_used" default:"-created" help:"created, label, expires or last_used; a leading - turns it around (--sort=-label)."`
}

// Run prints one page, or all of them.
func (c *tokenListCmd) Run(ctx context.Context, h *host) error {
	filter, err := c.filter()
	if err != nil {
		return err
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Token], error) {
		return client.Tokens(ctx, keywright.TokenQuery{TokenFilter: filter, Sort: c.Sort, Limit: q.Limit, Cursor: q.Cursor})
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		tokenTable(h, w, got.Items)
		more(w, got.Next)
	})
}

func tokenTable(h *host, w io.Writer, tokens []keywright.Token) {
	rows := make([][]string, len(tokens))
	for i, t := range tokens {
		rows[i] = []string{
			name(t), h.paintState(t.State), t.Kind.String(), short(t.Space, 20), short(t.Owner, 20),
			orDash(short(list(t.Scopes.Strings()), 36)), instantOr(t.ExpiresAt, "never"), ago(h.Now(), t.LastUsedAt), t.ID.String(),
		}
	}
	table(w, []string{"TOKEN", h.paint(plainColour, "STATE"), "KIND", "SPACE", "OWNER", "SCOPES", "EXPIRES", "LAST USED", "ID"}, rows)
}

type tokenShowCmd struct {
	remote
	output
	tokenRef
}

// Run prints one token.
func (c *tokenShowCmd) Run(ctx context.Context, h *host) error {
	return c.onToken(ctx, h, c.tokenRef, c.output, nil)
}
