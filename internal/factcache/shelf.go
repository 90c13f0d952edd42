package factcache

import (
	"sync"
	"sync/atomic"
)

// shelves is a bounded map that forgets for good: what was being loaded when its key was forgotten is not remembered
// afterwards. Each shelf has one generation, which ends with every forget. Whoever looks is told the generation; what
// it then brings is kept only if that still lasts.
type shelves[K comparable, V any] struct {
	of  func(K) uint8 // on which shelf a key is
	all [1 << 8]shelf[K, V]

	unguarded bool // for FaultNoFillGuard
}

type shelf[K comparable, V any] struct {
	generation atomic.Uint64 // changes under mu
	mu         sync.Mutex
	ring       ring[K, V]
	_          [64]byte // keeps neighbours out of one cache line
}

func newShelves[K comparable, V any](size int, of func(K) uint8) *shelves[K, V] {
	s := &shelves[K, V]{of: of}
	for i := range s.all {
		s.all[i].ring.limit = (size + len(s.all) - 1) / len(s.all)
	}
	return s
}

// since is the generation in which a key would be looked up now.
func (s *shelves[K, V]) since(k K) uint64 { return s.all[s.of(k)].generation.Load() }

// get returns what is remembered, and the generation in which it is so, or in which it has to be brought.
func (s *shelves[K, V]) get(k K) (v V, since uint64, ok bool) {
	on := &s.all[s.of(k)]
	on.mu.Lock()
	defer on.mu.Unlock()
	v, ok = on.ring.get(k)
	return v, on.generation.Load(), ok
}

// set remembers what was brought, if nothing on its shelf was forgotten since.
func (s *shelves[K, V]) set(k K, v V, since uint64) {
	on := &s.all[s.of(k)]
	on.mu.Lock()
	defer on.mu.Unlock()
	if on.generation.Load() == since || s.unguarded {
		on.ring.set(k, v)
	}
}

// forget drops a key.
func (s *shelves[K, V]) forget(k K) {
	on := &s.all[s.of(k)]
	on.mu.Lock()
	defer on.mu.Unlock()
	on.generation.Add(1)
	on.ring.remove(k)
}

// clear drops all that is on one shelf.
func (s *shelves[K, V]) clear(which uint8) {
	on := &s.all[which]
	on.mu.Lock()
	defer on.mu.Unlock()
	on.generation.Add(1)
	on.ring.clear()
}

func (s *shelves[K, V]) clearAll() {
	for i := range s.all {
		s.clear(uint8(i))
	}
}

// kept is how many entries are remembered.
func (s *shelves[K, V]) kept() (n int) {
	for i := range s.all {
		on := &s.all[i]
		on.mu.Lock()
		n += len(on.ring.entries)
		on.mu.Unlock()
	}
	return n
}

// ring is a bounded map. When it is full, a hand goes round and drops the first entry that was not used
// since it last came by ("clock", F. J. Corbató, 1968). Its zero value with a limit is ready.
type ring[K comparable, V any] struct {
	limit   int
	hand    int
	places  map[K]int32
	entries []entry[K, V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
	used  bool
}

func (r *ring[K, V]) get(k K) (v V, ok bool) {
	i, ok := r.places[k]
	if !ok {
		return v, false
	}
	e := &r.entries[i]
	e.used = true
	return e.value, true
}

func (r *ring[K, V]) set(k K, v V) {
	if i, ok := r.places[k]; ok {
		r.entries[i].value = v
		return
	}
	if r.places == nil {
		r.places = make(map[K]int32)
	}
	if len(r.entries) < r.limit {
		r.places[k] = int32(len(r.entries))
		r.entries = append(r.entries, entry[K, V]{key: k, value: v})
		return
	}
	i := r.idle()
	delete(r.places, r.entries[i].key)
	r.entries[i] = entry[K, V]{key: k, value: v}
	r.places[k] = int32(i)
}

// idle is where the hand stops.
func (r *ring[K, V]) idle() int {
	for {
		i := r.hand % len(r.entries)
		r.hand = i + 1
		if !r.entries[i].used {
			return i
		}
		r.entries[i].used = false
	}
}

func (r *ring[K, V]) remove(k K) {
	i, ok := r.places[k]
	if !ok {
		return
	}
	last := len(r.entries) - 1
	delete(r.places, k)
	if int(i) != last {
		r.entries[i] = r.entries[last]
		r.places[r.entries[i].key] = i
	}
	r.entries[last] = entry[K, V]{}
	r.entries = r.entries[:last]
}

func (r *ring[K, V]) clear() { r.places, r.entries, r.hand = nil, nil, 0 }
