package gateway_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	managerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/keywright/keywright/internal/server"
)

// envoy is what of a documented configuration matters here, read by Envoy's own definitions.
type envoy struct {
	manager *managerv3.HttpConnectionManager
	host    *routev3.VirtualHost
	filter  *extauthzv3.ExtAuthz
}

// readEnvoy reads a configuration as strictly as Envoy does: an unknown member, or a value out of bounds, is an error.
func readEnvoy(t *testing.T, kind string) envoy {
	t.Helper()
	var whole bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(asJSON(t, documented(t, kind)), &whole); err != nil {
		t.Fatal(err)
	}
	if err := whole.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	e := envoy{manager: &managerv3.HttpConnectionManager{}, filter: &extauthzv3.ExtAuthz{}}
	unpack(t, whole.StaticResources.Listeners[0].FilterChains[0].Filters[0].GetTypedConfig(), e.manager)
	unpack(t, e.manager.HttpFilters[0].GetTypedConfig(), e.filter)
	e.host = e.manager.GetRouteConfig().VirtualHosts[0]
	if e.filter.FailureModeAllow {
		t.Error("lets pass what could not be judged")
	}
	return e
}

type validated interface {
	proto.Message
	ValidateAll() error
}

func unpack(t *testing.T, packed *anypb.Any, into validated) {
	t.Helper()
	if err := packed.UnmarshalTo(into); err != nil {
		t.Fatal(err)
	}
	if err := into.ValidateAll(); err != nil {
		t.Fatal(err)
	}
}

// begin is what Envoy does before its filters.
func (e envoy) begin(w http.ResponseWriter, r *http.Request) bool {
	if e.manager.CommonHttpProtocolOptions.HeadersWithUnderscoresAction == corev3.HttpProtocolOptions_DROP_HEADER {
		dropUnderscored(r.Header)
	}
	path, _, _ := strings.Cut(strings.ToLower(r.RequestURI), "?")
	if e.manager.PathWithEscapedSlashesAction == managerv3.HttpConnectionManager_REJECT_REQUEST && (strings.Contains(path, "%2f") || strings.Contains(path, "%5c")) {
		w.WriteHeader(http.StatusBadRequest)
		return false
	}
	if client, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && e.manager.UseRemoteAddress.GetValue() {
		r.Header.Add("X-Forwarded-For", client)
	}
	return true
}

func (e envoy) failed(w http.ResponseWriter) bool {
	w.WriteHeader(int(e.filter.StatusOnError.Code))
	return false
}

// By gRPC Envoy sends a CheckRequest; of the answer it sets headers, then removes some, or it answers the client.
func TestEnvoy(t *testing.T) {
	t.Parallel()
	e := readEnvoy(t, "yaml envoy grpc")
	var route extauthzv3.ExtAuthzPerRoute
	unpack(t, e.host.TypedPerFilterConfig["envoy.filters.http.ext_authz"], &route)
	s := standIn(t, func(c *server.Config, free string) string {
		c.ExtAuthz = free
		return free
	})
	soon := backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond}
	conn, err := grpc.NewClient(s.way.address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(grpc.ConnectParams{Backoff: soon}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	keywright := authv3.NewAuthorizationClient(conn)
	s.plays(func(w http.ResponseWriter, r *http.Request) bool {
		if !e.begin(w, r) {
			return false
		}
		ctx, cancel := context.WithTimeout(r.Context(), e.filter.GetGrpcService().Timeout.AsDuration())
		defer cancel()
		answer, err := keywright.Check(ctx, checkRequest(r, route.GetCheckSettings().ContextExtensions, e.filter.EncodeRawHeaders), grpc.WaitForReady(true))
		if err != nil {
			return e.failed(w)
		}
		return applied(t, w, r, answer)
	})
	s.holds(expected{})
}

// checkRequest is what Envoy makes of a request.
func checkRequest(r *http.Request, extensions map[string]string, raw bool) *authv3.CheckRequest {
	from := netip.MustParseAddrPort(r.RemoteAddr)
	held := &authv3.AttributeContext_HttpRequest{Id: "1", Method: r.Method, Path: r.RequestURI, Host: r.Host, Scheme: "http", Protocol: r.Proto, Size: r.ContentLength}
	if raw {
		held.HeaderMap = &corev3.HeaderMap{}
	} else {
		held.Headers = map[string]string{}
	}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if !raw {
			held.Headers[name] = strings.Join(values, ",")
			continue
		}
		for _, value := range values {
			held.HeaderMap.Headers = append(held.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
		}
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: from.Addr().String(), PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(from.Port())},
		}}}},
		Request:           &authv3.AttributeContext_Request{Http: held},
		ContextExtensions: extensions,
	}}
}

