package authority

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const day = 24 * time.Hour

// told is what was told since the last time: "label action days because", by the day since the epoch.
func (w *world) told() map[int][]string {
	w.t.Helper()
	all := map[int][]string{}
	for _, e := range w.events() {
		if !strings.HasPrefix(e.Action, "notice.") {
			continue
		}
		if e.Actor != "system" || e.Account != "acme" && e.Account != "other" {
			w.t.Errorf("%+v", e)
		}
		at := int(e.At.Sub(epoch) / day)
		line := fmt.Sprint(e.After["label"], " ", strings.TrimPrefix(e.Action, "notice."), " ", e.After["days"])
		if because, ok := e.After["because"]; ok && because != "expires_at" {
			line += fmt.Sprint(" ", because)
		}
		all[at] = append(all[at], line)
	}
	for _, lines := range all {
		slices.Sort(lines)
	}
	return all
}

// live lets days pass, with a look at the end of each, and does something on some of them.
func (w *world) live(from, to int, on map[int]func()) {
	w.t.Helper()
	for d := from; d < to; d++ {
		if act := on[d]; act != nil {
			act()
		}
		w.pass(day)
		w.must(w.a.notify(w.t.Context()))
	}
}

func (w *world) wantTold(want map[int][]string) {
	w.t.Helper()
	got := w.told()
	for d := range 800 {
		if !slices.Equal(got[d], want[d]) {
			w.t.Errorf("day %d: told %q, want %q", d, got[d], want[d])
		}
	}
}

func (w *world) named(label string, req keywright.NewToken) keywright.Issued {
	w.t.Helper()
	req.Label = label
	return w.issue(w.as("ada"), req)
}

// A year passes. Each end is told of 30, 7 and 1 days before it, once; one that is moved is told of anew; what was used is
// not called unused, and what was not, once.
func TestAYearOfNotices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.a.notify(t.Context())) // somebody has looked before
	in := func(d int64) int64 { return d * 24 * 3600 }
	w.named("ninety", keywright.NewToken{ExpiresIn: in(90)})
	moved := w.named("moved", keywright.NewToken{ExpiresIn: in(60)})
	w.named("week", keywright.NewToken{ExpiresIn: in(7)})
	w.named("brief", keywright.NewToken{ExpiresIn: in(1)})
	revoked := w.named("revoked", keywright.NewToken{ExpiresIn: in(40)})
	kept := w.named("kept", keywright.NewToken{Lifetime: keywright.LifetimePermanent})
	w.named("idle", keywright.NewToken{Lifetime: keywright.LifetimePermanent})
	w.named("later", keywright.NewToken{Lifetime: keywright.LifetimePermanent, NotBefore: "2030-05-10"}) // day 69.5
	w.told()
	uses := map[int]func(){
		20:  func() { _, err := w.a.Revoke(t.Context(), w.as("ada"), revoked.Token.ID, ""); w.must(err) },
		31:  func() { w.extend(moved.Token.ID, "2030-07-09") }, // through that day: 131.5 days after the epoch
		50:  func() { w.use(kept.Token.ID) },
		200: func() { w.use(kept.Token.ID) },
	}
	w.live(0, 365, uses)
	w.wantTold(map[int][]string{
		6:   {"week expiring 1"},
		10:  {"revoked expiring 30"},
		30:  {"moved expiring 30"},
		60:  {"ninety expiring 30"},
		83:  {"ninety expiring 7"},
		89:  {"ninety expiring 1"},
		90:  {"idle unused 90"},
		101: {"moved expiring 30"},
		121: {"moved unused 90"},
		124: {"moved expiring 7"},
		130: {"moved expiring 1"},
		140: {"kept unused 90"},
		160: {"later unused 90"},
		290: {"kept unused 90"},
	})
}

func (w *world) extend(id keywright.ID, until string) {
	w.t.Helper()
	_, err := w.a.Edit(w.t.Context(), w.as("ada"), id, keywright.EditToken{ExpiresAt: &until})
	w.must(err)
}

// setPolicy is policy without a look at the trail.
func (w *world) setPolicy(change func(*keywright.Policy)) {
	w.t.Helper()
	_, err := w.a.SetPolicy(w.t.Context(), w.as("ada"), "acme", w.newPolicy(func(p *keywright.NewPolicy) { change(&p.Policy) }))
	w.must(err)
}

// What a policy will end is told with the member that ends it: as the time comes, and when the policy is set.
func TestNoticesOfPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.a.notify(t.Context()))
	w.named("old", keywright.NewToken{Lifetime: keywright.LifetimePermanent})
	busy := w.named("busy", keywright.NewToken{Lifetime: keywright.LifetimePermanent})
	labs, err := w.a.Issue(t.Context(), w.as("olga"), keywright.NewToken{Label: "labs", Kind: keywright.KindSpace, Space: "lab", Lifetime: keywright.LifetimePermanent}, "")
	w.must(err)
	w.told()
	on := map[int]func(){
		10: func() {
			w.policy(func(p *keywright.Policy) { p.MaxLifetime, p.DefaultLifetime = 15*24*3600, 15*24*3600 })
		}, // ends on day 15
		12: func() { _, err := w.a.Rotate(t.Context(), w.as("ada"), busy.Token.ID, nil, ""); w.must(err) },
		13: func() { w.setPolicy(func(p *keywright.Policy) { p.MaxLifetime, p.MaxUnused = 0, 40*24*3600 }) },
		14: func() { w.use(labs.Token.ID) },
	}
	for d := 20; d < 100; d++ {
		on[d] = func() { w.use(busy.Token.ID) }
	}
	w.live(0, 100, on)
	w.wantTold(map[int][]string{
		11: {"busy policy 7 max_lifetime", "labs policy 7 max_lifetime", "old policy 7 max_lifetime"},
		14: {"labs policy 30 max_unused", "old policy 30 max_unused"},
		24: {"labs policy 30 max_unused"},
		33: {"old policy 7 max_unused"},
		39: {"old policy 1 max_unused"},
		40: {"old unused 40"},
		47: {"labs policy 7 max_unused"},
		53: {"labs policy 1 max_unused"},
		54: {"labs unused 40"},
	})
}

