// Package dialect is what the dialects have in common: how one is mounted, and what it is given. A dialect
// speaks somebody else's token API, at its own paths, over our authority: it translates paths, names,
// times and errors, and has no rules.
//
// What a dialect can rely on, beside what package server promises every door: whatever goes wrong at one of
// its paths is answered in its own shape, also what never reaches it (a path with two meanings, a body over the
// server's limit, a method that nobody uses, a handler that panics); and no path of its is ever redirected,
// with or without a slash at its end.
package dialect

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// Config is what every dialect is made with. Authority is required.
type Config struct {
	Name      string // of the dialect, for the usage of tokens
	URL       string // https://…: where clients reach the instance; never built from a request
	Authority *authority.Authority
	Log       *slog.Logger                   // nil: discarded
	Address   func(*http.Request) netip.Addr // of the client; nil: not known
	RequestID func(*http.Request) string     // as the request log has it; nil: none
	Now       func() time.Time               // nil: time.Now
}

// Time is now.
func (c Config) Time() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Caller is who sent a request, showing a credential.
func (c Config) Caller(r *http.Request, credential keywright.Credential) authority.Caller {
	caller := authority.Caller{Credential: credential, UserAgent: r.UserAgent(), Door: c.Name}
	if c.Address != nil {
		caller.Address = c.Address(r)
	}
	if c.RequestID != nil {
		caller.RequestID = c.RequestID(r)
	}
	return caller
}

// Logger is Log, or one that discards.
func (c Config) Logger() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// Door is one dialect, ready to be mounted.
type Door struct {
	// Paths are the dialect's own, each with all below it.
	Paths []string
	// Routes are its operations, by path and then by method. A path is a pattern of http.ServeMux without method.
	Routes map[string]Methods
	// Refuse answers, in the dialect's shape, what no operation is asked about: 404 for a path that is not
	// there or has more than one meaning, 405, 413, 500. Allow is set where it belongs.
	Refuse func(w http.ResponseWriter, r *http.Request, status int)
}

// Methods are the operations of a path. One for GET answers HEAD too.
type Methods map[string]http.HandlerFunc

// Owns reports whether a path, clean or not, is the dialect's.
func (d *Door) Owns(path string) bool {
	return slices.ContainsFunc(d.Paths, func(own string) bool {
		below, ok := strings.CutPrefix(path, own)
		return ok && (below == "" || below[0] == '/')
	})
}

// Mount adds the dialect to mux. Each path is there with and without a slash at its end, since the
// mux redirects to the one it knows: the other is as absent as any.
func (d *Door) Mount(mux *http.ServeMux) {
	absent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Refuse(w, r, http.StatusNotFound) })
	handlers := map[string]http.Handler{}
	for _, own := range d.Paths {
		handlers[own], handlers[own+"/"] = absent, absent
	}
	for path := range d.Routes {
		if other := sibling(path); handlers[other] == nil {
			handlers[other] = absent
		}
	}
	for path, methods := range d.Routes {
		handlers[path] = d.choose(methods)
	}
	for path, handler := range handlers {
		mux.Handle(path, handler)
	}
}

// sibling is a path with the slash at its end that it has not, or without the one that it has.
func sibling(path string) string {
	if bare, ok := strings.CutSuffix(path, "/{$}"); ok {
		return bare
	}
	return path + "/{$}"
}

// choose finds the operation by its method.
func (d *Door) choose(methods Methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if serve, ok := methods[method]; ok {
			serve(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(methods)), ", "))
		d.Refuse(w, r, http.StatusMethodNotAllowed)
	})
}

// Networks are those that the calling token may be used from, if it is one and is limited: what it makes has to be limited to
// them too, which clients cannot say that know of no networks.
func (c Config) Networks(ctx context.Context, caller authority.Caller, who keywright.Self) ([]string, error) {
	if who.TokenID == nil {
		return nil, nil
	}
	own, err := c.Authority.Token(ctx, caller, *who.TokenID)
	if err != nil {
		return nil, err
	}
	var networks []string
	for _, n := range own.AllowedCIDRs {
		networks = append(networks, n.String())
	}
	return networks, nil
}
