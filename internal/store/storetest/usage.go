package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// used is a token's being accepted n times.
func used(id keywright.ID, at time.Time, n int64) store.Usage {
	return store.Usage{Token: id, At: at, Counts: []store.Count{{Hour: at.Unix() / 3600, Reason: keywright.Allowed, Door: "verify", N: n}}}
}

// use keeps usage as a writer that has not written before.
func (f *fixture) use(uses ...store.Usage) {
	f.Helper()
	f.batch(store.UsageBatch{Writer: f.id(), Number: 1, At: day, Uses: uses})
}

func (f *fixture) batch(b store.UsageBatch) {
	f.Helper()
	f.fails("usage", f.usage.AddUsage(f.ctx, b), nil)
}

// testUsage: counts add up and a last use never goes back.
func testUsage(f *fixture) {
	r := f.record("used")
	f.insert(r)
	for _, s := range []struct {
		after time.Duration
		from  string
		agent string
		uses  int64
		last  time.Duration
		seen  []any
	}{
		{time.Second, "192.0.2.1", "curl", 1, time.Second, []any{"192.0.2.1", "curl"}},
		{time.Hour, "2001:db8::1", "wget", 2, time.Hour, []any{"2001:db8::1", "wget"}},
		{time.Minute, "192.0.2.9", "curl", 3, time.Hour, []any{"2001:db8::1", "wget"}},
		{2 * time.Hour, "", "", 4, 2 * time.Hour, []any{"", ""}},
	} {
		u := used(r.Facts.ID, day.Add(s.after), 1)
		u.From, _ = netip.ParseAddr(s.from)
		u.UserAgent, u.Door = s.agent, "door of "+s.agent
		refused := store.Usage{Token: r.Facts.ID, Counts: []store.Count{{Hour: u.Counts[0].Hour, Reason: keywright.Expired, N: 5}}}
		f.use(u, refused, used(f.id(), day, 1))
		got := f.list(store.TokenQuery{})[0]
		f.same("usage", []any{got.LastUsedAt, got.Uses, got.LastUsedFrom, got.LastUsedAgent}, append([]any{day.Add(s.last), s.uses}, s.seen...))
		f.same("door", got.LastUsedDoor, "door of "+got.LastUsedAgent)
	}
	f.same("the token itself", f.find(r.Facts.ID), r)
	f.wantTrail("token.create")
}

// testUsageOnce: a batch that is sent again is counted once, and so is one that comes after a later one.
func testUsageOnce(f *fixture) {
	r := f.record("used")
	f.insert(r)
	one, other := f.id(), f.id()
	for _, b := range []struct {
		writer keywright.ID
		number int64
		uses   int64
	}{
		{one, 1, 1}, {one, 1, 1}, {other, 1, 2}, {one, 3, 3}, {one, 2, 3}, {one, 3, 3}, {other, 2, 4}, {one, 4, 5},
	} {
		f.batch(store.UsageBatch{Writer: b.writer, Number: b.number, At: day, Uses: []store.Usage{used(r.Facts.ID, day, 1)}})
		f.same("uses", f.list(store.TokenQuery{})[0].Uses, b.uses)
	}
}

// seen is attempts with a token in one hour, counted from day, that ended in one way at one door.
func seen(id keywright.ID, hour int64, reason keywright.Reason, door string, n int64) store.Usage {
	return store.Usage{Token: id, Counts: []store.Count{{Hour: firstHour + hour, Reason: reason, Door: door, N: n}}}
}

const (
	firstDay  = 20000
	firstHour = firstDay * 24
)

