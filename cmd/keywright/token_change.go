package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/keywright/keywright"
)

// onToken finds a token, changes it if change is given, and prints it as it is then.
func (r remote) onToken(ctx context.Context, h *host, ref tokenRef, out output,
	change func(context.Context, *keywright.Client, keywright.Token) (keywright.Token, error),
) error {
	client, err := r.dial(h)
	if err != nil {
		return err
	}
	t, err := ref.find(ctx, client)
	if err != nil {
		return err
	}
	if change != nil {
		if t, err = change(ctx, client, t); err != nil {
			return err
		}
	}
	return out.print(h, t, func(w io.Writer) { showToken(h, w, t) })
}

type tokenEditCmd struct {
	remote
	output
	patience
	tokenRef
	SetLabel   string            `name:"label" placeholder:"LABEL" help:"New name."`
	Scope      []string          `sep:"none" xor:"scopes" help:"New scopes, in place of all it has; repeat for more."`
	NoScopes   bool              `xor:"scopes" help:"Take all scopes away."`
	Audience   []string          `sep:"none" xor:"audience" placeholder:"API" help:"New audience, in place of all it has; repeat for more."`
	NoAudience bool              `xor:"audience" help:"Take the audience away."`
	CIDR       []string          `name:"cidr" sep:"none" xor:"cidrs" placeholder:"NETWORK" help:"New networks, in place of all it has; repeat for more."`
	NoCIDRs    bool              `name:"no-cidrs" xor:"cidrs" help:"Let it be used from anywhere."`
	Metadata   map[string]string `mapsep:"none" xor:"metadata" help:"New metadata as key=value, in place of all it has; repeat for more."`
	NoMetadata bool              `xor:"metadata" help:"Forget the metadata."`
	lifetime
}

func (c *tokenEditCmd) request() (keywright.EditToken, error) {
	var req keywright.EditToken
	name, at, seconds, err := c.lifetime.asked()
	if c.SetLabel != "" {
		req.Label = &c.SetLabel
	}
	req.Scopes = replacement(c.Scope, c.NoScopes)
	req.Audience = replacement(c.Audience, c.NoAudience)
	req.AllowedCIDRs = replacement(c.CIDR, c.NoCIDRs)
	if c.NoMetadata || c.Metadata != nil {
		req.Metadata = &map[string]string{}
		if c.Metadata != nil {
			req.Metadata = &c.Metadata
		}
	}
	switch {
	case name != "":
		req.Lifetime = &name
	case at != "":
		req.ExpiresAt = &at
	case seconds != 0:
		req.ExpiresIn = &seconds
	}
	if err == nil && req == (keywright.EditToken{}) {
		err = usagef("say what to change: see keywright token edit --help")
	}
	return req, err
}

// replacement is the new list, none if it shall be emptied, and nil if it stays.
func replacement(given []string, none bool) *[]string {
	if none {
		return &[]string{}
	}
	if len(given) == 0 {
		return nil
	}
	return &given
}

// Run changes what the flags name.
func (c *tokenEditCmd) Run(ctx context.Context, h *host) error {
	req, err := c.request()
	if err != nil {
		return err
	}
	return c.onToken(ctx, h, c.tokenRef, c.output, func(ctx context.Context, client *keywright.Client, t keywright.Token) (keywright.Token, error) {
		return client.EditToken(ctx, t.ID, req)
	})
}

type tokenDisableCmd struct {
	remote
	output
	patience
	tokenRef
}

// Run disables the token.
func (c *tokenDisableCmd) Run(ctx context.Context, h *host) error {
	return c.onToken(ctx, h, c.tokenRef, c.output, func(ctx context.Context, client *keywright.Client, t keywright.Token) (keywright.Token, error) {
		return client.DisableToken(ctx, t.ID)
	})
}

type tokenEnableCmd struct {
	remote
	output
	tokenRef
}

// Run enables the token.
func (c *tokenEnableCmd) Run(ctx context.Context, h *host) error {
	return c.onToken(ctx, h, c.tokenRef, c.output, func(ctx context.Context, client *keywright.Client, t keywright.Token) (keywright.Token, error) {
		return client.EnableToken(ctx, t.ID)
	})
}

