// Package keyring holds the master key and everything derived from it: the pepper of
// digests and the seal of what is kept at rest. Nothing here is stored in the database.
package keyring

import (
	"io"

	"github.com/keywright/keywright/internal/store"
)

// Ring is the instance's master keys: the last makes what is new, the others
// still open what is old. Its zero value opens nothing.
type Ring struct{ keys []key }

type key struct {
	id     string
	pepper []byte
	seal   []byte
}

// Generate returns the text of a new master key file with one key.
func Generate(random io.Reader) (string, error) { panic("unwritten") }

// Parse reads a master key file: one key a line, oldest first; empty lines and
// lines that begin with # do not count. An error never holds a key.
func Parse(text string) (*Ring, error) { panic("unwritten") }

// IDs lists the ids of the keys, the current one last. An id tells nothing of its key.
func (r *Ring) IDs() []string { panic("unwritten") }

// Digest is the keyed digest of a secret under the current pepper, and the pepper's id.
// purpose keeps digests of different things apart ("token", "foreign", "session", "idempotency").
func (r *Ring) Digest(purpose, secret string) (store.Digest, string) { panic("unwritten") }

// Digests is the digest under every pepper, the current one first: for finding by digest.
func (r *Ring) Digests(purpose, secret string) []store.Digest { panic("unwritten") }

// Matches compares in constant time; false if the pepper is not in the ring.
func (r *Ring) Matches(purpose, secret string, digest store.Digest, pepper string) bool {
	panic("unwritten")
}

// Seal encrypts plain (AES-256-GCM) under the current key, bound to context: it opens only with the same
// context, so that a sealed value cannot be moved to another row.
func (r *Ring) Seal(plain []byte, context string) ([]byte, error) { panic("unwritten") }

// Open decrypts what Seal made.
func (r *Ring) Open(sealed []byte, context string) ([]byte, error) { panic("unwritten") }
