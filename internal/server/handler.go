package server

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"github.com/keywright/keywright/internal/dialect"
	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/presented"
)

// front stands before every door: what holds for each request is done here and
// nowhere else. It is on the way of every verification, so it allocates next to nothing.
type front struct {
	doors      http.Handler
	hot        map[string]hotDoor // by path
	proxies    *gateway.Server    // at paths that their configurations name; nil: there are none
	latency    latency
	stopping   <-chan struct{} // closed when clients are to come back by another connection, to whoever is there then
	foreign    []*dialect.Door // whose answers have a shape of their own
	trusted    []netip.Prefix
	body       int64
	headers    []header
	hotHeaders []header
	ids        *requestIDs
	now        func() time.Time
	log        *slog.Logger

	answers sync.Pool // of *answer
}

const refusedPath = "the path has more than one meaning: send it without empty, '.' or '..' parts, encoded slashes and control characters"

// ServeHTTP answers one request and notes it in the log.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	a, _ := f.answers.Get().(*answer)
	if a == nil {
		a = new(answer)
	}
	a.ResponseWriter, a.status, a.bytes = w, 0, 0
	id := f.ids.of(r)
	door, hot := f.hotDoor(r)
	headers := f.headers
	if hot {
		headers = f.hotHeaders
	}
	setAll(w.Header(), headers, id)
	select {
	case <-f.stopping:
		w.Header()["Connection"] = lastAnswer
	default:
	}
	f.prepare(r, id)
	defer func() {
		if failure := recover(); failure != nil {
			f.panicked(a, r, id, failure) // may panic on: net/http then drops the connection
		}
		took := time.Since(begun) // which is no matter of the configured clock
		if !hot {
			door.timed = f.latency.of(r)
		}
		door.took(a.code(), took)
		f.note(a, r, id, took)
		a.ResponseWriter = nil
		f.answers.Put(a)
	}()
	if hot {
		r.Pattern = door.pattern
		door.ServeHTTP(a, r)
		return
	}
	f.serve(a, r)
}

// hotDoor is a door that is called for every request of somebody else's API. It is found by its path at once,
// where the mux would take a good part of what the door does; what the mux would say of it is asked beforehand.
type hotDoor struct {
	http.Handler
	*timed
	pattern string
}

// newHotDoors finds the doors that mux has for POST at the paths, which are measured as said.
func newHotDoors(mux *http.ServeMux, paths map[string]*timed) map[string]hotDoor {
	doors := make(map[string]hotDoor, len(paths))
	for path, measured := range paths {
		handler, pattern := mux.Handler(&http.Request{Method: http.MethodPost, URL: &url.URL{Path: path}})
		doors[path] = hotDoor{handler, measured, pattern}
	}
	return doors
}

// hotDoor is the door of a request that nothing can be wrong with before it: its path, written in the one way, is the
// door's. A path that a proxy asks at is found by having come the long way once.
func (f *front) hotDoor(r *http.Request) (hotDoor, bool) {
	if r.URL.RawPath != "" || r.ContentLength < 0 || r.ContentLength > f.body {
		return hotDoor{}, false
	}
	if f.proxies != nil && f.proxies.Knows(r.URL.Path) && knownMethod(r.Method) {
		return hotDoor{f.proxies, f.latency.check, gateway.Pattern}, true
	}
	door, ok := f.hot[r.URL.Path]
	return door, ok && r.Method == http.MethodPost
}

func (f *front) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case !knownMethod(r.Method):
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		f.refuse(w, r, http.StatusMethodNotAllowed, "the method is not used here")
	case !cleanPath(r.URL.Path, r.URL.EscapedPath()):
		f.refuse(w, r, http.StatusBadRequest, refusedPath)
	case r.ContentLength > f.body:
		f.refuse(w, r, http.StatusRequestEntityTooLarge, "the body is too large")
	default:
		if r.ContentLength < 0 {
			r.Body = http.MaxBytesReader(w, r.Body, f.body)
		}
		f.doors.ServeHTTP(w, r)
	}
}

