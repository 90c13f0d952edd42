package guard_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
)

// lease is what servers give, as the guard counts it.
const lease = 2900 * time.Millisecond

func read(t testing.TB) keywright.Access {
	t.Helper()
	scopes, err := keywright.ParseScopes("invoices:read")
	if err != nil {
		t.Fatal(err)
	}
	return keywright.Access{Scopes: scopes}
}

// says is the verdict about the key, or "unknown".
func says(t testing.TB, g *guard.Guard) string {
	t.Helper()
	v, err := g.Verify(t.Context(), theKey, read(t))
	switch {
	case errors.Is(err, keywright.ErrUnavailable) && !v.Allowed():
		return "unknown"
	case err != nil || v.Allowed() != (v.Token != nil):
		t.Errorf("%+v, %v", v, err)
	}
	return v.Decision.Reason.String()
}

func want(t testing.TB, g *guard.Guard, reason string) {
	t.Helper()
	if got := says(t, g); got != reason {
		t.Errorf("the guard says %q, want %q", got, reason)
	}
}

// The server is asked once; then the guard goes by its memory for as long as it has a lease, and forgets what changes
// before the change returns, which takes no time.
func TestRemembersAndForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		g := n.guard(t)
		synctest.Wait()
		for range 20 {
			want(t, g, "allowed")
			time.Sleep(lease / 2)
		}
		if asked := n.questions(); asked != 1 {
			t.Errorf("the server was asked %d times, want once", asked)
		}
		revoked := facts("invoices:read")
		revoked.RevokedAt = &epoch
		if took := n.change(t, theKey, revoked); took != 0 {
			t.Errorf("the change waited %v", took)
		}
		want(t, g, "revoked")
		n.change(t, theKey, facts("orders:read"))
		want(t, g, "insufficient_scope")
		n.change(t, theKey, nil)
		want(t, g, "invalid")
		want(t, g, "invalid")
		n.change(t, theKey, facts("invoices:*"))
		want(t, g, "allowed")
		if asked := n.questions(); asked != 5 {
			t.Errorf("the server was asked %d times, want once after each change", asked)
		}
	})
}

// An answer that was under way when a change was told is not remembered: it may be from before.
func TestAnswerUnderWayIsNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		g := n.guard(t)
		synctest.Wait()
		hold := make(chan struct{})
		n.set(func() { n.hold = hold })
		var asking sync.WaitGroup
		asking.Go(func() { says(t, g) }) // as it likes: it began before
		synctest.Wait()
		n.set(func() { n.hold = nil })
		n.change(t, theKey, nil)
		close(hold)
		asking.Wait()
		want(t, g, "invalid")
	})
}

// Nor is one of the time before everything was forgotten, whatever its revision says: it may be of a database that was
// replaced by an older one since.
func TestAnswerOfAnotherBeginningIsNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		g := n.guard(t)
		synctest.Wait()
		hold := make(chan struct{})
		n.set(func() { n.hold = hold })
		var asking sync.WaitGroup
		asking.Go(func() { says(t, g) })
		synctest.Wait()
		n.set(func() { n.hold, n.tokens[theKey] = nil, nil })
		n.followers.TellAll(0)
		time.Sleep(lease / 3)
		close(hold)
		asking.Wait()
		want(t, g, "invalid")
	})
}

// A load balancer may have asked a node that has not heard yet of what the guard was told to forget.
func TestAnswerOfANodeBehindIsNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		g := n.guard(t)
		synctest.Wait()
		n.change(t, theKey, facts("orders:read"))
		n.set(func() { n.behind, n.tokens[theKey] = 1, facts("invoices:read") })
		want(t, g, "allowed") // by the node, whose answer it is
		n.set(func() { n.behind, n.tokens[theKey] = 0, facts("orders:read") })
		want(t, g, "insufficient_scope")
		want(t, g, "insufficient_scope")
		if asked := n.questions(); asked != 2 {
			t.Errorf("the server was asked %d times, want 2", asked)
		}
	})
}

