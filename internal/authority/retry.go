package authority

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// When a delivery is tried again: 5 s after its first failure, and each time four times as long, up to a day. With 9 tries
// that is about 30 hours.
const (
	firstWait   = 5 * time.Second
	longestWait = 24 * time.Hour
	maxTries    = 9
	triesKept   = 20
)

// When a webhook that always fails is left alone: after 5 failures in a row for a minute, and each time twice as long, up to
// an hour; after three days without a success for good.
const (
	failuresToPause = 5
	firstPause      = time.Minute
	longestPause    = time.Hour
	longestFailing  = 72 * time.Hour
)

const statusGone = 410 // RFC 9110 section 15.5.11: the receiver wants no more

func noteTry(d *store.Delivery, r Receipt, now time.Time, took time.Duration) {
	number := int64(1)
	if n := len(d.Tries); n > 0 {
		number = d.Tries[n-1].Try + 1
	}
	try := keywright.DeliveryTry{
		At: now, Try: number, Status: r.Status, Error: printable(r.Error, maxReasonRunes), DurationMS: took.Milliseconds(),
	}
	if d.Tries = append(d.Tries, try); len(d.Tries) > triesKept {
		d.Tries = d.Tries[len(d.Tries)-triesKept:]
	}
}

// failed counts a failure, and pauses a webhook that has had several in a row.
func failed(w *store.Webhook, now time.Time) {
	if w.Failures++; w.FailingSince.IsZero() {
		w.FailingSince = now
	}
	if more := w.Failures - failuresToPause; more >= 0 {
		w.PausedUntil = now.Add(grown(firstPause, 2, more, longestPause))
	}
}

// hopeless says why a webhook is to be disabled; empty: it is not.
func hopeless(w *store.Webhook, r Receipt, now time.Time) string {
	switch {
	case r.Status == statusGone:
		return "the receiver answered 410 Gone"
	case w.Failures >= maxTries && now.Sub(w.FailingSince) >= longestFailing:
		return fmt.Sprintf("no delivery has succeeded for %d days: %s", int(longestFailing.Hours()/24), r.Error)
	}
	return ""
}

// nextTry is when a delivery that failed is tried again; zero: no more. jitter is -1 to 1, and a fifth of the wait at most.
func nextTry(d *store.Delivery, r Receipt, now time.Time, jitter float64) time.Time {
	if d.Attempt >= maxTries {
		return time.Time{}
	}
	wait := grown(firstWait, 4, d.Attempt-1, longestWait)
	wait += time.Duration(float64(wait) * jitter / 5)
	return now.Add(max(wait, min(r.Wait, longestPause)))
}

// grown is first times base to the power n, at most limit.
func grown(first time.Duration, base, n int64, limit time.Duration) time.Duration {
	for ; n > 0 && first < limit; n-- {
		first *= time.Duration(base)
	}
	return min(first, limit)
}

// jitter is anything from -1 to 1. Without randomness there is none.
func (a *Authority) jitter() float64 {
	var b [4]byte
	if _, err := io.ReadFull(a.cfg.Random, b[:]); err != nil {
		return 0
	}
	return float64(binary.BigEndian.Uint32(b[:]))/(1<<31) - 1
}
