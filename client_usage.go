package keywright

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// TokenUsage returns how often a token was accepted and refused.
func (c *Client) TokenUsage(ctx context.Context, id ID, q UsageQuery) (TokenUsage, error) {
	v := url.Values{}
	set(v, "by", q.By)
	for name, t := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !t.IsZero() {
			v.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	return call[TokenUsage](ctx, c, request{method: "GET", path: v1("tokens", id.String(), "usage"), query: v})
}

// AccountUsage returns how often an account's tokens were presented, day by day. It takes no limit.
func (c *Client) AccountUsage(ctx context.Context, account string, q ReportQuery) (AccountUsage, error) {
	return report[AccountUsage](ctx, c, account, "usage", q)
}

// UnusedTokens returns one page of an account's active tokens that are older than the days asked for and were not
// used in them: those unused for longest first, then those that never were.
func (c *Client) UnusedTokens(ctx context.Context, account string, q ReportQuery) (Page[Token], error) {
	return report[Page[Token]](ctx, c, account, "unused-tokens", q)
}

// UnusedScopes returns one page of an account's active tokens, the oldest first, that have scopes which they did not
// use in the days asked for.
func (c *Client) UnusedScopes(ctx context.Context, account string, q ReportQuery) (UnusedScopesPage, error) {
	return report[UnusedScopesPage](ctx, c, account, "unused-scopes", q)
}

// TopCallers returns which of an account's tokens were accepted most. It has no pages.
func (c *Client) TopCallers(ctx context.Context, account string, q ReportQuery) (TopCallers, error) {
	return report[TopCallers](ctx, c, account, "top-callers", q)
}

// RefusedAttempts returns why attempts with an account's tokens were refused, and with which most. It has no pages.
func (c *Client) RefusedAttempts(ctx context.Context, account string, q ReportQuery) (RefusedAttempts, error) {
	return report[RefusedAttempts](ctx, c, account, "refusals", q)
}

func report[T any](ctx context.Context, c *Client, account, which string, q ReportQuery) (T, error) {
	v := listValues(q.Limit, q.Cursor)
	set(v, "space", q.Space)
	if q.Days != 0 {
		v.Set("days", strconv.Itoa(q.Days))
	}
	return call[T](ctx, c, request{method: "GET", path: v1("accounts", account, "reports", which), query: v})
}
