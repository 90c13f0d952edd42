package authority

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	usageShards  = 16
	usageSoon    = 1 << 12 // tokens in a shard that are written before their time
	usagePending = 1 << 14 // tokens a shard holds while the database does not take them
	usageAsked   = 32      // scopes asked of a token that are told apart between two flushes
)

// usage gathers what is seen of tokens until it is written. No lock is shared by all verifications, and
// a token that was seen since the last flush costs no allocation.
type usage struct {
	shards  [usageShards]usageShard
	soon    chan struct{} // a shard is nearly full: write it before its time
	flusher usageFlusher
}

type usageShard struct {
	mu      sync.Mutex
	pending map[keywright.ID]*tally
	spare   map[keywright.ID]*tally // empty: takes turns with pending
	lost    int64
	all     []Attempts // since the program started, whether there is a token for them or not; few
	_       [64]byte   // keeps neighbours out of one cache line
}

// origin is where an attempt was seen. It is noted, nothing is decided by it.
type origin struct {
	door      string
	address   netip.Addr
	userAgent string
	requestID string
}

// attempt is a verification, as far as it is noted.
type attempt struct {
	origin
	at     time.Time
	reason keywright.Reason
	held   keywright.Scopes // of the token
	asked  keywright.Scopes
	told   bool // no scope was asked for: whoever asks is told all that are held, and may go by any
	again  bool // it is counted already: only its scopes are to be noted
}

// heard notes what whoever asked for no scope was told.
func (n *attempt) heard(q *question, bound *keywright.Bound) {
	switch {
	case len(n.asked) > 0:
	case !q.tells:
		n.asked = q.uses
	case bound != nil:
		n.asked = bound.Scopes
	default:
		n.told = true
	}
}

// noteScopes notes which scopes of a token were used by what is counted already.
func (a *Authority) noteScopes(rec *store.Record, asked keywright.Scopes, told bool) {
	if a.cfg.Usage != nil {
		n := attempt{at: a.cfg.Now(), reason: keywright.Allowed, held: rec.Facts.Scopes, asked: asked, told: told, again: true}
		a.usage.note(rec.Facts.ID, true, &n)
	}
}

// tally is what was seen of one token since the last flush.
type tally struct {
	last   origin // of the last accepted attempt, with at
	at     time.Time
	counts []store.Count
	room   [2]store.Count // for counts, as long as they are few
	hour   int64          // of the scopes
	held   keywright.Scopes
	asked  []keywright.Scope
	told   bool
}

func newUsage() *usage {
	u := &usage{soon: make(chan struct{}, 1)}
	for i := range u.shards {
		u.shards[i].pending, u.shards[i].spare = make(map[keywright.ID]*tally), make(map[keywright.ID]*tally)
	}
	return u
}

// note counts an attempt at a token. An id that is not on file goes the same way, up to where there is nothing to
// count, so that both take the same time.
func (u *usage) note(id keywright.ID, onFile bool, n *attempt) {
	// The last byte of an id is random.
	if u.shards[id[len(id)-1]%usageShards].note(id, onFile, n) == usageSoon {
		select {
		case u.soon <- struct{}{}:
		default:
		}
	}
}

// note returns how many tokens the shard holds if there is one more now, else 0.
func (s *usageShard) note(id keywright.ID, onFile bool, n *attempt) (grown int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(n)
	t := s.pending[id]
	switch {
	case t != nil:
	case !onFile:
		return 0
	case len(s.pending) >= usagePending:
		s.lost++
		return 0
	default:
		t = new(tally)
		t.counts = t.room[:0]
		s.pending[id] = t
		grown = len(s.pending)
	}
	t.add(n)
	return grown
}

// take empties the shard.
func (s *usageShard) take() (taken map[keywright.ID]*tally, lost int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, s.pending = s.pending, s.spare
	s.spare = nil
	lost, s.lost = s.lost, 0
	return taken, lost
}

// giveBack returns the map that take has taken, for its room.
func (s *usageShard) giveBack(taken map[keywright.ID]*tally) {
	clear(taken)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = taken
}

func (t *tally) add(n *attempt) {
	if !n.again {
		t.count(n)
	}
	if n.reason != keywright.Allowed {
		return
	}
	if !n.again && !n.at.Before(t.at) {
		t.at, t.last.door, t.last.address = n.at, n.door, n.address
		if t.last.userAgent != n.userAgent {
			t.last.userAgent = strings.Clone(n.userAgent) // it may be part of a request that holds secrets
		}
	}
	t.hour, t.held, t.told = hourOf(n.at), n.held, t.told || n.told
	for _, scope := range n.asked {
		t.ask(scope)
	}
}

// hourOf counts the hours since 1970, UTC.
func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

func (t *tally) count(n *attempt) {
	hour := hourOf(n.at)
	for i := range t.counts {
		if c := &t.counts[i]; c.Hour == hour && c.Reason == n.reason && c.Door == n.door {
			c.N++
			return
		}
	}
	t.counts = append(t.counts, store.Count{Hour: hour, Reason: n.reason, Door: n.door, N: 1})
}

// ask remembers a scope that was asked for. Of whom more are asked than can be told apart, all count as used.
func (t *tally) ask(scope keywright.Scope) {
	switch {
	case t.told || slices.Contains(t.asked, scope):
	case len(t.asked) == usageAsked:
		t.told = true
	default:
		t.asked = append(t.asked, scope.Clone())
	}
}

// usage is the tally as it is kept.
func (t *tally) usage(id keywright.ID) store.Usage {
	u := store.Usage{
		Token: id, At: t.at, From: t.last.address, UserAgent: printable(t.last.userAgent, maxUserAgent), Door: t.last.door,
		Counts: t.counts, Hour: t.hour, Told: t.told,
	}
	u.Scopes = usedScopes(t.held, t.asked)
	return u
}

// usedScopes is which of the scopes that are held were used, by what was asked for.
func usedScopes(held keywright.Scopes, all []keywright.Scope) (used keywright.Scopes) {
	for _, asked := range all {
		for _, scope := range narrowest(held, asked) {
			if !slices.Contains(used, scope) {
				used = append(used, scope)
			}
		}
	}
	return used
}

// narrowest is which of the scopes that are held an attempt used: those that cover what was asked, without any that
// contains another of them. So a wide scope beside a narrow one is seen to be of no use.
func narrowest(held keywright.Scopes, asked keywright.Scope) keywright.Scopes {
	covering := make(keywright.Scopes, 0, 2)
	for _, scope := range held {
		if scope.Covers(asked) {
			covering = append(covering, scope)
		}
	}
	if len(covering) < 2 {
		return covering
	}
	return slices.DeleteFunc(slices.Clone(covering), func(wide keywright.Scope) bool {
		return slices.ContainsFunc(covering, func(other keywright.Scope) bool {
			return wide.Contains(other) && !other.Contains(wide)
		})
	})
}
