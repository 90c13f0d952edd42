package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/keywright/keywright"
)

// eventFilter chooses events; several flags together choose those that match each.
type eventFilter struct {
	Account     string `placeholder:"NAME" help:"Of which account (default: your own)."`
	AllAccounts bool   `help:"Of every account and of the instance itself; for operators."`
	Space       string `placeholder:"NAME" help:"Only in this space."`
	Subject     string `placeholder:"SUBJECT" help:"What happened to this: token:ID, user:NAME …"`
	Actor       string `placeholder:"ACTOR" help:"What this one did: user:NAME, token:ID or system."`
	Action      string `placeholder:"ACTION" help:"Only this action; one that ends in a dot, such as token., stands for all that begin so."`
	Address     string `placeholder:"IP" help:"Only what was done from there."`
	Since       string `placeholder:"TIME" help:"Only of then and later: a date, a time (RFC 3339), or so long ago (24h, 7d)."`
	Until       string `placeholder:"TIME" help:"Only from before then, likewise."`
}

func (f eventFilter) filter(h *host) (filter keywright.EventFilter, err error) {
	filter = keywright.EventFilter{
		Account: f.Account, All: f.AllAccounts, Space: f.Space, Subject: f.Subject, Actor: f.Actor, Action: f.Action, Address: f.Address,
	}
	if filter.Since, err = pointInTime(h, "--since", f.Since); err != nil {
		return filter, err
	}
	filter.Until, err = pointInTime(h, "--until", f.Until)
	return filter, err
}

// pointInTime reads a time, a date (its beginning, UTC) or how long ago something was.
func pointInTime(h *host, flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	ago, err := parseDuration(s)
	if err != nil {
		return time.Time{}, usagef("%s: write a date (2030-01-31), a time (2030-01-31T12:00:00Z) or how long ago (24h, 7d)", flag)
	}
	return h.Now().Add(-ago), nil
}

type eventsCmd struct {
	remote
	output
	paging
	eventFilter
}

// Run prints the audit trail, newest first.
func (c *eventsCmd) Run(ctx context.Context, h *host) error {
	filter, err := c.filter(h)
	if err != nil {
		return err
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Event], error) {
		return client.Events(ctx, keywright.EventQuery{ListQuery: q, EventFilter: filter})
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
