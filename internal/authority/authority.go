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
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"regexp"
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
	// nil, no verification that starts later uses what was remembered. It returns when ctx ends, and the caches drop
	// it all the same. Nil: there is no cache.
	Forget func(context.Context, store.Commit) error
	// Applied is the revision up to which everything is forgotten in the Finder. Nil: what is answered must not be
	// remembered by anybody.
	Applied func() keywright.Revision
	// Follow acknowledges for a follower that everything up to a revision is forgotten, waits until there is more to forget or
	// the time has come to say that there is not, and grants it a lease. Nil: nobody can follow.
	Follow func(ctx context.Context, who store.Follower, since keywright.Revision) (store.News, error)
	// Nodes says who answers for the instance. Nil: that is not known.
	Nodes func(context.Context) (store.Presence, error)
	Usage store.UsageWriter // nil: usage is not kept
	// Gateways are rules by which proxies ask, by account and name, that nobody changes while the server runs; nil: none.
	Gateways map[string]map[string]keywright.Routes
	// Post tries to send a webhook and says how that went. It bounds the time it takes. Nil: webhooks wait.
	Post func(context.Context, Message) Receipt
	// Mail tries to send a letter. It bounds the time it takes. Nil: nobody is told anything by e-mail.
	Mail func(context.Context, Letter) error
	// PlainWebhooks lets webhooks have http URLs. Where they may go is decided by Post.
	PlainWebhooks bool

	Keys   *keyring.Ring
	Issuer string // https://…: the issuer of access tokens (RFC 8414), never built from a request
	Prefix string // of API keys; empty: keywright.DefaultPrefix

	SSO SingleSignOn

	AccessTTL  time.Duration // life of an access token, at most an hour; 0: 5 minutes
	SigningTTL time.Duration // how long a signing key signs, at least two hours; 0: 30 days
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
	Door       string // by which it comes, for the usage: keywright.DoorREST …
	// Own has the caller reach only tokens whose owner it is, whatever its role: for clients that know of no others.
	Own bool
	// Effect says how the changes took effect, and how long they are waited for; nil: as long as it takes.
	Effect *Effect
}

// Authority decides and changes. Make it with New. Safe for concurrent use.
type Authority struct {
	cfg        Config
	remembered source
	signing    signingKeys
	claims     *claimsMemory
	throttle   *throttle
	usage      *usage
	reports    reports
	lastUses   lastUses
	refusals   *refusals
	passwords  passwords
}

// validPrefix keeps an API key one word, and apart from a session, whose prefix has an "s" added.
var validPrefix = regexp.MustCompile(`^[a-z][a-z0-9]{0,14}[a-rt-z0-9]$`)

// New checks the configuration and fills its defaults. It does no I/O.
func New(cfg Config) (*Authority, error) {
	cfg.Prefix = cmp.Or(cfg.Prefix, keywright.DefaultPrefix)
	cfg.AccessTTL = cmp.Or(cfg.AccessTTL, 5*time.Minute)
	cfg.SigningTTL = cmp.Or(cfg.SigningTTL, 30*24*time.Hour)
	cfg.SessionTTL = cmp.Or(cfg.SessionTTL, 12*time.Hour)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	a := &Authority{
		cfg:       cfg,
		claims:    newClaimsMemory(),
		throttle:  newThrottle(),
		usage:     newUsage(),
		refusals:  newRefusals(),
		passwords: newPasswords(),
	}
	a.remembered = source{cfg.Finder, a.storedSigningKeys}
	return a, nil
}

func (cfg *Config) check() error {
	switch {
	case cfg.Store == nil || cfg.Finder == nil:
		return errors.New("a Store and a Finder are required")
	case cfg.Keys == nil || len(cfg.Keys.IDs()) == 0:
		return errors.New("a master key is required")
	case !validPrefix.MatchString(cfg.Prefix):
		return fmt.Errorf("prefix %q: want 2 to 16 lower-case letters and digits that begin with a letter and do not end in s", cfg.Prefix)
	case cfg.AccessTTL < time.Second || cfg.AccessTTL > longestAccess:
		return fmt.Errorf("life of access tokens %s: want 1s to %s", cfg.AccessTTL, longestAccess)
	case cfg.SigningTTL < 2*publishLead:
		return fmt.Errorf("life of signing keys %s: want at least %s", cfg.SigningTTL, 2*publishLead)
	case cfg.SessionTTL < 0:
		return fmt.Errorf("life of sessions %s: want more than none", cfg.SessionTTL)
	}
	return checkIssuer(cfg.Issuer)
}

// checkIssuer holds the issuer against RFC 8414 section 2; http is for the machine itself and for tests.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("issuer %q: want an https URL without query and fragment", issuer)
	}
	return nil
}

// ParseCredential reads a presented string with the instance's prefix.
func (a *Authority) ParseCredential(s string) (keywright.Credential, error) {
	return keywright.ParseCredential(a.cfg.Prefix, s)
}

// Prefix is how API keys of the instance begin, before the underscore.
func (a *Authority) Prefix() string { return a.cfg.Prefix }