// testUsageByDay: what is counted in an hour is added to that hour, whatever was there, and nothing to any other.
func testUsageByDay(f *fixture) {
	r, other := f.record("a"), f.record("b")
	f.insert(r, other)
	id := r.Facts.ID
	want := map[store.Count]int64{}
	for i := range int64(100) {
		u := seen(id, i*7%72, keywright.Reason(1+i%3), []string{"rest", "verify"}[i%2], i)
		f.use(u, seen(other.Facts.ID, 1, keywright.Allowed, "rest", 1))
		u.Counts[0].N = 0
		want[u.Counts[0]] += i
	}
	got := map[store.Count]int64{}
	var days []store.DayCount
	f.read(func(tx store.Tx) (err error) {
		clear(got)
		days, err = tx.Usages().Days(f.ctx, id, firstDay, firstDay+3)
		for _, d := range days {
			for h, n := range d.Hours {
				if n > 0 {
					got[store.Count{Hour: d.Day*24 + int64(h), Reason: d.Reason, Door: d.Door}] += n
				}
			}
		}
		return err
	})
	f.same("hours", got, want)
	f.read(func(tx store.Tx) error {
		days, err := tx.Usages().Days(f.ctx, id, firstDay+1, firstDay+2)
		for _, d := range days {
			f.same("day", d.Day, int64(firstDay+1))
		}
		if len(days) != 6 {
			f.Errorf("%d ways in a day, want 6", len(days))
		}
		none, err2 := tx.Usages().Days(f.ctx, id, firstDay-5, firstDay)
		f.same("days before", none, []store.DayCount{})
		return errors.Join(err, err2)
	})
}

// testScopesUsed: the last hour of a scope never goes back.
func testScopesUsed(f *fixture) {
	r := f.record("a")
	f.insert(r)
	for _, s := range []struct {
		hour   int64
		scopes []string
		told   bool
	}{{5, []string{"a", "b:*"}, false}, {3, []string{"a", "c"}, true}, {7, []string{"c"}, false}, {2, nil, true}} {
		f.use(store.Usage{Token: r.Facts.ID, Hour: s.hour, Scopes: f.scopes(s.scopes...), Told: s.told})
	}
	f.read(func(tx store.Tx) error {
		used, told, err := tx.Usages().Scopes(f.ctx, r.Facts.ID)
		f.same("used", used, map[string]int64{"a": 5, "b:*": 5, "c": 7})
		f.same("told", told, int64(3))
		return err
	})
}

// testBusiest: reports are the sums of what was counted, for the tokens and days that are chosen.
func testBusiest(f *fixture) {
	f.space("lab")
	a, b, lab, idle := f.record("a"), f.record("b"), f.record("lab"), f.record("idle")
	lab.Facts.Space, lab.Facts.Kind = "lab", keywright.KindSpace
	f.insert(a, b, lab, idle)
	f.use(
		seen(a.Facts.ID, 0, keywright.Allowed, "rest", 5), seen(b.Facts.ID, 1, keywright.Allowed, "rest", 5),
		seen(lab.Facts.ID, 25, keywright.Allowed, "verify", 9), seen(lab.Facts.ID, 48, keywright.Allowed, "verify", 90),
		seen(a.Facts.ID, 3, keywright.Expired, "rest", 2), seen(a.Facts.ID, 30, keywright.Revoked, "rest", 4), seen(b.Facts.ID, 2, keywright.Expired, "rest", 1),
	)
	type filter = keywright.TokenFilter
	for _, tt := range []struct {
		what          string
		q             store.UsageQuery
		busy, refused []string
	}{
		{"two days", store.UsageQuery{From: firstDay, To: firstDay + 2}, []string{"lab 9", "a 5", "b 5"}, []string{"a 6", "b 1"}},
		{"one day", store.UsageQuery{From: firstDay + 1, To: firstDay + 2}, []string{"lab 9"}, []string{"a 4"}},
		{"space", store.UsageQuery{From: 0, To: firstDay + 9, TokenQuery: store.TokenQuery{Filter: filter{Space: "lab"}}}, []string{"lab 99"}, nil},
		{"spaces", store.UsageQuery{From: 0, To: firstDay + 9, TokenQuery: store.TokenQuery{Spaces: []string{"lab", "attic"}, Filter: filter{Kind: keywright.KindSpace}}},
			[]string{"lab 99"}, nil},
		{"no space", store.UsageQuery{From: 0, To: firstDay + 9, TokenQuery: store.TokenQuery{Spaces: []string{}}}, nil, nil},
		{"owner", store.UsageQuery{From: 0, To: firstDay + 1, TokenQuery: store.TokenQuery{Filter: filter{Owner: "bob"}}}, nil, nil},
	} {
		tt.q.Filter.Account, tt.q.Limit = "acme", 10
		f.read(func(tx store.Tx) error {
			busy, err := tx.Usages().Busiest(f.ctx, tt.q, false)
			f.same(tt.what, busyLabels(busy), tt.busy)
			refused, err2 := tx.Usages().Busiest(f.ctx, tt.q, true)
			f.same(tt.what+", refused", busyLabels(refused), tt.refused)
			return errors.Join(err, err2)
		})
	}
	f.read(func(tx store.Tx) error {
		q := store.UsageQuery{From: firstDay, To: firstDay + 1, TokenQuery: store.TokenQuery{Filter: filter{Account: "acme"}, Limit: 1}}
		top, err := tx.Usages().Busiest(f.ctx, q, false)
		f.same("top", top, []store.Busy{{N: 5, Token: keywright.TokenName{ID: a.Facts.ID, Number: a.Number, Label: "a", Space: "default", Owner: "Ada"}}})
		return err
	})
}

