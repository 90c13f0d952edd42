package keywright

import (
	"context"
	"strconv"
	"time"
)

// Effect says how long a change may wait until it holds everywhere, and how it took effect. A call of a Client that changes
// something returns when no server and no guard says yes any more to what the change takes away, which takes as long as a
// lease, seconds, when one of them does not answer. With an Effect the caller says how long that may be, and hears about it:
//
//	effect := keywright.Effect{Wait: 2 * time.Second}
//	token, err := client.RevokeToken(effect.In(ctx), id, "leaked")
//	if err == nil && effect.Pending { … } // it is revoked, but may still be accepted somewhere for seconds
type Effect struct {
	Wait time.Duration // at most, rounded up to seconds; 0: as long as it takes; negative: not at all

	Revision Revision      // of the last call's change; 0: it changed nothing that existed
	Waited   time.Duration // until it held everywhere
	Pending  bool          // it is made, but not known to hold everywhere yet
}

type effectKey struct{}

// In returns a context for calls of a Client, one at a time, whose effect is to be noted in e.
func (e *Effect) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, effectKey{}, e)
}

// prefer is what a request says of waiting (RFC 7240).
func (e *Effect) prefer() string {
	seconds := max(0, (e.Wait+time.Second-1)/time.Second)
	return "wait=" + strconv.FormatInt(int64(seconds), 10)
}
