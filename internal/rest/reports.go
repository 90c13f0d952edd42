package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const reportsPath = accountPath + "/reports"

// anUsage is a request about the usage of a token.
type anUsage struct {
	ID    keywright.ID
	Query keywright.UsageQuery
}

// aReport is a request for a report about an account's tokens.
type aReport struct {
	Account string
	Days    int64
	Query   keywright.ReportQuery
}

// routeReports routes what was counted of tokens.
func (s *spoke) routeReports() {
	serve(s, operation[anUsage]{
		id: "getTokenUsage", method: http.MethodGet, path: tokenPath + "/usage", tag: "usage", summary: "Get a token's usage",
		detail: "How often it was accepted and refused, by hour or day, cause and door. Kept for 90 days; at most a second behind.",
		params: []parameter[anUsage]{
			pathID(func(in *anUsage) *keywright.ID { return &in.ID }),
			instant("from", "Rounded down to a whole hour or day, UTC. Default: 30 days before to", func(in *anUsage) *time.Time { return &in.Query.From }),
			instant("to", "Rounded up to a whole hour or day, UTC. Default: now", func(in *anUsage) *time.Time { return &in.Query.To }),
			oneOf("by", "The step of the items. Default: day", []string{keywright.ByHour, keywright.ByDay}, func(in *anUsage) *string { return &in.Query.By }),
		},
	}, func(ctx context.Context, caller authority.Caller, in *anUsage) (keywright.TokenUsage, error) {
		return s.Authority.TokenUsage(ctx, caller, in.ID, in.Query)
	})
	routeReport(s, "reportUsage", "usage", "Report usage",
		"How often the account's tokens were accepted and refused, by day, cause and door. Kept for 90 days; at most a second behind.", s.Authority.AccountUsage, nil)
	routeReport(s, "reportUnusedTokens", "unused-tokens", "Report unused tokens",
		"One page of the active tokens that are older than the days and were not used in them: those unused for longest first, then those that never were.",
		s.Authority.UnusedTokens, reportPage())
	routeReport(s, "reportUnusedScopes", "unused-scopes", "Report unused scopes",
		"One page of the active tokens, the oldest first, with scopes that were not used in the days. A use counts for the narrowest scopes that cover what was asked for, "+
			"and for all where whoever asked was told all: introspection, access tokens, verification without scopes.",
		s.Authority.UnusedScopes, reportPage())
	routeReport(s, "reportTopCallers", "top-callers", "Report top callers", "The tokens that were accepted most, with their share of all.", s.Authority.TopCallers, reportMost())
	routeReport(s, "reportRefusals", "refusals", "Report refused attempts", "Why attempts with tokens of the account were refused, and with which tokens most.",
		s.Authority.RefusedAttempts, reportMost())
}

func reportPage() []parameter[aReport] {
	return append(reportMost(), cursor(func(in *aReport) *string { return &in.Query.Cursor }))
}

func reportMost() []parameter[aReport] {
	return []parameter[aReport]{limit(func(in *aReport) *int { return &in.Query.Limit })}
}

// routeReport routes one report.
func routeReport[Out any](
	s *spoke, id, word, summary, detail string,
	report func(context.Context, authority.Caller, string, keywright.ReportQuery) (Out, error), more []parameter[aReport],
) {
	serve(s, operation[aReport]{
		id: id, method: http.MethodGet, path: reportsPath + "/" + word, tag: "usage", summary: summary, detail: detail,
		params: append([]parameter[aReport]{
			pathName("account", "The account's name", func(in *aReport) *string { return &in.Account }),
			text("space", "Only tokens of this space", func(in *aReport) *string { return &in.Query.Space }),
			number("days", "Days back, today's included, UTC: at most 90. Default: 30", 1, func(in *aReport) *int64 { return &in.Days }),
		}, more...),
	}, func(ctx context.Context, caller authority.Caller, in *aReport) (Out, error) {
		in.Query.Days = int(min(in.Days, 1<<20))
		return report(ctx, caller, in.Account, in.Query)
	})
}
