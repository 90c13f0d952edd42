package authority

import (
	"hash/maphash"

	lru "github.com/hashicorp/golang-lru/v2"
)

// recent is a bounded memory of what was seen last. It stands in stripes, each with a lock of its own, so that
// verifications side by side seldom wait for one another.
type recent[K comparable, V any] struct {
	seed    maphash.Seed
	stripes [recentStripes]*lru.Cache[K, V]
}

const recentStripes = 16

// newRecent makes a memory of about so many entries.
func newRecent[K comparable, V any](size int) *recent[K, V] {
	r := &recent[K, V]{seed: maphash.MakeSeed()}
	for i := range r.stripes {
		r.stripes[i], _ = lru.New[K, V](max(1, size/recentStripes)) // fails only for a size below 1
	}
	return r
}

func (r *recent[K, V]) stripe(key K) *lru.Cache[K, V] {
	return r.stripes[maphash.Comparable(r.seed, key)%recentStripes]
}

func (r *recent[K, V]) get(key K) (V, bool) { return r.stripe(key).Get(key) }

func (r *recent[K, V]) set(key K, value V) { r.stripe(key).Add(key, value) }

// setIfAbsent returns what is kept: the value given, or the one that was there.
func (r *recent[K, V]) setIfAbsent(key K, value V) V {
	if kept, found, _ := r.stripe(key).PeekOrAdd(key, value); found {
		return kept
	}
	return value
}
