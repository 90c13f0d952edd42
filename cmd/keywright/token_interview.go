package main

import (
	"context"
	"io"
	"reflect"
	"strings"

	"github.com/keywright/keywright"
)

// editTokensCmd is token edit that, without flags, asks the person at the terminal.
type editTokensCmd struct{ tokenEditCmd }

// Run changes what the flags name or the answers say.
func (c *editTokensCmd) Run(ctx context.Context, h *host) error {
	if !h.InTerminal || c.JSON || c.says() {
		return c.tokenEditCmd.Run(ctx, h)
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	t, err := c.find(ctx, client)
	if err != nil {
		return err
	}
	req, invalidate, err := interview(ctx, h, t)
	if err != nil {
		return err
	}
	if req != (keywright.EditToken{}) {
		if t, err = client.EditToken(ctx, t.ID, req); err != nil {
			return err
		}
	}
	if invalidate {
		if t, err = client.RevokeToken(ctx, t.ID, "invalidated"); err != nil {
			return err
		}
	}
	return c.print(h, t, func(w io.Writer) { showToken(h, w, t) })
}

// says reports whether a flag names something to change.
func (c *tokenEditCmd) says() bool {
	flags := *c
	flags.remote, flags.output, flags.tokenRef = remote{}, output{}, tokenRef{}
	return !reflect.ValueOf(flags).IsZero()
}

// interview asks what the token is to be. Each question has the answer that leaves things as they are, which an empty line gives.
func interview(ctx context.Context, h *host, t keywright.Token) (req keywright.EditToken, invalidate bool, err error) {
	answer := func(question, as string) string {
		if err != nil {
			return as
		}
		var said string
		if said, err = h.ask(ctx, question+" ["+printable(as)+"]"); said == "" {
			return as
		}
		return said
	}
	const never, none = "never", "none"
	end := never
	if t.ExpiresAt != nil {
		end = t.ExpiresAt.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	}
	scopes := noneIfEmpty(list(t.Scopes.Strings()), none)
	label, newEnd, newScopes := answer("Label", t.Label), answer("Expiration", end), answer("Scopes", scopes)
	said := answer("Invalidate it, for good?", "n")
	if err != nil {
		return req, false, err
	}
	if label != t.Label {
		req.Label = &label
	}
	if newScopes != scopes {
		words := strings.Fields(newScopes)
		if newScopes == none {
			words = []string{}
		}
		req.Scopes = &words
	}
	if newEnd != end {
		err = askedEnd(&req, newEnd, never)
	}
	said = strings.ToLower(said)
	return req, said == "y" || said == "yes", err
}

// askedEnd reads an answer as --expires is read, and the word for no expiry.
func askedEnd(req *keywright.EditToken, answer, never string) error {
	l := lifetime{Expires: answer}
	if answer == never {
		l = lifetime{Permanent: true}
	}
	name, at, seconds, err := l.asked()
	switch {
	case name != "":
		req.Lifetime = &name
	case at != "":
		req.ExpiresAt = &at
	case err == nil:
		req.ExpiresIn = &seconds
	}
	return err
}
