package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/keywright/keywright"
)

// pool is the connections that read. Its room is full of connections, the ones not
// yet opened as nil.
type pool struct {
	connector driver.Connector
	translate func(error) error
	room      chan *conn
}

func (p *pool) fill() {
	for range cap(p.room) {
		p.room <- nil
	}
}

// get takes a connection, and waits for one if all are taken. Put it back.
func (p *pool) get(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case c, open := <-p.room:
		return p.opened(ctx, c, open)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pool) opened(ctx context.Context, c *conn, open bool) (*conn, error) {
	if !open {
		return nil, errClosed
	}
	if c != nil {
		return c, nil
	}
	c, err := openConn(ctx, p.connector, p.translate)
	if err != nil {
		p.room <- nil
	}
	return c, err
}

func (p *pool) put(c *conn) { p.room <- c }

// close waits for the connections that are taken and closes all.
func (p *pool) close() (err error) {
	for range cap(p.room) {
		if c := <-p.room; c != nil {
			err = firstOf(err, c.close())
		}
	}
	close(p.room)
	return err
}

// errClosed answers whoever comes after Close.
var errClosed = fmt.Errorf("%w: the database is closed", keywright.ErrUnavailable)

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
