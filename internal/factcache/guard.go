package factcache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// guard keeps a load that was under way when something was forgotten from being
// remembered afterwards. It is divided into stripes: forgetting one thing outdates the
// loads of its stripe, which costs them no more than not being remembered.
type guard struct{ stripes [stripes]stripe }

const stripes = 256

// stripe has one generation, which ends with every Forget. A load reads the generation before it
// begins; what it brought is stored only if that generation still lasts, under the lock
// that Forget takes.
type stripe struct {
	mu         sync.Mutex
	generation atomic.Uint64
}

// seed spreads names that others choose.
var seed = maphash.MakeSeed()

func (g *guard) stripeOf(name string) *stripe {
	return &g.stripes[maphash.String(seed, name)%stripes]
}

// stripe chooses by the last byte, which is random in ids and digests.
func (g *guard) stripe(key []byte) *stripe { return &g.stripes[key[len(key)-1]] }

func (s *stripe) remember(since uint64, store func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation.Load() == since {
		store()
	}
}

func (s *stripe) forget(drop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation.Add(1)
	drop()
}

func (g *guard) outdate() {
	for i := range g.stripes {
		g.stripes[i].forget(func() {})
	}
}
