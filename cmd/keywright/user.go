package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/keywright/keywright"
)

// userCmd holds the commands of people.
type userCmd struct {
	List        userListCmd        `cmd:"" aliases:"ls" help:"List the people with a role in an account."`
	Create      userCreateCmd      `cmd:"" help:"Create a user with a role."`
	Grant       userGrantCmd       `cmd:"" help:"Give a user a role."`
	Drop        userDropCmd        `cmd:"" help:"Take a role away from a user."`
	Invite      userInviteCmd      `cmd:"" help:"Invite somebody to become a user, by a link that is good once."`
	Invites     userInvitesCmd     `cmd:"" help:"List the invitations to an account."`
	Withdraw    userWithdrawCmd    `cmd:"" help:"Withdraw an invitation."`
	Accept      userAcceptCmd      `cmd:"" help:"Accept an invitation."`
	Disable     userDisableCmd     `cmd:"" help:"Keep a user from signing in; its tokens end or are handed over."`
	Enable      userEnableCmd      `cmd:"" help:"Let a disabled user sign in again."`
	Delete      userDeleteCmd      `cmd:"" help:"Delete a user; its tokens end or are handed over."`
	Sessions    userSessionsCmd    `cmd:"" help:"List sessions."`
	EndSessions userEndSessionsCmd `cmd:"" help:"End sessions."`
	Operators   userOperatorsCmd   `cmd:"" help:"List the operators of the instance."`
	Password    userPasswordCmd    `cmd:"" help:"Change your own password."`
}

type userListCmd struct {
	remote
	output
	paging
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
}

// Run lists users.
func (c *userListCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.User], error) {
		return client.Users(ctx, of, q)
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, u := range got.Items {
			rows[i] = []string{printable(u.Username), printable(u.Email), roles(u.Roles), instant(u.CreatedAt)}
		}
		table(w, []string{"USERNAME", "E-MAIL", "ROLES", "CREATED"}, rows)
		more(w, got.Next)
	})
}

// roles writes each role with where it holds.
func roles(all []keywright.Role) string {
	words := make([]string, len(all))
	for i, r := range all {
		words[i] = r.Name
		if r.Account != "" {
			words[i] += " of " + strings.TrimPrefix(r.Account+"/"+r.Space, "/")
		}
		words[i] = printable(strings.TrimSuffix(words[i], "/"))
	}
	return orDash(strings.Join(words, ", "))
}

// roleFlags say which role, and where it holds.
type roleFlags struct {
	Role    string `required:"" enum:"admin,auditor,owner,manager,reader" placeholder:"ROLE" help:"admin or auditor of the account; owner, manager or reader of a space."`
	Account string `placeholder:"NAME" help:"In which account (default: your own)."`
	Space   string `placeholder:"NAME" help:"In which space, for owner, manager and reader."`
}

type userCreateCmd struct {
	remote
	output
	Username string `arg:"" help:"Name to sign in with."`
	roleFlags
	Email         string `help:"E-mail address."`
	PasswordStdin bool   `help:"Read the password from standard input even at a terminal."`
}

// Help says where the password comes from.
func (userCreateCmd) Help() string {
	return "The new user's password is asked for twice and not shown or, without a terminal, is the first line of standard input."
}

// Run creates a user.
func (c *userCreateCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	if c.Email == "" {
		if c.Email, err = h.ask(ctx, "E-mail (can be empty)"); err != nil {
			return err
		}
	}
	password, err := h.newSecret(ctx, "password of "+c.Username, c.PasswordStdin)
	if err != nil {
		return err
	}
	u, err := client.CreateUser(ctx, of, keywright.NewUser{
		Username: c.Username,
		Email:    c.Email,
		Password: keywright.NewSecret(password),
		Role:     keywright.Role{Name: c.Role, Account: of, Space: c.Space},
	})
	return c.finish(h, u, err)
}

func (o output) finish(h *host, u keywright.User, err error) error {
	if err != nil {
		return err
	}
	return o.print(h, u, func(w io.Writer) {
		fields(w, "User", printable(u.Username), "E-mail", printable(u.Email), "Roles", roles(u.Roles))
	})
}

// anyRoleFlags are roleFlags with the role on the instance.
type anyRoleFlags struct {
	Role    string `required:"" enum:"operator,admin,auditor,owner,manager,reader" placeholder:"ROLE" help:"operator of the instance; admin or auditor of the account; owner, manager or reader of a space."`
	Account string `placeholder:"NAME" help:"In which account (default: your own)."`
	Space   string `placeholder:"NAME" help:"In which space, for owner, manager and reader."`
}

func (f anyRoleFlags) operator() (bool, error) {
	if f.Role == "operator" && f.Account+f.Space != "" {
		return true, usagef("an operator is one of the whole instance: leave --account and --space out")
	}
	return f.Role == "operator", nil
}

type userGrantCmd struct {
	remote
	output
	Username string `arg:"" help:"Who."`
	anyRoleFlags
}

// Run gives the role.
func (c *userGrantCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	if on, err := c.operator(); on {
		if err != nil {
			return err
		}
		u, err := client.GrantOperator(ctx, c.Username)
		return c.finish(h, u, err)
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	u, err := client.GrantRole(ctx, of, c.Username, keywright.Role{Name: c.Role, Account: of, Space: c.Space})
	return c.finish(h, u, err)
}

type userDropCmd struct {
	remote
	output
	Username string `arg:"" help:"Who."`
	anyRoleFlags
}

// Run takes the role away.
func (c *userDropCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	if on, err := c.operator(); on {
		if err != nil {
			return err
		}
		u, err := client.DropOperator(ctx, c.Username)
		return c.finish(h, u, err)
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	u, err := client.DropRole(ctx, of, c.Username, keywright.Role{Name: c.Role, Account: of, Space: c.Space})
	return c.finish(h, u, err)
}

type userPasswordCmd struct {
	remote
	output
	EndSessions   bool `help:"End your other sessions."`
	EndTokens     bool `help:"Revoke all your tokens, in every account."`
	First         bool `help:"Set a first password, as somebody who has none: within 5 minutes of keywright login --sso."`
	PasswordStdin bool `help:"Read the passwords from standard input even at a terminal."`
}

// Help says where the passwords come from.
func (userPasswordCmd) Help() string {
	return "Both passwords are asked for and not shown or, without a terminal, are the first two lines of standard input: the old one, then the new one. With --first there is only the new one."
}

// changedAnswer says whose password is new.
type changedAnswer struct {
	Changed bool `json:"changed"`
}

// Run changes the caller's own password.
func (c *userPasswordCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	old := ""
	if !c.First {
		if old, err = h.secret(ctx, "present password", c.PasswordStdin); err != nil {
			return err
		}
	}
	chosen, err := h.newSecret(ctx, "new password", c.PasswordStdin)
	if err != nil {
		return err
	}
	if err := client.ChangePassword(ctx, keywright.PasswordChange{
		Old: keywright.NewSecret(old), New: keywright.NewSecret(chosen), EndSessions: c.EndSessions, EndTokens: c.EndTokens,
	}); err != nil {
		return err
	}
	return c.print(h, changedAnswer{true}, func(w io.Writer) { fmt.Fprintln(w, "The password is changed.") })
}
