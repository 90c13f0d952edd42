package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// posting is a world whose letters are kept, and fail while failing says so.
func posting(t *testing.T) (w *world, letters *[]Letter, failing *error) {
	w = newWorld(t)
	letters, failing = new([]Letter), new(error)
	w.a.cfg.Mail = func(_ context.Context, l Letter) error {
		if *failing == nil {
			*letters = append(*letters, l)
		}
		return *failing
	}
	for _, name := range []string{"ada", "olga"} {
		w.write(func(ctx context.Context, tx store.Tx) error {
			u, err := tx.People().UserNamed(ctx, name)
			if err != nil {
				return err
			}
			u.Email = name + "@example.com"
			return tx.People().UpdateUser(ctx, u, w.event("user.edit", "acme"))
		})
	}
	w.must(w.a.notify(t.Context()))
	return w, letters, failing
}

// What a pass finds of a person goes in one letter, to the owner, and of quotas to the admins; who has no address gets none.
func TestMailOfNotices(t *testing.T) {
	t.Parallel()
	w, letters, _ := posting(t)
	w.named("ci", keywright.NewToken{ExpiresIn: 60 * 24 * 3600})
	w.named("cd", keywright.NewToken{ExpiresIn: 60 * 24 * 3600})
	_, err := w.a.Issue(t.Context(), w.as("olga"), keywright.NewToken{Label: "sensor", Kind: keywright.KindSpace, Space: "lab", ExpiresIn: 60 * 24 * 3600}, "")
	w.must(err)
	_, err = w.a.Issue(t.Context(), w.as("mel"), keywright.NewToken{Label: "nobody's", Kind: keywright.KindSpace, Space: "lab", ExpiresIn: 60 * 24 * 3600}, "")
	w.must(err)
	w.pass(31 * day)
	w.must(w.a.notify(t.Context()))
	w.must(w.a.mailRound(t.Context()))
	if len(*letters) != 0 {
		t.Error("a letter is sent before all that goes in it is known")
	}
	w.pass(mailGather)
	w.must(w.a.mailRound(t.Context()))
	w.must(w.a.mailRound(t.Context()))
	slices.SortFunc(*letters, func(a, b Letter) int { return strings.Compare(a.To, b.To) })
	if len(*letters) != 2 {
		t.Fatalf("%d letters: %+v", len(*letters), *letters)
	}
	const want = "Hello ada,\n\n" +
		"- The token \"ci\" (#1) of account acme expires on 30 April 2030 at 12:00 UTC. Extend it, or replace it before.\n" +
		"- The token \"cd\" (#2) of account acme expires on 30 April 2030 at 12:00 UTC. Extend it, or replace it before.\n\n" +
		"You get this because you own these tokens or govern their account, at https://kw.example\n" +
		"On the command line, keywright token show NUMBER says more of one.\n"
	if l := (*letters)[0]; l.To != "ada@example.com" || l.Subject != "2 notices about your API tokens" || !sameLines(l.Body, want) {
		t.Errorf("%s: %s\n%s", l.To, l.Subject, l.Body)
	}
	if l := (*letters)[1]; l.To != "olga@example.com" || l.Subject != "A notice about your API tokens" || !strings.Contains(l.Body, `"sensor" (#3)`) {
		t.Errorf("%+v", l)
	}
	*letters = nil
	w.setPolicy(func(p *keywright.Policy) { p.MaxTokens = 4 })
	w.must(w.a.notify(t.Context()))
	w.pass(mailGather)
	w.must(w.a.mailRound(t.Context()))
	if len(*letters) != 1 || !strings.Contains((*letters)[0].Body, "Account acme has 4 of at most 4 tokens.") {
		t.Errorf("%+v", *letters)
	}
}

// sameLines compares texts whose lines may come in any order.
func sameLines(a, b string) bool {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// A letter that cannot be sent is tried for about two days, then given up with an event; nothing is lost when the program stops.
func TestMailRetries(t *testing.T) {
	t.Parallel()
	w, letters, failing := posting(t)
	w.named("ci", keywright.NewToken{ExpiresIn: 60 * 24 * 3600})
	w.pass(31 * day)
	w.must(w.a.notify(t.Context()))
	w.pass(mailGather)
	w.trail()

	stopped, stop := context.WithCancel(t.Context())
	w.a.cfg.Mail = w.stopping(stop)
	_ = w.a.mailRound(stopped)
	*failing = errors.New("the mail server is away")
	w.a.cfg.Mail = func(context.Context, Letter) error { return *failing }
	tries, begun := 0, w.time()
	for range 5000 {
		if err := w.a.mailRound(t.Context()); err != nil {
			tries++
		}
		w.pass(time.Minute)
		if tries == maxMailTries {
			break
		}
	}
	if took := w.time().Sub(begun); tries != maxMailTries || took < 24*time.Hour || took > 4*24*time.Hour {
		t.Errorf("%d tries in %s", tries, took)
	}
	w.wantTrail("notice.unsent the mail server is away")
	*failing = nil
	w.pass(30 * day)
	w.must(w.a.mailRound(t.Context()))
	if len(*letters) != 0 {
		t.Error("what was given up is sent")
	}
}

// stopping is a mail server that is slower than the program's end.
func (w *world) stopping(stop func()) func(context.Context, Letter) error {
	return func(ctx context.Context, _ Letter) error {
		stop()
		return fmt.Errorf("broken off: %w", ctx.Err())
	}
}

func TestLinesOfNotices(t *testing.T) {
	t.Parallel()
	after := map[string]any{"label": "ci", "number": int64(7), "ends_at": "2030-04-01T12:00:00Z", "days": int64(40), "ended": true, "quota": "max_permanent", "count": int64(5), "limit": int64(5)}
	for want, e := range map[string]store.Event{
		"ends on 1 April 2030 at 12:00 UTC: the policy lets no token live longer": {Action: noticePolicy, After: map[string]any{"because": "max_lifetime"}},
		"unless it is used before":                                     {Action: noticePolicy, After: map[string]any{"because": "max_unused"}},
		"has ended: it was not used for 40 days":                       {Action: noticeUnused},
		"has not been used for 40 days. Revoke it":                     {Action: noticeUnused, After: map[string]any{"ended": false}},
		"Space lab of account acme has 5 of at most 5 permanent token": {Action: noticeQuota, Space: "lab"},
	} {
		e.Account = "acme"
		e.After = merged(after, e.After)
		if got := lineOf(&e); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}
