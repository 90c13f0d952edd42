package factcache

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// seen is what a node says of who is there.
func seen(t *testing.T, n *Node) (text string) {
	t.Helper()
	there, err := n.Presence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text = fmt.Sprint(there.Head)
	for _, p := range there.Nodes {
		self := ""
		if p.Self {
			self = " itself"
		}
		text += fmt.Sprintf("; %s%s %d, %d follow", p.Name, self, p.Acknowledged, p.Count)
		for _, f := range p.Some {
			text += fmt.Sprintf(" %d", f.Acknowledged)
		}
	}
	return text
}

// TestPresence: every node tells of all, and of those who follow others after a lease.
func TestPresence(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		a, b := p.run(t, "", nil), p.run(t, "", nil)
		start := p.since()
		end, _ := b.LeaseEnd()
		who := store.Follower{Token: idA, Run: idB}
		news, err := b.followers.Poll(t.Context(), who, 0, end)
		if err != nil {
			t.Fatal(err)
		}
		say := func(format string, more ...any) string { return fmt.Sprintf(format, more...) }
		if got, want := seen(t, b.Node), say("%d; a %[1]d, 0 follow; b itself %[1]d, 1 follow 0", start); got != want {
			t.Errorf("b, of who has just begun: %s, want %s", got, want)
		}
		going, stop := context.WithCancel(t.Context())
		defer stop()
		go func() {
			for since := news.Revision; going.Err() == nil; {
				end, _ := b.LeaseEnd()
				if news, err := b.followers.Poll(going, who, since, end); err == nil {
					since = news.Revision
				}
			}
		}()
		a.forget(t, p.change(idA, "new"))
		p.pass() // which concerns no follower
		time.Sleep(2 * testLease)
		for _, n := range []*running{a, b} {
			itself := map[*running]string{n: " itself"}
			want := say("%d; a%[2]s %[1]d, 0 follow; b%[3]s %[1]d, 1 follow %[1]d", start+2, itself[a], itself[b])
			if got := seen(t, n.Node); got != want {
				t.Errorf("who is there: %s, want %s", got, want)
			}
		}
		stop()
		time.Sleep(3 * testLease)
		if got, want := seen(t, a.Node), say("%d; a itself %[1]d, 0 follow; b %[1]d, 0 follow", start+2); got != want {
			t.Errorf("after the follower has gone: %s, want %s", got, want)
		}
		b.stop()
		if got, want := seen(t, a.Node), say("%d; a itself %[1]d, 0 follow", start+2); got != want {
			t.Errorf("after b has gone: %s, want %s", got, want)
		}
	})
}

// TestPresenceAlone: of SQLite there is one node, which is never behind.
func TestPresenceAlone(t *testing.T) {
	bubble(t, func(t *testing.T, p *primary) {
		n := NewNode(p.line(), NodeOptions{Name: "it"})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go n.Run(ctx)
		synctest.Wait()
		p.pass()
		if got, want := seen(t, n), fmt.Sprintf("%d; it itself %[1]d, 0 follow", p.since()); got != want {
			t.Errorf("who is there: %s, want %s", got, want)
		}
	})
}

// TestFollowing: of many, those who are furthest behind are shown.
func TestFollowing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		f.TellAll(7)
		f.Tell(8, subject(8))
		for i := range mostShown + 2 {
			who := store.Follower{Token: idA, Run: keywright.ID{byte(i), 1}}
			following(t, &f, who)
			upto := map[int]keywright.Revision{1: 0, 5: 7}[i] // one has only begun, one is late
			if i != 1 && i != 5 {
				upto = 8
			}
			f.mu.Lock()
			f.acknowledge(f.known[who], upto)
			f.mu.Unlock()
		}
		got := f.following(telling{upto: 9, last: 8})
		if got.Count != mostShown+2 || len(got.Some) != mostShown || got.Some[0].Run[0] != 5 || got.Some[0].Acknowledged != 7 || got.Some[1].Acknowledged != 9 || got.Some[mostShown-1].Acknowledged != 9 {
			t.Errorf("%d follow, the first of %d is %+v", got.Count, len(got.Some), got.Some[0])
		}
		time.Sleep(2 * lease)
		if got := f.following(telling{}); got.Count != 0 || len(got.Some) != 0 {
			t.Errorf("after their leases: %+v", got)
		}
	})
}
