package gateway_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// way is the network between a proxy and Keywright, which can be made bad.
type way struct {
	t        *testing.T
	address  string // for the proxy
	target   string // Keywright
	sent     atomic.Int64
	mu       sync.Mutex
	state    state
	changed  chan struct{} // closed when state changes
	listener net.Listener  // nil: down
	conns    map[net.Conn]bool
}

// state is how the way is.
type state string

const (
	open   state = "open"
	slow   state = "slow"   // what is sent arrives late, but within every time limit of the documented configurations
	hung   state = "hung"   // nothing arrives, nothing is closed
	broken state = "broken" // connections are closed when something is sent
	down   state = "down"   // connections are refused
)

// delay is longer than any answer takes, shorter than any limit.
const delay = 200 * time.Millisecond

func newWay(t *testing.T, target string) *way {
	t.Helper()
	w := &way{t: t, target: target, state: down, conns: map[net.Conn]bool{}, changed: make(chan struct{}), address: "127.0.0.1:0"}
	w.set(open)
	t.Cleanup(func() { w.set(down) })
	return w
}

func (w *way) set(s state) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = s
	close(w.changed)
	w.changed = make(chan struct{})
	switch {
	case s == down && w.listener != nil:
		w.listener.Close()
		w.listener = nil
		for c := range w.conns {
			c.Close()
		}
	case s != down && w.listener == nil:
		l, err := net.Listen("tcp", w.address)
		if err != nil {
			w.t.Fatal(err)
		}
		w.listener, w.address = l, l.Addr().String()
		go w.accept(l)
	}
}

func (w *way) accept(l net.Listener) {
	for {
		proxy, err := l.Accept()
		if err != nil {
			return
		}
		go w.relay(proxy)
	}
}

func (w *way) relay(proxy net.Conn) {
	keywright, err := net.Dial("tcp", w.target)
	if err != nil {
		proxy.Close()
		return
	}
	for _, c := range []net.Conn{proxy, keywright} {
		w.keep(c, true)
		defer w.keep(c, false)
		defer c.Close()
	}
	go func() {
		_, _ = io.Copy(proxy, keywright)
		proxy.Close()
	}()
	for buffer := make([]byte, 32<<10); ; {
		n, err := proxy.Read(buffer)
		if err != nil || !w.passes() {
			return
		}
		w.sent.Add(int64(n))
		if _, err := keywright.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (w *way) keep(c net.Conn, yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if yes {
		w.conns[c] = true
	} else {
		delete(w.conns, c)
	}
}

// passes waits as long as what was sent is under way, and reports whether it arrives.
func (w *way) passes() bool {
	w.mu.Lock()
	state, changed := w.state, w.changed
	w.mu.Unlock()
	switch state {
	case open:
		return true
	case slow:
		<-time.After(delay)
		return true
	case hung:
		<-changed
	}
	return false
}
