package rest

// What goes out of the audit trail: numbers stay numbers, and a part never looks like the whole.

import (
	stdjson "encoding/json"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright"
)

// TestEventNumbers: a number in an event goes out as it is kept.
func TestEventNumbers(t *testing.T) {
	t.Parallel()
	e := keywright.Event{Before: map[string]any{"n": stdjson.Number("9007199254740993"), "deep": map[string]any{"f": stdjson.Number("1.50")}}}
	text, err := json.Marshal(e, answerOptions)
	if err != nil || !strings.Contains(string(text), `"before":{"deep":{"f":1.50},"n":9007199254740993}`) {
		t.Errorf("%s, %v", text, err)
	}
}
