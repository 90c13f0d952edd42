package authority

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// Effect says how the changes of one request took effect. Whoever asks makes it and says how long it waits; what became of
// that stands in it afterwards. Not safe for concurrent use. A nil one waits as long as it takes.
type Effect struct {
	Until time.Time // then it is not waited any more until a change holds everywhere; zero: as long as it takes

	Revision keywright.Revision // of the last change; 0: nothing that existed was changed
	Waited   time.Duration      // until it held everywhere
	Pending  bool               // it is not known to hold everywhere yet; it stands all the same
}

// patience is a context that ends when it is not waited any more.
func (e *Effect) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if e == nil || e.Until.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, e.Until)
}

// changed notes a commit.
func (e *Effect) changed(revision keywright.Revision) {
	if e != nil {
		e.Revision = max(e.Revision, revision)
	}
}

// waited notes how long it took, or that it was not waited for any longer.
func (e *Effect) waited(d time.Duration, pending bool) {
	if e != nil {
		e.Waited += d
		e.Pending = e.Pending || pending
	}
}
