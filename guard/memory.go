package guard

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keywright/keywright"
)

// memory is what is remembered, and for how long it may be used. Looking takes no lock.
//
// Nothing is searched for when something is forgotten: each subject belongs to a generation, which then ends, and what was
// remembered in it is not taken for true any more. Many subjects share a generation, so that now and then
// something is forgotten without need.
type memory struct {
	known, absent table // apart, so that guessing cannot push out what is used

	base        time.Time    // what the deadline is counted from, on the monotonic clock
	deadline    atomic.Int64 // nanoseconds: the end of the lease; 0: there is none
	everything  atomic.Uint64
	generations [1 << 12]atomic.Uint64

	mu      sync.Mutex         // of whoever forgets or remembers
	applied keywright.Revision // everything up to it is forgotten
}

type key [sha256.Size]byte

// entry is what is remembered of one credential. It is never changed.
type entry struct {
	key   key
	token *keywright.VerifiedToken // nil: the credential is good for nothing
	facts keywright.Facts
	bound *keywright.Bound
	ends  time.Time // of the secret; zero: with the token

	subjects []uint16 // whose generations it was true in
	stamp    uint64   // what they added up to
}

func newEntry(k key, told *keywright.PresentedFacts) *entry {
	e := &entry{key: k}
	if t := told.Token; t != nil {
		verified := t.Verified()
		e.token, e.facts, e.bound = &verified, t.Facts(), t.Bound()
		if t.SecretEndsAt != nil {
			e.ends = *t.SecretEndsAt
		}
	}
	return e
}

// decide makes the verdict.
func (e *entry) decide(access *keywright.Access, at time.Time) Verdict {
	if e.token == nil {
		return Verdict{Decision: keywright.Decision{Reason: keywright.Unproved}}
	}
	asked := *access
	asked.Bound = e.bound
	v := Verdict{Decision: keywright.Decide(e.facts, asked, at)}
	if v.Allowed() {
		v.Token = e.token
	}
	return v
}

// over reports whether the secret has ended. What is true then has to be asked.
func (e *entry) over(at time.Time) bool { return !e.ends.IsZero() && !at.Before(e.ends) }

// lapsed reports whether the verdict says that the token has ended for want of use, perhaps: it may have been used
// elsewhere meanwhile, of which nobody is told.
func (e *entry) lapsed(v Verdict) bool {
	return v.Decision.Reason == keywright.Expired && e.facts.Tenant.MaxUnused > 0
}

func newMemory(credentials int) *memory {
	return &memory{known: newTable(credentials), absent: newTable(credentials / 8), base: time.Now()}
}

// recall returns what is remembered, and may be used.
func (m *memory) recall(k *key, now time.Time) *entry {
	if int64(now.Sub(m.base)) >= m.deadline.Load() {
		return nil
	}
	for _, t := range [...]table{m.known, m.absent} {
		if e := t.find(k); e != nil && e.stamp == m.stamp(e.subjects) {
			return e
		}
	}
	return nil
}

// stamp adds the generations up. They only grow, so that a sum is what it was only if each is.
func (m *memory) stamp(subjects []uint16) uint64 {
	sum := m.everything.Load()
	for _, s := range subjects {
		sum += m.generations[s].Load()
	}
	return sum
}

// beginning tells apart what was asked before everything was forgotten and after.
func (m *memory) beginning() uint64 { return m.everything.Load() }

// remember keeps an answer, unless something was forgotten since that it may not know of: another node than the one
// that tells what changes may have given it, and that may be behind.
func (m *memory) remember(e *entry, told *keywright.PresentedFacts, before uint64) {
	if len(told.Subjects) == 0 {
		return
	}
	for _, s := range told.Subjects {
		e.subjects = append(e.subjects, generationOf(s))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deadline.Load() == 0 || before != m.everything.Load() || told.Revision < m.applied {
		return
	}
	e.stamp = m.stamp(e.subjects)
	if e.token == nil {
		m.absent.put(e)
	} else {
		m.known.put(e)
	}
}

// apply forgets what has to be forgotten, and extends the lease, which is counted from when the poll was sent. It reports
// false for an answer that came too late: the server may have stopped waiting in between.
func (m *memory) apply(news *keywright.Changes, sent time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := int64(time.Since(m.base))
	until, before := int64(sent.Sub(m.base)+news.Lease()), m.deadline.Load()
	if now >= until || before != 0 && now >= before {
		return false
	}
	if news.All {
		m.everything.Add(1)
		m.applied = news.Revision
	}
	for _, s := range news.Forget {
		m.generations[generationOf(s)].Add(1)
	}
	m.applied = max(m.applied, news.Revision)
	m.deadline.Store(max(before, until))
	return true
}

// begin forgets everything and gives up the lease.
func (m *memory) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deadline.Store(0)
	m.everything.Add(1)
	m.applied = 0
}

// left is how long the lease lasts; ok is false if there is none.
func (m *memory) left() (d time.Duration, ok bool) {
	until := m.deadline.Load()
	return time.Duration(until) - time.Since(m.base), until != 0
}

// revision is the last of which everything is forgotten.
func (m *memory) revision() keywright.Revision {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applied
}

var seed = maphash.MakeSeed()

// generationOf is to which generation a subject belongs.
func generationOf(subject string) uint16 {
	return uint16(maphash.String(seed, subject) % uint64(len(memory{}.generations)))
}

// ways is how many places a key may be at: as many pointers as half a line of a processor's cache holds.
const ways = 4

// table is a bounded map. What is put where there is no place drops one that is there.
type table struct{ sets [][ways]atomic.Pointer[entry] }

func newTable(size int) table { return table{make([][ways]atomic.Pointer[entry], max(1, size/ways))} }

func (t table) set(k *key) *[ways]atomic.Pointer[entry] {
	return &t.sets[binary.LittleEndian.Uint64(k[:])%uint64(len(t.sets))]
}

func (t table) find(k *key) *entry {
	set := t.set(k)
	for i := range set {
		if e := set[i].Load(); e != nil && e.key == *k {
			return e
		}
	}
	return nil
}

// put is called by one at a time.
func (t table) put(e *entry) {
	set := t.set(&e.key)
	place := rand.IntN(ways)
	for i := range set {
		if there := set[i].Load(); there == nil || there.key == e.key {
			place = i
			break
		}
	}
	set[place].Store(e)
}