func busyLabels(list []store.Busy) (labels []string) {
	for _, b := range list {
		labels = append(labels, fmt.Sprint(b.Token.Label, " ", b.N))
	}
	return labels
}

// testSums: an account and each of its spaces have the sums of what was counted of their tokens, also of one that is gone. What a space
// had goes with it, and stays in the account's.
func testSums(f *fixture) {
	f.space("lab")
	a, gone, own, lab := f.record("a"), f.record("gone"), f.record("own"), f.record("lab")
	own.Facts.Kind, lab.Facts.Kind = keywright.KindSpace, keywright.KindSpace
	lab.Facts.Space = "lab"
	f.insert(a, gone, own, lab)
	f.use(
		seen(a.Facts.ID, 0, keywright.Allowed, "rest", 1), seen(gone.Facts.ID, 23, keywright.Allowed, "rest", 2),
		seen(own.Facts.ID, 5, keywright.Allowed, "verify", 4), seen(lab.Facts.ID, 5, keywright.Allowed, "verify", 8),
		seen(a.Facts.ID, 24, keywright.Expired, "rest", 16), seen(f.id(), 0, keywright.Allowed, "rest", 99),
	)
	f.use(seen(lab.Facts.ID, 25, keywright.Revoked, "rest", 32), seen(a.Facts.ID, 1, keywright.Allowed, "rest", 64))
	f.delete(gone.Facts.ID)
	f.delete(lab.Facts.ID)
	wantSums := func(what string, q store.SumQuery, want ...string) {
		f.Helper()
		q.Account, q.From, q.To = cmp.Or(q.Account, "acme"), cmp.Or(q.From, firstDay), cmp.Or(q.To, firstDay+2)
		f.read(func(tx store.Tx) error {
			var got []string
			sums, err := tx.Usages().Sums(f.ctx, q)
			for _, s := range sums {
				got = append(got, fmt.Sprint(s.Day-firstDay, " ", s.Reason, " ", s.Door, " ", s.N))
			}
			f.same(what, got, want)
			return err
		})
	}
	all := []string{"0 allowed rest 67", "0 allowed verify 12", "1 expired rest 16", "1 revoked rest 32"}
	in := func(p store.Place) store.SumQuery { return store.SumQuery{Place: p} }
	wantSums("account", store.SumQuery{}, all...)
	wantSums("all spaces by name", in(store.Place{Spaces: []string{"default", "lab"}}), all...)
	wantSums("space tokens", in(store.Place{Kind: keywright.KindSpace}), "0 allowed verify 12", "1 revoked rest 32")
	wantSums("one space", in(store.Place{Spaces: []string{"lab"}}), "0 allowed verify 8", "1 revoked rest 32")
	wantSums("space tokens of one", in(store.Place{Spaces: []string{"default"}, Kind: keywright.KindSpace}), "0 allowed verify 4")
	wantSums("no space", in(store.Place{Spaces: []string{}}))
	wantSums("another account", in(store.Place{Account: "globex"}))
	wantSums("one day", store.SumQuery{From: firstDay + 1}, all[2:]...)
	wantSums("the day before", store.SumQuery{From: firstDay - 1, To: firstDay})
	f.write(func(tx store.Tx) error { return tx.Tenants().DeleteSpace(f.ctx, "acme", "lab", event("space.delete")) })
	f.space("lab")
	wantSums("a new space", in(store.Place{Spaces: []string{"lab"}}))
	wantSums("account later", store.SumQuery{}, all...)
	f.write(func(tx store.Tx) error {
		_, err := tx.Usages().Prune(f.ctx, firstDay+1, 10)
		return err
	})
	wantSums("after the first day was pruned", store.SumQuery{}, all[2:]...)
}

