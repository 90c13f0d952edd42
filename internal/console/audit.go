package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/authority"
)

func (s *site) routeAudit() {
	s.page("GET "+inAccount+"/events", s.events)
	s.page("GET "+inAccount+"/events/export", s.exportEvents)
	s.page("GET "+inAccount+"/events/{seq}", s.event)
}

// eventFields are the filters of the audit trail, as they are in the URL.
var eventFields = []string{"action", "actor", "subject", "space", "address", "since", "until", "all"}

// trail is a page of the audit trail, and how it was asked for.
type trail struct {
	keywright.Page[keywright.Event]
	form   *form
	labels labels
}

// labels are those of tokens, by their ids.
type labels map[string]string

// of is who or what a text of the audit trail names, a token by its label.
func (l labels) of(text string) party {
	p := partyOf(text)
	if label := l[p.name]; p.kind == "token" && label != "" {
		p.text = label
	}
	return p
}

// labelsIn looks up the tokens of the account that events name. One that is gone has no label any more.
func (s *site) labelsIn(ctx context.Context, v *visit, events ...keywright.Event) (labels, error) {
	query := keywright.TokenQuery{TokenFilter: keywright.TokenFilter{Account: v.account}, Limit: 200}
	for _, e := range events {
		for _, p := range []party{partyOf(e.Actor), partyOf(e.Subject)} {
			if id, err := keywright.ParseID(p.name); err == nil && p.kind == "token" && e.Account == v.account {
				query.IDs = append(query.IDs, id)
			}
		}
	}
	found := labels{}
	if len(query.IDs) == 0 || !v.who.MaySomewhere(tokensRead) {
		return found, nil
	}
	query.IDs = query.IDs[:min(len(query.IDs), query.Limit)]
	page, err := s.Authority.Tokens(ctx, v.caller, query)
	for _, t := range page.Items {
		found[t.ID.String()] = t.Label
	}
	return found, err
}

// events lists what has happened in an account, or, for operators who ask for it, everywhere.
func (s *site) events(ctx context.Context, v *visit) (answer, error) {
	l := trail{form: newForm(v.r.URL.Query())}
	filter := eventFilter(v, l.form)
	if len(l.form.problems) > 0 {
		return show("Audit trail", trailPage(v, l)).with(http.StatusUnprocessableEntity), nil
	}
	page, err := s.Authority.Events(ctx, v.caller, authority.EventQuery{
		ListQuery: authority.ListQuery{Cursor: v.query("cursor")}, EventFilter: filter,
	})
	if err == nil {
		l.Page = page
		l.labels, err = s.labelsIn(ctx, v, page.Items...)
	}
	switch {
	case err == nil:
		return show("Audit trail", trailPage(v, l)), nil
	case errors.Is(err, keywright.ErrInvalid) && l.form.take(err):
		return show("Audit trail", trailPage(v, l)).with(http.StatusUnprocessableEntity), nil
	}
	return answer{}, err
}

// eventFilter reads the filters, and notes in the form which cannot be read.
func eventFilter(v *visit, f *form) authority.EventFilter {
	filter := authority.EventFilter{
		Account: v.account, Action: f.trimmed("action"), Actor: f.trimmed("actor"), Subject: f.trimmed("subject"), Space: f.trimmed("space"),
		Address: f.trimmed("address"), Since: f.day("since"),
	}
	if until := f.day("until"); !until.IsZero() {
		filter.Until = until.AddDate(0, 0, 1) // through that day
	}
	if v.operator() && f.has("all") {
		filter.Account, filter.All = "", true
	}
	return filter
}

// day is a field's value as the beginning of that day, UTC; zero if nothing, or nothing that can be read, is there.
func (f *form) day(name string) time.Time {
	text := f.trimmed(name)
	if text == "" {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		f.problems[name] = "Write the day as 2030-01-31."
	}
	return day
}