type tokenCancelRotationCmd struct {
	remote
	output
	patience
	tokenRef
}

// Run cancels the rotation.
func (c *tokenCancelRotationCmd) Run(ctx context.Context, h *host) error {
	return c.onToken(ctx, h, c.tokenRef, c.output, func(ctx context.Context, client *keywright.Client, t keywright.Token) (keywright.Token, error) {
		return client.CancelRotation(ctx, t.ID)
	})
}

// consent is the choice of commands that do what cannot be undone.
type consent struct {
	Yes bool `short:"y" help:"Do not ask for confirmation."`
}

// loss says what somebody is about to lose, so that they notice the wrong token.
func loss(h *host, verb string, t keywright.Token) string {
	return fmt.Sprintf("%s token %s (last used: %s)? This cannot be undone.", verb, name(t), lastUse(h, t))
}

type tokenRevokeCmd struct {
	remote
	output
	patience
	tokenRef
	consent
	Reason string `placeholder:"TEXT" help:"Why, for the audit trail and whoever asks."`
}

// Run revokes the token once that is confirmed.
func (c *tokenRevokeCmd) Run(ctx context.Context, h *host) error {
	return c.onToken(ctx, h, c.tokenRef, c.output, func(ctx context.Context, client *keywright.Client, t keywright.Token) (keywright.Token, error) {
		if err := h.confirm(ctx, c.Yes, loss(h, "Revoke", t)); err != nil {
			return t, err
		}
		return client.RevokeToken(ctx, t.ID, c.Reason)
	})
}

type tokenDeleteCmd struct {
	remote
	output
	patience
	tokenRef
	consent
}

// deletedAnswer is what is left to say of a token that is gone.
type deletedAnswer struct {
	Revision keywright.Revision `json:"revision"`
}

// Run deletes the token once that is confirmed.
func (c *tokenDeleteCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	t, err := c.find(ctx, client)
	if err != nil {
		return err
	}
	if err := h.confirm(ctx, c.Yes, loss(h, "Delete", t)); err != nil {
		return err
	}
	revision, err := client.DeleteToken(ctx, t.ID)
	if err != nil {
		return err
	}
	return c.print(h, deletedAnswer{revision}, func(w io.Writer) { fmt.Fprintf(w, "Deleted %s.\n", name(t)) })
}

type tokenRotateCmd struct {
	remote
	output
	patience
	tokenRef
	consent
	Overlap        string `placeholder:"DURATION" help:"How long the old secret lives on (24h unless set; 0: it dies at once)."`
	IdempotencyKey string `placeholder:"KEY" help:"Repeat a command with the same key and it is done once only (default: a random one)."`
}

// Run rotates the token and prints its new credentials.
func (c *tokenRotateCmd) Run(ctx context.Context, h *host) error {
	overlap, err := c.overlap()
	if err != nil {
		return err
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	t, err := c.find(ctx, client)
	if err != nil {
		return err
	}
	if overlap != nil && *overlap == 0 {
		if err := h.confirm(ctx, c.Yes, loss(h, "End at once the present secret of", t)); err != nil {
			return err
		}
	}
	key := cmp.Or(c.IdempotencyKey, keywright.NewIdempotencyKey())
	issued, err := client.RotateToken(ctx, t.ID, overlap, key)
	if err != nil {
		return retryable(err, key)
	}
	return c.print(h, answerOf(issued), func(w io.Writer) { showIssued(w, issued) })
}

func (c *tokenRotateCmd) overlap() (*time.Duration, error) {
	if c.Overlap == "" {
		return nil, nil
	}
	d, err := parseDuration(c.Overlap)
	return &d, err
}

type tokenRevealCmd struct {
	remote
	output
	tokenRef
}

// revealedAnswer is the API key of a recoverable token.
type revealedAnswer struct {
	APIKey string `json:"api_key"`
}

// Run prints the key and nothing else, so that it can be piped on.
func (c *tokenRevealCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	t, err := c.find(ctx, client)
	if err != nil {
		return err
	}
	key, err := client.RevealToken(ctx, t.ID)
	if err != nil {
		return err
	}
	return c.print(h, revealedAnswer{key.Reveal()}, func(w io.Writer) { fmt.Fprintln(w, key.Reveal()) })
}
