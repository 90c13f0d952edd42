package guard

import "time"

// Remembers reports whether a credential is decided from memory now.
func (g *Guard) Remembers(presented string) bool {
	k := keyOf(presented)
	return g.memory.recall(&k, time.Now()) != nil
}
