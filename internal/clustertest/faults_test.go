package clustertest

import (
	mathrand "math/rand/v2"
	"syscall"
	"time"

	"github.com/keywright/keywright/internal/store/pgtest"
)

// fault is something that goes wrong at one node, or at the database. It begins, lasts and ends within inflict.
type fault struct {
	name    string
	lasts   time.Duration // about
	inflict func(c *cluster, victim *node)
}

// long is how long a fault lasts: a lease runs out meanwhile, or nearly.
func long() time.Duration {
	return lease*8/10 + time.Duration(mathrand.Int64N(int64(lease)*7/10))
}

const away = lease / 8 // of the database, for who is not near it

// someWayOff is where followers are.
var someWayOff = weather{down: lease / 30}

func faults() []fault {
	return []fault{
		{"nothing", lease, func(*cluster, *node) { time.Sleep(lease) }},
		{"a server is stopped for a while", lease * 3 / 2, func(_ *cluster, n *node) {
			n.down.Store(true)
			n.signal(syscall.SIGSTOP)
			time.Sleep(long())
			n.signal(syscall.SIGCONT)
			n.down.Store(false)
		}},
		{"a server is killed and started again", lease, func(_ *cluster, n *node) {
			n.kill()
			time.Sleep(long())
			n.start()
		}},
		{"the database is cut off", lease * 3 / 2, func(_ *cluster, n *node) {
			n.proxy.set(weather{cut: true})
			time.Sleep(long())
			n.proxy.set(weather{hold: allButLeases}) // which there is again before anything else
			time.Sleep(lease / 2)
			n.proxy.set(weather{})
		}},
		{"the database is far away", 2 * lease, func(_ *cluster, n *node) {
			n.proxy.set(weather{up: away / 2, down: away / 2, uneven: lease / 4})
			time.Sleep(2 * lease)
			n.proxy.set(weather{})
		}},
		{"what verifications read comes late", 2 * lease, func(_ *cluster, n *node) {
			n.proxy.set(weather{finding: lease / 15}) // about as long as others are waited for when a change is applied here
			time.Sleep(2 * lease)
			n.proxy.set(weather{})
		}},
		{"answers are late, then the database is cut off", lease * 5 / 2, func(_ *cluster, n *node) {
			n.proxy.set(weather{down: lease * 4 / 10})
			time.Sleep(lease * 3 / 2)
			n.proxy.set(weather{cut: true})
			time.Sleep(lease * 3 / 2)
			n.proxy.set(weather{})
		}},
		{"renewals are held, and then delivered before anything else", 5 * lease, func(_ *cluster, n *node) {
			n.down.Store(true)
			for range 3 { // as long as it takes for a renewal to arrive after its lease was over, and not to be too old
				n.proxy.set(weather{hold: leases})
				time.Sleep(lease*8/10 + mathrand.N(lease*2/10))
				n.proxy.set(weather{hold: allButLeases})
				time.Sleep(lease / 4)
				n.proxy.set(weather{})
				time.Sleep(lease / 2)
			}
			n.proxy.set(weather{})
			n.down.Store(false)
		}},
		{"the network holds everything, and then delivers it", 2 * lease, func(_ *cluster, n *node) {
			n.proxy.set(weather{hold: everything})
			time.Sleep(long())
			n.proxy.set(weather{})
			time.Sleep(lease / 2)
		}},
		{"the database is half open", lease * 3 / 2, func(_ *cluster, n *node) {
			n.proxy.set(weather{swallow: true})
			time.Sleep(long())
			n.proxy.set(weather{})
		}},
		{"a follower is cut off", lease * 3 / 2, func(c *cluster, _ *node) {
			way := c.ways[mathrand.IntN(len(c.ways))]
			way.set(weather{swallow: true})
			time.Sleep(long())
			way.set(someWayOff)
		}},
		{"those who listen are thrown out", 2 * lease, func(c *cluster, n *node) {
			n.proxy.set(weather{up: away / 2, down: away / 2})
			for end := time.Now().Add(2 * lease); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				pgtest.Exec(c.t, c.database.URL("postgres"), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
			}
			n.proxy.set(weather{})
		}},
		{"the database is killed and started again", lease, func(c *cluster, _ *node) {
			c.database.Kill()
			time.Sleep(long() / 2)
			if err := c.database.Start(); err != nil {
				c.t.Error(err)
			}
		}},
	}
}
