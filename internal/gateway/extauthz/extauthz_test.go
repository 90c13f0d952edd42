package extauthz_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/gateway/extauthz"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/keywrighttest"
)

func start(t *testing.T, options ...keywrighttest.Option) (*keywrighttest.Server, *grpc.ClientConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	gateways, err := server.ParseGateways([]byte(`{"default": {"shop": [{"methods": ["GET"], "path": "/orders/{id}", "scopes": ["orders:read"]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	s := keywrighttest.New(t, append(options, func(c *server.Config) { c.ExtAuthz, c.Gateways = address, gateways })...)
	return s, dial(t, address)
}

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// question is a GET of /orders/7.
func question(extensions map[string]string, headers map[string]string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Path: "/orders/7?a=b", Headers: headers,
		}},
		ContextExtensions: extensions,
	}}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s, conn := start(t)
	envoy := authv3.NewAuthorizationClient(conn)
	issued := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}, AllowedCIDRs: []string{"127.0.0.0/8"}})
	bearer := "Bearer " + issued.APIKey.Reveal()
	need := map[string]string{"keywright": "scope/orders:read"}
	good := map[string]string{"authorization": bearer}
	elsewhere := question(need, good)
	elsewhere.Attributes.Source = from("192.0.2.1")
	raw := question(need, nil)
	raw.Attributes.Request.Http.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "authorization", RawValue: []byte(bearer)}}}
	double := question(need, nil)
	double.Attributes.Request.Http.HeaderMap = &corev3.HeaderMap{Headers: append(slices.Clone(raw.Attributes.Request.Http.HeaderMap.Headers), &corev3.HeaderValue{Key: "authorization", Value: "x"})}
	pathless := question(map[string]string{"keywright": "rules/shop"}, good)
	pathless.Attributes.Request.Http.Path = ""
	posted := question(map[string]string{"keywright": "rules/shop"}, good)
	posted.Attributes.Request.Http.Method = "POST"
	for _, c := range []struct {
		name   string
		asked  *authv3.CheckRequest
		status int
		code   codes.Code
	}{
		{"good", question(need, good), 200, codes.OK},
		{"raw headers", raw, 200, codes.OK},
		{"by rules, without the query", question(map[string]string{"keywright": "rules/shop"}, good), 200, codes.OK},
		{"as Devo's clients do", question(need, map[string]string{"standalonetoken": issued.APIKey.Reveal()}), 200, codes.OK},
		{"an address that nobody is trusted to tell", elsewhere, 200, codes.OK},
		{"nobody", question(need, nil), 401, codes.Unauthenticated},
		{"nonsense", question(need, map[string]string{"authorization": "Bearer x"}), 401, codes.Unauthenticated},
		{"two", double, 401, codes.Unauthenticated},
		{"two, in one", question(need, map[string]string{"authorization": bearer + "," + bearer}), 401, codes.Unauthenticated},
		{"in two ways", question(need, map[string]string{"authorization": bearer, "standalonetoken": "x"}), 401, codes.Unauthenticated},
		{"a cookie", question(need, map[string]string{"cookie": "authorization=" + bearer}), 401, codes.Unauthenticated},
		{"too little scope", question(map[string]string{"keywright": "scope/orders:write"}, good), 403, codes.PermissionDenied},
		{"another method", posted, 403, codes.PermissionDenied},
		{"no path", pathless, 403, codes.PermissionDenied},
		{"no rules of the name", question(map[string]string{"keywright": "rules/till"}, good), 403, codes.PermissionDenied},
		{"no need", question(nil, good), 403, codes.PermissionDenied},
		{"a wrong need", question(map[string]string{"keywright": "scopes/x"}, good), 403, codes.PermissionDenied},
		{"a wrong setting", question(map[string]string{"keywright": "scope/orders:read", "keywright-credentials": "keep"}, good), 403, codes.PermissionDenied},
		{"nothing at all", &authv3.CheckRequest{}, 403, codes.PermissionDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			answer, err := envoy.Check(t.Context(), c.asked)
			if err != nil {
				t.Fatal(err)
			}
			if err := answer.ValidateAll(); err != nil {
				t.Error(err)
			}
			passes := c.status == 200
			if codes.Code(answer.Status.Code) != c.code || (answer.GetOkResponse() != nil) != passes || int(answer.GetDeniedResponse().GetStatus().GetCode()) != c.status && !passes {
				t.Errorf("%v", answer)
			}
			verdict := answer.DynamicMetadata.Fields["verdict"].GetStringValue()
			if verdict == "allowed" != passes || passes && answer.DynamicMetadata.Fields["token"].GetStringValue() != issued.Token.ID.String() {
				t.Errorf("%v", answer.DynamicMetadata)
			}
			challenged := slices.ContainsFunc(answer.GetDeniedResponse().GetHeaders(), func(h *corev3.HeaderValueOption) bool {
				return h.Header.Key == "WWW-Authenticate" && strings.HasPrefix(h.Header.Value, "Bearer")
			})
			if (c.status == 401) != challenged && c.name != "too little scope" {
				t.Errorf("%v", answer)
			}
			if strings.Contains(answer.String(), issued.APIKey.Reveal()) {
				t.Error("the answer has the key")
			}
		})
	}
}

func from(address string) *authv3.AttributeContext_Peer {
	return &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: address}}}}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s, conn := start(t)
	envoy := authv3.NewAuthorizationClient(conn)
	issued := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}})
	for _, keep := range []string{"", "remove", "keep"} {
		extensions := map[string]string{"keywright": "scope/orders:read"}
		if keep != "" {
			extensions["keywright-credential"] = keep
		}
		answer, err := envoy.Check(t.Context(), question(extensions, map[string]string{"authorization": "Bearer " + issued.APIKey.Reveal()}))
		if err != nil {
			t.Fatal(err)
		}
		ok := answer.GetOkResponse()
		if len(ok.GetHeaders()) != len(gateway.Identity) {
			t.Fatalf("%v", answer)
		}
		for i, h := range ok.Headers {
			if h.Header.Key != gateway.Identity[i] || h.Header.Value == "" || h.AppendAction != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
				t.Errorf("%v", h)
			}
			if slices.Contains(ok.HeadersToRemove, strings.ToLower(h.Header.Key)) {
				t.Errorf("%s is set and removed", h.Header.Key)
			}
		}
		if !slices.Contains(ok.HeadersToRemove, "x_keywright_token") || slices.Contains(ok.HeadersToRemove, "authorization") == (keep == "keep") {
			t.Errorf("%q: removes %q", keep, ok.HeadersToRemove)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	s, conn := start(t, func(c *server.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	envoy := authv3.NewAuthorizationClient(conn)
	there := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	for address, code := range map[string]codes.Code{"192.0.2.1": codes.OK, "198.51.100.1": codes.PermissionDenied, "": codes.PermissionDenied, "nowhere": codes.PermissionDenied} {
		asked := question(map[string]string{"keywright": "scope/orders:read"}, map[string]string{"authorization": "Bearer " + there.APIKey.Reveal()})
		asked.Attributes.Source = from(address)
		answer, err := envoy.Check(t.Context(), asked)
		if err != nil || codes.Code(answer.Status.Code) != code {
			t.Errorf("from %q: %v, %v", address, answer, err)
		}
	}
}

// Whoever guesses is told so; what is not known is an answer, too.
func TestThrottled(t *testing.T) {
	t.Parallel()
	_, conn := start(t)
	envoy := authv3.NewAuthorizationClient(conn)
	asked := question(map[string]string{"keywright": "scope/orders:read"}, map[string]string{"authorization": "Bearer somebody-elses-key"})
	for range 200 {
		answer, err := envoy.Check(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		if codes.Code(answer.Status.Code) == codes.ResourceExhausted {
			no := answer.GetDeniedResponse()
			if no.Status.Code != 429 || no.Headers[1].Header.Key != "Retry-After" {
				t.Errorf("%v", answer)
			}
			return
		}
	}
	t.Error("nobody was held back")
}

// What goes wrong in us is told as a refusal, too: an error is Envoy's to interpret.
func TestPanic(t *testing.T) {
	t.Parallel()
	broken := &extauthz.Server{} // without a Judge
	answer, err := broken.Check(t.Context(), question(map[string]string{"keywright": "scope/orders:read"}, nil))
	if err != nil || answer.GetDeniedResponse().GetStatus().GetCode() != 503 || codes.Code(answer.Status.Code) != codes.Unavailable {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	_, conn := start(t)
	envoy := authv3.NewAuthorizationClient(conn)
	long := question(map[string]string{"keywright": "scope/orders:read"}, map[string]string{"x": strings.Repeat("x", 1<<20)})
	if _, err := envoy.Check(t.Context(), long); status.Code(err) != codes.ResourceExhausted {
		t.Error(err)
	}
	over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := envoy.Check(over, question(nil, nil)); status.Code(err) != codes.DeadlineExceeded {
		t.Error(err)
	}
}

// The health service says whether we serve; a server that stops says so before it has stopped.
func TestHealth(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- (&extauthz.Server{Judge: &gateway.Judge{}}).Serve(ctx, l) }()
	health := healthv1.NewHealthClient(dial(t, l.Addr().String()))
	watch, err := health.Watch(t.Context(), &healthv1.HealthCheckRequest{Service: authv3.Authorization_ServiceDesc.ServiceName}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []healthv1.HealthCheckResponse_ServingStatus{healthv1.HealthCheckResponse_SERVING, healthv1.HealthCheckResponse_NOT_SERVING} {
		if got, err := watch.Recv(); err != nil || got.Status != want {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		stop()
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestTook: every answer is measured, that to a mistaken configuration too.
func TestTook(t *testing.T) {
	t.Parallel()
	var told []int
	s := &extauthz.Server{Judge: &gateway.Judge{}, Took: func(status int, answer time.Duration) {
		if told = append(told, status); answer <= 0 {
			t.Errorf("it took %s", answer)
		}
	}}
	if _, err := s.Check(t.Context(), question(map[string]string{"keywright": "scopes/x"}, nil)); err != nil || len(told) != 1 || told[0] < 400 {
		t.Errorf("%v, %d", err, told)
	}
}
