package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/keywright/keywright"
)

type userInviteCmd struct {
	remote
	output
	Username string `arg:"" help:"Name to sign in with."`
	roleFlags
	Email   string `help:"E-mail address."`
	Expires string `placeholder:"DURATION" help:"How long the link is good (7d unless set, at most 30d)."`
}

// invitedAnswer is an invitation with its link.
type invitedAnswer struct {
	Link       string           `json:"link"`
	Invitation keywright.Invite `json:"invitation"`
}

// Run makes an invitation and prints its link, which is not shown again.
func (c *userInviteCmd) Run(ctx context.Context, h *host) error {
	request := keywright.NewInvite{Username: c.Username, Email: c.Email}
	if c.Expires != "" {
		if err := replaceSeconds(&request.ExpiresIn, &c.Expires); err != nil {
			return err
		}
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	request.Role = keywright.Role{Name: c.Role, Account: of, Space: c.Space}
	made, err := client.Invite(ctx, of, request)
	if err != nil {
		return err
	}
	return c.print(h, invitedAnswer{made.Link.Reveal(), made.Invite}, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n\nSend this link to %s: it is good once, until %s, and will not be shown again.\nWithout a browser, keywright user accept takes it.\n",
			made.Link.Reveal(), printable(made.Invite.Username), instant(made.Invite.ExpiresAt))
	})
}

type userInvitesCmd struct {
	remote
	output
	paging
	Account string `placeholder:"NAME" help:"To which account (default: your own)."`
}

// Run lists invitations.
func (c *userInvitesCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Invite], error) {
		return client.Invites(ctx, of, q)
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, v := range got.Items {
			rows[i] = []string{v.ID.String(), printable(v.Username), orDash(printable(v.Email)), roles([]keywright.Role{v.Role}), printable(v.InvitedBy), instant(v.ExpiresAt)}
		}
		table(w, []string{"ID", "USERNAME", "E-MAIL", "ROLE", "INVITED BY", "ENDS"}, rows)
		more(w, got.Next)
	})
}

type userWithdrawCmd struct {
	remote
	output
	ID      string `arg:"" help:"The invitation's id."`
	Account string `placeholder:"NAME" help:"To which account (default: your own)."`
}

// withdrawnAnswer says which invitation is good for nothing any more.
type withdrawnAnswer struct {
	ID keywright.ID `json:"id"`
}

// Run withdraws the invitation.
func (c *userWithdrawCmd) Run(ctx context.Context, h *host) error {
	id, err := keywright.ParseID(c.ID)
	if err != nil {
		return usagef("%v", err)
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	if err := client.WithdrawInvite(ctx, of, id); err != nil {
		return err
	}
	return c.print(h, withdrawnAnswer{id}, func(w io.Writer) { fmt.Fprintln(w, "Withdrawn.") })
}

type userAcceptCmd struct {
	output
	PasswordStdin bool `help:"Read link and password from standard input even at a terminal."`
}

// Help says where the link comes from.
func (userAcceptCmd) Help() string {
	return "The link and the password you choose are asked for and not shown or, without a terminal, are the first two lines of standard input."
}

// Run makes a user of who has the link.
func (c *userAcceptCmd) Run(ctx context.Context, h *host) error {
	link, err := h.secret(ctx, "link of the invitation", c.PasswordStdin)
	if err != nil {
		return err
	}
	address, token, err := readLink(link)
	if err != nil {
		return err
	}
	client, err := h.client(address, "")
	if err != nil {
		return err
	}
	password, err := h.newSecret(ctx, "password", c.PasswordStdin)
	if err != nil {
		return err
	}
	u, err := client.AcceptInvite(ctx, keywright.NewSecret(token), keywright.NewSecret(password))
	return c.finish(h, u, err)
}

// readLink takes a link apart: the instance that made it and the token behind the #.
func readLink(link string) (address, token string, err error) {
	page, token, found := strings.Cut(strings.TrimSpace(link), "#")
	address, is := strings.CutSuffix(page, "/console/invite")
	if !found || !is || token == "" {
		return "", "", usagef("that is no link of an invitation: want https://…/console/invite#…")
	}
	return address, token, nil
}
