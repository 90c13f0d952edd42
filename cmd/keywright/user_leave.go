package main

import (
	"context"
	"fmt"
	"io"

	"github.com/keywright/keywright"
)

// leaving says who leaves and what becomes of the tokens.
type leaving struct {
	Username string `arg:"" help:"Who."`
	Tokens   string `required:"" enum:"end,transfer" placeholder:"end|transfer" help:"What becomes of the user's tokens: end revokes them, transfer hands them to --to."`
	To       string `placeholder:"USERNAME" help:"Who is to own them."`
	Reason   string `placeholder:"TEXT" help:"Why, for the audit trail and whoever asks."`
	consent
}

func (l leaving) request() keywright.Offboarding {
	return keywright.Offboarding{Tokens: l.Tokens, To: l.To, Reason: l.Reason}
}

// leave sends a user away once that is confirmed.
func (r remote) leave(ctx context.Context, h *host, l leaving, out output, verb string,
	act func(*keywright.Client) (keywright.Offboarded, error),
) error {
	client, err := r.dial(h)
	if err != nil {
		return err
	}
	fate := "revoke all tokens of the user"
	if l.Tokens == keywright.TokensTransfer {
		fate = "hand all tokens of the user to " + printable(l.To)
	}
	if err := h.confirm(ctx, l.Yes, fmt.Sprintf("%s %s and %s?", verb, printable(l.Username), fate)); err != nil {
		return err
	}
	did, err := act(client)
	if err != nil {
		return err
	}
	return out.print(h, did, func(w io.Writer) {
		fmt.Fprintf(w, "%sd %s: %d tokens ended, %d handed over.\n", verb, printable(l.Username), did.Ended, did.Transferred)
	})
}

type userDisableCmd struct {
	remote
	output
	patience
	leaving
}

// Run disables the user.
func (c *userDisableCmd) Run(ctx context.Context, h *host) error {
	return c.leave(ctx, h, c.leaving, c.output, "Disable", func(client *keywright.Client) (keywright.Offboarded, error) {
		return client.DisableUser(ctx, c.Username, c.request())
	})
}

type userDeleteCmd struct {
	remote
	output
	patience
	leaving
}

// Run deletes the user.
func (c *userDeleteCmd) Run(ctx context.Context, h *host) error {
	return c.leave(ctx, h, c.leaving, c.output, "Delete", func(client *keywright.Client) (keywright.Offboarded, error) {
		return client.DeleteUser(ctx, c.Username, c.request())
	})
}

type userEnableCmd struct {
	remote
	output
	Username string `arg:"" help:"Who."`
}

// Run lets the user sign in again.
func (c *userEnableCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	u, err := client.EnableUser(ctx, c.Username)
	return c.finish(h, u, err)
}

type userOperatorsCmd struct {
	remote
	output
	paging
}

// Run lists the operators of the instance.
func (c *userOperatorsCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Member], error) { return client.Operators(ctx, q) })
	return c.members(h, got, err)
}

type userSessionsCmd struct {
	remote
	output
	paging
	Username string `arg:"" optional:"" help:"Whose (default: your own)."`
}

// Run lists sessions.
func (c *userSessionsCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	whose, err := userName(ctx, client, c.Username)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.SessionInfo], error) {
		return client.Sessions(ctx, whose, q)
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, s := range got.Items {
			this := ""
			if s.Current {
				this = "this one"
			}
			rows[i] = []string{s.ID.String(), instant(s.CreatedAt), instant(s.ExpiresAt), orDash(printable(s.Address)), short(orDash(s.UserAgent), 40), this}
		}
		table(w, []string{"ID", "BEGUN", "ENDS", "FROM", "WITH", ""}, rows)
		more(w, got.Next)
	})
}

func userName(ctx context.Context, client *keywright.Client, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	self, err := client.Whoami(ctx)
	return self.User, err
}

type userEndSessionsCmd struct {
	remote
	output
	Username string `arg:"" optional:"" help:"Whose (default: your own)."`
	ID       string `placeholder:"ID" help:"Only this one (default: all but the one you use)."`
}

// endedAnswer says whose sessions have ended.
type endedAnswer struct {
	Username string `json:"username"`
	Ended    bool   `json:"ended"`
}

// Run ends sessions.
func (c *userEndSessionsCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	whose, err := userName(ctx, client, c.Username)
	if err != nil {
		return err
	}
	if err := c.end(ctx, client, whose); err != nil {
		return err
	}
	return c.print(h, endedAnswer{whose, true}, func(w io.Writer) { fmt.Fprintf(w, "Ended for %s.\n", printable(whose)) })
}

func (c *userEndSessionsCmd) end(ctx context.Context, client *keywright.Client, whose string) error {
	if c.ID == "" {
		return client.EndSessions(ctx, whose)
	}
	id, err := keywright.ParseID(c.ID)
	if err != nil {
		return usagef("--id: %v", err)
	}
	return client.EndSession(ctx, whose, id)
}
