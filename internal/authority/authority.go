// Package authority is the application: every change and every answer goes
// through here. It knows neither HTTP, nor SQL, nor which cache is used.
//
// The way of a verification is verify.go. The way of a change is the same for
// all: a spoke calls one exported method; the method calls change, which
// establishes in the transaction who the caller is now and what it may do
// (actor.go), applies the change with its event, and, after the commit, has
// every cache forget it before it returns.
package authority

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
)

// Config is what an Authority needs. Store, Finder, Keys and Issuer are required.
type Config struct {
	Store  store.Store
	Finder store.Finder // answers verifications: the Store itself, or a cache in front of it
	// Forget makes every cache drop what a commit changed. When it has returned
	// nil, no verification that starts later uses what was remembered. Nil: there is no cache.
	Forget func(context.Context, store.Commit) error
	Usage  store.UsageWriter // nil: usage is not kept

	Keys   *keyring.Ring
	Issuer string // https://…: the issuer of access tokens (RFC 8414), never built from a request
	Prefix string // of API keys; empty: keywright.DefaultPrefix

	AccessTTL  time.Duration // life of an access token; 0: 5 minutes
	SigningTTL time.Duration // how long a signing key signs; 0: 30 days
	SessionTTL time.Duration // life of a person's session; 0: 12 hours

	Now    func() time.Time // nil: time.Now
	Random io.Reader        // nil: crypto/rand.Reader
	Log    *slog.Logger     // nil: discarded
}

// Caller is who asks, as presented; nothing of it is believed until the
// transaction that acts has established it.
type Caller struct {
	Credential keywright.Credential
	Address    netip.Addr
	UserAgent  string
	RequestID  string
}

// Authority decides and changes. Make it with New. Safe for concurrent use.
type Authority struct{ cfg Config }

// New checks the configuration and fills its defaults. It does no I/O.
func New(cfg Config) (*Authority, error) { panic("unwritten") }

// Run does what is due by time until ctx ends: usage is flushed every second, signing keys are rotated, what has run
// out is pruned. It returns after a last flush.
func (a *Authority) Run(ctx context.Context) error { panic("unwritten") }
