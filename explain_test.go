package keywright_test

import (
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// Explain and Decide cannot disagree: the first rule that refuses is the reason, and every rule is told.
func TestExplainIsDecide(t *testing.T) {
	t.Parallel()
	for _, row := range decisionVectors() {
		e := keywright.Explain(row.Facts.facts(t), row.Access.access(t), row.Now)
		first, missing := keywright.Allowed, ""
		for i, f := range e.Rules {
			if f.Detail == "" || i > 0 && f.Rule <= e.Rules[i-1].Rule {
				t.Errorf("%s: rule %+v", row.Name, f)
			}
			if f.Refuses && first == keywright.Allowed {
				first, missing = f.Rule, f.Missing
			}
		}
		if first != row.Reason || e.Reason != row.Reason || missing != row.Missing || e.Valid != (row.Reason == keywright.Allowed) || len(e.Rules) != 11 {
			t.Errorf("%s: %s (missing %q) by the rules, %s in all; want %s", row.Name, first, missing, e.Reason, row.Reason)
		}
	}
}

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
