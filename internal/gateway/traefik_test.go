package gateway_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
)

// dynamic is what of Traefik's dynamic configuration matters here.
type dynamic struct {
	HTTP struct {
		Routers     map[string]struct{ Middlewares []string }
		Middlewares map[string]middleware
	}
}

type middleware struct {
	ForwardAuth *struct {
		Address                  string
		TrustForwardHeader       bool
		AuthRequestHeaders       []string
		AuthResponseHeadersRegex string
	}
	Headers *struct{ CustomRequestHeaders map[string]string }
}

// Traefik's forwardAuth copies the headers that are listed, says method and URI in X-Forwarded headers of its own, asks by GET,
// replaces what the expression matches by what it is answered, and hands anything but 2xx on to the client.
func TestTraefik(t *testing.T) {
	t.Parallel()
	s := standIn(t)
	var config dynamic
	if err := json.Unmarshal(asJSON(t, s.here(documented(t, "yaml traefik"))), &config); err != nil {
		t.Fatal(err)
	}
	chain := config.HTTP.Routers["shop"].Middlewares
	if !slices.Equal(chain, []string{"keywright", "no-credential"}) {
		t.Fatalf("the middlewares are %q", chain)
	}
	s.plays(func(w http.ResponseWriter, r *http.Request) bool {
		for _, name := range chain {
			if !config.HTTP.Middlewares[name].hold(w, r) {
				return false
			}
		}
		return true
	})
	s.holds(expected{})
}

func (m middleware) hold(w http.ResponseWriter, r *http.Request) bool {
	if m.Headers != nil {
		for name, value := range m.Headers.CustomRequestHeaders {
			if r.Header.Set(name, value); value == "" {
				r.Header.Del(name)
			}
		}
	}
	return m.ForwardAuth == nil || m.forward(w, r)
}

func (m middleware) forward(w http.ResponseWriter, r *http.Request) bool {
	f := m.ForwardAuth
	question, err := http.NewRequestWithContext(r.Context(), http.MethodGet, f.Address, nil)
	if err != nil || f.TrustForwardHeader {
		w.WriteHeader(http.StatusInternalServerError)
		return false
	}
	for _, name := range f.AuthRequestHeaders {
		if values := r.Header.Values(name); len(values) > 0 {
			question.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	for name, value := range map[string]string{"For": client, "Method": r.Method, "Proto": "http", "Host": r.Host, "Uri": r.URL.RequestURI()} {
		question.Header.Set("X-Forwarded-"+name, value)
	}
	answer, err := asks.Do(question)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return false
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		handOn(w, answer)
		return false
	}
	taken := regexp.MustCompile(f.AuthResponseHeadersRegex)
	for name := range r.Header {
		if taken.MatchString(name) {
			r.Header.Del(name)
		}
	}
	for name, values := range answer.Header {
		if taken.MatchString(name) {
			r.Header[name] = values
		}
	}
	return true
}

// handOn answers the client what the proxy was answered.
func handOn(w http.ResponseWriter, answer *http.Response) {
	for name, values := range answer.Header {
		if name != "Connection" && name != "Transfer-Encoding" {
			w.Header()[name] = values
		}
	}
	if to, err := answer.Location(); err == nil {
		w.Header().Set("Location", (*url.URL)(to).String())
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}
