package rest

import (
	"encoding/csv"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/authority"
)

// The formats of an export.
const (
	formatJSONL = "jsonl"
	formatCSV   = "csv"
	mediaJSONL  = "application/jsonl"
	mediaCSV    = "text/csv"
)

// batchTime is how long a client may take for a part of an export; the whole may take any time.
const batchTime = time.Minute

// exporting is an export and how it is to be written.
type exporting struct {
	*authority.Export
	format string
}

// lineWriter writes events in a format.
type lineWriter struct {
	media  string
	header func() error
	line   func(auditlog.Line) error
	flush  func() error
}

// export streams the events. Once it has begun, a failure breaks the connection: nobody may take a part for the whole.
func (s *spoke) export(w http.ResponseWriter, r *http.Request, x exporting) {
	lines, err := x.Next(r.Context())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	out := x.jsonLines(w)
	if x.format == formatCSV {
		out = x.csv(w)
	}
	h := w.Header()
	h.Set("Content-Type", out.media+"; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="events.`+path.Base(out.media)+`"`)
	if err = out.header(); err == nil {
		err = x.stream(r, http.NewResponseController(w), out, lines)
	}
	if err != nil {
		s.Log.LogAttrs(r.Context(), slog.LevelWarn, "an export broke off", slog.String("request_id", s.RequestID(r)), slog.Any("error", err))
		panic(http.ErrAbortHandler)
	}
}

func (x exporting) stream(r *http.Request, c *http.ResponseController, out lineWriter, lines []auditlog.Line) (err error) {
	for ; err == nil && len(lines) > 0; lines, err = x.Next(r.Context()) {
		_ = c.SetWriteDeadline(time.Now().Add(batchTime)) // what has no deadline needs none
		for _, l := range lines {
			if err := out.line(l); err != nil {
				return err
			}
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
	if err == nil {
		err = out.flush()
	}
	return err
}

func (x exporting) jsonLines(w http.ResponseWriter) lineWriter {
	var b []byte
	write := func() error {
		_, err := w.Write(b)
		b = b[:0]
		return err
	}
	return lineWriter{
		media: mediaJSONL,
		header: func() error {
			text, err := json.Marshal(auditlog.Header{Checkpoint: x.Checkpoint})
			b = append(append(b, text...), '\n')
			return err
		},
		line:  func(l auditlog.Line) (err error) { b, err = l.Append(b); return err },
		flush: write,
	}
}

// csvColumns name the columns as the members of a line are named.
var csvColumns = []string{
	"seq", "leaf", "leaf_hash", "at", "action", "actor", "account", "space", "subject", "before", "after",
	"address", "user_agent", "request_id", "reason", "revision",
}

func (x exporting) csv(w http.ResponseWriter) lineWriter {
	c := csv.NewWriter(w)
	return lineWriter{
		media:  mediaCSV,
		header: func() error { return c.Write(csvColumns) },
		line:   func(l auditlog.Line) error { return c.Write(csvRow(l)) },
		flush: func() error {
			c.Flush()
			return c.Error()
		},
	}
}

func csvRow(l auditlog.Line) []string {
	row := []string{
		strconv.FormatInt(l.Seq, 10), strconv.FormatInt(l.Leaf, 10), l.LeafHash, l.At, l.Action, l.Actor, l.Account, l.Space, l.Subject,
		string(l.Before), string(l.After), l.Address, l.UserAgent, l.RequestID, l.Reason, strconv.FormatInt(int64(l.Revision), 10),
	}
	for i, cell := range row {
		row[i] = noFormula(cell)
	}
	return row
}

// noFormula keeps a spreadsheet from computing what somebody wrote (OWASP ASVS 1.2.10).
func noFormula(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\x00\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
