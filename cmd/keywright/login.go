package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/keywright/keywright"
)

type loginCmd struct {
	output
	URL           string `name:"url" help:"Address of the instance, such as https://keys.example.com."`
	Username      string `help:"Username or e-mail."`
	PasswordStdin bool   `help:"Read the password from standard input even at a terminal."`
	SSO           bool   `name:"sso" help:"Sign in through the browser, by single sign-on."`
	NoBrowser     bool   `help:"With --sso: print the address and open no browser."`
	Context       string `placeholder:"NAME" help:"Name to remember the instance by (default: its host)."`
}

// Help says where the password comes from.
func (loginCmd) Help() string {
	return "The password is asked for and not shown or, without a terminal, is the first line of standard input. " +
		"With --sso nothing is asked for: you sign in in the browser. " +
		"The session is kept in contexts.json, readable by you alone. For scripts, set KEYWRIGHT_URL and KEYWRIGHT_TOKEN (an API key) instead."
}

// signedInAnswer says where and as whom somebody is signed in.
type signedInAnswer struct {
	Context   string    `json:"context"`
	URL       string    `json:"url"`
	Username  string    `json:"username"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Run begins a session and makes its instance the current context.
func (c *loginCmd) Run(ctx context.Context, h *host) error {
	if err := c.complete(ctx, h); err != nil {
		return err
	}
	client, err := h.client(c.URL, "")
	if err != nil {
		return err
	}
	prove := c.byPassword
	if c.SSO {
		prove = c.bySSO
	}
	session, err := prove(ctx, h, client)
	if err != nil {
		return err
	}
	if err := c.remember(h, session); err != nil {
		return err
	}
	answer := signedInAnswer{c.Context, c.URL, session.Username, session.ExpiresAt}
	return c.print(h, answer, func(w io.Writer) {
		fmt.Fprintf(w, "Signed in to %s as %s until %s.\n", answer.URL, printable(answer.Username), instant(answer.ExpiresAt))
	})
}

func (c *loginCmd) byPassword(ctx context.Context, h *host, client *keywright.Client) (keywright.Session, error) {
	c.warnExposed(h)
	password, err := h.secret(ctx, "password", c.PasswordStdin)
	if err != nil {
		return keywright.Session{}, err
	}
	session, err := client.Login(ctx, c.Username, keywright.NewSecret(password))
	if errors.Is(err, keywright.ErrUnauthenticated) {
		err = fmt.Errorf("%s does not take this username and password: %w", origin(c.URL), err)
	}
	return session, err
}

// complete finds what the flags leave open: from the context named, the environment, or by asking.
func (c *loginCmd) complete(ctx context.Context, h *host) error {
	saved, err := h.loadContexts()
	if err != nil {
		return err
	}
	known := saved.Contexts[cmp.Or(c.Context, saved.Current)]
	if c.URL = cmp.Or(c.URL, h.Getenv("KEYWRIGHT_URL"), known.URL); c.URL == "" {
		if c.URL, err = h.ask(ctx, "Address of the instance (empty: "+defaultURL+")"); err != nil {
			return err
		}
		c.URL = cmp.Or(c.URL, defaultURL)
	}
	u, err := instanceURL(c.URL)
	if err != nil {
		return err
	}
	c.Context = cmp.Or(c.Context, u.Host)
	if c.SSO {
		return nil // who it is, the provider says
	}
	if known.URL != c.URL {
		known.Username = "" // that was somebody elsewhere
	}
	return c.completeUsername(ctx, h, known.Username)
}

func (c *loginCmd) completeUsername(ctx context.Context, h *host, known string) (err error) {
	if c.Username != "" {
		return nil
	}
	question := "Username"
	if known != "" {
		question += " (empty: " + printable(known) + ")"
	}
	c.Username, err = h.ask(ctx, question)
	if c.Username = cmp.Or(c.Username, known); err == nil && c.Username == "" {
		return usagef("say who you are: --username NAME")
	}
	return err
}

func (c *loginCmd) warnExposed(h *host) {
	if u, err := instanceURL(c.URL); err == nil && exposed(u) {
		fmt.Fprintf(h.Stderr, "keywright: warning: %s is not https: whoever is on the way can read the password\n", c.URL)
	}
}

func (c *loginCmd) remember(h *host, s keywright.Session) error {
	return h.changeContexts(func(saved *savedContexts) error {
		saved.Current = c.Context
		saved.Contexts[c.Context] = savedContext{URL: c.URL, Username: s.Username, Session: s.Token.Reveal(), ExpiresAt: s.ExpiresAt}
		return nil
	})
}

type logoutCmd struct {
	remote
	output
}

// signedOutAnswer says which context has no session any more.
type signedOutAnswer struct {
	Context string `json:"context"`
}

// Run ends the session at the server and forgets it here, here also if the server cannot be reached.
func (c *logoutCmd) Run(ctx context.Context, h *host) error {
	saved, err := h.loadContexts()
	if err != nil {
		return err
	}
	name, known, err := saved.pick(c.Context)
	if err != nil {
		return err
	}
	ended := endSession(ctx, h, known)
	err = h.changeContexts(func(saved *savedContexts) error {
		known.Session, known.ExpiresAt = "", time.Time{}
		saved.Contexts[name] = known
		return nil
	})
	if err := errors.Join(ended, err); err != nil {
		return err
	}
	return c.print(h, signedOutAnswer{name}, func(w io.Writer) { fmt.Fprintf(w, "Signed out of %s.\n", printable(name)) })
}

// endSession ends the session at the server; one that the server no longer knows has ended.
func endSession(ctx context.Context, h *host, c savedContext) error {
	if c.Session == "" {
		return nil
	}
	client, err := h.client(c.URL, c.Session)
	if err != nil {
		return err
	}
	if err := client.Logout(ctx); err != nil && !errors.Is(err, keywright.ErrUnauthenticated) {
		return fmt.Errorf("forgotten here, but the session may last until %s at the server: %w", instant(c.ExpiresAt), err)
	}
	return nil
}
