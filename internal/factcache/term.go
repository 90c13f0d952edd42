package factcache

import (
	"math"
	"sync/atomic"
	"time"
)

// term says until when memory may answer. It is looked at with every answer, and so is one number. It is counted on the
// monotonic clock, which goes on while the process is stopped, and which no configuration replaces. Its zero value with a
// begin has not been granted.
type term struct {
	begin time.Time    // what until counts from
	until atomic.Int64 // nanoseconds; endless: nobody else changes what is remembered
}

const endless = math.MaxInt64

// lasts reports whether memory may answer now.
func (l *term) lasts() bool {
	until := l.until.Load()
	return until == endless || time.Since(l.begin) < time.Duration(until)
}

// set has the lease end at an instant, with the faults of mutants.
func (l *term) set(end time.Time, f Fault) {
	if f == FaultNoLeaseCheck {
		l.until.Store(endless)
		return
	}
	l.until.Store(int64(end.Sub(l.begin)))
}

// drop ends the lease now.
func (l *term) drop(f Fault) {
	if f != FaultNoLeaseCheck {
		l.until.Store(0)
	}
}

// end is when the lease ends; ok is false if it is endless.
func (l *term) end() (at time.Time, ok bool) {
	until := l.until.Load()
	if until == endless {
		return time.Time{}, false
	}
	return l.begin.Add(time.Duration(until)), true
}
