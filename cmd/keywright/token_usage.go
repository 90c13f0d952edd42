package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/keywright/keywright"
)

type tokenUsageCmd struct {
	remote
	output
	tokenRef
	Days int    `default:"30" help:"How many days back, today's included, UTC; 1 to 90."`
	By   string `enum:"hour,day" default:"day" help:"hour or day."`
}

// Run prints how often a token was used: on a terminal as a chart.
func (c *tokenUsageCmd) Run(ctx context.Context, h *host) error {
	if c.Days < 1 || c.Days > 90 {
		return usagef("--days must be 1 to 90")
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	t, err := c.find(ctx, client)
	if err != nil {
		return err
	}
	now := h.Now().UTC()
	from := now.Truncate(24*time.Hour).AddDate(0, 0, 1-c.Days)
	usage, err := client.TokenUsage(ctx, t.ID, keywright.UsageQuery{From: from, By: c.By})
	if err != nil {
		return err
	}
	return c.print(h, usage, func(w io.Writer) { usageText(h, w, name(t), usage) })
}

// usageText says how often what is named was used.
func usageText(h *host, w io.Writer, name string, u keywright.TokenUsage) {
	if h.OutTerminal {
		usageChart(w, u)
	} else {
		usageTable(w, u)
	}
	fmt.Fprintf(w, "%s: %d accepted, %d refused since %s\n", name, u.Total.Accepted, u.Total.Refused, day(u.From))
	fields(w, "Refused because", causes(u.Total.Causes), "Doors", causes(u.Total.Doors))
}

// usageLayout is how a step of a usage is written.
func usageLayout(u keywright.TokenUsage) (layout string, step time.Duration) {
	if u.By == keywright.ByHour {
		return "2006-01-02 15h", time.Hour
	}
	return time.DateOnly, 24 * time.Hour
}

func usageTable(w io.Writer, u keywright.TokenUsage) {
	layout, _ := usageLayout(u)
	rows := make([][]string, len(u.Items))
	for i, s := range u.Items {
		rows[i] = []string{s.At.UTC().Format(layout), fmt.Sprint(s.Counts.Accepted), fmt.Sprint(s.Counts.Refused), orDash(causes(s.Counts.Causes))}
	}
	table(w, []string{"AT (UTC)", "ACCEPTED", "REFUSED", "BECAUSE"}, rows)
}

// usageChart draws a bar for each step from the first in which something happened; what was refused is the light end of it.
func usageChart(w io.Writer, u keywright.TokenUsage) {
	if len(u.Items) == 0 {
		return
	}
	layout, step := usageLayout(u)
	at, most := map[time.Time]keywright.Counts{}, int64(1)
	for _, s := range u.Items {
		at[s.At.UTC()] = s.Counts
		most = max(most, s.Counts.Accepted+s.Counts.Refused)
	}
	for t := u.Items[0].At.UTC(); t.Before(u.To); t = t.Add(step) {
		c := at[t]
		line := fmt.Sprintf("%s  %s%s", t.Format(layout), bar("█", c.Accepted, most), bar("░", c.Refused, most))
		if c.Accepted > 0 {
			line += fmt.Sprintf(" %d", c.Accepted)
		}
		if c.Refused > 0 {
			line += fmt.Sprintf(" (%d refused)", c.Refused)
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// bar is as long as its part of the longest one; what is not nothing can be seen.
func bar(mark string, n, most int64) string {
	const longest = 40
	return strings.Repeat(mark, int((n*longest+most-1)/most))
}
