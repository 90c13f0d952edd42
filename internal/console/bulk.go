package console

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/keywright/keywright"
)

// bulkForm is a change to many tokens that is asked about.
type bulkForm struct {
	*form
	act     string // keywright.BulkDisable …
	whole   bool   // of all that the filter chooses
	matched int64
	sample  []keywright.Token
}

// bulk counts what would change and asks; asked with the count that was shown, it changes just as many or nothing.
func (s *site) bulk(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	b := bulkForm{form: f, act: f.get("do"), whole: f.has("whole")}
	change, err := s.bulkChange(v, b)
	if err != nil {
		return answer{}, err
	}
	if change.Expect == nil {
		return s.askBulk(ctx, v, b, change)
	}
	if b.act == keywright.BulkDelete && f.trimmed("repeat") != f.get("expect") {
		f.problems["repeat"] = "Type the number of tokens, " + f.get("expect") + "."
		a, err := s.askBulk(ctx, v, b, change)
		return a.with(http.StatusUnprocessableEntity), err
	}
	done, err := s.Authority.Bulk(ctx, v.caller, change)
	if err != nil {
		return answer{}, err
	}
	a := goOn(v.listed(f), fmt.Sprintf("%s %s.", count(done.Changed, "token"), bulkWords(b.act).done))
	if b.act == keywright.BulkDisable {
		a = a.undone(v.undoing(done.Revision))
	}
	return a, nil
}

// bulkChange reads which tokens are meant: those ticked or, with whole, all that the search chooses.
func (s *site) bulkChange(v *visit, b bulkForm) (keywright.BulkChange, error) {
	change := keywright.BulkChange{Action: b.act, Reason: b.trimmed("reason")}
	change.Filter.Account = v.account
	if b.whole {
		filter, keyLike := s.tokenFilter(v, b.form)
		if keyLike {
			return change, keywright.Invalid("q", "a key is no search")
		}
		change.Filter = filter
		change.All = !tokenList{form: b.form}.filtered()
	} else {
		for _, text := range b.values["id"] {
			id, err := keywright.ParseID(text)
			if err != nil {
				return change, err
			}
			change.Filter.IDs = append(change.Filter.IDs, id)
		}
		if len(change.Filter.IDs) == 0 {
			return change, keywright.Invalid("", "tick the tokens first")
		}
	}
	if text := b.get("expect"); text != "" {
		expect, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return change, keywright.Invalid("expect", "is no number")
		}
		change.Expect = &expect
	}
	return change, nil
}

func (s *site) askBulk(ctx context.Context, v *visit, b bulkForm, change keywright.BulkChange) (answer, error) {
	const shown = 8
	change.DryRun, change.Expect = true, nil
	counted, err := s.Authority.Bulk(ctx, v.caller, change)
	if err != nil {
		return answer{}, err
	}
	b.matched = counted.Matched
	b.sample, _, err = s.Authority.LastUsed(ctx, v.caller, change.Filter, shown)
	return show(bulkWords(b.act).verb+" tokens", bulkPage(v, b)), err
}

// bulkWord is how a change to many tokens is spoken of.
type bulkWord struct{ verb, done, means string }

func bulkWords(act string) bulkWord {
	switch act {
	case keywright.BulkDisable:
		return bulkWord{"Disable", "disabled", "They are refused everywhere, until somebody enables them again."}
	case keywright.BulkRevoke:
		return bulkWord{"Revoke", "revoked", "They are refused everywhere, for good. They stay listed. What they have made ends with them."}
	}
	return bulkWord{"Delete", "deleted", "They are refused everywhere, for good, and gone from the lists. The audit trail keeps their story. What they have made is revoked."}
}
