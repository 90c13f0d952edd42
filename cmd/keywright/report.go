package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
)

// reportCmd holds the reports about the tokens of an account.
type reportCmd struct {
	Usage        reportUsageCmd   `cmd:"" help:"How often the tokens were used, day by day: on a terminal as a chart."`
	Unused       reportUnusedCmd  `cmd:"" help:"Active tokens that nobody used."`
	UnusedScopes reportScopesCmd  `cmd:"" help:"Scopes that active tokens have and did not use."`
	Top          reportTopCmd     `cmd:"" help:"The tokens that are used most."`
	Refused      reportRefusedCmd `cmd:"" help:"Why attempts were refused, and with which tokens most."`
}

// reportFlags are what every report takes.
type reportFlags struct {
	remote
	output
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
	Space   string `placeholder:"NAME" help:"Only tokens of this space."`
	Days    int    `default:"30" help:"How many days back, today's included, UTC; 1 to 90."`
}

// about finds out whom to ask for what.
func (f reportFlags) about(ctx context.Context, h *host) (*keywright.Client, string, keywright.ReportQuery, error) {
	q := keywright.ReportQuery{Space: f.Space, Days: f.Days}
	if f.Days < 1 {
		return nil, "", q, usagef("--days must be 1 to 90")
	}
	client, err := f.dial(h)
	if err != nil {
		return nil, "", q, err
	}
	name, err := accountName(ctx, client, f.Account)
	return client, name, q, err
}

type reportUsageCmd struct {
	reportFlags
}

// Run prints days.
func (c *reportUsageCmd) Run(ctx context.Context, h *host) error {
	client, account, query, err := c.about(ctx, h)
	if err != nil {
		return err
	}
	usage, err := client.AccountUsage(ctx, account, query)
	if err != nil {
		return err
	}
	return c.print(h, usage, func(w io.Writer) {
		usageText(h, w, account, keywright.TokenUsage{From: usage.Since, To: h.Now(), By: keywright.ByDay, Total: usage.Total, Items: usage.Items})
	})
}

type reportUnusedCmd struct {
	reportFlags
	paging
}

// Run prints tokens, those unused for longest first.
func (c *reportUnusedCmd) Run(ctx context.Context, h *host) error {
	client, account, query, err := c.about(ctx, h)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Token], error) {
		query.Limit, query.Cursor = q.Limit, q.Cursor
		return client.UnusedTokens(ctx, account, query)
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		tokenTable(h, w, got.Items)
		more(w, got.Next)
	})
}

type reportScopesCmd struct {
	reportFlags
	paging
}

// Run prints tokens with what they may do and did not.
func (c *reportScopesCmd) Run(ctx context.Context, h *host) error {
	client, account, query, err := c.about(ctx, h)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.UnusedScopes], error) {
		query.Limit, query.Cursor = q.Limit, q.Cursor
		page, err := client.UnusedScopes(ctx, account, query)
		return keywright.Page[keywright.UnusedScopes]{Items: page.Items, Next: page.Next}, err
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) { scopesTable(w, got) })
}

func scopesTable(w io.Writer, got items[keywright.UnusedScopes]) {
	rows := make([][]string, len(got.Items))
	for i, u := range got.Items {
		var used []string
		for _, s := range u.Used {
			used = append(used, s.Scope.String())
		}
		rows[i] = []string{calledName(u.Token), short(u.Token.Space, 20), printable(list(u.Unused.Strings())), orDash(printable(list(used))), u.Token.ID.String()}
	}
	table(w, []string{"TOKEN", "SPACE", "UNUSED", "USED", "ID"}, rows)
	more(w, got.Next)
}

type reportTopCmd struct {
	reportFlags
	Limit int `default:"10" help:"How many at most, 1 to 200."`
}

// Run prints tokens, those used most first.
func (c *reportTopCmd) Run(ctx context.Context, h *host) error {
	client, account, query, err := c.about(ctx, h)
	if err != nil {
		return err
	}
	query.Limit = c.Limit
	top, err := client.TopCallers(ctx, account, query)
	if err != nil {
		return err
	}
	return c.print(h, top, func(w io.Writer) {
		rows := make([][]string, len(top.Items))
		for i, t := range top.Items {
			rows[i] = []string{
				calledName(t.Token), short(t.Token.Space, 20), short(t.Token.Owner, 20), fmt.Sprint(t.Accepted),
				fmt.Sprintf("%.1f %%", 100*t.Share), t.Token.ID.String(),
			}
		}
		table(w, []string{"TOKEN", "SPACE", "OWNER", "ACCEPTED", "SHARE", "ID"}, rows)
		fmt.Fprintf(w, "%d accepted in all since %s\n", top.Total, day(top.Since))
	})
}

type reportRefusedCmd struct {
	reportFlags
	Limit int `default:"10" help:"How many tokens at most, 1 to 200."`
}

// Run prints causes, and tokens, those refused most first.
func (c *reportRefusedCmd) Run(ctx context.Context, h *host) error {
	client, account, query, err := c.about(ctx, h)
	if err != nil {
		return err
	}
	query.Limit = c.Limit
	refused, err := client.RefusedAttempts(ctx, account, query)
	if err != nil {
		return err
	}
	return c.print(h, refused, func(w io.Writer) {
		rows := make([][]string, len(refused.Items))
		for i, t := range refused.Items {
			rows[i] = []string{calledName(t.Token), short(t.Token.Space, 20), fmt.Sprint(t.Refused), causes(t.Causes), t.Token.ID.String()}
		}
		table(w, []string{"TOKEN", "SPACE", "REFUSED", "BECAUSE", "ID"}, rows)
		fmt.Fprintf(w, "%d refused in all since %s: %s\n", refused.Total, day(refused.Since), orDash(causes(refused.Causes)))
	})
}

func calledName(t keywright.TokenName) string {
	return fmt.Sprintf("#%d %s", t.Number, printable(t.Label))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// causes lists reasons with their counts, the most frequent first.
func causes(counts map[string]int64) string {
	reasons := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return int(max(-1, min(1, counts[b]-counts[a])))
		}
		return strings.Compare(a, b)
	})
	for i, reason := range reasons {
		reasons[i] = fmt.Sprintf("%s %d", printable(reason), counts[reason])
	}
	return strings.Join(reasons, ", ")
}
