package keywright

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// EventQuery asks for one page of the audit trail, newest first.
type EventQuery struct {
	ListQuery
	EventFilter
}

// EventFilter chooses events; of several members all must match.
type EventFilter struct {
	Account string // default: the caller's
	All     bool   // of every account and of the instance itself: for operators; not with Account
	Space   string
	Subject string // token:ID, user:NAME …
	Actor   string // user:NAME, token:ID or system
	Action  string // "token." matches every action that begins so
	Address string // from which it was done
	Since   time.Time
	Until   time.Time // before it
}

func (f EventFilter) values(v url.Values) url.Values {
	set(v, "account", f.Account)
	set(v, "space", f.Space)
	set(v, "subject", f.Subject)
	set(v, "actor", f.Actor)
	set(v, "action", f.Action)
	set(v, "address", f.Address)
	if f.All {
		v.Set("all", "true")
	}
	for name, t := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !t.IsZero() {
			v.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	return v
}

// Events returns a page of the audit trail.
func (c *Client) Events(ctx context.Context, q EventQuery) (Page[Event], error) {
	query := q.EventFilter.values(listValues(q.Limit, q.Cursor))
	return call[Page[Event]](ctx, c, request{method: "GET", path: v1("events"), query: query})
}

// The formats of ExportEvents.
const (
	FormatJSONL = "jsonl" // JSON Lines, which keywright audit verify reads
	FormatCSV   = "csv"   // safe to open in a spreadsheet
)

// ExportEvents writes the events that the filter chooses to w, oldest first. On an error what was written is not all.
func (c *Client) ExportEvents(ctx context.Context, f EventFilter, format string, w io.Writer) error {
	query := f.values(url.Values{})
	set(query, "format", format)
	return c.download(ctx, request{method: "GET", path: v1("events", "export"), query: query, accept: "application/jsonl, text/csv"}, w)
}

// AuditKey returns the key that verifies checkpoints of the audit trail.
func (c *Client) AuditKey(ctx context.Context) (AuditKey, error) {
	return call[AuditKey](ctx, c, request{method: "GET", path: v1("audit", "key")})
}

// Checkpoint returns the signed state of the audit trail's log when it had size events (0: now), as the C2SP formats
// tlog-checkpoint and signed-note write it.
func (c *Client) Checkpoint(ctx context.Context, size int64) (string, error) {
	var note strings.Builder
	query := url.Values{}
	setNumber(query, "size", size)
	err := c.download(ctx, request{method: "GET", path: v1("audit", "checkpoint"), query: query, accept: "text/plain"}, &note)
	return note.String(), err
}

// ProveInclusion returns the proof that the log of size events (0: now) holds the event.
func (c *Client) ProveInclusion(ctx context.Context, seq, size int64) (InclusionProof, error) {
	query := url.Values{"seq": {strconv.FormatInt(seq, 10)}}
	setNumber(query, "size", size)
	return call[InclusionProof](ctx, c, request{method: "GET", path: v1("audit", "proof"), query: query})
}

// ProveConsistency returns the proof that the log of to events (0: now) begins with that of from events.
func (c *Client) ProveConsistency(ctx context.Context, from, to int64) (ConsistencyProof, error) {
	query := url.Values{"from": {strconv.FormatInt(from, 10)}}
	setNumber(query, "to", to)
	return call[ConsistencyProof](ctx, c, request{method: "GET", path: v1("audit", "consistency"), query: query})
}

func setNumber(v url.Values, name string, n int64) {
	if n != 0 {
		v.Set(name, strconv.FormatInt(n, 10))
	}
}
