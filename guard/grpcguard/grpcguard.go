// Package grpcguard has a guard decide about the calls of a gRPC server.
//
//	calls, err := grpcguard.New(keys, grpcguard.Rules{
//		"/shop.Orders/List":   {"orders:read"},
//		"/shop.Orders/Cancel": {"orders:write"},
//	})
//	server := grpc.NewServer(grpc.UnaryInterceptor(calls.Unary), grpc.StreamInterceptor(calls.Stream))
//
// The credential is that of the metadata "authorization", in the forms that the header has. A call that may not pass
// ends with Unauthenticated, PermissionDenied, ResourceExhausted for who guesses, and Unavailable where the answer is not known.
package grpcguard

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
)

// Rules says which scopes a call needs, by the full name of its method, such as "/shop.Orders/List". Those of Others are for
// every method that has no rule of its own; without them, such a method is refused.
type Rules map[string][]string

// Others stands for the methods that have no rule of their own.
const Others = "*"

// Calls is what stands in front of a server's methods. Make it with New. Safe for concurrent use.
type Calls struct {
	guard *guard.Guard
	rules map[string]keywright.Scopes
}

// New reads the rules. Its error names the scope that is none.
func New(g *guard.Guard, rules Rules) (*Calls, error) {
	c := &Calls{guard: g, rules: make(map[string]keywright.Scopes, len(rules))}
	for method, scopes := range rules {
		set, err := keywright.ParseScopes(scopes...)
		if err != nil {
			return nil, fmt.Errorf("grpcguard: %s: %w", method, err)
		}
		c.rules[method] = set
	}
	return c, nil
}

// Unary is a grpc.UnaryServerInterceptor. The method finds the token by guard.FromContext.
func (c *Calls) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	token, err := c.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(guard.NewContext(ctx, token), request)
}

// Stream is a grpc.StreamServerInterceptor. A stream is judged when it begins and again with each message that it receives, so
// that it does not outlive its token; what the server sends after the last of them is not held back.
func (c *Calls) Stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	token, err := c.admit(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return next(server, &guarded{
		ServerStream: stream, calls: c, method: info.FullMethod, ctx: guard.NewContext(stream.Context(), token),
	})
}

// guarded is a stream whose messages are let pass one by one.
type guarded struct {
	grpc.ServerStream
	calls  *Calls
	method string
	ctx    context.Context // is the stream's: gRPC asks the stream for it
}

func (s *guarded) Context() context.Context { return s.ctx }

func (s *guarded) RecvMsg(message any) error {
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	_, err := s.calls.admit(s.ctx, s.method)
	return err
}

// admit returns the token of a call that may pass, or the status that it ends with.
func (c *Calls) admit(ctx context.Context, method string) (*keywright.VerifiedToken, error) {
	needed, ok := c.rules[method]
	if !ok {
		if needed, ok = c.rules[Others]; !ok {
			return nil, status.Error(codes.PermissionDenied, "no rule is for this method")
		}
	}
	sent, _ := metadata.FromIncomingContext(ctx)
	presented, err := guard.Presented(sent.Get("authorization"))
	if err != nil {
		return nil, status.Error(codes.Unauthenticated, err.Error())
	}
	access := keywright.Access{Scopes: needed, Address: address(ctx)}
	if agent := sent.Get("user-agent"); len(agent) > 0 {
		access.UserAgent = agent[0]
	}
	v, err := c.guard.Verify(ctx, presented, access)
	if err != nil {
		return nil, unknown(err)
	}
	return v.Token, denied(v.Decision)
}

// address is who calls.
func address(ctx context.Context) netip.Addr {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return netip.Addr{}
	}
	at, err := netip.ParseAddrPort(from.Addr.String())
	if err != nil {
		return netip.Addr{} // a token that is limited to networks is then refused
	}
	return at.Addr().Unmap().WithZone("")
}

// denied is nil for what is allowed. All that is wrong with the credential itself is one answer; what is missing is named.
func denied(d keywright.Decision) error {
	switch d.Reason {
	case keywright.Allowed:
		return nil
	case keywright.InsufficientScope:
		return status.Errorf(codes.PermissionDenied, "the token lacks a scope that this needs: %s", d.Missing)
	case keywright.WrongNetwork:
		return status.Error(codes.PermissionDenied, "the token is not for use from this address")
	}
	return status.Error(codes.Unauthenticated, "the credential is not usable here")
}

// unknown is for where there is no verdict, which is never a refusal of the credential.
func unknown(err error) error {
	if errors.Is(err, keywright.ErrThrottled) {
		return status.Error(codes.ResourceExhausted, "too many attempts, try again later")
	}
	return status.Error(codes.Unavailable, "the answer is not known now, try again")
}
