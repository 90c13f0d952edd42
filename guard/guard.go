// Package guard stands in front of your own API and decides by itself, in the process, who may pass: by what it
// remembers of tokens, in less than a microsecond, and with Keywright's promise. A verification that starts after a
// revocation has returned is refused, at this guard like at any other door.
//
//	keys := guard.New(keywright.NewClient("https://keys.example.com", apiKey))
//	defer keys.Close(ctx)
//	http.Handle("GET /invoices", keys.Require("invoices:read")(invoices))
//
// The API key is of a token with the scope keywright:tokens:verify; the guard hears of tokens of its account.
//
// # What it rests on
//
// The guard remembers facts, never verdicts: expiry, scopes, audience and network are judged by keywright.Decide at each
// use. It may go by what it remembers only while it has a lease, about three seconds, which it renews by polling the
// server for what has to be forgotten. The server waits with every change until the guard has forgotten, or its lease
// is over. A guard that does not hear from the server asks it about each credential, and without an answer refuses with
// keywright.ErrUnavailable: it never lets pass what it does not know.
//
// Leases are counted on this machine's monotonic clock, from when the poll was sent. A machine that is suspended with that
// clock stopped, such as a virtual machine that is paused, goes on where it was: nothing in the process can know.
package guard

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/keywright/keywright"
)

// Guard decides about presented credentials. Make it with New. Safe for concurrent use.
type Guard struct {
	client   *keywright.Client
	audience string
	space    string
	trusted  []netip.Prefix
	tokens   int
	patience time.Duration
	clock    func() time.Time // of decisions; nil: time.Now
	log      *slog.Logger

	memory   *memory
	usage    *usage
	follower keywright.ID // of whoever follows: as who
	stop     context.CancelFunc
	ended    chan struct{} // closed when nothing is followed any more
}

// Option changes how a Guard decides or remembers.
type Option func(*Guard)

// WithAudience names the API that the guard stands in front of, for tokens that are for it. Without it, tokens pass that
// are for APIs that name none.
func WithAudience(name string) Option { return func(g *Guard) { g.audience = name } }

// WithSpace has only tokens pass that reach a space, whose data the API serves.
func WithSpace(name string) Option { return func(g *Guard) { g.space = name } }

// WithTrustedProxies names the networks of the proxies in front of the API, whose X-Forwarded-For is believed. It matters for
// tokens that are limited to networks, and for what is noted of a token's last use. Without it, the client is who connects.
func WithTrustedProxies(networks ...netip.Prefix) Option {
	return func(g *Guard) { g.trusted = networks }
}

// WithMemory sets of how many credentials facts are remembered, about a kilobyte for each; without it 32768.
func WithMemory(credentials int) Option { return func(g *Guard) { g.tokens = credentials } }

// WithTimeout sets how long one question to the server may take, about a credential that is not remembered; without
// it 3 seconds.
func WithTimeout(d time.Duration) Option { return func(g *Guard) { g.patience = d } }

// WithLog sends to l what a person may want to know, such as that the server is not heard from; without it, to
// slog.Default().
func WithLog(l *slog.Logger) Option { return func(g *Guard) { g.log = l } }

// WithClock has decisions take the time from now, such as to let tokens expire in a test. Leases never do.
func WithClock(now func() time.Time) Option { return func(g *Guard) { g.clock = now } }

// New returns a guard that follows the client's server until Close. It does not wait for the server: until that
// answers, nothing passes.
func New(client *keywright.Client, options ...Option) *Guard {
	g := &Guard{client: client, tokens: 1 << 15, patience: 3 * time.Second, log: slog.Default(), usage: newUsage(), ended: make(chan struct{})}
	for _, option := range options {
		option(g)
	}
	g.memory = newMemory(g.tokens)
	var following context.Context
	following, g.stop = context.WithCancel(context.Background())
	go func() {
		defer close(g.ended)
		g.follow(following)
	}()
	return g
}

// Close ends the following, tells the server so, that no change waits for this guard any more, and reports the usage
// that was not reported yet. Its error says that not all of that came through. A guard that is closed asks the
// server about each credential.
func (g *Guard) Close(ctx context.Context) error {
	g.stop()
	<-g.ended
	g.memory.begin()
	return g.leave(ctx)
}

// Verdict is the answer about one presented credential. The zero Verdict refuses.
type Verdict struct {
	Decision keywright.Decision
	Token    *keywright.VerifiedToken // nil unless allowed; it is shared, and must not be changed
}

// Allowed reports whether the attempt may pass.
func (v Verdict) Allowed() bool { return v.Decision.Allowed() }

// longest is more than any credential has.
const longest = 8192

// Verify answers whether who presents a credential (an API key, an access token or an imported key) may do what
// access says, now. An Audience or Space that access leaves empty is the guard's. A refusal is a Verdict. An error means that the
// answer is not known (keywright.ErrUnavailable) or withheld from who guesses (*keywright.ThrottledError).
func (g *Guard) Verify(ctx context.Context, presented string, access keywright.Access) (Verdict, error) {
	if !presentable(presented) {
		return Verdict{Decision: keywright.Decision{Reason: keywright.Unproved}}, nil
	}
	if access.Audience == "" {
		access.Audience = g.audience
	}
	if access.Space == "" {
		access.Space = g.space
	}
	access.Management = false
	k := keyOf(presented)
	now := time.Now()
	at := g.wall(now)
	if known := g.memory.recall(&k, now); known != nil && !known.over(at) {
		if v := known.decide(&access, at); !known.lapsed(v) {
			g.usage.note(known, &v, &access, at)
			return v, nil
		}
	}
	known, err := g.ask(ctx, presented, k, &access)
	if err != nil {
		return Verdict{}, err
	}
	v := known.decide(&access, at)
	g.usage.note(known, &v, &access, at)
	return v, nil
}

// presentable reports whether a text can be a credential at all: printable ASCII without spaces.
func presentable(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return text != "" && len(text) <= longest
}

// wall is the time of a decision that begins now.
func (g *Guard) wall(now time.Time) time.Time {
	if g.clock != nil {
		return g.clock()
	}
	return now
}

// keyOf is under what a credential is remembered: no secret sits in memory.
func keyOf(presented string) key {
	return sha256.Sum256(append(make([]byte, 0, 1<<10), presented...)) // nearly every one fits, and stays off the heap
}

// ask asks the server what is on file, and remembers the answer if it may.
func (g *Guard) ask(ctx context.Context, presented string, k key, access *keywright.Access) (*entry, error) {
	ctx, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	before := g.memory.beginning()
	request := keywright.FactsRequest{Token: presented, UserAgent: access.UserAgent}
	if access.Address.IsValid() {
		request.Address = access.Address.Unmap().WithZone("").String()
	}
	facts, err := g.client.Facts(ctx, request)
	if err != nil {
		return nil, unknown(err)
	}
	known := newEntry(k, &facts)
	g.memory.remember(known, &facts, before)
	return known, nil
}

// unknown is why there is no answer. That the server refuses the guard itself says nothing about the credential.
func unknown(err error) error {
	if errors.Is(err, keywright.ErrThrottled) || errors.Is(err, keywright.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", keywright.ErrUnavailable, notTheirs{err})
}

// notTheirs is an error about the guard's own credential: it says so, and is not taken for one about the credential that
// was presented.
type notTheirs struct{ error }

func newID() keywright.ID {
	id, _ := keywright.NewID(time.Now(), rand.Reader) // never fails: Go's crypto/rand does not
	return id
}
