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
	uri    string // header with its path and query as they were sent; empty: they follow the part end
	end    string // the part of the path after which the request's own path begins
	few    bool   // it makes a 500 of every refusal but 401 and 403
}

// proxies is every kind of proxy that asks here. In docs/gateways.md each has its configuration.
var proxies = map[string]proxy{
	"nginx":   {method: "X-Original-Method", uri: "X-Original-Uri", few: true},
	"caddy":   {method: "X-Forwarded-Method", uri: "X-Forwarded-Uri"},
	"traefik": {method: "X-Forwarded-Method", uri: "X-Forwarded-Uri"},
	"envoy":   {end: "-"},
}

func proxyNames() string { return strings.Join(slices.Sorted(maps.Keys(proxies)), ", ") }

// request is the method and the path of the request that is held back. A proxy that does not tell of it, or
// tells twice, has it refused.
func (p proxy) request(r *http.Request) (method, path string, ok bool) {
	method, uri, ok := r.Method, "", true
	if p.method != "" {
		if method, ok = only(r.Header[p.method]); !ok {
			return "", "", false
		}
	}
	if p.uri != "" {
		uri, ok = only(r.Header[p.uri])
	} else {
		_, uri, ok = strings.Cut(r.URL.EscapedPath(), "/"+p.end+"/")
		uri = "/" + uri
	}
	path, _, _ = strings.Cut(uri, "?")
	return method, path, ok
}

func only(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}
