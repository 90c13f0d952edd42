package keywright_test

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// usageCalls are the calls about how tokens were used.
func usageCalls(ctx context.Context) []clientCall {
	id := mustID(sampleID)
	type client = *keywright.Client
	reports := "GET /api/v1/accounts/acme/reports/"
	return []clientCall{
		{"GET /api/v1/tokens/" + sampleID + "/usage", "", func(c client) error { return only(c.TokenUsage(ctx, id, keywright.UsageQuery{})) }},
		{"GET /api/v1/tokens/" + sampleID + "/usage?by=hour&from=2030-01-31T00%3A00%3A00Z&to=2030-02-01T00%3A00%3A00Z", "", func(c client) error {
			day := time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)
			return only(c.TokenUsage(ctx, id, keywright.UsageQuery{By: keywright.ByHour, From: day, To: day.AddDate(0, 0, 1)}))
		}},
		{reports + "usage?days=7&space=lab", "", func(c client) error {
			return only(c.AccountUsage(ctx, "acme", keywright.ReportQuery{Days: 7, Space: "lab"}))
		}},
		{reports + "unused-tokens?cursor=c&days=7&limit=3&space=lab", "", func(c client) error {
			return only(c.UnusedTokens(ctx, "acme", keywright.ReportQuery{Days: 7, Limit: 3, Space: "lab", Cursor: "c"}))
		}},
		{reports + "unused-scopes", "", func(c client) error { return only(c.UnusedScopes(ctx, "acme", keywright.ReportQuery{})) }},
		{reports + "top-callers?limit=3", "", func(c client) error { return only(c.TopCallers(ctx, "acme", keywright.ReportQuery{Limit: 3})) }},
		{reports + "refusals?days=90", "", func(c client) error { return only(c.RefusedAttempts(ctx, "acme", keywright.ReportQuery{Days: 90})) }},
	}
}
