package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/keywright/keywright"
)

// registerTokenCmd is token create for those who know Meerschaum's: its flags, questions, default expiry and words.
type registerTokenCmd struct {
	tokenCreateCmd
	Name    string   `help:"As --label."`
	TTLDays int64    `name:"ttl-days" xor:"lifetime" placeholder:"N" help:"How many days it lives."`
	End     string   `xor:"lifetime" placeholder:"DATE" help:"When it ends, as --expires. Without any: after 366 days, or when the policy says if that is earlier."`
	Scopes  []string `sep:"none" help:"What it may do: one or more words."`
	Further []string `arg:"" optional:"" name:"scope" help:"More words of --scopes."`
}

// defaultDays is how long a token lives that nobody says it of, to the midnight before.
const defaultDays = 366

// Run issues a token.
func (c *registerTokenCmd) Run(ctx context.Context, h *host) error {
	if c.From != "" {
		return c.tokenCreateCmd.Run(ctx, h)
	}
	req, err := c.request(h.Now())
	if err != nil {
		return err
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	if err := c.ask(ctx, h, client, &req); err != nil {
		return err
	}
	issued, err := c.register(ctx, client, req)
	if err != nil {
		return err
	}
	warnScopeless(h, issued.Token)
	return c.print(h, answerOf(issued), func(w io.Writer) { showRegistered(w, issued) })
}

func (c *registerTokenCmd) request(now time.Time) (keywright.NewToken, error) {
	req, err := c.newTokenFlags.request()
	switch {
	case err != nil:
		return req, err
	case len(c.Further) > 0 && len(c.Scopes) == 0:
		return req, usagef("%q: scopes are named after --scopes", printable(c.Further[0]))
	case c.TTLDays < 0:
		return req, usagef("--ttl-days %d: a token cannot end before it begins", c.TTLDays)
	}
	req.Label = cmp.Or(req.Label, c.Name)
	req.Scopes = append(append(req.Scopes, c.Scopes...), c.Further...)
	switch {
	case c.TTLDays > 0:
		req.ExpiresIn = c.TTLDays * 24 * 60 * 60
	case c.End != "":
		_, req.ExpiresAt, req.ExpiresIn, err = lifetime{Expires: c.End}.asked()
	case c.unlimited():
		req.ExpiresAt = now.UTC().AddDate(0, 0, defaultDays).Truncate(24 * time.Hour).Format(time.RFC3339)
	}
	return req, err
}

// unlimited reports whether nothing was said of how long the token is to live.
func (c *registerTokenCmd) unlimited() bool {
	return c.lifetime == lifetime{} && c.TTLDays == 0 && c.End == ""
}

// ask asks the person at the terminal for the owner and the scopes. The owner is whoever is signed in, unless another is named.
func (c *registerTokenCmd) ask(ctx context.Context, h *host, client *keywright.Client, req *keywright.NewToken) error {
	if !h.InTerminal || c.JSON {
		return nil
	}
	if req.Owner == "" {
		self, err := client.Whoami(ctx)
		if err != nil {
			return err
		}
		if req.Owner, err = h.ask(ctx, "Owner ["+printable(self.User)+"]"); err != nil {
			return err
		}
	}
	if len(req.Scopes) > 0 {
		return nil
	}
	answer, err := h.ask(ctx, "Scopes, divided by spaces (empty: no access)")
	req.Scopes = strings.Fields(answer)
	return err
}

// register makes the token. Where the policy does not allow the default expiry, the token gets the account's own.
func (c *registerTokenCmd) register(ctx context.Context, client *keywright.Client, req keywright.NewToken) (keywright.Issued, error) {
	key := cmp.Or(c.IdempotencyKey, keywright.NewIdempotencyKey())
	issued, err := client.CreateToken(ctx, req, key)
	if c.unlimited() && onlyAbout(err, "/expires_at") {
		req.ExpiresAt = ""
		issued, err = client.CreateToken(ctx, req, key)
	}
	return issued, retryable(err, key)
}

// onlyAbout reports whether one member is all that is wrong.
func onlyAbout(err error, member string) bool {
	var invalid *keywright.InvalidError
	return errors.As(err, &invalid) && len(invalid.Problems) == 1 && invalid.Problems[0].Member == member
}

func showRegistered(w io.Writer, i keywright.Issued) {
	_, _ = io.WriteString(w, "Write down the client secret, because it won't be shown again.\n\n")
	fields(w,
		"Client ID", i.Token.ID.String(),
		"Client Secret", i.ClientSecret.Reveal(),
		"Expiration", instantOr(i.Token.ExpiresAt, "Does not expire."),
		"API Key", i.APIKey.Reveal(),
	)
}
