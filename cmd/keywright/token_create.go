package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/keywright/keywright"
)

// maxBatch is how many tokens one request may make.
const maxBatch = 1000

type tokenCreateCmd struct {
	remote
	output
	newTokenFlags
	From           string `placeholder:"FILE" help:"Issue many, all or none: a file of JSON Lines, each a token as the API takes it (\"-\": standard input)."`
	IdempotencyKey string `placeholder:"KEY" help:"Repeat a command with the same key and it is done once only (default: a random one)."`
}

// issuedAnswer is a token with its credentials, as the API writes it.
type issuedAnswer struct {
	ClientID     string          `json:"client_id"`
	ClientSecret string          `json:"client_secret"`
	APIKey       string          `json:"api_key"`
	Token        keywright.Token `json:"token"`
}

func answerOf(i keywright.Issued) issuedAnswer {
	return issuedAnswer{i.Token.ID.String(), i.ClientSecret.Reveal(), i.APIKey.Reveal(), i.Token}
}

// Run issues one token, or the batch of a file.
func (c *tokenCreateCmd) Run(ctx context.Context, h *host) error {
	if c.From != "" {
		return c.batch(ctx, h)
	}
	req, err := c.request()
	if err != nil {
		return err
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	if err := c.askMissing(ctx, h, &req); err != nil {
		return err
	}
	key := cmp.Or(c.IdempotencyKey, keywright.NewIdempotencyKey())
	issued, err := client.CreateToken(ctx, req, key)
	if err != nil {
		return retryable(err, key)
	}
	warnScopeless(h, issued.Token)
	return c.print(h, answerOf(issued), func(w io.Writer) { showIssued(w, issued) })
}

// askMissing asks the person at the terminal for what most tokens need and the command line did not say.
func (c *tokenCreateCmd) askMissing(ctx context.Context, h *host, req *keywright.NewToken) (err error) {
	if !h.InTerminal || c.JSON {
		return nil
	}
	if req.Label == "" {
		if req.Label, err = h.ask(ctx, "Label (empty: a random one)"); err != nil {
			return err
		}
	}
	if len(req.Scopes) == 0 {
		answer, err := h.ask(ctx, "Scopes, divided by spaces (empty: no access)")
		req.Scopes = strings.Fields(answer)
		return err
	}
	return nil
}

func showIssued(w io.Writer, i keywright.Issued) {
	fields(w,
		"Token", name(i.Token),
		"Client ID", i.Token.ID.String(),
		"Client Secret", i.ClientSecret.Reveal(),
		"API Key", i.APIKey.Reveal(),
		"Expires", instantOr(i.Token.ExpiresAt, "never"),
		"Old secret works until", instantOr(i.Token.RotatingUntil, ""),
	)
	fmt.Fprintln(w, "\nKeep the secret now: it will not be shown again.")
}

func warnScopeless(h *host, t keywright.Token) {
	if len(t.Scopes) == 0 {
		fmt.Fprintf(h.Stderr, "keywright: warning: %s has no scopes, so nothing accepts it; give it some with: keywright token edit %s --scope SCOPE\n",
			name(t), t.ID)
	}
}

func (c *tokenCreateCmd) batch(ctx context.Context, h *host) error {
	if c.newTokenFlags.given() {
		return usagef("with --from each line says what its token is: leave the other flags out")
	}
	reqs, err := readNewTokens(h, c.From)
	if err != nil {
		return err
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	key := cmp.Or(c.IdempotencyKey, keywright.NewIdempotencyKey())
	issued, err := client.CreateTokens(ctx, reqs, key)
	if err != nil {
		return retryable(err, key)
	}
	answers := make([]issuedAnswer, len(issued))
	for i := range issued {
		answers[i] = answerOf(issued[i])
		warnScopeless(h, issued[i].Token)
	}
	return c.print(h, items[issuedAnswer]{Items: answers}, func(w io.Writer) { showBatch(w, issued) })
}

func showBatch(w io.Writer, issued []keywright.Issued) {
	rows := make([][]string, len(issued))
	for i, t := range issued {
		rows[i] = []string{name(t.Token), t.Token.ID.String(), t.APIKey.Reveal(), instantOr(t.Token.ExpiresAt, "never")}
	}
	table(w, []string{"TOKEN", "CLIENT ID", "API KEY", "EXPIRES"}, rows)
	fmt.Fprintln(w, "\nKeep the keys now: they will not be shown again.")
}

// readNewTokens reads a file of JSON Lines. A line that cannot be read refuses
// the file: the batch is all or none.
func readNewTokens(h *host, path string) ([]keywright.NewToken, error) {
	f, _, err := h.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var reqs []keywright.NewToken
	for line, err := range jsonLines(f) {
		var req keywright.NewToken
		if err == nil {
			err = decodeStrictly(line.text, &req)
		}
		if err != nil {
			return nil, usagef("%s, line %d: %s", path, line.number, err)
		}
		reqs = append(reqs, req)
	}
	if n := len(reqs); n == 0 || n > maxBatch {
		return nil, usagef("%s: want 1 to %d lines, have %d", path, maxBatch, n)
	}
	return reqs, nil
}
