// Package spoe answers HAProxy, which asks agents by a protocol of its own before it lets a request pass: the stream
// processing offload protocol. What HAProxy's configuration sends is the question, and the answer is variables that its rules look at.
// A verdict that does not come leaves them unset, and the documented rules then let nothing pass.
package spoe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/keywright/keywright/internal/gateway"
)

// Agent answers HAProxy. Judge is required.
type Agent struct {
	Judge     *gateway.Judge
	Trusted   []netip.Prefix // networks of proxies that are believed about the client's address
	RequestID func() string  // nil: none
	Log       *slog.Logger   // nil: discarded
	// Took is told how long each answer took, by its status. Nil: nobody is.
	Took func(status int, answer time.Duration)
}

// Limits of a connection. HAProxy ends idle ones by itself, after the time that the documented configuration sets.
const (
	mostHello = 5 * time.Second
	mostIdle  = 5 * time.Minute
	mostWrite = 5 * time.Second
	mostJudge = 5 * time.Second
)

// version is that of the protocol.
const version = "2.0"

// least is the shortest longest frame that both sides must take.
const least = 256

// Serve answers on every connection that listener accepts, until ctx ends. Then it takes no more questions, lets those under way
// be answered, and returns.
func (a *Agent) Serve(ctx context.Context, listener net.Listener) error {
	var connections sync.WaitGroup
	defer connections.Wait()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		c, err := listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				c.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("HAProxy's agent: %w", err)
		}
		connections.Go(func() { a.serve(ctx, c) })
	}
}

// connection is one of HAProxy's, on which questions come one by one: we announce no pipelining.
type connection struct {
	net.Conn
	peer netip.Addr
	most int // bytes of a frame
}

func (a *Agent) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	c := &connection{Conn: conn}
	if peer, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		c.peer = peer.Addr().Unmap()
	}
	err := a.converse(ctx, c)
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		a.log().WarnContext(ctx, "gateway: a connection of HAProxy ended", "error", err, "address", c.peer)
		_ = c.send(frame{kind: agentDisconnect, payload: disconnection(invalidFrame, "see the agent's log")})
	}
}

// converse is the greeting, then questions until one side ends.
func (a *Agent) converse(ctx context.Context, c *connection) error {
	_ = c.SetReadDeadline(time.Now().Add(mostHello)) // fails for a connection that is closed; so will reading
	if more, err := c.greet(); err != nil || !more {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Now()) }) // wakes who waits for the next question
	defer stop()
	for ctx.Err() == nil {
		_ = c.SetReadDeadline(time.Now().Add(mostIdle))
		if ctx.Err() != nil {
			break // it ended between the two
		}
		f, err := readFrame(c)
		if err != nil {
			return err
		}
		switch {
		case f.kind == haproxyDisconnect:
			return c.send(frame{kind: agentDisconnect, payload: disconnection(0, "")})
		case f.kind != notify || f.flags&final == 0:
			return fmt.Errorf("%w: type %d, flags %d", errMalformed, f.kind, f.flags)
		}
		if err := a.acknowledge(ctx, c, f); err != nil {
			return err
		}
	}
	return c.send(frame{kind: agentDisconnect, payload: disconnection(0, "the server stops")})
}

// greet settles what both sides speak; more is false after a health check.
func (c *connection) greet() (more bool, err error) {
	f, err := readFrame(c)
	if err != nil {
		return false, err
	}
	in := reader{f.payload, nil}
	said := in.pairs(-1)
	versions, _ := said["supported-versions"].(string)
	most, _ := said["max-frame-size"].(uint64)
	check, _ := said["healthcheck"].(bool)
	switch {
	case in.err != nil:
		return false, in.err
	case f.kind != haproxyHello || f.flags&final == 0 || most < least:
		return false, fmt.Errorf("%w: no greeting", errMalformed)
	case !speaks(versions):
		return false, fmt.Errorf("%w: it speaks %q, not %s", errMalformed, versions, version)
	}
	c.most = int(min(most, mostBytes))
	b := appendString(appendText(nil, "version"), version)
	b = appendNumber(appendText(b, "max-frame-size"), uint32(c.most))
	b = appendString(appendText(b, "capabilities"), "")
	return !check, c.send(frame{kind: agentHello, payload: b})
}

// speaks reports whether a list of versions has one of ours: the last of each major version is named.
func speaks(versions string) bool {
	for v := range strings.SplitSeq(versions, ",") {
		if strings.HasPrefix(strings.TrimSpace(v), "2.") {
			return true
		}
	}
	return false
}

// acknowledge answers one question. What cannot be said in a frame of HAProxy's size is not known.
func (a *Agent) acknowledge(ctx context.Context, c *connection, f frame) error {
	asked, err := readQuestion(f.payload)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mostJudge)
	defer cancel()
	ruling := a.rule(ctx, c, asked)
	answer := frame{kind: ack, stream: f.stream, id: f.id, payload: variables(&ruling)}
	if len(answer.payload)+least > c.most {
		a.log().ErrorContext(ctx, "gateway: the answer is longer than HAProxy takes: give it a larger tune.bufsize", "bytes", len(answer.payload))
		long := gateway.Ruling{Status: http.StatusServiceUnavailable, RetryAfter: 1, Detail: "the answer is not known now, try again"}
		answer.payload = variables(&long)
	}
	return c.send(answer)
}

func (c *connection) send(f frame) error {
	_ = c.SetWriteDeadline(time.Now().Add(mostWrite))
	return writeFrame(c, f)
}

// invalidFrame is the protocol's code for a frame that cannot be read.
const invalidFrame = 4

func disconnection(code uint32, message string) []byte {
	b := appendNumber(appendText(nil, "status-code"), code)
	return appendString(appendText(b, "message"), message)
}

func (a *Agent) log() *slog.Logger {
	if a.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return a.Log
}
