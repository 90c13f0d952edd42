package keywright_test

import (
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// What is not there is said in words, and nothing is claimed that a rule did not find.
func TestExplainOfNothing(t *testing.T) {
	t.Parallel()
	e := keywright.Explain(keywright.Facts{}, keywright.Access{}, time.Unix(0, 0))
	told := map[keywright.Reason]string{}
	for _, f := range e.Rules {
		told[f.Rule] = f.Detail
	}
	for rule, want := range map[keywright.Reason]string{
		keywright.Undecided:         "on file: false",
		keywright.WrongTenant:       "asked for: no space",
		keywright.WrongAudience:     "asked by: one who names none",
		keywright.WrongNetwork:      "from anywhere; address: not known",
		keywright.InsufficientScope: "it has none; asked for: none",
	} {
		if !strings.Contains(told[rule], want) {
			t.Errorf("%v: %q, want %q", rule, told[rule], want)
		}
	}
	if e.Valid {
		t.Error("the zero facts are allowed")
	}
}
