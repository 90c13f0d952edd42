// Package extauthz answers Envoy, which asks by gRPC before it lets a request pass: envoy.service.auth.v3.Authorization. A credential that is
// no good is an answer like any other, never an error of the call: what Envoy does at an error is a setting of its own, which may be to
// let everything pass.
package extauthz

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"

	"github.com/keywright/keywright/internal/gateway"
)

// Server answers Envoy. Judge is required.
type Server struct {
	authv3.UnimplementedAuthorizationServer

	Judge     *gateway.Judge
	TLS       *tls.Config    // nil: none
	Trusted   []netip.Prefix // networks of proxies that are believed about the client's address
	RequestID func() string  // nil: none
	Log       *slog.Logger   // nil: discarded
	// Stopping is closed when Envoy is to ask elsewhere, which the health service then says; some time later, Serve's context ends. Nil: they are one.
	Stopping <-chan struct{}
	// Took is told how long each answer took, by its status. Nil: nobody is.
	Took func(status int, answer time.Duration)
}

// Limits. Envoy's own for all headers of a request is 60 KiB unless set.
const (
	mostBytes   = 256 << 10
	mostCalls   = 1000 // at once on one connection
	mostJudge   = 5 * time.Second
	mostConnect = 5 * time.Second
	mostDrain   = 5 * time.Second
)

// Serve answers on every connection that listener accepts, until ctx ends. Then calls under way are answered, and it returns.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := grpc.NewServer(s.options()...)
	alive := health.NewServer()
	alive.SetServingStatus(authv3.Authorization_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	healthv1.RegisterHealthServer(server, alive)
	authv3.RegisterAuthorizationServer(server, s)
	stopped := make(chan struct{})
	go func() {
		select {
		case <-s.Stopping:
			alive.Shutdown()
		case <-ctx.Done():
		}
	}()
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		alive.Shutdown()
		cut := time.AfterFunc(mostDrain, server.Stop) // who watches our health would not end by itself
		defer cut.Stop()
		server.GracefulStop()
	})
	err := server.Serve(listener)
	if !stop() {
		<-stopped
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("the authorization service for Envoy: %w", err)
	}
	return nil
}

func (s *Server) options() []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(mostBytes),
		grpc.MaxConcurrentStreams(mostCalls),
		grpc.ConnectionTimeout(mostConnect),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 15 * time.Minute, Time: time.Minute, Timeout: 10 * time.Second}),
	}
	if s.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.TLS)))
	}
	return options
}

// Check answers one question of Envoy. It never fails.
func (s *Server) Check(ctx context.Context, r *authv3.CheckRequest) (answer *authv3.CheckResponse, _ error) {
	begun := time.Now()
	if _, ok := ctx.Deadline(); !ok { // Envoy sets one
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, mostJudge)
		defer cancel()
	}
	var ruling gateway.Ruling
	asked, set := s.question(ctx, r)
	defer func() {
		if failure := recover(); failure != nil { // of what it says anything may be a secret
			s.log().ErrorContext(ctx, "a handler panicked", "type", fmt.Sprintf("%T", failure), "request_id", asked.RequestID, "stack", string(debug.Stack()))
			ruling = gateway.Ruling{Status: http.StatusServiceUnavailable, RetryAfter: 1, Detail: "something went wrong here; the log has the cause"}
			answer = response(&ruling, settings{})
		}
		if s.Took != nil {
			s.Took(ruling.Status, time.Since(begun))
		}
		gateway.Note(ctx, s.Log, authv3.Authorization_Check_FullMethodName, &asked, &ruling, begun)
	}()
	ruling = s.ask(ctx, &asked, set)
	return response(&ruling, set), nil
}

func (s *Server) ask(ctx context.Context, asked *gateway.Asked, set settings) gateway.Ruling {
	if set.err != nil {
		return s.Judge.Misconfigured(ctx, asked.RequestID, set.err)
	}
	var err error
	if asked.Need, err = s.Judge.Need(set.need); err != nil {
		return s.Judge.Misconfigured(ctx, asked.RequestID, err)
	}
	return s.Judge.Ask(ctx, asked)
}

// proxyAddress is whose connection a call came on.
func proxyAddress(ctx context.Context) netip.Addr {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return netip.Addr{}
	}
	address, err := netip.ParseAddrPort(p.Addr.String())
	if err != nil {
		return netip.Addr{}
	}
	return address.Addr().Unmap()
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
