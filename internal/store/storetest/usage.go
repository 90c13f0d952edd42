package storetest

import (
	"net/netip"
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
