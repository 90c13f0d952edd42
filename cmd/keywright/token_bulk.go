package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/keywright/keywright"
)

type tokenBulkCmd struct {
	Action string `arg:"" enum:"disable,revoke,delete" help:"disable, revoke or delete."`
	remote
	output
	patience
	tokenFilter
	consent
	Everything bool   `name:"all" help:"Every token of the account; without it some filter must be given."`
	DryRun     bool   `help:"Count the tokens and change none."`
	Expect     *int64 `placeholder:"N" help:"Refuse unless exactly so many are chosen (default: as many as were counted before you confirmed)."`
	Reason     string `placeholder:"TEXT" help:"Why, for the audit trail."`
}

// Run counts what the filter chooses, asks, and changes exactly so many, all or none.
func (c *tokenBulkCmd) Run(ctx context.Context, h *host) error {
	change, err := c.change()
	if err != nil {
		return err
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	change.DryRun = true
	counted, err := client.BulkTokens(ctx, change)
	if err != nil || c.DryRun {
		return c.finish(h, counted, err)
	}
	if err := h.confirm(ctx, c.Yes, c.question(change, counted.Matched)); err != nil {
		return err
	}
	change.DryRun = false
	if change.Expect == nil {
		change.Expect = &counted.Matched
	}
	done, err := client.BulkTokens(ctx, change)
	return c.finish(h, done, err)
}

func (c *tokenBulkCmd) change() (keywright.BulkChange, error) {
	filter, err := c.filter()
	if err != nil {
		return keywright.BulkChange{}, err
	}
	only := filter
	only.Account = ""
	none := len(chosenBy(only)) == 0
	if none != c.Everything {
		return keywright.BulkChange{}, usagef("say which tokens by a filter such as --state or --label, or --all for every one; not both")
	}
	return keywright.BulkChange{Action: c.Action, Filter: filter, All: c.Everything, Expect: c.Expect, Reason: c.Reason}, nil
}

// chosenBy says in words what a filter chooses, one phrase for each member.
func chosenBy(f keywright.TokenFilter) []string {
	var words []string
	say := func(name, value string) {
		if value != "" {
			words = append(words, name+" "+printable(value))
		}
	}
	say("account", f.Account)
	say("space", f.Space)
	say("owner", f.Owner)
	say("audience", f.Audience)
	say("label with", f.Label)
	say("kind", f.Kind.String())
	say("state", string(f.State))
	if f.Permanent != nil {
		say("permanent:", fmt.Sprint(*f.Permanent))
	}
	if f.Parent != nil {
		say("made by", f.Parent.String())
	}
	return words
}

func (c *tokenBulkCmd) question(change keywright.BulkChange, matched int64) string {
	which := strings.Join(chosenBy(change.Filter), ", ")
	if change.All {
		which = strings.TrimSpace("all of the account " + printable(change.Filter.Account))
	}
	undo := " This cannot be undone."
	if c.Action == keywright.BulkDisable {
		undo = ""
	}
	return fmt.Sprintf("%s %d tokens (%s)?%s", strings.ToUpper(c.Action[:1])+c.Action[1:], matched, which, undo)
}

func (c *tokenBulkCmd) finish(h *host, result keywright.BulkResult, err error) error {
	if err != nil {
		return err
	}
	return c.print(h, result, func(w io.Writer) {
		fmt.Fprintf(w, "%d tokens chosen, %d changed.\n", result.Matched, result.Changed)
	})
}
