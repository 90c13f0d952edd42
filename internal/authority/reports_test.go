package authority

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// seenOnce is one attempt as it was answered.
type seenOnce struct {
	token  keywright.ID
	at     time.Time
	reason keywright.Reason
	scope  string // of the token's, if it was accepted
}

// diary is a world in which tokens are used, and everything that is seen of them.
type diary struct {
	*world
	tokens []keywright.Issued
	seen   []seenOnce
	dice   *rand.Rand
}

func newDiary(t *testing.T) *diary {
	d := &diary{world: newWorld(t), dice: rand.New(rand.NewPCG(5, 6))}
	d.a.cfg.Usage = d.st
	for i := range 8 {
		d.make("default", fmt.Sprint("t", i))
		d.make("lab", fmt.Sprint("lab", i))
	}
	return d
}

func (d *diary) make(space, label string) {
	d.tokens = append(d.tokens, d.issue(d.as("ada"), keywright.NewToken{
		Account: "acme", Space: space, Kind: keywright.KindSpace, Label: label, Scopes: []string{"a:*", "a:read", "b:read"}, ExpiresIn: 300 * 24 * 60 * 60,
	}))
}

// live lets time pass in which the first of the tokens are used, sometimes wrongly.
func (d *diary) live(attempts int, during time.Duration) {
	d.t.Helper()
	for range attempts {
		d.pass(time.Duration(d.dice.Int64N(int64(2 * during / time.Duration(attempts)))))
		issued := d.tokens[d.dice.IntN(len(d.tokens)*3/4)]
		asked, used := [][2]string{{"a:read", "a:read"}, {"a:write", "a:*"}, {"b:read", "b:read"}, {"c:read", ""}}[d.dice.IntN(4)], ""
		caller, secret := d.by(issued), issued.ClientSecret.Reveal()
		if d.dice.IntN(5) == 0 {
			caller = d.present(keywright.FormatAPIKey("kw", issued.Token.ID, secret[1:]+secret[:1]))
		}
		v, err := d.a.Check(d.t.Context(), caller, "", keywright.Access{Scopes: scopes(asked[0])})
		d.must(err)
		if v.Allowed() {
			used = asked[1]
		}
		d.seen = append(d.seen, seenOnce{issued.Token.ID, d.time(), v.Decision.Reason, used})
		d.must(d.a.flush(d.t.Context())) // as it is within a second
	}
}

// count is how often what was seen of some tokens is so.
func (d *diary) count(is func(seenOnce) bool) (n int64) {
	for _, s := range d.seen {
		if is(s) {
			n++
		}
	}
	return n
}

// Every report says what anybody can count who saw everything.
func TestReportsAgainstEverythingSeen(t *testing.T) {
	t.Parallel()
	d := newDiary(t)
	d.live(600, 100*oneDay)
	d.checkUsage()
	for _, days := range []int{1, 30, 90} {
		q := keywright.ReportQuery{Days: days, Limit: 200}
		d.checkTop(d.as("ada"), q, d.tokens)
		d.checkDays(d.as("audi"), q, d.tokens)
		d.checkRefused(d.as("audi"), q, d.tokens)
		d.checkUnused(q)
		q.Space = "lab"
		lab := slices.DeleteFunc(slices.Clone(d.tokens), func(i keywright.Issued) bool { return i.Token.Space != "lab" })
		d.checkTop(d.as("ada"), q, lab)
		d.checkDays(d.as("rita"), q, lab)
		d.checkDays(d.as("ada"), q, lab)
		q.Space = "default"
		d.checkDays(d.as("rita"), q, nil)
		q.Space = ""
		d.checkDays(d.as("mel"), q, lab)
		d.checkTop(d.as("rita"), q, lab)
		d.checkRefused(d.as("mel"), q, lab)
	}
}

