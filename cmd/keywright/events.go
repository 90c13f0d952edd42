package main

import (
	"context"
	"fmt"
	"io"

	"github.com/keywright/keywright"
)

type eventsCmd struct {
	remote
	output
	paging
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
	Subject string `placeholder:"SUBJECT" help:"What happened to this: token:ID, user:NAME …"`
	Action  string `placeholder:"ACTION" help:"Only this action; one that ends in a dot, such as token., stands for all that begin so."`
}

// Run prints the audit trail, newest first.
func (c *eventsCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Event], error) {
		return client.Events(ctx, keywright.EventQuery{ListQuery: q, Account: c.Account, Subject: c.Subject, Action: c.Action})
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) { eventTable(w, got) })
}

func eventTable(w io.Writer, got items[keywright.Event]) {
	rows := make([][]string, len(got.Items))
	for i, e := range got.Items {
		rows[i] = []string{
			fmt.Sprint(e.Seq), instant(e.At), printable(e.Action), printable(e.Actor),
			printable(e.Subject), orDash(printable(e.Address)), short(e.Reason, 40),
		}
	}
	table(w, []string{"SEQ", "AT", "ACTION", "BY", "WHAT", "FROM", "REASON"}, rows)
	more(w, got.Next)
}