// refuse answers what no door is asked about: at a dialect's path in its shape, where a path with more than one
// meaning is as absent as any other.
func (f *front) refuse(w http.ResponseWriter, r *http.Request, status int, detail string) {
	for _, door := range f.foreign {
		if !door.Owns(r.URL.Path) {
			continue
		}
		if status == http.StatusBadRequest {
			status = http.StatusNotFound
		}
		door.Refuse(w, r, status)
		return
	}
	problem(w, status, detail)
}

// header is one that every answer carries. Its value is shared by all of them: a door that
// wants another one sets it, and never writes into this.
type header struct {
	name  string
	value []string
}

// everyAnswer says: nothing of it may be kept, guessed at, framed or told on. A door that may be cached says
// so itself.
func everyAnswer(tls bool) []header {
	return append(hotAnswer(tls),
		header{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
		header{"Referrer-Policy", []string{"no-referrer"}})
}

// hotAnswer is what of it an answer needs that no browser shows, being JSON to a program.
func hotAnswer(tls bool) []header {
	headers := []header{
		{"Cache-Control", []string{"no-store"}},
		{"X-Content-Type-Options", []string{"nosniff"}},
	}
	if tls {
		headers = append(headers, header{"Strict-Transport-Security", []string{"max-age=31536000; includeSubDomains"}})
	}
	return headers
}

// lastAnswer ends a connection without a race: who knows that it ends sends nothing more on it (RFC 9112 section 9.6; in HTTP/2, net/http
// makes a GOAWAY of it).
var lastAnswer = []string{"close"}

func setAll(answer http.Header, headers []header, id []string) {
	for i := range headers {
		answer[headers[i].name] = headers[i].value
	}
	answer["X-Request-Id"] = id
}

// prepare sets what a door may rely on.
func (f *front) prepare(r *http.Request, id []string) {
	r.Header["X-Request-Id"] = id
	if agent := r.Header["User-Agent"]; len(agent) > 0 {
		agent[0] = presented.UserAgent(agent[0])
	}
	if len(f.trusted) > 0 && r.Header["X-Forwarded-For"] != nil {
		r.RemoteAddr = netip.AddrPortFrom(clientAddress(r, f.trusted), 0).String()
	}
}

func knownMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// panicked answers for a handler that could not. The failure itself may hold anything,
// a secret too, so only its type is logged, with where it happened.
func (f *front) panicked(a *answer, r *http.Request, id []string, failure any) {
	if failure == http.ErrAbortHandler {
		panic(failure)
	}
	f.log.Error("a handler panicked", "type", typeName(failure), "request_id", id[0], "stack", string(debug.Stack()))
	if a.status != 0 {
		panic(http.ErrAbortHandler) // half an answer is out: the client must not take it for a whole one
	}
	f.refuse(a, r, http.StatusInternalServerError, "something went wrong here; the log has the cause under the request id")
}

// note writes the request's line. The route is the pattern that was matched, never the path as sent,
// whose parts can be secrets that somebody put there by mistake.
func (f *front) note(a *answer, r *http.Request, id []string, took time.Duration) {
	level := slog.LevelInfo
	if a.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	ctx := r.Context()
	if !f.log.Enabled(ctx, level) {
		return
	}
	// Without the caller's position, which costs more than the line.
	line := slog.NewRecord(f.now(), level, "request", 0)
	line.AddAttrs(
		slog.String("route", route(r)),
		slog.Int("status", a.code()),
		slog.Int64("bytes", a.bytes),
		slog.Duration("took", took),
		slog.String("request_id", id[0]),
		slog.String("address", r.RemoteAddr),
	)
	_ = f.log.Handler().Handle(ctx, line)
}

func route(r *http.Request) string {
	switch {
	case r.Pattern == "" && knownMethod(r.Method):
		return r.Method + " (no route)"
	case r.Pattern == "":
		return "(unknown method)"
	case r.Pattern[0] == '/':
		return r.Method + " " + r.Pattern
	}
	return r.Pattern
}

// answer remembers what was answered.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach what is underneath.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// code is the status that went out; net/http sends 200 for a handler that says nothing.
func (a *answer) code() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}
