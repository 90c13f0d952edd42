package guard

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keywright/keywright"
)

const (
	stripes      = 1 << 6
	stripeTokens = 1 << 11 // of which a stripe keeps count until they are reported
	reportTokens = 1000    // in one report
	reportCounts = 2000
	mostScopes   = 32 // asked of one token that are told apart between two reports
)

// usage is what was seen of tokens and is not reported yet. Who counts takes a stripe that no other processor has just now,
// so that counting the same token on all of them costs no waiting.
type usage struct {
	stripes  [stripes]stripe
	next     atomic.Uint32
	free     sync.Pool // of *stripe: whose it was last gets it again
	reporter keywright.ID

	// What follows is of whoever reports.
	number  int64
	sending *keywright.UsageReport // is not known to have been counted
	waiting map[keywright.ID]*uses
	dropped int64 // verdicts, as too much waits
}

type stripe struct {
	mu   sync.Mutex
	uses map[keywright.ID]*uses
	lost int64
	_    [64]byte // keeps neighbours out of one cache line
}

// uses is what was seen of one token.
type uses struct {
	at      time.Time // of the last that was accepted
	address netip.Addr
	agent   string
	scopes  []keywright.Scope
	any     bool // a use that asked for no scope
	counts  []count
}

type count struct {
	hour    int64 // since 1970
	reason  keywright.Reason
	n       int64
	address netip.Addr // of the last, if it was refused
	agent   string
}

func newUsage() *usage {
	u := &usage{reporter: newID(), waiting: make(map[keywright.ID]*uses)}
	u.free.New = func() any { return &u.stripes[u.next.Add(1)%stripes] }
	return u
}

// note counts a verdict. What is nobody's is not counted here: the server did when it was asked.
func (u *usage) note(e *entry, v *Verdict, access *keywright.Access, at time.Time) {
	if e.token == nil {
		return
	}
	s := u.free.Get().(*stripe)
	s.note(e.token.ID, v.Decision.Reason, access, at)
	u.free.Put(s)
}

func (s *stripe) note(id keywright.ID, reason keywright.Reason, access *keywright.Access, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.uses[id]
	if of == nil {
		if len(s.uses) >= stripeTokens {
			s.lost++
			return
		}
		if s.uses == nil {
			s.uses = make(map[keywright.ID]*uses)
		}
		of = new(uses)
		s.uses[id] = of
	}
	of.count(at.Unix()/3600, reason, access)
	if reason == keywright.Allowed {
		of.use(access, at)
	}
}

func (u *uses) count(hour int64, reason keywright.Reason, access *keywright.Access) {
	c := u.of(hour, reason)
	c.n++
	if reason != keywright.Allowed {
		c.address, c.agent = access.Address, kept(c.agent, access.UserAgent)
	}
}

func (u *uses) of(hour int64, reason keywright.Reason) *count {
	for i := range u.counts {
		if c := &u.counts[i]; c.hour == hour && c.reason == reason {
			return c
		}
	}
	u.counts = append(u.counts, count{hour: hour, reason: reason})
	return &u.counts[len(u.counts)-1]
}

func (u *uses) use(access *keywright.Access, at time.Time) {
	if !at.Before(u.at) {
		u.at, u.address, u.agent = at, access.Address, kept(u.agent, access.UserAgent)
	}
	u.any = u.any || len(access.Scopes) == 0
	for _, scope := range access.Scopes {
		u.ask(scope)
	}
}

// ask notes a scope. Of whom more are asked than can be told apart, any may have been used.
func (u *uses) ask(scope keywright.Scope) {
	switch {
	case u.any || slices.Contains(u.scopes, scope):
	case len(u.scopes) == mostScopes:
		u.any = true
	default:
		u.scopes = append(u.scopes, scope.Clone())
	}
}

// kept is a copy of what a client calls itself, which may be part of a request that holds secrets.
func kept(before, now string) string {
	const most = 256
	now = now[:min(len(now), most)]
	if before == now {
		return before
	}
	return strings.Clone(now)
}

// report is what has to be reported next, the same until it is counted; nil: nothing.
func (u *usage) report() *keywright.UsageReport {
	if u.sending != nil {
		return u.sending
	}
	u.gather()
	if len(u.waiting) == 0 {
		return nil
	}
	u.number++
	u.sending = &keywright.UsageReport{Reporter: u.reporter, Number: u.number, Tokens: []keywright.ReportedUses{}}
	counts := 0
	for id, of := range u.waiting {
		if counts += len(of.counts); len(u.sending.Tokens) == reportTokens || counts > reportCounts && len(u.sending.Tokens) > 0 {
			break
		}
		u.sending.Tokens = append(u.sending.Tokens, of.reported(id))
		delete(u.waiting, id)
	}
	return u.sending
}

// counted says that a report is on file.
func (u *usage) counted(number int64) {
	if u.sending != nil && u.sending.Number == number {
		u.sending = nil
	}
}

// gather empties the stripes.
func (u *usage) gather() {
	for i := range u.stripes {
		for id, of := range u.stripes[i].take() {
			switch all := u.waiting[id]; {
			case all != nil:
				all.add(of)
			case len(u.waiting) < stripes*stripeTokens:
				u.waiting[id] = of
			default:
				u.dropped += of.n()
			}
		}
	}
}

func (s *stripe) take() map[keywright.ID]*uses {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.uses
	s.uses = nil
	return taken
}

// lost is how many verdicts were not counted, as nothing was reported for long, since it was asked last.
func (u *usage) lost() (n int64) {
	n, u.dropped = u.dropped, 0
	for i := range u.stripes {
		s := &u.stripes[i]
		s.mu.Lock()
		n += s.lost
		s.lost = 0
		s.mu.Unlock()
	}
	return n
}

// n is how many verdicts they are.
func (u *uses) n() (n int64) {
	for i := range u.counts {
		n += u.counts[i].n
	}
	return n
}

// add adds what was seen elsewhere of the same token.
func (u *uses) add(other *uses) {
	if other.at.After(u.at) {
		u.at, u.address, u.agent = other.at, other.address, other.agent
	}
	for i := range other.counts {
		c := &other.counts[i]
		sum := u.of(c.hour, c.reason)
		sum.n, sum.address, sum.agent = sum.n+c.n, c.address, c.agent
	}
	u.any = u.any || other.any
	for _, scope := range other.scopes {
		u.ask(scope)
	}
}

// mostHours of a token are reported: what is older than a month is of no use to anybody.
const mostHours = 500

func (u *uses) reported(id keywright.ID) keywright.ReportedUses {
	r := keywright.ReportedUses{Token: id, AnyScope: u.any, UserAgent: u.agent, Counts: []keywright.ReportedCount{}}
	if !u.at.IsZero() {
		r.UsedAt = &u.at
	}
	if u.address.IsValid() {
		r.Address = u.address.Unmap().WithZone("").String()
	}
	for _, scope := range u.scopes {
		r.Scopes = append(r.Scopes, scope.String())
	}
	slices.SortFunc(u.counts, func(a, b count) int { return int(b.hour - a.hour) })
	for _, c := range u.counts[:min(len(u.counts), mostHours)] {
		one := keywright.ReportedCount{Hour: time.Unix(c.hour*3600, 0).UTC(), Reason: c.reason, N: c.n, UserAgent: c.agent}
		if c.address.IsValid() {
			one.Address = c.address.Unmap().WithZone("").String()
		}
		r.Counts = append(r.Counts, one)
	}
	return r
}
