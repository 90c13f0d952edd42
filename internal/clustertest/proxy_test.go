package clustertest

import (
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

// proxy stands between one server and what it talks to, and does to the connections what networks do.
type proxy struct {
	listener net.Listener
	network  string // of what it stands before
	address  string

	mu      sync.Mutex
	changed *sync.Cond
	weather weather
	pairs   []*pair
}

// weather is what is done to the connections. The zero value is fine.
type weather struct {
	cut     bool          // none is taken, and those that are there are ended
	swallow bool          // taken, and nothing that is sent arrives; nobody is told
	hold    held          // what is sent on these arrives when this is over; nil: on none
	up      time.Duration // on the way to the server behind
	down    time.Duration // on the way back
	uneven  time.Duration // and up to so much later back, on every other connection; which ones, is drawn anew
	finding time.Duration // and so much later back, on the connections by which verifications read
}

// held says which connections are, by their purpose.
type held func(purpose string) bool

func everything(string) bool           { return true }
func leases(purpose string) bool       { return purpose == "lease" }
func allButLeases(purpose string) bool { return purpose != "lease" }

// pair is a connection and what it goes on as.
type pair struct {
	from, to net.Conn
	uneven   float64 // share of the weather's
	purpose  string  // as the server's program names it, once it has
	lossy    bool    // something was swallowed: it cannot go on
}

// draw makes the connection one of the slow ones, or of the others.
func (c *pair) draw() {
	c.uneven = 0
	if rand.IntN(2) == 0 {
		c.uneven = (1 + rand.Float64()) / 2
	}
}

func (p *pair) close() {
	p.from.Close()
	if p.to != nil {
		p.to.Close()
	}
}

func newProxy(t testing.TB, network, address string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, network: network, address: address}
	p.changed = sync.NewCond(&p.mu)
	go p.accept()
	t.Cleanup(func() {
		l.Close()
		p.set(weather{cut: true})
	})
	return p
}

// set changes the weather.
func (p *proxy) set(w weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
	for _, c := range p.pairs {
		c.draw()
		if w.cut || c.lossy && !w.swallow {
			c.close()
		}
	}
	p.changed.Broadcast()
}

func (p *proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(from)
	}
}

func (p *proxy) serve(from net.Conn) {
	c := &pair{from: from}
	c.draw()
	defer c.close()
	if !p.join(c) {
		return
	}
	defer p.part(c)
	var both sync.WaitGroup
	both.Go(func() { p.carry(c, c.to, from, true) })
	both.Go(func() { p.carry(c, from, c.to, false) })
	both.Wait()
}

// join connects through, unless that is cut.
func (p *proxy) join(c *pair) bool {
	to, err := net.Dial(p.network, p.address)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c.to = to
	if p.weather.cut {
		return false
	}
	p.pairs = append(p.pairs, c)
	return true
}

func (p *proxy) part(c *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pairs = slices.DeleteFunc(p.pairs, func(other *pair) bool { return other == c })
}

// parcel is what was read at once.
type parcel struct {
	bytes []byte
	due   time.Time
}

// carry takes what comes from one side to the other, as late as the weather has it.
func (p *proxy) carry(c *pair, to, from net.Conn, up bool) {
	defer c.close()
	parcels := make(chan parcel, 4096)
	go func() {
		defer close(parcels)
		for first := true; ; {
			b := make([]byte, 16<<10)
			n, err := from.Read(b)
			if up && first {
				p.note(c, b[:n])
			}
			first = false
			if n > 0 {
				parcels <- parcel{b[:n], time.Now().Add(p.delay(c, up))}
			}
			if err != nil {
				return
			}
		}
	}()
	for one := range parcels {
		time.Sleep(time.Until(one.due))
		if !p.admit(c) {
			continue
		}
		if _, err := to.Write(one.bytes); err != nil {
			break
		}
	}
	c.close()
	for range parcels {
	}
}

func (p *proxy) delay(c *pair, up bool) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if up {
		return p.weather.up
	}
	late := p.weather.down + time.Duration(c.uneven*float64(p.weather.uneven))
	if c.purpose == "find" {
		late += p.weather.finding
	}
	return late
}

// purpose is in the first message of a connection to PostgreSQL.
var purpose = regexp.MustCompile(`application_name\x00keywright (\w+)\x00`)

func (p *proxy) note(c *pair, message []byte) {
	if named := purpose.FindSubmatch(message); named != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		c.purpose = string(named[1])
	}
}

// admit waits while everything is held, and reports whether to go on.
func (p *proxy) admit(c *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.weather.hold != nil && p.weather.hold(c.purpose) {
		p.changed.Wait()
	}
	if p.weather.swallow {
		c.lossy = true
		return false
	}
	return true
}
