package auditlog

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// The formats of an export, and their media types.
const (
	FormatJSONL = "jsonl"
	FormatCSV   = "csv"
	MediaJSONL  = "application/jsonl"
	MediaCSV    = "text/csv"
)

// Writer writes an export in one of its formats. Nothing reaches the writer below before Flush. Not safe for concurrent use.
type Writer struct {
	w   io.Writer
	b   []byte      // of JSON Lines
	csv *csv.Writer // nil: JSON Lines
}

// NewWriter writes to w in a format; what is not CSV is JSON Lines.
func NewWriter(w io.Writer, format string) *Writer {
	if format == FormatCSV {
		return &Writer{csv: csv.NewWriter(w)}
	}
	return &Writer{w: w}
}

// Media is the media type of what is written.
func (w *Writer) Media() string {
	if w.csv != nil {
		return MediaCSV
	}
	return MediaJSONL
}

// Begin writes what stands before the events. The checkpoint has no place in CSV.
func (w *Writer) Begin(checkpoint string) error {
	if w.csv != nil {
		return w.csv.Write(csvColumns())
	}
	text, err := json.Marshal(Header{Checkpoint: checkpoint})
	w.b = append(append(w.b, text...), '\n')
	return err
}

// Write writes events.
func (w *Writer) Write(lines []Line) (err error) {
	for _, l := range lines {
		if w.csv != nil {
			err = w.csv.Write(csvRow(l))
		} else {
			w.b, err = l.Append(w.b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Flush passes on what was written.
func (w *Writer) Flush() error {
	if w.csv != nil {
		w.csv.Flush()
		return w.csv.Error()
	}
	_, err := w.w.Write(w.b)
	w.b = w.b[:0]
	return err
}

// csvColumns name the columns as the members of a line are named.
func csvColumns() []string {
	return []string{
		"seq", "leaf", "leaf_hash", "at", "action", "actor", "account", "space", "subject", "before", "after",
		"address", "user_agent", "request_id", "reason", "revision",
	}
}

func csvRow(l Line) []string {
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