// operator reports whether the person's role is on the instance.
func (v *visit) operator() bool {
	return slices.ContainsFunc(v.who.Roles, func(r keywright.Role) bool { return r.Account == "" })
}

// filtered reports whether the list is not of everything.
func (l trail) filtered() bool {
	return slices.ContainsFunc(eventFields, func(name string) bool { return l.form.trimmed(name) != "" })
}

// exportURL is the URL of what the filters choose, in a format.
func (l trail) exportURL(v *visit, format string) string {
	query := url.Values{"format": {format}}
	for _, name := range eventFields {
		if value := l.form.trimmed(name); value != "" {
			query.Set(name, value)
		}
	}
	return v.at("/events/export?" + query.Encode())
}

// eventsWith is the URL of the events that one filter chooses.
func (v *visit) eventsWith(name, value string) string {
	return v.at("/events?" + url.Values{name: {value}}.Encode())
}

// event shows one event.
func (s *site) event(ctx context.Context, v *visit) (answer, error) {
	absent := fmt.Errorf("event %w", keywright.ErrNotFound)
	seq, err := strconv.ParseInt(v.r.PathValue("seq"), 10, 64)
	if err != nil {
		return answer{}, absent
	}
	e, err := s.Authority.Event(ctx, v.caller, seq)
	if err != nil {
		return answer{}, err
	}
	if e.Account != v.account && e.Account != "" {
		return answer{}, absent
	}
	names, err := s.labelsIn(ctx, v, e)
	return show(actionWords(e.Action), eventPage(v, e, names)), err
}

// partTime is how long a browser may take for a part of an export; the whole may take any time.
const partTime = time.Minute

// exportEvents hands out what the filters choose. Once it has begun, a failure breaks the connection: nobody may take a
// part for the whole.
func (s *site) exportEvents(ctx context.Context, v *visit) (answer, error) {
	f := newForm(v.r.URL.Query())
	filter := eventFilter(v, f)
	for _, problem := range f.problems {
		return answer{}, fmt.Errorf("%w: %s", keywright.ErrInvalid, problem)
	}
	x, err := s.Authority.Export(ctx, v.caller, filter)
	if err != nil {
		return answer{}, err
	}
	first, err := x.Next(ctx)
	if err != nil {
		return answer{}, err
	}
	return stream(func(w http.ResponseWriter) {
		if err := writeExport(ctx, w, v, x, first); err != nil {
			s.Log.LogAttrs(ctx, slog.LevelWarn, "an export broke off", slog.String("request_id", v.caller.RequestID), slog.Any("error", err))
			panic(http.ErrAbortHandler)
		}
	}), nil
}

func writeExport(ctx context.Context, w http.ResponseWriter, v *visit, x *authority.Export, lines []auditlog.Line) error {
	out := auditlog.NewWriter(w, v.query("format"))
	name := "events-" + v.now.UTC().Format(time.DateOnly) + "." + path.Base(out.Media())
	w.Header().Set("Content-Type", out.Media()+"; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	c := http.NewResponseController(w)
	err := out.Begin(x.Checkpoint)
	for err == nil && len(lines) > 0 {
		_ = c.SetWriteDeadline(time.Now().Add(partTime)) // what has no deadline needs none
		if err = out.Write(lines); err == nil {
			err = out.Flush()
		}
		if err == nil {
			lines, err = x.Next(ctx)
		}
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// eventURL is the URL of an event's page; of one of the instance itself, in the account where the person is.
func (v *visit) eventURL(e keywright.Event) string {
	account := e.Account
	if account == "" {
		account = v.account
	}
	return v.in(account, "/events/"+strconv.FormatInt(e.Seq, 10))
}

// reasonWords is an event's reason; of what was refused, its cause in words.
func reasonWords(e keywright.Event) string {
	if e.Action == "token.refused" {
		return strings.ReplaceAll(e.Reason, "_", " ")
	}
	return e.Reason
}
