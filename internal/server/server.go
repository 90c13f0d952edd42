package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/console"
	"github.com/keywright/keywright/internal/dialect"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/oauth"
	"github.com/keywright/keywright/internal/rest"
	"github.com/keywright/keywright/internal/sso"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// Server is one open instance. Make it with Open, run it with Serve, and Close it.
type Server struct {
	Opened Opened

	cfg       Config
	lock      *flock.Flock
	listener  net.Listener
	tls       *tls.Config
	store     *sqlstore.Store
	provider  *sso.Provider // nil: there is none
	signOn    authority.SingleSignOn
	followers *factcache.Followers
	node      *factcache.Node
	metrics   *metrics
	authority *authority.Authority
	health    *health
	front     *front
	beside    []*beside
}

// mount puts all doors behind the one front.
func (s *Server) mount(keys *keyring.Ring) error {
	ids, err := newRequestIDs(s.cfg.Random)
	if err != nil {
		return err
	}
	s.health = &health{ping: s.store.Ping, now: s.cfg.Now, stopping: make(chan struct{})}
	judge := &gateway.Judge{Authority: s.authority, Rules: s.authority.Routes, Log: s.cfg.Log}
	s.askedBeside(judge, ids)
	proxies := &gateway.Server{Judge: judge, Address: address, RequestID: requestID}
	foreign := s.dialects()
	mux := http.NewServeMux()
	if err := s.doors(mux, foreign, proxies, keys); err != nil {
		return err
	}
	times := s.metrics.latency
	s.front = &front{
		doors:      mux,
		foreign:    foreign,
		trusted:    s.cfg.TrustedProxies,
		body:       s.cfg.Limits.BodyBytes,
		headers:    everyAnswer(s.tls != nil),
		hotHeaders: hotAnswer(s.tls != nil),
		hot:        newHotDoors(mux, map[string]*timed{"/api/v1/verify": times.verify, "/oauth2/introspect": times.introspect}),
		proxies:    proxies,
		latency:    times,
		stopping:   s.health.stopping,
		ids:        ids,
		now:        s.cfg.Now,
		log:        s.cfg.Log,
	}
	return nil
}

// doors is the one list of them.
func (s *Server) doors(mux *http.ServeMux, foreign []*dialect.Door, proxies *gateway.Server, keys *keyring.Ring) error {
	mux.HandleFunc("GET /healthz", s.health.live)
	mux.HandleFunc("GET /readyz", s.health.ready)
	(&rest.API{
		Authority: s.authority,
		Log:       s.cfg.Log,
		Address:   address,
		RequestID: requestID,
		Version:   s.cfg.Version,
		BaseURL:   s.Opened.URL,
	}).Mount(mux)
	(&oauth.Server{
		Authority: s.authority,
		Issuer:    s.Opened.URL,
		Log:       s.cfg.Log,
		Address:   address,
		RequestID: requestID,
	}).Mount(mux)
	for _, door := range foreign {
		door.Mount(mux)
	}
	proxies.Mount(mux)
	return s.pages(mux, keys)
}

// pages adds the doors that people come through with a browser.
func (s *Server) pages(mux *http.ServeMux, keys *keyring.Ring) error {
	if s.provider != nil {
		(&sso.Door{
			Authority: s.authority,
			Provider:  s.provider,
			BaseURL:   s.Opened.URL,
			Cookies:   keys,
			Random:    s.cfg.Random,
			Now:       s.cfg.Now,
			Log:       s.cfg.Log,
			Pages:     []string{console.ReturnPath},
			Address:   address,
			RequestID: requestID,
		}).Mount(mux)
	}
	return (&console.Console{
		Authority: s.authority,
		BaseURL:   s.Opened.URL,
		Cookies:   keys,
		Random:    s.cfg.Random,
		Now:       s.cfg.Now,
		Log:       s.cfg.Log,
		Address:   address,
		RequestID: requestID,
	}).Mount(mux)
}

// Handler is all doors of the instance behind their front.
func (s *Server) Handler() http.Handler { return s.front }

// Addr is the address that is listened at.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until ctx ends. Then it tells readiness checks that it stops and, once who asks for that has had the time to hear
// it, takes no more connections, sends followers to other servers, lets the requests under way finish, writes the usage counts
// that are still in memory, has nobody wait for this node any more, and returns.
func (s *Server) Serve(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var node sync.WaitGroup
	defer node.Wait()
	defer stop()
	node.Go(func() { s.node.Run(background) })
	done := make(chan error, 1)
	go func() { done <- s.authority.Run(background) }()
	left, leave := s.leaving(ctx)
	defer leave()
	aside := s.serveBeside(left)
	defer aside.stop()

	server := s.httpServer()
	served := make(chan error, 1)
	go func() { served <- s.accept(server) }()

	var err error
	select {
	case <-left.Done():
		s.node.Retire()
		err = s.drain(server)
	case err = <-served:
	case err = <-aside.broken:
		err = errors.Join(err, server.Close())
	case err = <-done:
		err = errors.Join(errors.New("the background work ended"), err, server.Close())
		return err
	}
	err = errors.Join(err, aside.end())
	stop() // after the last request, so that its usage is written too
	return errors.Join(err, ended(<-done))
}

// leaving returns what ends when no more requests are to be taken: after ctx by as long as load balancers were given to notice, if
// there are any.
func (s *Server) leaving(ctx context.Context) (context.Context, context.CancelFunc) {
	left, leave := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		defer leave()
		close(s.health.stopping)
		if s.cfg.DrainDelay == 0 || !s.health.watched() {
			return
		}
		s.cfg.Log.Info("told to stop: /readyz says so, and requests are taken until load balancers have heard it", "for", s.cfg.DrainDelay)
		enough := time.NewTimer(s.cfg.DrainDelay)
		defer enough.Stop()
		select {
		case <-enough.C:
		case <-left.Done():
		}
	})
	return left, func() {
		stop()
		leave()
	}
}

func (s *Server) accept(server *http.Server) error {
	listener := lazyListener{s.listener}
	if s.tls != nil {
		return server.ServeTLS(listener, "", "")
	}
	return server.Serve(listener)
}

// drain waits for the requests under way, then cuts off those that do not end.
func (s *Server) drain(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.Drain)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		s.cfg.Log.Warn("requests under way were cut off", "after", s.cfg.Limits.Drain)
		return server.Close()
	}
	return nil
}

// ended is nil for work that ended because it was told to.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *Server) httpServer() *http.Server {
	limits := s.cfg.Limits
	return &http.Server{
		Handler:           s.front,
		TLSConfig:         s.tls,
		ReadHeaderTimeout: limits.ReadHeader,
		ReadTimeout:       limits.Read,
		WriteTimeout:      limits.Write,
		IdleTimeout:       limits.Idle,
		MaxHeaderBytes:    limits.HeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
}

// Close ends what Open began. After Serve it is what is left to do.
func (s *Server) Close() error {
	var errs []error
	if s.listener != nil {
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for _, b := range s.beside {
		if err := b.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
