package server

import (
	"errors"
	"math"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// lazyListener accepts connections whose deadlines cost next to nothing to move.
type lazyListener struct{ net.Listener }

func (l lazyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newLazyConn(c), nil
}

// lazyConn is a connection that remembers its deadlines and tells the system only of those that pass. net/http moves
// them eight times a request, each time a lock and a timer of the runtime, and hardly one in a million ever passes.
type lazyConn struct {
	net.Conn
	read, write deadline
}

func newLazyConn(c net.Conn) *lazyConn {
	l := &lazyConn{Conn: c}
	l.read.init(c.SetReadDeadline)
	l.write.init(c.SetWriteDeadline)
	return l
}

func (c *lazyConn) Read(p []byte) (int, error) {
	if !c.read.begin() {
		return 0, os.ErrDeadlineExceeded
	}
	defer c.read.end()
	return c.Conn.Read(p)
}

func (c *lazyConn) Write(p []byte) (int, error) {
	if !c.write.begin() {
		return 0, os.ErrDeadlineExceeded
	}
	defer c.write.end()
	return c.Conn.Write(p)
}

func (c *lazyConn) SetReadDeadline(t time.Time) error  { return c.read.move(t) }
func (c *lazyConn) SetWriteDeadline(t time.Time) error { return c.write.move(t) }

func (c *lazyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.read.move(t), c.write.move(t))
}

// CloseWrite lets net/http end a connection so that the client still reads the last answer.
func (c *lazyConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *lazyConn) Close() error {
	c.read.stop()
	c.write.stop()
	return c.Conn.Close()
}

// deadline is when reading or writing ends. Instants are nanoseconds since since.
//
// A timer stands at the earliest deadline that was ever set since it last went off. Moving the deadline is one store,
// unless it comes before the timer or has passed already. Whatever stores first and looks
// afterwards is seen by the other side: move stores at and looks at busy and passed; begin stores busy and looks at at; pass stores
// passed and looks at at.
type deadline struct {
	at     atomic.Int64 // never: none
	busy   atomic.Int32 // calls under way
	passed atomic.Bool  // the connection has been told
	timed  atomic.Int64 // when the timer goes off; never: it is not set
	since  time.Time
	tell   func(time.Time) error // the connection

	mu     sync.Mutex // of timer and closed, and held while the connection is told
	timer  *time.Timer
	closed bool
}

const never = math.MaxInt64

// longAgo is what a connection is told when its deadline has passed.
var longAgo = time.Unix(1, 0)

func (d *deadline) init(tell func(time.Time) error) {
	d.tell, d.since = tell, time.Now()
	d.at.Store(never)
	d.timed.Store(never)
}

// begin reports whether a call may begin.
func (d *deadline) begin() bool {
	d.busy.Add(1)
	if d.at.Load() > 0 {
		return true
	}
	d.busy.Add(-1)
	return false
}

func (d *deadline) end() { d.busy.Add(-1) }

// move sets another deadline; the zero Time is none.
func (d *deadline) move(t time.Time) error {
	at := int64(never)
	if !t.IsZero() {
		at = int64(t.Sub(d.since))
	}
	d.at.Store(at)
	if at > 0 && at >= d.timed.Load() && !d.passed.Load() || at <= 0 && d.busy.Load() == 0 {
		return nil
	}
	return d.settle()
}

// settle makes connection and timer what the deadline asks for.
func (d *deadline) settle() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		at := d.at.Load()
		left := time.Duration(never)
		if at != never {
			left = time.Duration(at) - time.Since(d.since)
		}
		err := d.pass(left <= 0)
		d.wind(at, left)
		if err != nil || d.at.Load() == at {
			return err
		}
	}
}

// pass tells the connection whether its deadline has passed, if it was told otherwise.
func (d *deadline) pass(due bool) error {
	if due == d.passed.Load() {
		return nil
	}
	d.passed.Store(due)
	if due {
		return d.tell(longAgo)
	}
	return d.tell(time.Time{})
}

// wind has the timer go off no later than the deadline. One that goes off too early finds nothing to do.
func (d *deadline) wind(at int64, left time.Duration) {
	if at >= d.timed.Load() || left <= 0 || d.closed {
		return
	}
	if d.timer == nil {
		d.timer = time.AfterFunc(left, d.goOff)
	} else {
		d.timer.Reset(left)
	}
	d.timed.Store(at)
}

func (d *deadline) goOff() {
	d.mu.Lock()
	d.timed.Store(never)
	d.mu.Unlock()
	_ = d.settle() // fails for a connection that is closed: nothing waits there any more
}

func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
}
