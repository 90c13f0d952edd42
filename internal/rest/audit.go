package rest

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/authority"
)

// eventQuery is a request for events.
type eventQuery struct {
	authority.EventQuery
	All    *bool
	Format string
}

func (q *eventQuery) chosen() authority.EventFilter {
	q.EventFilter.All = q.All != nil && *q.All
	return q.EventFilter
}

func eventParams() []parameter[eventQuery] {
	type query = eventQuery
	return []parameter[query]{
		text("account", "Default: the caller's", func(q *query) *string { return &q.Account }),
		flag("all", "Events of every account and of the instance itself; for operators, and not with account", func(q *query) **bool { return &q.All }),
		text("space", "Only events in this space", func(q *query) *string { return &q.Space }),
		text("subject", "Only events about this: token:ID, user:NAME …", func(q *query) *string { return &q.Subject }),
		text("actor", "Only what this one did: user:NAME, token:ID or system", func(q *query) *string { return &q.Actor }),
		text("action", "Only this action; with a dot at its end, every action that begins so", func(q *query) *string { return &q.Action }),
		text("address", "Only what was done from this IP address", func(q *query) *string { return &q.Address }),
		instant("since", "Only events of then and later", func(q *query) *time.Time { return &q.Since }),
		instant("until", "Only events from before then", func(q *query) *time.Time { return &q.Until }),
	}
}

func (s *spoke) routeAudit() {
	type query = eventQuery
	serve(s, operation[query]{
		id: "listEvents", method: http.MethodGet, path: "/api/v1/events", tag: "audit",
		summary: "List events", detail: "One page of the audit trail, newest first. Filters are combined with \"and\".",
		params: append(eventParams(),
			limit(func(q *query) *int { return &q.Limit }),
			cursor(func(q *query) *string { return &q.Cursor })),
	}, func(ctx context.Context, caller authority.Caller, q *query) (keywright.Page[keywright.Event], error) {
		return s.Authority.Events(ctx, caller, authority.EventQuery{ListQuery: q.ListQuery, EventFilter: q.chosen()})
	})
	serveAs(s, operation[query]{
		id: "exportEvents", method: http.MethodGet, path: "/api/v1/events/export", tag: "audit",
		summary: "Export events",
		detail: "All events that the filters choose, oldest first. JSON Lines begin with a line that holds a signed checkpoint; each event comes " +
			"with its leaf's hash and, unless it is the whole log (all and nothing else), with a proof that the log holds it. In CSV, text that a spreadsheet would compute begins with '.",
		params: append(eventParams(), oneOf("format", "Default: jsonl", []string{auditlog.FormatJSONL, auditlog.FormatCSV}, func(q *query) *string { return &q.Format })),
	}, []string{auditlog.MediaJSONL, auditlog.MediaCSV}, func(ctx context.Context, caller authority.Caller, q *query) (exporting, error) {
		x, err := s.Authority.Export(ctx, caller, q.chosen())
		return exporting{x, q.Format}, err
	}, s.export)
	s.routeLog()
}

// logQuery is a request about the log that the audit trail is hashed into.
type logQuery struct{ Seq, Size, From, To int64 }

func (s *spoke) routeLog() {
	type query = logQuery
	serve(s, operation[nothing]{
		id: "getAuditKey", method: http.MethodGet, path: "/api/v1/audit/key", tag: "audit", open: true,
		summary: "Get the key that verifies checkpoints", detail: "Keep it apart from the instance: it does not change.",
	}, func(ctx context.Context, _ authority.Caller, _ *nothing) (keywright.AuditKey, error) {
		return s.Authority.AuditKey(ctx)
	})
	size := number("size", "Of the log when it had so many events; default: as it is now", 1, func(q *query) *int64 { return &q.Size })
	serveAs(s, operation[query]{
		id: "getCheckpoint", method: http.MethodGet, path: "/api/v1/audit/checkpoint", tag: "audit",
		summary: "Get a signed checkpoint of the audit trail", detail: "As the C2SP formats tlog-checkpoint and signed-note say.",
		params: []parameter[query]{size},
	}, []string{"text/plain"}, func(ctx context.Context, caller authority.Caller, q *query) (string, error) {
		return s.Authority.Checkpoint(ctx, caller, q.Size)
	}, replyText)
	serve(s, operation[query]{
		id: "proveInclusion", method: http.MethodGet, path: "/api/v1/audit/proof", tag: "audit",
		summary: "Prove that the log holds an event", detail: "RFC 6962 section 2.1.1.",
		params: []parameter[query]{size, number("seq", "Which event", 1, func(q *query) *int64 { return &q.Seq }).must()},
	}, func(ctx context.Context, caller authority.Caller, q *query) (keywright.InclusionProof, error) {
		return s.Authority.Inclusion(ctx, caller, q.Seq, q.Size)
	})
	serve(s, operation[query]{
		id: "proveConsistency", method: http.MethodGet, path: "/api/v1/audit/consistency", tag: "audit",
		summary: "Prove that the log has only grown", detail: "RFC 6962 section 2.1.2.",
		params: []parameter[query]{
			number("from", "Its earlier size", 0, func(q *query) *int64 { return &q.From }).must(),
			number("to", "Its later size; default: as it is now", 1, func(q *query) *int64 { return &q.To }),
		},
	}, func(ctx context.Context, caller authority.Caller, q *query) (keywright.ConsistencyProof, error) {
		return s.Authority.Consistency(ctx, caller, q.From, q.To)
	})
}

func replyText(w http.ResponseWriter, _ *http.Request, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = io.WriteString(w, text) // an error here is the client's going away
}