// testUnused: what was used last before an instant, and what never was, each in the order of last use.
func testUnused(f *fixture) {
	f.shelf()
	for _, tt := range []struct {
		u    store.Unused
		want string
	}{
		{store.Unused{UsedBefore: day.Add(6 * time.Hour)}, "_6 b0 a2"},
		{store.Unused{UsedBefore: day.Add(5 * time.Hour)}, "_6"},
		{store.Unused{Never: true}, "B1 ä3 Z5"},
		{store.Unused{Never: true, MadeBefore: day.Add(5 * time.Hour)}, "B1 ä3"},
		{store.Unused{UsedBefore: day.Add(7 * time.Hour), MadeBefore: day.Add(2 * time.Hour)}, "a2 b0"},
	} {
		var got []string
		for _, l := range f.list(store.TokenQuery{Sort: keywright.SortLastUsed, Unused: tt.u}) {
			got = append(got, l.Label)
		}
		f.same(fmt.Sprintf("%+v", tt.u), strings.Join(got, " "), tt.want)
	}
}

// testPruneUsage: what is older than a day goes, a part at a time, and nothing else; a batch of long ago could be counted again.
func testPruneUsage(f *fixture) {
	r := f.record("a")
	f.insert(r)
	id := r.Facts.ID
	for d := range int64(10) {
		u := seen(id, d*24+23, keywright.Allowed, "rest", 1)
		u.Hour, u.Scopes = u.Counts[0].Hour, f.scopes(fmt.Sprint("s", d))
		f.use(u, seen(id, d*24, keywright.Expired, "rest", 1))
	}
	rounds := 0
	for more := true; more; rounds++ {
		f.write(func(tx store.Tx) (err error) {
			more, err = tx.Usages().Prune(f.ctx, firstDay+4, 3)
			return err
		})
	}
	f.same("rounds", rounds, 3)
	f.read(func(tx store.Tx) error {
		days, err := tx.Usages().Days(f.ctx, id, 0, firstDay+100)
		f.same("days", len(days), 12)
		f.same("first day", days[0].Day, int64(firstDay+4))
		used, _, err2 := tx.Usages().Scopes(f.ctx, id)
		f.same("scopes", slices.Sorted(maps.Keys(used)), []string{"s4", "s5", "s6", "s7", "s8", "s9"})
		return errors.Join(err, err2)
	})
	f.same("uses", f.list(store.TokenQuery{})[0].Uses, int64(10))
}

// testPruneChanges: changes go when a mark says that they are old enough, and from then on it is known that they are gone.
func testPruneChanges(f *fixture) {
	prune := func(now, before time.Duration) (more bool, forgotten keywright.Revision) {
		c := f.write(func(tx store.Tx) (err error) {
			if more, err = tx.Changes().Prune(f.ctx, day.Add(now), day.Add(before), 2); err == nil {
				forgotten, err = tx.Changes().Forgotten(f.ctx)
			}
			return err
		})
		f.same("revision of a prune", c.Revision, keywright.Revision(0))
		return more, forgotten
	}
	change := func() keywright.Revision {
		r := f.record("x")
		f.insert(r)
		return f.update(r).Revision
	}
	var marked keywright.Revision
	for range 5 {
		marked = change()
	}
	_, gone := prune(time.Hour, 0)
	f.same("before there is a mark", gone, keywright.Revision(0))
	later := change()
	_, gone = prune(2*time.Hour, 59*time.Minute)
	f.same("before it is old enough", gone, keywright.Revision(0))
	for more, rounds := true, 0; more && rounds < 20; rounds++ {
		more, gone = prune(3*time.Hour, time.Hour)
		f.same("forgotten", gone, marked)
	}
	_, gone = prune(4*time.Hour, 3*time.Hour)
	f.same("forgotten later", gone, later)
}