// Whoever looks for the first time tells of what ends soon, by the nearest of the days, and not of what has lain idle for long.
func TestFirstLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for d := range int64(60) {
		w.named(fmt.Sprint(d), keywright.NewToken{ExpiresIn: (d + 100) * 24 * 3600})
	}
	w.told()
	w.pass(100*day + time.Hour)
	w.must(w.a.notify(t.Context()))
	days := map[string]int{}
	for _, lines := range w.told() {
		for _, line := range lines {
			_, what, _ := strings.Cut(line, " ")
			days[what]++
		}
	}
	if len(days) != 3 || days["expiring 1"] != 1 || days["expiring 7"] != 6 || days["expiring 30"] != 23 {
		t.Errorf("%v", days)
	}
	w.must(w.a.notify(t.Context()))
	if again := w.told(); len(again) != 0 {
		t.Errorf("told again: %v", again)
	}
}

// A pass that breaks off is made again, and tells nothing twice: also of many tokens that end at one instant, more than a batch holds.
func TestNoticesOfMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.a.notify(t.Context()))
	const many = 2*noticeBatch + 50
	for n := 0; n < many; n += 50 {
		reqs := make([]keywright.NewToken, 50)
		for i := range reqs {
			reqs[i] = keywright.NewToken{ExpiresAt: "2030-04-30"}
		}
		_, err := w.a.IssueBatch(t.Context(), w.as("ada"), reqs, "")
		w.must(err)
	}
	w.told()
	w.pass(31 * day)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w.a.notify(ctx) == nil {
		t.Error("a cancelled pass has succeeded")
	}
	for range 2 {
		w.write(func(ctx context.Context, tx store.Tx) error { // as if the mark of the last pass were lost
			return tx.Notices().SetNoticeMark(ctx, store.NoticeMark{Account: "acme", At: epoch, Spans: "lost"})
		})
		w.must(w.a.notify(t.Context()))
	}
	n := 0
	for _, lines := range w.told() {
		n += len(lines)
	}
	if n != many {
		t.Errorf("%d notices of %d tokens", n, many)
	}
}

// A quota is told of when nine tenths are reached, and again only when it had been below eight.
func TestNoticesOfQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy(func(p *keywright.Policy) { p.MaxTokens, p.MaxPermanent = 10, -1 })
	var made []keywright.Issued
	step := func(count int, want ...string) {
		t.Helper()
		for len(made) < count {
			made = append(made, w.named("a", keywright.NewToken{}))
		}
		for len(made) > count {
			_, err := w.a.Revoke(t.Context(), w.as("ada"), made[0].Token.ID, "")
			w.must(err)
			made = made[1:]
		}
		w.must(w.a.notify(t.Context()))
		var got []string
		for _, e := range w.events() {
			if e.Action == noticeQuota {
				got = append(got, fmt.Sprint(e.Subject, " ", e.After["quota"], " ", e.After["count"], "/", e.After["limit"]))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("with %d tokens: %v, want %v", count, got, want)
		}
	}
	step(8)
	step(9, "account:acme max_tokens 9/10")
	step(10)
	step(8)
	step(9)
	step(7)
	step(9, "account:acme max_tokens 9/10")
	w.policy(func(p *keywright.Policy) { p.MaxTokens = -1 })
	step(9)
	w.policy(func(p *keywright.Policy) { p.MaxTokens = 10 })
	step(9, "account:acme max_tokens 9/10")
	w.policy(func(p *keywright.Policy) { p.MaxPermanent = 1 })
	w.named("for ever", keywright.NewToken{Lifetime: keywright.LifetimePermanent})
	step(9, "space:default max_permanent 1/1")
}

// A notice reaches a webhook as every event does.
func TestNoticesByWebhook(t *testing.T) {
	t.Parallel()
	w, box, round := sending(t)
	w.webhook("notice.*")
	w.must(w.a.notify(t.Context()))
	w.named("ends", keywright.NewToken{ExpiresIn: 60 * 24 * 3600})
	w.pass(31 * day)
	w.must(w.a.notify(t.Context()))
	round()
	if got := box.types(); !slices.Equal(got, []string{"notice.expiring"}) {
		t.Errorf("%v", got)
	}
}

// Nothing is told of what is closed, nor of a token that is over.
func TestNoNoticesOfTheClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.a.notify(t.Context()))
	w.named("open", keywright.NewToken{ExpiresIn: 40 * 24 * 3600})
	_, err := w.a.Issue(t.Context(), w.as("olga"), keywright.NewToken{Label: "labs", Kind: keywright.KindSpace, Space: "lab", ExpiresIn: 40 * 24 * 3600}, "")
	w.must(err)
	w.told()
	_, err = w.a.CloseSpace(t.Context(), w.as("ada"), "acme", "lab")
	w.must(err)
	w.live(0, 20, map[int]func(){
		12: func() { _, err := w.a.CloseAccount(t.Context(), w.as("root"), "acme"); w.must(err) },
	})
	w.wantTold(map[int][]string{10: {"open expiring 30"}})
}
