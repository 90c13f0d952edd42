package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// nodes has connections of its own: a lease is renewed however long others write or read.
type nodes struct {
	postgres *postgres
	// leases keeps what it commits. A server that lost a lease in a crash would let a change return while the node still
	// answers from memory.
	leases *pool
	// quick does not wait for the disk. An acknowledgement that is lost in a crash is missed, and made again.
	quick *pool
	check time.Duration // of silence, until it is asked whether the connection that listens is still there
}

func newNodes(p *postgres) *nodes {
	return &nodes{
		postgres: p,
		check:    5 * time.Second,
		leases: newPool(1, func(ctx context.Context) (*conn, error) {
			c, err := p.connect(ctx, toLease, nil)
			if err != nil {
				return nil, err
			}
			return keeping(ctx, c)
		}),
		quick: newPool(3, func(ctx context.Context) (*conn, error) {
			c, err := p.connect(ctx, toFollow, nil)
			if err != nil {
				return nil, err
			}
			return with(ctx, c, "SELECT set_config('synchronous_commit', 'off', false)")
		}),
	}
}

func (n *nodes) close() error {
	if n == nil {
		return nil
	}
	return errors.Join(n.leases.close(), n.quick.close())
}

// databaseNow is the server's clock, in microseconds, at the moment it is looked at, not at the transaction's beginning.
const databaseNow = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"

// nodeKept is how long a node whose lease is over stays on file, for people who look into the table, in microseconds.
const nodeKept = int64(time.Hour / time.Microsecond)

// Register adds a node, and removes those that are long gone.
func (n *nodes) Register(ctx context.Context, node store.Node) error {
	return n.leases.use(ctx, func(c *conn) error {
		if err := c.each(ctx, ignored, "DELETE FROM nodes WHERE lease_until < "+databaseNow+" - $1", nodeKept); err != nil {
			return fmt.Errorf("register a node: %w", err)
		}
		err := c.each(ctx, ignored, `INSERT INTO nodes (id, name, version, started_at, lease_until, acked)
			VALUES ($1, $2, $3, `+databaseNow+", "+databaseNow+" + $4, 0)", node.ID, node.Name, node.Version, node.Lease.Microseconds())
		if err != nil {
			return fmt.Errorf("register a node: %w", err)
		}
		return nil
	})
}

// ignored is for a statement that answers with nothing. Each here is a transaction of its own.
func ignored(*row) {}

// Renew lets a lease last from now on.
func (n *nodes) Renew(ctx context.Context, id keywright.ID, lease time.Duration) (head keywright.Revision, err error) {
	err = n.leases.use(ctx, func(c *conn) error {
		return c.one(ctx, func(r *row) { head = keywright.Revision(r.int()) },
			"UPDATE nodes SET lease_until = "+databaseNow+" + $2 WHERE id = $1 RETURNING (SELECT revision FROM head WHERE id = 1)",
			id, lease.Microseconds())
	})
	if err != nil {
		return 0, fmt.Errorf("renew the lease: %w", err)
	}
	return head, nil
}

// The channels of NOTIFY. What is sent on them is a hint.
const (
	channelChanged      = "keywright_changes" // with the revision
	channelAcknowledged = "keywright_acks"
)

const notifyChanged = "SELECT pg_notify('" + channelChanged + "', $1)"

// Acknowledge says so to those who wait.
func (n *nodes) Acknowledge(ctx context.Context, id keywright.ID, upto keywright.Revision) error {
	err := n.tell(ctx, "UPDATE nodes SET acked = $2 WHERE id = $1 AND acked < $2 RETURNING id", id, upto)
	if err != nil {
		return fmt.Errorf("acknowledge revision %d: %w", upto, err)
	}
	return nil
}

// Leave removes a node.
func (n *nodes) Leave(ctx context.Context, id keywright.ID) error {
	if err := n.tell(ctx, "DELETE FROM nodes WHERE id = $1 RETURNING id", id); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}

// tell makes a change and, if it changed something, notifies those who wait.
func (n *nodes) tell(ctx context.Context, change string, args ...any) error {
	return n.quick.use(ctx, func(c *conn) error {
		return c.each(ctx, ignored, "WITH told AS ("+change+") SELECT pg_notify('"+channelAcknowledged+"', '') IS NULL FROM told", args...)
	})
}

