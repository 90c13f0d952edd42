package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/keywright/keywright"
)

// pool is the connections that read. The one put back last is taken first: its
// pages are the warmest.
type pool struct {
	connector driver.Connector
	translate func(error) error
	room      chan struct{} // one for each connection that is taken

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

func newPool(c driver.Connector, translate func(error) error, most int) *pool {
	return &pool{connector: c, translate: translate, room: make(chan struct{}, most)}
}

// errClosed answers whoever comes after Close.
var errClosed = fmt.Errorf("%w: the database is closed", keywright.ErrUnavailable)

// get takes a connection, and waits for one if all are taken. Put it back.
func (p *pool) get(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.room <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := p.warmest(ctx)
	if err != nil {
		<-p.room
	}
	return c, err
}

func (p *pool) warmest(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return c, nil
	}
	return openConn(ctx, p.connector, p.translate)
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	<-p.room
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
