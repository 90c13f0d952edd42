package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/presented"
)

// Judge decides about requests that proxies hold back, whichever way they ask. Authority is required. It must not be copied.
type Judge struct {
	Authority *authority.Authority
	Rules     Rules        // nil: there are none
	Log       *slog.Logger // nil: discarded

	needs remembered[*Need]
}

// Asked is a request that a proxy holds back, with what the proxy's configuration demands of it.
type Asked struct {
	Need      *Need
	Method    string
	URI       string      // its path and query, as they were sent; empty: the proxy does not tell
	Header    http.Header // at least Authorization, Standalonetoken and User-Agent, each with all its values
	Address   netip.Addr  // of the client; zero: not known
	RequestID string
}

// Ask answers whether the request may pass:
//
//  1. what it needs: just what the configuration says, or what rules say of its method and path
//  2. the verdict about whoever sent it
//  3. who that is, or the refusal
func (j *Judge) Ask(ctx context.Context, q *Asked) Ruling {
	access, err := j.access(ctx, q)
	if err != nil {
		return j.refusal(ctx, q, err)
	}
	verdict, err := j.verdict(ctx, q, access)
	if err != nil {
		return j.refusal(ctx, q, err)
	}
	token, ok := verdict.Token()
	if !ok {
		return denial(verdict.Decision, access.Scopes)
	}
	return Ruling{Status: http.StatusOK, Token: &token}
}

// verdict finds out who sent the request, and whether it may pass.
func (j *Judge) verdict(ctx context.Context, q *Asked, access keywright.Access) (authority.Verdict, error) {
	c, err := j.credential(q.Header)
	if err != nil {
		return authority.Verdict{}, err
	}
	caller := authority.Caller{Credential: c, Address: q.Address, RequestID: q.RequestID, Door: keywright.DoorCheck}
	if agent := q.Header["User-Agent"]; len(agent) > 0 {
		caller.UserAgent = agent[0]
	}
	return j.Authority.Check(ctx, caller, "", access)
}

// StandAlone is the header in which Devo's clients present a token.
const StandAlone = "Standalonetoken"

// errAbsent says that nothing was presented.
var errAbsent = errors.New("no credential was presented")

// credential is what was presented: in the Authorization header, or as Devo's clients do. One request has one.
func (j *Judge) credential(h http.Header) (keywright.Credential, error) {
	alone := h[StandAlone]
	switch {
	case len(alone) == 0 && len(h["Authorization"]) == 0:
		return keywright.Credential{}, errAbsent
	case len(alone) == 0:
		return presented.FromHeader(j.Authority.ParseCredential, h)
	case len(alone) > 1 || len(h["Authorization"]) > 0:
		return keywright.Credential{}, presented.ErrRepeated
	}
	return j.Authority.ParseCredential(alone[0])
}

func (j *Judge) log() *slog.Logger {
	if j.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return j.Log
}

// remembered is a bounded map of what was read out of the configurations of proxies. Its zero value is ready.
type remembered[V any] struct {
	known sync.Map // of string → V
	mu    sync.Mutex
	n     int // entries, bounded by maxRemembered
}

// maxRemembered bounds how many are remembered. A proxy has a few; anybody who reaches the port could name more.
const maxRemembered = 4096

func (m *remembered[V]) get(key string) (v V, ok bool) {
	found, ok := m.known.Load(key)
	if !ok {
		return v, false
	}
	return found.(V), true
}

func (m *remembered[V]) put(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n >= maxRemembered {
		return
	}
	if _, there := m.known.LoadOrStore(key, v); !there {
		m.n++
	}
}

// Origin is the address that a request came from: what the proxy says, if it is in one of the networks that are believed,
// or else the proxy itself.
func Origin(proxy, said netip.Addr, trusted []netip.Prefix) netip.Addr {
	if said.IsValid() && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(proxy) }) {
		return said.Unmap().WithZone("")
	}
	return proxy
}
