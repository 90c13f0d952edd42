package grpcguard_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
	"github.com/keywright/keywright/guard/grpcguard"
	"github.com/keywright/keywright/keywrighttest"
)

const once, many = "/shop.Orders/Once", "/shop.Orders/Many"

// text is a message without a schema: what a codec needs to know for a test.
type text struct{}

func (text) Marshal(v any) ([]byte, error)      { return []byte(*v.(*string)), nil }
func (text) Unmarshal(data []byte, v any) error { *v.(*string) = string(data); return nil }
func (text) Name() string                       { return "text" }

// serve runs a server whose methods answer with the owner of the token, once or for each message.
func serve(t *testing.T, g *guard.Guard, rules grpcguard.Rules) *grpc.ClientConn {
	t.Helper()
	calls, err := grpcguard.New(g, rules)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(calls.Unary), grpc.StreamInterceptor(calls.Stream), grpc.ForceServerCodec(text{}))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.Orders", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Once", Handler: answerOnce}},
		Streams: []grpc.StreamDesc{{StreamName: "Many", Handler: answerMany, ServerStreams: true, ClientStreams: true}},
	}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(text{})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func answerOnce(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
	var in string
	if err := decode(&in); err != nil {
		return nil, err
	}
	return intercept(ctx, &in, &grpc.UnaryServerInfo{FullMethod: once}, func(ctx context.Context, _ any) (any, error) {
		owner := guard.FromContext(ctx).Owner
		return &owner, nil
	})
}

func answerMany(_ any, stream grpc.ServerStream) error {
	for {
		var in string
		if err := stream.RecvMsg(&in); err != nil {
			return err
		}
		owner := guard.FromContext(stream.Context()).Owner
		if err := stream.SendMsg(&owner); err != nil {
			return err
		}
	}
}

// as is a call's context, with credentials.
func as(t *testing.T, authorization ...string) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	for _, a := range authorization {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", a)
	}
	return ctx
}

func TestUnary(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	good := keys.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}})
	small := keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:read"}})
	far := keys.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}, AllowedCIDRs: []string{"198.51.100.0/24"}})
	conn := serve(t, keys.Guard(t), grpcguard.Rules{once: {"orders:read"}})
	bearer := func(i keywright.Issued) string { return "Bearer " + i.APIKey.Reveal() }
	for name, tt := range map[string]struct {
		with []string
		want codes.Code
	}{
		"who may":        {[]string{bearer(good)}, codes.OK},
		"nothing":        {nil, codes.Unauthenticated},
		"two":            {[]string{bearer(good), bearer(good)}, codes.Unauthenticated},
		"nobody's":       {[]string{"Bearer no-such-key-at-all"}, codes.Unauthenticated},
		"too little":     {[]string{bearer(small)}, codes.PermissionDenied},
		"from elsewhere": {[]string{bearer(far)}, codes.PermissionDenied},
	} {
		in, out := "", ""
		err := conn.Invoke(as(t, tt.with...), once, &in, &out)
		if status.Code(err) != tt.want || (out == "admin") != (tt.want == codes.OK) {
			t.Errorf("%s: %q, %v; want %v", name, out, err, tt.want)
		}
	}
	in, out := "", ""
	if err := conn.Invoke(as(t, "Bearer some-key-or-other"), once, &in, &out); status.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	alone := guard.New(keywright.NewClient("http://127.0.0.1:1", "kw_key"), guard.WithLog(slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { _ = alone.Close(context.Background()) })
	if err := serve(t, alone, grpcguard.Rules{grpcguard.Others: nil}).Invoke(as(t, bearer(good)), once, &in, &out); status.Code(err) != codes.Unavailable {
		t.Errorf("without a server: %v", err)
	}
	if err := serve(t, alone, nil).Invoke(as(t, bearer(good)), once, &in, &out); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a method without a rule: %v", err)
	}
	if _, err := grpcguard.New(alone, grpcguard.Rules{once: {"a b"}}); err == nil || !strings.Contains(err.Error(), once) {
		t.Errorf("a rule with a scope that is none: %v", err)
	}
}

// A stream ends with its token.
func TestStream(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	good := keys.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}})
	conn := serve(t, keys.Guard(t), grpcguard.Rules{grpcguard.Others: {"orders:read"}})
	open := func(authorization ...string) (grpc.ClientStream, error) {
		return conn.NewStream(as(t, authorization...), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, many)
	}
	exchange := func(s grpc.ClientStream) (out string, err error) {
		in := "hello"
		if err := s.SendMsg(&in); err != nil {
			return "", err
		}
		return out, s.RecvMsg(&out)
	}
	stranger, err := open()
	if err != nil {
		t.Fatal(err)
	}
	var out string
	if err := stranger.RecvMsg(&out); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a stranger: %v", err)
	}
	stream, err := open("Bearer " + good.APIKey.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		in := "hello"
		if err := stream.SendMsg(&in); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(&out); err != nil || out != "admin" {
			t.Fatalf("%q, %v", out, err)
		}
	}
	if _, err := keys.Client.RevokeToken(t.Context(), good.Token.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := exchange(stream); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a message after the revocation: %v", err)
	}
}
