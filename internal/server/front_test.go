package server

// What holds at every door: one meaning per path, no redirect, no TRACE, a request id that is
// fit to be logged, a last answer for a panic, nothing of the request in the log but its route.

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func newFront(t *testing.T, log io.Writer, doors http.Handler) *front {
	t.Helper()
	ids, err := newRequestIDs(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &front{
		doors: doors, body: 1 << 20, headers: everyAnswer(false), ids: ids, now: time.Now,
		log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func TestPathsWithOneMeaning(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	reached := func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusOK, r.PathValue("id")) }
	mux.HandleFunc("/api/v1/tokens/{id}", reached)
	mux.HandleFunc("/api/v1/tokens", reached)
	mux.HandleFunc("/dir/", reached)
	front := newFront(t, io.Discard, mux)
	for target, want := range map[string]int{
		"/api/v1/tokens":                   200,
		"/api/v1/tokens?x=//../%2f":        200,
		"/api/v1/tokens/a%20b":             200,
		"/api/v1/tokens/child@parent":      200,
		"/api/v1/tokens/caf%C3%A9":         200,
		"/dir/":                            200,
		"//api/v1/tokens":                  400,
		"/api//v1/tokens":                  400,
		"/api/v1/tokens//":                 400,
		"/api/v1/./tokens":                 400,
		"/api/v1/x/../tokens":              400,
		"/api/v1/tokens/..":                400,
		"/api/v1/tokens/%2e%2e":            400,
		"/api/v1/tokens/..%2f..%2fadmin":   400,
		"/api/v1/tokens/a%2Fb":             400,
		"/api/v1/tokens/a%252fb":           400,
		"/api/v1/tokens/a%5cb":             400,
		"/api/v1/tokens/%00":               400,
		"/api/v1/tokens/a%0d%0aSet-Cookie": 400,
		"/api/v1/tokens/%C0%AE":            400,
		"/api/v1/tokens/%ff":               400,
		"/api/v1/tokens/%7f":               400,
		"/nothing":                         404,
	} {
		for _, method := range []string{"GET", "POST"} {
			w := httptest.NewRecorder()
			front.ServeHTTP(w, httptest.NewRequest(method, target, nil))
			if w.Code != want {
				t.Errorf("%s %s: %d, want %d", method, target, w.Code, want)
			}
			if location := w.Header().Get("Location"); location != "" {
				t.Errorf("%s %s: redirected to %s", method, target, location)
			}
		}
	}
}

func FuzzCleanPath(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "//a", "/a/../b", "/a%2fb", "/%00", "/%ff", "/a/"} {
		f.Add(s)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !cleanPath(u.Path, u.EscapedPath()) {
			t.Skip()
		}
		r := &http.Request{Method: "POST", URL: u, Host: "h", Header: http.Header{}}
		if _, pattern := mux.Handler(r); pattern != "/" {
			t.Fatalf("%q is clean but the mux would redirect it", target)
		}
	})
}

func TestMethods(t *testing.T) {
	t.Parallel()
	front := newFront(t, io.Discard, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { plain(w, 200, "") }))
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 200, "PUT": 200, "PATCH": 200, "DELETE": 200,
		"OPTIONS": 200, "TRACE": 405, "TRACK": 405, "CONNECT": 405, "get": 405, "PROPFIND": 405} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Method = method
		front.ServeHTTP(w, r)
		if w.Code != want || (want == 405 && w.Header().Get("Allow") == "") {
			t.Errorf("%s: %d %v, want %d", method, w.Code, w.Header(), want)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	var seen string
	front := newFront(t, io.Discard, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Get("X-Request-Id") }))
	ours := regexp.MustCompile(`^[a-z2-9]{8}-[0-9a-z]+$`)
	for name, tt := range map[string]struct {
		given []string
		kept  bool
	}{
		"none":        {nil, false},
		"good":        {[]string{"a1b2c3d4"}, true},
		"signs":       {[]string{"A.b_c-d-0123"}, true},
		"longest":     {[]string{strings.Repeat("x", 64)}, true},
		"too long":    {[]string{strings.Repeat("x", 65)}, false},
		"too short":   {[]string{"abcdefg"}, false},
		"new line":    {[]string{"abcdefgh\nlevel=ERROR"}, false},
		"space":       {[]string{"abcd efgh"}, false},
		"bracket":     {[]string{"abcdefg["}, false},
		"not ascii":   {[]string{"abcdefgé"}, false},
		"two of them": {[]string{"abcdefgh", "ijklmnop"}, false},
	} {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header["X-Request-Id"] = tt.given
		front.ServeHTTP(w, r)
		answered := w.Header().Get("X-Request-Id")
		if answered != seen || tt.kept && answered != tt.given[0] || !tt.kept && !ours.MatchString(answered) {
			t.Errorf("%s: the door saw %q, the client %q", name, seen, answered)
		}
	}
}

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	const secret = "kw_thisMustNotBeTold"
	for name, failure := range map[string]any{"text": secret, "error": errors.New(secret), "struct": struct{ s string }{secret}} {
		var log bytes.Buffer
		front := newFront(t, &log, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(failure) }))
		w := httptest.NewRecorder()
		front.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 500 || w.Header().Get("Content-Type") != "application/problem+json" || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
		if strings.Contains(log.String()+w.Body.String(), secret) {
			t.Errorf("%s: what was panicked with is told on", name)
		}
		if !strings.Contains(log.String(), "TestPanicIsAnswered") {
			t.Errorf("%s: the log does not say where:\n%s", name, log.String())
		}
	}
}

