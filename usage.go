package keywright

import "time"

// The doors by which a token is used, as its usage names them. A dialect's door has the dialect's name.
const (
	DoorREST       = "rest"
	DoorVerify     = "verify"
	DoorToken      = "token"
	DoorIntrospect = "introspect"
	DoorRevoke     = "revoke"
	DoorCheck      = "check"
	DoorConsole    = "console"
	DoorGuard      = "guard"
)

// The steps of a token's usage.
const (
	ByHour = "hour"
	ByDay  = "day"
)

// Counts says how often tokens were presented.
type Counts struct {
	Accepted int64            `json:"accepted"`
	Refused  int64            `json:"refused"`
	Causes   map[string]int64 `json:"causes" doc:"Of the refused, by reason"`
	Doors    map[string]int64 `json:"doors" doc:"Of all, by door"`
}

// TokenUsage says how often a token was presented from From until before To, both UTC.
type TokenUsage struct {
	Token ID          `json:"token"`
	From  time.Time   `json:"from"`
	To    time.Time   `json:"to"`
	By    string      `json:"by" enum:"hour,day"`
	Total Counts      `json:"total"`
	Items []UsageStep `json:"items" doc:"In the order of time; an hour or day in which nothing happened is left out"`
}

// UsageStep is one hour or day.
type UsageStep struct {
	At     time.Time `json:"at" doc:"When it begins, UTC"`
	Counts Counts    `json:"counts"`
}

// AccountUsage says how often the tokens of an account, or of a space of it, were presented.
type AccountUsage struct {
	Since time.Time   `json:"since" doc:"When the first day begins, UTC"`
	Total Counts      `json:"total"`
	Items []UsageStep `json:"items" doc:"Days, in the order of time; one in which nothing happened is left out. Tokens that were deleted since count"`
}

// UsageQuery asks for a token's usage. The instants are rounded outward to whole hours or days.
type UsageQuery struct {
	From time.Time // zero: 30 days before To
	To   time.Time // zero: now
	By   string    // default "day"
}

// ReportQuery asks for a report about an account's tokens.
type ReportQuery struct {
	Space  string // empty: every space
	Days   int    // days back, today's included, UTC: 1 to 90; default 30
	Limit  int    // 1 to 200; default 50
	Cursor string // from the page before, where a report has pages
}

// TokenName says which token a line of a report is about.
type TokenName struct {
	ID     ID     `json:"id"`
	Number int64  `json:"number"`
	Label  string `json:"label"`
	Space  string `json:"space"`
	Owner  string `json:"owner"`
}

// TopCallers is which tokens were accepted most.
type TopCallers struct {
	Since time.Time   `json:"since"`
	Total int64       `json:"total" doc:"Of all tokens, also those that are not listed or were deleted since"`
	Items []TopCaller `json:"items" doc:"The most used first"`
}

// TopCaller is one of them.
type TopCaller struct {
	Token    TokenName `json:"token"`
	Accepted int64     `json:"accepted"`
	Share    float64   `json:"share" doc:"Of the total, from 0 to 1"`
}

// RefusedAttempts is why and at which tokens attempts were refused. An attempt with a credential that is nobody's is at no token.
type RefusedAttempts struct {
	Since  time.Time        `json:"since"`
	Total  int64            `json:"total" doc:"Of all tokens, also those that are not listed or were deleted since"`
	Causes map[string]int64 `json:"causes" doc:"Of the total, by reason"`
	Items  []RefusedToken   `json:"items" doc:"The most refused first"`
}

// RefusedToken is how often attempts with one token were refused.
type RefusedToken struct {
	Token   TokenName        `json:"token"`
	Refused int64            `json:"refused"`
	Causes  map[string]int64 `json:"causes"`
}

// UnusedScopes is what a token may do and was not seen to do.
type UnusedScopes struct {
	Token     TokenName   `json:"token"`
	UpdatedAt time.Time   `json:"updated_at" doc:"A scope may have been given as late as then"`
	Unused    Scopes      `json:"unused"`
	Used      []UsedScope `json:"used"`
}

// UsedScope is when one of a token's scopes was last used.
type UsedScope struct {
	Scope      Scope     `json:"scope"`
	LastUsedAt time.Time `json:"last_used_at" doc:"The hour, UTC"`
}

// UnusedScopesPage is one page of what was not used. A page may be short, or empty, though there is a next one.
type UnusedScopesPage struct {
	Since time.Time      `json:"since" doc:"What was used before is not known, or too long ago to count"`
	Items []UnusedScopes `json:"items"`
	Next  string         `json:"next" doc:"Cursor of the next page; empty at the end"`
}
