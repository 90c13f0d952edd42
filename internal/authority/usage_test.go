package authority

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// ledger is usage as a store keeps it, which sometimes does not take it, and sometimes does and says it did not.
type ledger struct {
	fail   func() (before, after bool)
	number int64
	counts map[keywright.ID]map[store.Count]int64
	last   map[keywright.ID]time.Time
	scopes map[keywright.ID]map[string]bool
}

func newLedger() *ledger {
	return &ledger{
		fail:   func() (before, after bool) { return false, false },
		counts: map[keywright.ID]map[store.Count]int64{}, last: map[keywright.ID]time.Time{}, scopes: map[keywright.ID]map[string]bool{},
	}
}

func (l *ledger) AddUsage(_ context.Context, b store.UsageBatch) error {
	before, after := l.fail()
	if before {
		return keywright.ErrUnavailable
	}
	if b.Number > l.number {
		l.number = b.Number
		for _, u := range b.Uses {
			l.add(u)
		}
	}
	if after {
		return keywright.ErrUnavailable
	}
	return nil
}

func (l *ledger) add(u store.Usage) {
	if l.counts[u.Token] == nil {
		l.counts[u.Token], l.scopes[u.Token] = map[store.Count]int64{}, map[string]bool{}
	}
	for _, c := range u.Counts {
		n := c.N
		c.N = 0
		l.counts[u.Token][c] += n
	}
	if u.At.After(l.last[u.Token]) {
		l.last[u.Token] = u.At
	}
	for _, s := range u.Scopes {
		l.scopes[u.Token][s.String()] = true
	}
}

func (u *usage) flushTo(t testing.TB, to store.UsageWriter) (lost int64, err error) {
	t.Helper()
	return u.flush(t.Context(), to, epoch, zeros{})
}

// zeros is no randomness at all.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// What is counted is what was noted, exactly once, by many at the same time, whatever the database does in between.
func TestUsageIsExact(t *testing.T) {
	t.Parallel()
	const workers, each, tokens = 8, 2000, 40
	u, book := newUsage(), newLedger()
	dice := rand.New(rand.NewPCG(1, 2))
	book.fail = func() (before, after bool) { return dice.IntN(3) == 0, dice.IntN(3) == 0 }
	want := make([]map[keywright.ID]map[store.Count]int64, workers)
	var noting sync.WaitGroup
	for w := range workers {
		want[w] = map[keywright.ID]map[store.Count]int64{}
		noting.Go(func() {
			dice := rand.New(rand.NewPCG(3, uint64(w)))
			for range each {
				n := attempt{
					origin: origin{door: []string{"verify", "rest"}[dice.IntN(2)]},
					at:     epoch.Add(time.Duration(dice.IntN(7200)) * time.Second),
					reason: keywright.Reason(1 + dice.IntN(12)),
				}
				id := keywright.ID{15: byte(dice.IntN(tokens))}
				u.note(id, true, &n)
				if want[w][id] == nil {
					want[w][id] = map[store.Count]int64{}
				}
				want[w][id][store.Count{Hour: hourOf(n.at), Reason: n.reason, Door: n.door}]++
			}
		})
	}
	done := make(chan struct{})
	go func() { noting.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		_, _ = u.flushTo(t, book)
	}
	book.fail = func() (before, after bool) { return false, false }
	if lost, err := u.flushTo(t, book); lost != 0 || err != nil {
		t.Fatal(lost, err)
	}
	sum := map[keywright.ID]map[store.Count]int64{}
	for _, part := range want {
		for id, counts := range part {
			if sum[id] == nil {
				sum[id] = map[store.Count]int64{}
			}
			for c, n := range counts {
				sum[id][c] += n
			}
		}
	}
	if fmt.Sprint(sum) != fmt.Sprint(book.counts) {
		t.Errorf("counted %v, want %v", book.counts, sum)
	}
}

// A last use is the latest of all, in whatever order they are noted and written.
func TestLastUseNeverGoesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		u, book := newUsage(), newLedger()
		id := keywright.ID{15: 1}
		var latest time.Time
		for _, s := range rapid.SliceOfN(rapid.IntRange(0, 10000), 1, 20).Draw(rt, "seconds") {
			at := epoch.Add(time.Duration(s) * time.Second)
			if at.After(latest) {
				latest = at
			}
			u.note(id, true, &attempt{at: at, reason: keywright.Allowed, origin: origin{userAgent: at.String()}})
			if rapid.Bool().Draw(rt, "flush") {
				_, _ = u.flushTo(t, book)
				if book.last[id] != latest {
					rt.Fatalf("last used %v, want %v", book.last[id], latest)
				}
			}
		}
	})
}

// What the database does not take is kept, up to a bound; what is beyond is counted and told.
func TestUsageWaits(t *testing.T) {
	t.Parallel()
	u, book := newUsage(), newLedger()
	full := true
	book.fail = func() (before, after bool) { return full, false }
	once := func(n int) {
		u.note(keywright.ID{0: byte(n), 1: byte(n >> 8), 15: 1}, true, &attempt{at: epoch, reason: keywright.Allowed})
	}
	once(0)
	if _, err := u.flushTo(t, book); !errors.Is(err, keywright.ErrUnavailable) {
		t.Fatal(err)
	}
	for n := range usagePending + 10 {
		once(n)
	}
	if lost, err := u.flushTo(t, book); err == nil || lost != 0 {
		t.Errorf("%d lost before anything else was written, %v", lost, err)
	}
	full = false
	if lost, err := u.flushTo(t, book); err != nil || lost != 10 || len(book.counts) != usagePending {
		t.Errorf("%d kept, %d lost, %v", len(book.counts), lost, err)
	}
	select {
	case <-u.soon:
	default:
		t.Error("a shard that was full asked for no flush")
	}
}