// checkUsage holds each token's usage by hour and day against what was seen.
func (d *diary) checkUsage() {
	d.t.Helper()
	for _, issued := range d.tokens {
		for by, width := range map[string]time.Duration{keywright.ByHour: time.Hour, keywright.ByDay: oneDay} {
			from := d.time().Add(-40 * oneDay)
			got, err := d.a.TokenUsage(d.t.Context(), d.as("ada"), issued.Token.ID, keywright.UsageQuery{By: by, From: from})
			d.must(err)
			total, steps := newCounts(), map[time.Time]keywright.Counts{}
			for _, s := range d.seen {
				if s.token != issued.Token.ID || s.at.Before(from.Truncate(width)) {
					continue
				}
				at := s.at.Truncate(width)
				if _, ok := steps[at]; !ok {
					steps[at] = newCounts()
				}
				c := steps[at]
				addCount(&c, s.reason, "", 1)
				steps[at] = c
				addCount(&total, s.reason, "", 1)
			}
			gotSteps := map[time.Time]keywright.Counts{}
			for _, s := range got.Items {
				gotSteps[s.At] = s.Counts
			}
			if diff := cmp.Diff(steps, gotSteps) + cmp.Diff(total, got.Total); diff != "" {
				d.t.Errorf("by %s:\n%s", by, diff)
			}
		}
	}
}

// since is the midnight with which a report over so many days begins.
func (d *diary) since(days int) time.Time { return d.time().Truncate(oneDay).AddDate(0, 0, 1-days) }

func (d *diary) checkTop(who Caller, q keywright.ReportQuery, tokens []keywright.Issued) {
	d.t.Helper()
	got, err := d.a.TopCallers(d.t.Context(), who, "acme", q)
	d.must(err)
	since, total := d.since(q.Days), int64(0)
	want := map[keywright.ID]int64{}
	for _, i := range tokens {
		n := d.count(func(s seenOnce) bool {
			return s.token == i.Token.ID && s.reason == keywright.Allowed && !s.at.Before(since)
		})
		if total += n; n > 0 {
			want[i.Token.ID] = n
		}
	}
	have := map[keywright.ID]int64{}
	for n, top := range got.Items {
		have[top.Token.ID] = top.Accepted
		if top.Share != float64(top.Accepted)/float64(total) || n > 0 && top.Accepted > got.Items[n-1].Accepted {
			d.t.Errorf("%+v after %d of %d", top, n, total)
		}
	}
	if diff := cmp.Diff(want, have); diff != "" || got.Total != total || !got.Since.Equal(since) {
		d.t.Errorf("%+v: total %d, want %d\n%s", q, got.Total, total, diff)
	}
}

// checkDays holds the days of some tokens, added up, against what was seen.
func (d *diary) checkDays(who Caller, q keywright.ReportQuery, tokens []keywright.Issued) {
	d.t.Helper()
	got, err := d.a.AccountUsage(d.t.Context(), who, "acme", q)
	d.must(err)
	want, steps := newCounts(), map[time.Time]keywright.Counts{}
	for _, s := range d.seen {
		mine := slices.ContainsFunc(tokens, func(i keywright.Issued) bool { return i.Token.ID == s.token })
		if !mine || s.at.Before(d.since(q.Days)) {
			continue
		}
		at := s.at.Truncate(oneDay)
		c, ok := steps[at]
		if !ok {
			c = newCounts()
		}
		addCount(&c, s.reason, "", 1)
		addCount(&want, s.reason, "", 1)
		steps[at] = c
	}
	have := map[time.Time]keywright.Counts{}
	for i, step := range got.Items {
		have[step.At] = step.Counts
		if i > 0 && !step.At.After(got.Items[i-1].At) {
			d.t.Errorf("%v comes after %v", step.At, got.Items[i-1].At)
		}
	}
	if diff := cmp.Diff(steps, have) + cmp.Diff(want, got.Total); diff != "" || !got.Since.Equal(d.since(q.Days)) {
		d.t.Errorf("%+v since %v\n%s", q, got.Since, diff)
	}
}