// applied does what an answer says.
func applied(t *testing.T, w http.ResponseWriter, r *http.Request, answer *authv3.CheckResponse) bool {
	if err := answer.ValidateAll(); err != nil {
		t.Error(err)
	}
	if no := answer.GetDeniedResponse(); no != nil || answer.GetStatus().GetCode() != 0 {
		for _, h := range no.GetHeaders() {
			w.Header().Set(h.Header.Key, h.Header.Value)
		}
		w.WriteHeader(int(no.GetStatus().GetCode()))
		_, _ = io.WriteString(w, no.GetBody())
		return false
	}
	for _, h := range answer.GetOkResponse().GetHeaders() {
		if h.AppendAction != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			t.Errorf("%s: %v", h.Header.Key, h.AppendAction)
		}
		r.Header.Set(h.Header.Key, h.Header.Value)
	}
	for _, name := range answer.GetOkResponse().GetHeadersToRemove() {
		r.Header.Del(name)
	}
	return true
}

// By HTTP Envoy asks with the method of the request, at its path behind the prefix, and with the headers that are allowed and Authorization.
func TestEnvoyHTTP(t *testing.T) {
	t.Parallel()
	e := readEnvoy(t, "yaml envoy http")
	s := standIn(t)
	by := e.filter.GetHttpService()
	s.plays(func(w http.ResponseWriter, r *http.Request) bool {
		if !e.begin(w, r) {
			return false
		}
		ctx, cancel := context.WithTimeout(r.Context(), by.ServerUri.Timeout.AsDuration())
		defer cancel()
		answer, err := s.asksRaw(ctx, r, by.PathPrefix+r.RequestURI, e.filter.AllowedHeaders)
		if err != nil || answer.StatusCode >= http.StatusInternalServerError {
			return e.failed(w)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			for name := range answer.Header {
				if !matches(by.AuthorizationResponse.AllowedClientHeaders, name) {
					answer.Header.Del(name)
				}
			}
			handOn(w, answer)
			return false
		}
		for name, values := range answer.Header {
			if matches(by.AuthorizationResponse.AllowedUpstreamHeaders, name) {
				r.Header[name] = values
			}
		}
		for _, name := range e.host.RequestHeadersToRemove {
			r.Header.Del(name)
		}
		return true
	})
	s.holds(expected{})
}

// asksRaw sends a question at a path as it stands.
func (s *site) asksRaw(ctx context.Context, r *http.Request, target string, allowed *matcherv3.ListStringMatcher) (*http.Response, error) {
	question, err := http.NewRequestWithContext(ctx, r.Method, "http://"+s.way.address, nil)
	if err != nil {
		return nil, err
	}
	question.URL.Opaque = target
	for name, values := range r.Header {
		if name == "Authorization" || matches(allowed, name) {
			question.Header[name] = slices.Clone(values)
		}
	}
	return asks.Do(question)
}

func matches(list *matcherv3.ListStringMatcher, name string) bool {
	return slices.ContainsFunc(list.GetPatterns(), func(m *matcherv3.StringMatcher) bool {
		name := strings.ToLower(name) // each of ours ignores case
		return m.GetExact() != "" && name == m.GetExact() || m.GetPrefix() != "" && strings.HasPrefix(name, m.GetPrefix())
	})
}
