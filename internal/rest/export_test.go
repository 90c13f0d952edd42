package rest

// What goes out of the audit trail: no cell is a formula, numbers stay numbers, and a part never looks like the whole.

import (
	"bytes"
	"encoding/csv"
	stdjson "encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
)

func TestNoFormula(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "a": "a", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=": "'\t=", "\r=": "'\r=", "\x00=": "'\x00=",
		"a=1": "a=1", "'=1": "'=1", "ä=": "ä=", "2030-01-01": "2030-01-01",
	} {
		if got := noFormula(cell); got != want {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
}

// TestCSV: whatever stands in an event, a reader of CSV gets back the same cells, none of which a spreadsheet computes.
func TestCSV(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching("[=+@\t\r\n\"',-][a-z\n\"]*"))
		l := auditlog.Line{Seq: 1, Actor: text.Draw(t, "actor"), Subject: text.Draw(t, "subject"), Reason: text.Draw(t, "reason"), UserAgent: text.Draw(t, "agent")}
		w := httptest.NewRecorder()
		out := exporting{}.csv(w)
		if out.header() != nil || out.line(l) != nil || out.flush() != nil {
			t.Fatal("cannot be written")
		}
		rows, err := csv.NewReader(bytes.NewReader(w.Body.Bytes())).ReadAll()
		if err != nil || len(rows) != 2 || !slices.Equal(rows[0], csvColumns) {
			t.Fatalf("%q, %v", rows, err)
		}
		for i, cell := range csvRow(l) {
			// encoding/csv reads \r\n in a quoted cell as \n.
			if strings.ReplaceAll(cell, "\r\n", "\n") != rows[1][i] {
				t.Errorf("column %s: %q, want %q", csvColumns[i], rows[1][i], cell)
			}
			if cell != "" && strings.ContainsRune("=+-@\t\r\x00", rune(cell[0])) {
				t.Errorf("column %s is a formula: %q", csvColumns[i], cell)
			}
		}
	})
}

// TestEventNumbers: a number in an event goes out as it is kept.
func TestEventNumbers(t *testing.T) {
	t.Parallel()
	e := keywright.Event{Before: map[string]any{"n": stdjson.Number("9007199254740993"), "deep": map[string]any{"f": stdjson.Number("1.50")}}}
	text, err := json.Marshal(e, answerOptions)
	if err != nil || !strings.Contains(string(text), `"before":{"deep":{"f":1.50},"n":9007199254740993}`) {
		t.Errorf("%s, %v", text, err)
	}
}