func (d *diary) checkRefused(who Caller, q keywright.ReportQuery, tokens []keywright.Issued) {
	d.t.Helper()
	got, err := d.a.RefusedAttempts(d.t.Context(), who, "acme", q)
	d.must(err)
	causes, total := map[string]int64{}, int64(0)
	want := map[keywright.ID]map[string]int64{}
	for _, s := range d.seen {
		mine := slices.ContainsFunc(tokens, func(i keywright.Issued) bool { return i.Token.ID == s.token })
		if !mine || s.reason == keywright.Allowed || s.at.Before(d.since(q.Days)) {
			continue
		}
		if want[s.token] == nil {
			want[s.token] = map[string]int64{}
		}
		want[s.token][s.reason.String()]++
		causes[s.reason.String()]++
		total++
	}
	have := map[keywright.ID]map[string]int64{}
	for _, r := range got.Items {
		have[r.Token.ID] = r.Causes
	}
	if diff := cmp.Diff(want, have) + cmp.Diff(causes, got.Causes); diff != "" || got.Total != total {
		d.t.Errorf("%+v: total %d, want %d\n%s", q, got.Total, total, diff)
	}
}

// checkUnused also sees that pages of one are the same as a page of all.
func (d *diary) checkUnused(q keywright.ReportQuery) {
	d.t.Helper()
	since := d.since(q.Days)
	var tokens, unused []string
	for _, i := range d.tokens {
		used := func(is func(seenOnce) bool) bool {
			return d.count(func(s seenOnce) bool {
				return s.token == i.Token.ID && s.reason == keywright.Allowed && !s.at.Before(since) && is(s)
			}) > 0
		}
		if !used(func(seenOnce) bool { return true }) {
			tokens = append(tokens, i.Token.Label)
		}
		for _, scope := range i.Token.Scopes {
			if !used(func(s seenOnce) bool { return s.scope == scope.String() }) {
				unused = append(unused, i.Token.Label+" "+scope.String())
			}
		}
	}
	all, err := d.a.UnusedTokens(d.t.Context(), d.as("ada"), "acme", q)
	d.must(err)
	one := q
	one.Limit = 1
	var labels, paged, scoped []string
	for _, token := range all.Items {
		labels = append(labels, token.Label)
	}
	for more := true; more; more = one.Cursor != "" {
		page, err := d.a.UnusedTokens(d.t.Context(), d.as("ada"), "acme", one)
		d.must(err)
		for _, token := range page.Items {
			paged = append(paged, token.Label)
		}
		one.Cursor = page.Next
	}
	for more := true; more; more = one.Cursor != "" {
		page, err := d.a.UnusedScopes(d.t.Context(), d.as("ada"), "acme", one)
		d.must(err)
		for _, u := range page.Items {
			for _, scope := range u.Unused {
				scoped = append(scoped, u.Token.Label+" "+scope.String())
			}
		}
		one.Cursor = page.Next
	}
	sorted := cmpopts.SortSlices(strings.Compare)
	if diff := cmp.Diff(tokens, labels, sorted) + cmp.Diff(labels, paged) + cmp.Diff(unused, scoped, sorted); diff != "" {
		d.t.Errorf("in %d days:\n%s", q.Days, diff)
	}
}

// What is young, ended or disabled is not reported as unused.
func TestUnusedIsAboutWhatCouldBeUsed(t *testing.T) {
	t.Parallel()
	d := newDiary(t)
	disabled, revoked := d.tokens[0].Token, d.tokens[1].Token
	_, err := d.a.Disable(t.Context(), d.as("ada"), disabled.ID)
	d.must(err)
	_, err = d.a.Revoke(t.Context(), d.as("ada"), revoked.ID, "")
	d.must(err)
	q := keywright.ReportQuery{Days: 30, Limit: 200}
	young, err := d.a.UnusedTokens(t.Context(), d.as("ada"), "acme", q)
	if err != nil || len(young.Items) != 0 {
		t.Errorf("%d tokens of today are unused, %v", len(young.Items), err)
	}
	d.pass(31 * oneDay)
	d.make("default", "young")
	old, err := d.a.UnusedTokens(t.Context(), d.as("ada"), "acme", q)
	d.must(err)
	if len(old.Items) != len(d.tokens)-3 {
		t.Errorf("%d tokens are unused", len(old.Items))
	}
	for _, token := range old.Items {
		if token.ID == disabled.ID || token.ID == revoked.ID || token.Label == "young" {
			t.Errorf("%s is reported", token.Label)
		}
	}
}