// Half an answer must not look whole.
func TestPanicAfterTheAnswerBegan(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(newFront(t, io.Discard, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		plain(w, 200, "half")
		_ = http.NewResponseController(w).Flush()
		panic("now")
	})))
	defer s.Close()
	answer, err := http.Get(s.URL)
	if err == nil {
		defer answer.Body.Close()
		_, err = io.ReadAll(answer.Body)
	}
	if err == nil {
		t.Fatal("the client took half an answer for a whole one")
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	front := newFront(t, io.Discard, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			plain(w, http.StatusRequestEntityTooLarge, "")
		}
	}))
	front.body = 10
	for name, tt := range map[string]struct {
		length int64
		body   string
		want   int
	}{
		"fits":              {10, "0123456789", 200},
		"announced":         {11, "0123456789a", 413},
		"chunked, fits":     {-1, "0123456789", 200},
		"chunked, too long": {-1, "0123456789a", 413},
	} {
		r, w := httptest.NewRequest("POST", "/", strings.NewReader(tt.body)), httptest.NewRecorder()
		r.ContentLength = tt.length
		front.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", name, w.Code, tt.want)
		}
	}
}

// One line a request, with the route in place of the path, and nothing that the client wrote.
func TestLogLine(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tokens/{id}", func(w http.ResponseWriter, _ *http.Request) { plain(w, 200, "hello") })
	for target, route := range map[string]string{
		"/tokens/kw_pathsecret?key=querysecret": "GET /tokens/{id}",
		"/kw_pathsecret?key=querysecret":        "GET (no route)",
	} {
		var log bytes.Buffer
		r := httptest.NewRequest("GET", target, strings.NewReader("bodysecret"))
		r.Header.Set("Authorization", "Bearer headersecret")
		r.Header.Set("User-Agent", "agentsecret")
		newFront(t, &log, mux).ServeHTTP(httptest.NewRecorder(), r)
		var line map[string]any
		if err := json.Unmarshal(log.Bytes(), &line); err != nil {
			t.Fatalf("%s is not one line: %v", log.String(), err)
		}
		if line["msg"] != "request" || line["route"] != route || line["address"] != "192.0.2.1:1234" || line["request_id"] == "" {
			t.Errorf("%v", line)
		}
		if strings.Contains(log.String(), "secret") {
			t.Errorf("the log tells: %s", log.String())
		}
	}
}

