package guard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/keywright/keywright"
)

const (
	firstPause  = 100 * time.Millisecond // after a poll that failed; twice as long after each more
	longPause   = 2 * time.Second
	pollTimeout = 10 * time.Second // of a poll without a lease
	lastTries   = 20               // at reporting what is left

	// goodbye acknowledges all that will ever change: nobody waits for this follower any more.
	goodbye = math.MaxInt64
)

// follow polls until ctx ends, and begins anew, as somebody else who remembers nothing, when it has lost its lease.
func (g *Guard) follow(ctx context.Context) {
	pause := time.Duration(0)
	for g.follower = newID(); ctx.Err() == nil; {
		err := g.poll(ctx)
		if err == nil {
			if pause >= longPause {
				g.log.Info("guard: the server is heard from again")
			}
			pause = 0
			continue
		}
		if left, leased := g.memory.left(); anew(err) || !leased || left <= 0 {
			g.memory.begin()
			g.follower = newID()
		}
		pause = g.wait(ctx, pause, err)
	}
}

// refused reports whether the server says no to the guard itself. What it told before is then not the guard's any more.
func refused(err error) bool {
	return errors.Is(err, keywright.ErrUnauthenticated) || errors.Is(err, keywright.ErrForbidden)
}

// anew reports whether an error means that what is remembered is worth nothing.
func anew(err error) bool { return refused(err) || errors.Is(err, keywright.ErrConflict) }

var errLate = errors.New("the server's answer came after the lease had ended")

// poll acknowledges what is forgotten, learns what is to be forgotten next, and renews the lease.
func (g *Guard) poll(ctx context.Context) error {
	timeout := pollTimeout
	if left, ok := g.memory.left(); ok {
		timeout = left // what comes later is too late
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	report := g.usage.report()
	sent := time.Now()
	news, err := g.client.Changes(ctx, keywright.ChangesQuery{Since: g.memory.revision(), Follower: g.follower}, report)
	if err != nil {
		return err
	}
	if report != nil {
		g.usage.counted(news.Reported)
	}
	if !g.memory.apply(&news, sent) {
		return errLate
	}
	return nil
}

// wait pauses after a poll that failed, and returns how long that was.
func (g *Guard) wait(ctx context.Context, before time.Duration, err error) time.Duration {
	pause := min(cmp.Or(2*before, firstPause), longPause)
	if throttled, ok := errors.AsType[*keywright.ThrottledError](err); ok {
		pause = max(pause, throttled.RetryAfter)
	}
	if before < longPause && pause >= longPause || refused(err) && before == 0 {
		g.log.Warn("guard: the server is not heard from: it is asked about each credential", "error", err)
	}
	if n := g.usage.lost(); n > 0 {
		g.log.Warn("guard: usage cannot be reported: some was lost", "uses", n)
	}
	sleep(ctx, pause)
	return pause
}

// leave says goodbye, and reports what there is to report. A report that was sent with the last poll may still be on its way
// into the database, and is confirmed then.
func (g *Guard) leave(ctx context.Context) error {
	for tries := 0; ; {
		report := g.usage.report()
		news, err := g.client.Changes(ctx, keywright.ChangesQuery{Since: goodbye, Follower: g.follower}, report)
		if err != nil || report == nil {
			return err
		}
		g.usage.counted(news.Reported)
		if news.Reported == report.Number {
			continue
		}
		if tries++; tries == lastTries {
			return fmt.Errorf("%w: the server does not keep the usage that is left to report", keywright.ErrUnavailable)
		}
		sleep(ctx, firstPause)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