// Those whose leases last; findPresent has a column more, which those who wait for nodes need not read.
const (
	findLive    = "SELECT id, name, version, started_at, acked, lasts" + amongLive
	findPresent = "SELECT id, name, version, started_at, acked, lasts, followers" + amongLive
	amongLive   = ` FROM (SELECT id, name, version, started_at, acked, followers, lease_until - ` + databaseNow + ` AS lasts FROM nodes) n
		WHERE lasts > 0 ORDER BY name, id`
)

func scanNode(r *row) store.Node {
	return store.Node{
		ID: r.id(), Name: r.text(), Version: r.text(), StartedAt: r.time(),
		Acknowledged: keywright.Revision(r.int()), Lease: time.Duration(r.int()) * time.Microsecond,
	}
}

// Live returns the nodes whose leases last.
func (n *nodes) Live(ctx context.Context) (list []store.Node, err error) {
	err = n.quick.use(ctx, func(c *conn) error {
		list = nil
		return c.each(ctx, func(r *row) { list = append(list, scanNode(r)) }, findLive)
	})
	if err != nil {
		return nil, fmt.Errorf("find the nodes: %w", err)
	}
	return list, nil
}

// Publish is for people: nobody is notified.
func (n *nodes) Publish(ctx context.Context, id keywright.ID, f store.Following) error {
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("publish who follows: %w", err)
	}
	err = n.quick.use(ctx, func(c *conn) error {
		return c.each(ctx, ignored, "UPDATE nodes SET followers = $2 WHERE id = $1", id, string(text))
	})
	if err != nil {
		return fmt.Errorf("publish who follows: %w", err)
	}
	return nil
}

// Present returns the nodes whose leases last, with who follows them.
func (n *nodes) Present(ctx context.Context) (list []store.Present, err error) {
	err = n.quick.use(ctx, func(c *conn) error {
		list = nil
		return c.each(ctx, func(r *row) {
			p := store.Present{Node: scanNode(r)}
			r.fail(json.Unmarshal([]byte(r.text()), &p.Following))
			list = append(list, p)
		}, findPresent)
	})
	if err != nil {
		return nil, fmt.Errorf("find the nodes: %w", err)
	}
	return list, nil
}

const (
	listenAgain  = 100 * time.Millisecond // after the connection was lost, and twice as much after each attempt that fails
	listenRarely = 2 * time.Second        // but no more than this
	listenAnswer = 5 * time.Second        // for the server to say that the connection is still there
)

// Watch listens on a connection of its own, and connects again whenever it is lost.
func (n *nodes) Watch(ctx context.Context, h store.Hints) {
	pause := listenAgain
	for ctx.Err() == nil {
		heard, err := n.listen(ctx, h)
		if ctx.Err() != nil {
			return
		}
		if heard {
			pause = listenAgain
		}
		n.postgres.log.Warn("notifications of the database are missed: changes take up to a third of the lease until the connection is back", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, listenRarely)
	}
}

// listen passes on what it hears until the connection is lost. What was missed before is unknown: it begins by saying so.
func (n *nodes) listen(ctx context.Context, h store.Hints) (heard bool, err error) {
	c, err := n.postgres.connect(ctx, toListen, nil)
	if err != nil {
		return false, err
	}
	defer c.close()
	raw := c.link.(*postgresLink).raw
	if _, err := raw.Exec(ctx, "LISTEN "+channelChanged+"; LISTEN "+channelAcknowledged); err != nil {
		return false, translatePostgres(err)
	}
	h.Changed(0)
	h.Acknowledged()
	for {
		said, err := n.next(ctx, raw)
		switch {
		case err != nil:
			return true, translatePostgres(err)
		case said == nil:
		case said.Channel == channelAcknowledged:
			h.Acknowledged()
		default:
			revision, _ := strconv.ParseInt(said.Payload, 10, 64) // 0 of what is not understood: there may be any
			h.Changed(keywright.Revision(revision))
		}
	}
}

// next is nil after a silence in which the connection has not broken.
func (n *nodes) next(ctx context.Context, raw *pgx.Conn) (*pgconn.Notification, error) {
	waiting, cancel := context.WithTimeout(ctx, n.check)
	defer cancel()
	said, err := raw.WaitForNotification(waiting)
	if err == nil || ctx.Err() != nil || waiting.Err() == nil {
		return said, err
	}
	asking, cancel := context.WithTimeout(ctx, listenAnswer)
	defer cancel()
	return nil, raw.Ping(asking)
}