func TestEveryAnswer(t *testing.T) {
	t.Parallel()
	doors := http.NotFoundHandler()
	open, closed := newFront(t, io.Discard, doors), newFront(t, io.Discard, doors)
	closed.headers = everyAnswer(true)
	for _, tt := range []struct {
		front *front
		hsts  string
	}{{open, ""}, {closed, "max-age=31536000; includeSubDomains"}} {
		w := httptest.NewRecorder()
		tt.front.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		h := w.Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" ||
			h.Get("Content-Security-Policy") == "" || h.Get("Referrer-Policy") != "no-referrer" ||
			h.Get("Strict-Transport-Security") != tt.hsts || h.Get("X-Request-Id") == "" {
			t.Errorf("%v", h)
		}
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, tt := range map[string]struct {
		remote  string
		forward []string
		trusted []netip.Prefix
		want    string
	}{
		"no proxy":                     {"203.0.113.9:1", nil, trusted, "203.0.113.9"},
		"nobody is trusted":            {"10.0.0.1:1", []string{"198.51.100.7"}, nil, "10.0.0.1"},
		"a stranger's claim":           {"203.0.113.9:1", []string{"198.51.100.7"}, trusted, "203.0.113.9"},
		"one proxy":                    {"10.0.0.1:1", []string{"198.51.100.7"}, trusted, "198.51.100.7"},
		"claimed before the proxy":     {"10.0.0.1:1", []string{"1.2.3.4, 198.51.100.7"}, trusted, "198.51.100.7"},
		"claimed in a header before":   {"10.0.0.1:1", []string{"1.2.3.4", "198.51.100.7"}, trusted, "198.51.100.7"},
		"two proxies":                  {"10.0.0.1:1", []string{"198.51.100.7, 10.9.9.9"}, trusted, "198.51.100.7"},
		"all trusted":                  {"10.0.0.1:1", []string{"10.1.1.1, 10.2.2.2"}, trusted, "10.1.1.1"},
		"unreadable":                   {"10.0.0.1:1", []string{"unknown"}, trusted, "10.0.0.1"},
		"unreadable behind a good one": {"10.0.0.1:1", []string{"1.2.3.4, x, 10.2.2.2"}, trusted, "10.2.2.2"},
		"with a port":                  {"10.0.0.1:1", []string{"198.51.100.7:99"}, trusted, "10.0.0.1"},
		"mapped":                       {"[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.7"}, trusted, "198.51.100.7"},
		"version 6":                    {"[fd00::1]:1", []string{"2001:db8::7"}, trusted, "2001:db8::7"},
		"empty":                        {"10.0.0.1:1", []string{""}, trusted, "10.0.0.1"},
	} {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{"X-Forwarded-For": tt.forward}}
		if got := clientAddress(r, tt.trusted).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// BenchmarkFront is what stands before a hot door, with nobody who can ask how long it takes, and with somebody.
func BenchmarkFront(b *testing.B) {
	ids, _ := newRequestIDs(rand.Reader)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/verify", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	for name, times := range map[string]latency{"unmeasured": {}, "measured": newLatency(prometheus.NewRegistry())} {
		b.Run(name, func(b *testing.B) {
			front := &front{
				doors: mux, hot: newHotDoors(mux, map[string]*timed{"/api/v1/verify": times.verify}), latency: times,
				body: 1 << 20, hotHeaders: hotAnswer(false), ids: ids, now: time.Now, log: slog.New(slog.DiscardHandler),
			}
			r := httptest.NewRequest("POST", "/api/v1/verify", nil)
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				delete(r.Header, "X-Request-Id")
				front.ServeHTTP(w, r)
			}
		})
	}
}

// TestMeasuringAllocatesNothing: who asks how long verifications take does not make them slower by garbage.
func TestMeasuringAllocatesNothing(t *testing.T) {
	times := newLatency(prometheus.NewRegistry())
	begun := time.Now()
	if n := testing.AllocsPerRun(100, func() { times.verify.took(200, time.Since(begun)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// A hot door answers as the mux would have it answer, and only what nothing can be wrong with.
func TestHotDoors(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hot", func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusOK, r.Pattern) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusNotFound, "no such path") })
	for _, tt := range []struct {
		method, target string
		length         int64
		status         int
		hot            bool
	}{
		{"POST", "/hot", 10, 200, true},
		{"POST", "/hot?x=1", 0, 200, true},
		{"POST", "/hot", -1, 200, false}, // its body is limited on the way
		{"POST", "/hot", 1<<20 + 1, 413, false},
		{"POST", "/h%6ft", 10, 200, false},
		{"POST", "/%2fhot", 10, 400, false},
		{"POST", "/hot/", 10, 404, false},
		{"GET", "/hot", 0, 404, false},
		{"TRACE", "/hot", 0, 405, false},
	} {
		var log bytes.Buffer
		f := newFront(t, &log, mux)
		f.hot, f.hotHeaders = newHotDoors(mux, map[string]*timed{"/hot": nil}), hotAnswer(false)
		r := httptest.NewRequest(tt.method, tt.target, strings.NewReader("0123456789"))
		r.ContentLength = tt.length
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		h := w.Header()
		if _, hot := f.hotDoor(r); hot != tt.hot || w.Code != tt.status {
			t.Errorf("%s %s: %d, hot %v; want %d, %v", tt.method, tt.target, w.Code, hot, tt.status, tt.hot)
		}
		if (h.Get("Content-Security-Policy") == "") != tt.hot || h.Get("Cache-Control") != "no-store" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s %s: %v", tt.method, tt.target, h)
		}
		if tt.status == 200 && (w.Body.String() != "POST /hot\n" || !strings.Contains(log.String(), `"route":"POST /hot"`)) {
			t.Errorf("%s %s: pattern %q, log %s", tt.method, tt.target, w.Body, &log)
		}
	}
}
