package factcache

import "sync/atomic"

// desk keeps at hand what was used last, where looking takes no lock: each key has one place, which it shares with
// many. What lies there says in which generation of its shelf it was true, and is passed over in any other, so that
// nobody has to clear the desk when something is forgotten.
type desk[K comparable, V any] struct{ places []atomic.Pointer[sheet[K, V]] }

type sheet[K comparable, V any] struct {
	key   K
	since uint64
	value V
}

func newDesk[K comparable, V any](size int) desk[K, V] {
	return desk[K, V]{make([]atomic.Pointer[sheet[K, V]], size)}
}

func (d desk[K, V]) get(place uint, k K, since uint64) (v V, ok bool) {
	s := d.places[place%uint(len(d.places))].Load()
	if s == nil || s.since != since || s.key != k {
		return v, false
	}
	return s.value, true
}

func (d desk[K, V]) put(place uint, k K, since uint64, v V) {
	d.places[place%uint(len(d.places))].Store(&sheet[K, V]{k, since, v})
}
