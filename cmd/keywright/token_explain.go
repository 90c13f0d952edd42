package main

import (
	"context"
	"fmt"
	"io"

	"github.com/keywright/keywright"
)

type tokenExplainCmd struct {
	remote
	output
	tokenRef
	Scope      []string `sep:"none" help:"Scope that the attempt needs; repeat for more."`
	Audience   string   `placeholder:"API" help:"The API that asks."`
	Data       string   `placeholder:"SPACE" help:"Whose data is asked for."`
	Address    string   `placeholder:"IP" help:"From where the token is used."`
	At         string   `placeholder:"TIME" help:"When (default: now)."`
	Management bool     `help:"The attempt is at Keywright's own API."`
}

// Run says rule by rule what would become of an attempt. The exit code is that of verify.
func (c *tokenExplainCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	t, err := c.find(ctx, client)
	if err != nil {
		return err
	}
	e, err := client.Explain(ctx, keywright.ExplainRequest{
		Token: t.ID, Scopes: c.Scope, Audience: c.Audience, Space: c.Data, Address: c.Address, At: c.At, Management: c.Management,
	})
	if err != nil {
		return err
	}
	if err := c.print(h, e, func(w io.Writer) { showExplanation(w, e) }); err != nil {
		return err
	}
	return verdictCode(e.Valid)
}

func showExplanation(w io.Writer, e keywright.Explanation) {
	rows := make([][]string, len(e.Rules))
	for i, f := range e.Rules {
		verdict := "passes"
		if f.Refuses {
			verdict = "refuses"
		}
		rows[i] = []string{f.Rule.String(), verdict, printable(f.Detail)}
	}
	table(w, []string{"RULE", "VERDICT", "BECAUSE"}, rows)
	fmt.Fprintf(w, "At %s: %s\n", instant(e.At), e.Reason)
}