// A server that is not heard from any more is waited for until the lease is over, and not longer: then nothing passes that
// it does not vouch for. Who changes something elsewhere waits no longer than the lease either.
func TestFailsClosedAfterItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		g := n.guard(t)
		synctest.Wait()
		want(t, g, "allowed")
		n.set(func() { n.down = true })
		took := n.change(t, theKey, nil)
		if took > 3*time.Second {
			t.Errorf("the change waited %v", took)
		}
		want(t, g, "unknown")
		time.Sleep(time.Minute)
		want(t, g, "unknown")
		n.set(func() { n.down = false })
		time.Sleep(10 * time.Second)
		want(t, g, "invalid")
		asked := n.questions()
		if want(t, g, "invalid"); n.questions() != asked {
			t.Error("heard from again, the server is asked still about what is remembered")
		}
	})
}

// The lease ends by itself, also if whoever polls is stuck and does not see that it does.
func TestLeaseEndsByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		g := n.guard(t)
		synctest.Wait()
		want(t, g, "allowed")
		stuck := make(chan struct{})
		n.set(func() { n.deaf = stuck })
		if took := n.change(t, theKey, nil); took < lease/3 || took > 3*time.Second {
			t.Errorf("the change waited %v", took)
		}
		want(t, g, "invalid")
		n.set(func() { n.deaf = nil })
		close(stuck)
		want(t, g, "invalid")
	})
}

// The lease counts from when the poll was sent, however long its answer took; one that comes when the lease before is over gives none.
func TestLateAnswers(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{lease / 5, lease / 2, lease * 3 / 4, lease * 9 / 10, lease, 2 * lease} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newNode()
				g := n.guard(t)
				synctest.Wait()
				n.set(func() { n.late = late })
				known := facts("invoices:read")
				for range 40 {
					says(t, g)
					time.Sleep(lease / 7)
					n.change(t, theKey, nil)
					want(t, g, "invalid")
					n.change(t, theKey, known)
					want(t, g, "allowed")
				}
			})
		})
	}
}

// No verification that starts after a change has returned goes by what was before: with many at once, answers that are late, and
// a server that is away now and then.
func TestNeverGoesByWhatWasBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		g := n.guard(t)
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for ctx.Err() == nil {
					says(t, g)
					time.Sleep(time.Duration(i+1) * lease / 90)
				}
			})
		}
		for i := range 100 {
			n.set(func() { n.late, n.down = time.Duration(i%5)*lease/6, i%17 == 9 })
			n.change(t, theKey, nil)
			if got := says(t, g); got != "invalid" && got != "unknown" {
				t.Errorf("round %d: after the token was deleted the guard says %q", i, got)
			}
			n.set(func() { n.down = false })
			n.change(t, theKey, facts("invoices:read"))
			time.Sleep(time.Duration(i%7) * lease / 10)
		}
		stop()
		all.Wait()
	})
}

// What ends by time ends without anybody telling: the token, the secret, which is asked about then, and the token that is not used.
func TestWhatEndsByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		g := n.guard(t)
		synctest.Wait()
		soon, now := time.Now().Add(time.Hour), time.Now()
		f := facts("invoices:read")
		f.ExpiresAt = &soon
		n.change(t, theKey, f)
		want(t, g, "allowed")
		time.Sleep(time.Hour)
		want(t, g, "expired")

		f = facts("invoices:read")
		later := time.Now().Add(time.Hour)
		f.SecretEndsAt = &later
		n.change(t, theKey, f)
		want(t, g, "allowed")
		n.set(func() { n.tokens[theKey] = nil })
		time.Sleep(time.Hour)
		want(t, g, "invalid")

		f = facts("invoices:read")
		f.RenewedAt, f.Tenant.MaxUnused = now, 24*60*60
		last := time.Now()
		f.LastUsedAt = &last
		n.change(t, theKey, f)
		want(t, g, "allowed")
		time.Sleep(24 * time.Hour)
		again, used := *f, time.Now().Add(-time.Hour) // elsewhere
		again.LastUsedAt = &used
		n.set(func() { n.tokens[theKey] = &again })
		want(t, g, "allowed")
	})
}

// A guard that is closed remembers nothing, and is not waited for.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		g := n.guard(t)
		synctest.Wait()
		want(t, g, "allowed")
		if err := g.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := n.change(t, theKey, nil); took != 0 {
			t.Errorf("the change waited %v for who has said goodbye", took)
		}
		want(t, g, "invalid")
	})
}
