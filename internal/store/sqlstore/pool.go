package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/keywright/keywright"
)

// pool is the connections that read. The one put back last is taken first: its
// pages are the warmest.
type pool struct {
	connect func(context.Context) (*conn, error)
	room    chan struct{} // one for each connection that is taken

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

func newPool(most int, connect func(context.Context) (*conn, error)) *pool {
	return &pool{connect: connect, room: make(chan struct{}, most)}
}

// errClosed answers whoever comes after Close.
var errClosed = fmt.Errorf("%w: the database is closed", keywright.ErrUnavailable)

// get takes a connection, and waits for one if all are taken. Put it back. fresh: it was made for this.
func (p *pool) get(ctx context.Context) (c *conn, fresh bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	select {
	case p.room <- struct{}{}:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	c, err = p.warmest()
	if err == nil && c == nil {
		c, err = p.connect(ctx)
		fresh = true
	}
	if err != nil {
		<-p.room
	}
	return c, fresh, err
}

// warmest is nil if there is none.
func (p *pool) warmest() (c *conn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if n := len(p.idle); n > 0 {
		c = p.idle[n-1]
		p.idle = p.idle[:n-1]
	}
	return c, nil
}

func (p *pool) put(c *conn) {
	if c.lost() {
		_ = c.close()
	} else {
		p.mu.Lock()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	}
	<-p.room
}

// use calls f with a connection, and again with another while one that lay idle turns out to be lost.
func (p *pool) use(ctx context.Context, f func(*conn) error) error {
	for {
		again, err := p.try(ctx, f)
		if !again {
			return err
		}
	}
}

func (p *pool) try(ctx context.Context, f func(*conn) error) (again bool, err error) {
	c, fresh, err := p.get(ctx)
	if err != nil {
		return false, err
	}
	defer p.put(c)
	err = f(c)
	return err != nil && !fresh && c.lost(), err
}

// close waits for the connections that are taken, and closes all.
func (p *pool) close() (err error) {
	for range cap(p.room) {
		p.room <- struct{}{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		err = errors.Join(err, c.close())
	}
	for range cap(p.room) {
		<-p.room
	}
	return err
}
