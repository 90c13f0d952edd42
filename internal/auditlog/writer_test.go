package auditlog

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What goes out of the audit trail: no cell is a formula, and numbers stay numbers.

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
		l := Line{Seq: 1, Actor: text.Draw(t, "actor"), Subject: text.Draw(t, "subject"), Reason: text.Draw(t, "reason"), UserAgent: text.Draw(t, "agent")}
		var b bytes.Buffer
		out := NewWriter(&b, FormatCSV)
		if out.Begin("") != nil || out.Write([]Line{l}) != nil || out.Flush() != nil {
			t.Fatal("cannot be written")
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 2 || !slices.Equal(rows[0], csvColumns()) {
			t.Fatalf("%q, %v", rows, err)
		}
		for i, cell := range csvRow(l) {
			// encoding/csv reads \r\n in a quoted cell as \n.
			if strings.ReplaceAll(cell, "\r\n", "\n") != rows[1][i] {
				t.Errorf("column %s: %q, want %q", csvColumns()[i], rows[1][i], cell)
			}
			if cell != "" && strings.ContainsRune("=+-@\t\r\x00", rune(cell[0])) {
				t.Errorf("column %s is a formula: %q", csvColumns()[i], cell)
			}
		}
	})
}
