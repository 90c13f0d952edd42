package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/gateway/extauthz"
	"github.com/keywright/keywright/internal/gateway/spoe"
)

// beside is an address of its own, for proxies that do not ask by HTTP, and for who watches.
type beside struct {
	who      string
	listener net.Listener
	serve    func(context.Context, net.Listener) error // until the context ends and what is under way is answered
}

const (
	haproxy = "HAProxy"
	envoy   = "Envoy"
	scraper = "metrics"
)

// listenBeside takes the addresses that are configured.
func (s *Server) listenBeside() error {
	for _, b := range []struct{ who, address string }{{haproxy, s.cfg.SPOE}, {envoy, s.cfg.ExtAuthz}, {scraper, s.cfg.Metrics}} {
		if b.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", b.address)
		if err != nil {
			return fmt.Errorf("listen for %s: %w", b.who, err)
		}
		s.beside = append(s.beside, &beside{who: b.who, listener: listener})
	}
	return nil
}

// askedBeside says who answers there, with TLS if there is any.
func (s *Server) askedBeside(judge *gateway.Judge, ids *requestIDs) {
	for _, b := range s.beside {
		switch b.who {
		case haproxy:
			if s.tls != nil {
				b.listener = tls.NewListener(b.listener, s.tls)
			}
			agent := &spoe.Agent{Judge: judge, Trusted: s.cfg.TrustedProxies, RequestID: ids.next, Log: s.cfg.Log, Took: s.metrics.latency.haproxy.took}
			b.serve = agent.Serve
		case envoy:
			asked := &extauthz.Server{Judge: judge, TLS: s.tls, Trusted: s.cfg.TrustedProxies, RequestID: ids.next, Log: s.cfg.Log, Took: s.metrics.latency.envoy.took, Stopping: s.health.stopping}
			b.serve = asked.Serve
		case scraper:
			b.serve = s.metrics.serve
		}
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
