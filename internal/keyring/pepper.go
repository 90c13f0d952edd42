package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"

	"github.com/keywright/keywright/internal/store"
)

// pepper computes keyed digests. Verification does one for every attempt, so that the
// keyed state and the buffers are used again instead of being made.
type pepper struct{ idle sync.Pool }

type mac struct {
	hash.Hash
	message []byte
	sum     []byte
}

func newPepper(key []byte) *pepper {
	return &pepper{sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key)} }}}
}

// digest is HMAC-SHA-256 of purpose, a zero byte and secret. No purpose holds a zero byte, so
// that no two pairs give the same message.
func (p *pepper) digest(purpose, secret string) (d store.Digest) {
	m := p.idle.Get().(*mac)
	m.message = append(append(append(m.message[:0], purpose...), 0), secret...)
	m.Reset()
	m.Write(m.message)
	m.sum = m.Sum(m.sum[:0])
	copy(d[:], m.sum)
	clear(m.message) // holds a secret
	p.idle.Put(m)
	return d
}
