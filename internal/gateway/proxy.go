package gateway

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// proxy says how one kind of proxy asks: where it tells of the request that it holds back, and which
// answers it understands.
type proxy struct {
	method string // header with the request's method; empty: it asks with the same method
	uri    string // header with its path and query as they were sent; empty: they follow end
	end    string // the parts of the path after which the request's own path begins, with its slash
	few    bool   // it makes a 500 of every refusal but 401 and 403
	asks   bool   // it asks about a token by introspection, and tells of the request nothing else
}

// proxies is every kind of proxy that asks by HTTP. In docs/gateways.md each has its configuration.
var proxies = map[string]proxy{
	"nginx":   {method: "X-Original-Method", uri: "X-Original-Uri", few: true},
	"caddy":   {method: "X-Forwarded-Method", uri: "X-Forwarded-Uri"},
	"traefik": {method: "X-Forwarded-Method", uri: "X-Forwarded-Uri"},
	"envoy":   {end: "/-/"},
	"apache":  {asks: true},
}

func proxyNames() string { return strings.Join(slices.Sorted(maps.Keys(proxies)), ", ") }

// request is the method and the path of the request that is held back; empty where a proxy does not tell of it, or tells twice.
func (p proxy) request(r *http.Request) (method, uri string) {
	method = r.Method
	if p.method != "" {
		method = only(r.Header[p.method])
	}
	if p.uri != "" {
		return method, only(r.Header[p.uri])
	}
	_, uri, follows := strings.Cut(r.URL.EscapedPath(), p.end)
	if !follows {
		return method, ""
	}
	return method, "/" + uri
}

func only(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// understood is a refusal as the proxy understands it.
func (p proxy) understood(r *Ruling) *Ruling {
	if !p.few || r.Status != http.StatusTooManyRequests {
		return r
	}
	few := *r
	few.Status, few.RetryAfter = http.StatusForbidden, 0
	return &few
}