// After 90 days the hours are gone; what a token was used for in all stays.
func TestUsageIsPruned(t *testing.T) {
	t.Parallel()
	d := newDiary(t)
	first := d.time()
	d.live(400, 60*oneDay)
	for range 3 {
		d.pass(15 * oneDay)
		d.must(d.a.pruneUsage(t.Context()))
		kept := d.time().Truncate(oneDay).Add(-usageKept * oneDay)
		for _, issued := range d.tokens {
			got, err := d.a.TokenUsage(t.Context(), d.as("ada"), issued.Token.ID, keywright.UsageQuery{From: first})
			d.must(err)
			want := d.count(func(s seenOnce) bool { return s.token == issued.Token.ID && !s.at.Before(kept) })
			if got.Total.Accepted+got.Total.Refused != want {
				t.Errorf("%d attempts since %v, want %d", got.Total.Accepted+got.Total.Refused, kept, want)
			}
			uses := d.count(func(s seenOnce) bool { return s.token == issued.Token.ID && s.reason == keywright.Allowed })
			if n := d.get(issued.Token.ID).Uses; n != uses {
				t.Errorf("%d uses, want %d", n, uses)
			}
		}
	}
}

// Changes are kept for a week, and it is known which are gone.
func TestChangesArePruned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.issue(w.as("ada"), keywright.NewToken{Account: "acme"}).Token
	forgotten := func() (r keywright.Revision) {
		w.must(w.st.Read(t.Context(), func(tx store.Tx) (err error) {
			r, err = tx.Changes().Forgotten(t.Context())
			return err
		}))
		return r
	}
	disabled, err := w.a.Disable(t.Context(), w.as("ada"), token.ID)
	w.must(err)
	w.must(w.a.pruneChanges(t.Context()))
	w.pass(changesKept - time.Second)
	w.must(w.a.pruneChanges(t.Context()))
	if r := forgotten(); r != 0 {
		t.Errorf("revision %d is forgotten within a week", r)
	}
	w.pass(time.Second)
	_, err = w.a.Enable(t.Context(), w.as("ada"), token.ID)
	w.must(err)
	w.must(w.a.pruneChanges(t.Context()))
	if r := forgotten(); r != disabled.Revision {
		t.Errorf("up to revision %d is forgotten, want %d", r, disabled.Revision)
	}
}