// An id that is not on file leaves nothing, however often it is tried.
func TestUsageOfNobody(t *testing.T) {
	t.Parallel()
	u := newUsage()
	for n := range 100 {
		u.note(keywright.ID{0: byte(n)}, false, &attempt{at: epoch, reason: keywright.Unproved})
	}
	if len(u.shards[0].pending) != 0 {
		t.Errorf("%d ids are kept that are not on file", len(u.shards[0].pending))
	}
}

// To note one more use of a token that was seen already costs no allocation.
func TestUsageAllocatesNothing(t *testing.T) {
	u := newUsage()
	n := attempt{
		origin: origin{door: "verify", address: netip.MustParseAddr("192.0.2.1"), userAgent: "curl"},
		at:     epoch, reason: keywright.Allowed, held: scopes("a:*"), asked: scopes("a:b"),
	}
	u.note(keywright.ID{1}, true, &n)
	if got := testing.AllocsPerRun(100, func() { u.note(keywright.ID{1}, true, &n) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// A use is credited to the narrowest of the scopes that cover it; of whom too much is asked, all count as used.
func TestScopesUsed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ held, asked, used string }{
		{"a:read b:read", "a:read", "a:read"},
		{"** a:* a:read", "a:read", "a:read"},
		{"** a:* a:read", "a:write", "a:*"},
		{"** a:*", "b:c", "**"},
		{"a:*:c a:b:*", "a:b:c", "a:*:c a:b:*"},
		{"a:read", "b:read", ""},
		{"a:read b:read c:read", "c:read a:read", "a:read c:read"},
	} {
		u, book := newUsage(), newLedger()
		held := scopes(strings.Fields(tt.held)...)
		for _, asked := range strings.Fields(tt.asked) {
			u.note(keywright.ID{1}, true, &attempt{at: epoch, reason: keywright.Allowed, held: held, asked: scopes(asked)})
		}
		_, _ = u.flushTo(t, book)
		var got []string
		for s := range book.scopes[keywright.ID{1}] {
			got = append(got, s)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != tt.used {
			t.Errorf("of %s asked for %s: %v are used, want %s", tt.held, tt.asked, got, tt.used)
		}
	}
	var many tally
	for n := range usageAsked + 1 {
		many.add(&attempt{at: epoch, reason: keywright.Allowed, asked: scopes(fmt.Sprint("s", n))})
	}
	if !many.told || len(many.asked) != usageAsked {
		t.Errorf("%d scopes are told apart, all are used: %v", len(many.asked), many.told)
	}
}

// What the doors say of themselves and of the client is on file with the last use, and in the refusal's event.
func TestUseIsSeenWhereItIsSaid(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	asker := i.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	made := i.issue(keywright.NewToken{Scopes: []string{"a:b"}})
	gateway := Caller{Credential: i.parse(asker.APIKey.Reveal()), Address: testAddress, UserAgent: "gate/1\x1b", RequestID: "r1", Door: "verify"}
	client := netip.MustParseAddr("203.0.113.9")
	for _, tt := range []struct {
		access      keywright.Access
		from, agent string
	}{
		{keywright.Access{Scopes: scopes("a:b")}, testAddress.String(), "gate/1"},
		{keywright.Access{Scopes: scopes("a:b"), Address: client}, client.String(), ""},
		{keywright.Access{Scopes: scopes("a:b"), Address: client, UserAgent: "app/2"}, client.String(), "app/2"},
		{keywright.Access{Scopes: scopes("a:b"), UserAgent: "app/3"}, "", "app/3"},
	} {
		i.advance(time.Second)
		if v, err := i.Check(t.Context(), gateway, made.APIKey.Reveal(), tt.access); err != nil || !v.Allowed() {
			t.Fatal(v.Decision, err)
		}
		i.must(nil, i.flush(t.Context()))
		token, _ := i.uses(made.Token.ID)
		if token.LastUsedFrom != tt.from || token.LastUsedAgent != tt.agent || token.LastUsedDoor != "verify" {
			t.Errorf("last used from %q by %q at %q, want %q by %q", token.LastUsedFrom, token.LastUsedAgent, token.LastUsedDoor, tt.from, tt.agent)
		}
	}
	if v, err := i.Check(t.Context(), gateway, made.APIKey.Reveal(), keywright.Access{Scopes: scopes("b:c")}); err != nil || v.Allowed() {
		t.Fatal(v.Decision, err)
	}
	i.must(nil, i.flush(t.Context()))
	page, err := i.Events(t.Context(), i.operator, EventQuery{EventFilter: EventFilter{Account: "default", Action: "token.refused"}})
	if err != nil || len(page.Items) != 1 {
		t.Fatal(page.Items, err)
	}
	if e := page.Items[0]; e.Address != testAddress.String() || e.UserAgent != "gate/1" || e.RequestID != "r1" {
		t.Errorf("event %+v", e)
	}
}
