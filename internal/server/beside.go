package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/gateway/spoe"
)

// beside is an address of its own, for proxies that do not ask by HTTP.
type beside struct {
	listener net.Listener
	serve    func(context.Context, net.Listener) error // until the context ends and what is under way is answered
}

// listenBeside takes the addresses that are configured, with TLS if there is any.
func (s *Server) listenBeside() error {
	if s.cfg.SPOE == "" {
		return nil
	}
	listener, err := net.Listen("tcp", s.cfg.SPOE)
	if err != nil {
		return fmt.Errorf("listen for HAProxy: %w", err)
	}
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
	s.beside = append(s.beside, &beside{listener: listener})
	return nil
}

// askedBeside says who answers there.
func (s *Server) askedBeside(judge *gateway.Judge, ids *requestIDs) {
	for _, b := range s.beside {
		agent := &spoe.Agent{Judge: judge, Trusted: s.cfg.TrustedProxies, RequestID: ids.next, Log: s.cfg.Log}
		b.serve = agent.Serve
	}
}

// aside is what is served beside, all of it together.
type aside struct {
	broken chan error // one of them ended by itself
	stop   context.CancelFunc
	ended  []chan error
}

func (s *Server) serveBeside(ctx context.Context) *aside {
	ctx, stop := context.WithCancel(ctx)
	a := &aside{broken: make(chan error, len(s.beside)), stop: stop}
	for _, b := range s.beside {
		ended := make(chan error, 1)
		a.ended = append(a.ended, ended)
		go func() {
			err := b.serve(ctx, b.listener)
			if ctx.Err() == nil {
				a.broken <- err
			}
			ended <- err
		}()
	}
	return a
}

// end stops them, and waits for the answers under way.
func (a *aside) end() error {
	a.stop()
	var errs []error
	for _, ended := range a.ended {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}