// Who may see a token may see how it was used; whoever has no say hears that there is none.
func TestWhoMaySeeUsage(t *testing.T) {
	t.Parallel()
	d := newDiary(t)
	account, lab := d.tokens[0], d.tokens[1]
	reader := d.issue(d.as("ada"), keywright.NewToken{Account: "acme", Scopes: []string{"keywright:tokens:read"}})
	labReader := d.issue(d.as("olga"), keywright.NewToken{Account: "acme", Space: "lab", Scopes: []string{"keywright:tokens:read"}})
	for _, tt := range []struct {
		who                  string
		caller               Caller
		account, lab, report error // nil: allowed
	}{
		{"operator", d.as("root"), nil, nil, nil},
		{"admin", d.as("ada"), nil, nil, nil},
		{"auditor", d.as("audi"), nil, nil, nil},
		{"owner", d.as("olga"), keywright.ErrNotFound, nil, nil},
		{"manager", d.as("mel"), keywright.ErrNotFound, nil, nil},
		{"reader", d.as("rita"), keywright.ErrNotFound, nil, nil},
		{"another account's admin", d.as("otto"), keywright.ErrNotFound, keywright.ErrNotFound, keywright.ErrNotFound},
		{"token that reads", d.by(reader), nil, nil, nil},
		{"token that reads a space", d.by(labReader), keywright.ErrNotFound, nil, nil},
		{"token without the scope", d.by(lab), keywright.ErrNotFound, nil, keywright.ErrForbidden},
		{"nobody", Caller{}, keywright.ErrUnauthenticated, keywright.ErrUnauthenticated, keywright.ErrUnauthenticated},
	} {
		ctx, q := t.Context(), keywright.ReportQuery{}
		_, own := d.a.TokenUsage(ctx, tt.caller, account.Token.ID, keywright.UsageQuery{})
		_, inLab := d.a.TokenUsage(ctx, tt.caller, lab.Token.ID, keywright.UsageQuery{})
		_, days := d.a.AccountUsage(ctx, tt.caller, "acme", q)
		_, top := d.a.TopCallers(ctx, tt.caller, "acme", q)
		_, refused := d.a.RefusedAttempts(ctx, tt.caller, "acme", q)
		_, unused := d.a.UnusedTokens(ctx, tt.caller, "acme", q)
		_, unusedScopes := d.a.UnusedScopes(ctx, tt.caller, "acme", q)
		for what, got := range map[string][2]error{
			"usage": {own, tt.account}, "usage in the lab": {inLab, tt.lab}, "days": {days, tt.report}, "top": {top, tt.report},
			"refused": {refused, tt.report}, "unused": {unused, tt.report}, "unused scopes": {unusedScopes, tt.report},
		} {
			if got[1] == nil && got[0] != nil || got[1] != nil && !errors.Is(got[0], got[1]) {
				t.Errorf("%s: %s: %v, want %v", tt.who, what, got[0], got[1])
			}
		}
		if _, err := d.a.TopCallers(ctx, tt.caller, "nowhere", q); err == nil {
			t.Errorf("%s sees an account that is not there", tt.who)
		}
	}
}

// What cannot be asked is refused by name.
func TestBadReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.issue(w.as("ada"), keywright.NewToken{Account: "acme"}).Token.ID
	for _, q := range []keywright.UsageQuery{{By: "week"}, {From: w.time(), To: w.time()}, {From: w.time().Add(time.Hour)}} {
		_, err := w.a.TokenUsage(t.Context(), w.as("ada"), id, q)
		if _, invalid := errors.AsType[*keywright.InvalidError](err); !invalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
	for _, q := range []keywright.ReportQuery{{Days: -1}, {Days: 91}, {Limit: 201}, {Limit: -1}, {Space: strings.Repeat("x", 500)}, {Cursor: "x"}} {
		_, err := w.a.UnusedTokens(t.Context(), w.as("ada"), "acme", q)
		if _, invalid := errors.AsType[*keywright.InvalidError](err); !invalid && !errors.Is(err, keywright.ErrMalformedCursor) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// A scope is used when what came with it is.
func TestImpliedIsUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.a.cfg.Usage = w.st
	w.catalogued(keywright.NoAudience, "a>b", "b", "c>d", "d")
	token := w.issue(w.as("ada"), scopesGranted("a", "c"))
	w.pass(31 * oneDay)
	v, err := w.a.Check(t.Context(), w.by(token), "", keywright.Access{Scopes: scopes("b")})
	w.must(err)
	w.must(w.a.flush(t.Context()))
	page, err := w.a.UnusedScopes(t.Context(), w.as("ada"), "acme", keywright.ReportQuery{Days: 30})
	w.must(err)
	if !v.Allowed() || len(page.Items) != 1 || strings.Join(page.Items[0].Unused.Strings(), " ") != "c" || len(page.Items[0].Used) != 1 {
		t.Errorf("%v: unused %+v", v.Decision, page.Items)
	}
}
