package gateway_test

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"encoding/json"

	"go.yaml.in/yaml/v4"
)

// plays runs a proxy that is not to be had here. What it does with a request before the API gets it is played by hold, after its
// documentation and source; false: hold has answered.
func (s *site) plays(hold func(w http.ResponseWriter, r *http.Request) bool) {
	s.t.Helper()
	api := s.api.Listener.Addr().String()
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL = &url.URL{Scheme: "http", Host: api, Opaque: r.In.RequestURI} // as it came
	}}
	proxy := &http.Server{
		Addr: s.address, ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hold(w, r) {
				pass.ServeHTTP(w, r)
			}
		}),
	}
	listener := listen(s.t, s.address)
	go func() { _ = proxy.Serve(listener) }()
	s.t.Cleanup(func() { proxy.Close() })
}

// asJSON is a YAML document as JSON.
func asJSON(t *testing.T, document string) []byte {
	t.Helper()
	var read any
	if err := yaml.Unmarshal([]byte(document), &read); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// patience is how long a played proxy waits for Keywright.
const patience = 2 * time.Second

// asks sends a question by HTTP and follows no redirect.
var asks = &http.Client{
	Timeout:       patience,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// dropUnderscored drops headers with underscores in their names.
func dropUnderscored(h http.Header) {
	for name := range h {
		if strings.Contains(name, "_") {
			delete(h, name)
		}
	}
}
