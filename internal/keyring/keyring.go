// Package keyring holds the master key and everything derived from it: the pepper of
// digests and the seal of what is kept at rest. Nothing here is stored in the database.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/keywright/keywright/internal/store"
)

// Ring is the instance's master keys: the last makes what is new, the others
// still open what is old. Its zero value opens nothing and matches nothing. Safe for
// concurrent use.
type Ring struct{ keys []*key } // oldest first

// key is one master key, of which only what is derived from it is kept.
type key struct {
	id     string
	pepper *pepper
	seal   cipher.AEAD
}

const (
	linePrefix = "kwmk1." // names the layout of the line, and lets secret scanners find it
	keySize    = 32
	idSize     = 8 // hexadecimal digits
)

// strict refuses a second spelling of the same key.
var strict = base64.RawURLEncoding.Strict()

// errOpen says nothing about why: a wrong key, a wrong context and a changed byte look the same.
var errOpen = errors.New("keyring: sealed value does not open: it was sealed under another master key or for another place, or was changed")

// Generate returns the text of a new master key file with one key.
func Generate(random io.Reader) (string, error) {
	var master [keySize]byte
	if _, err := io.ReadFull(random, master[:]); err != nil {
		return "", fmt.Errorf("keyring: read randomness: %w", err)
	}
	return "# Keywright master key: without it the database is of no use; keep it apart from the backups.\n" +
		linePrefix + strict.EncodeToString(master[:]) + "\n", nil
}

// Parse reads a master key file: one key a line, oldest first; empty lines and
// lines that begin with # do not count. An error never holds a key.
func Parse(text string) (*Ring, error) {
	var r Ring
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("keyring: line %d: %w", number, err)
		}
		if r.find(k.id) != nil {
			return nil, fmt.Errorf("keyring: line %d: the same key stands there twice (%s)", number, k.id)
		}
		r.keys = append(r.keys, k)
	}
	if len(r.keys) == 0 {
		return nil, fmt.Errorf("keyring: no master key in the text: want a line that begins with %q", linePrefix)
	}
	return &r, nil
}

func parseKey(line string) (*key, error) {
	encoded, ok := strings.CutPrefix(line, linePrefix)
	if !ok {
		return nil, errors.New("want " + linePrefix + " and 43 characters of base64url")
	}
	master, err := strict.DecodeString(encoded)
	if err != nil || len(master) != keySize {
		// The decoder's own error would hold a character of the key.
		return nil, fmt.Errorf("want 43 characters of base64url after %q", linePrefix)
	}
	return derive(master)
}

// derive makes the pepper, the seal and the id from a master key. They tell nothing of each other.
func derive(master []byte) (*key, error) {
	var parts [3][]byte
	for i, info := range []string{"keywright id", "keywright pepper", "keywright seal"} {
		var err error
		if parts[i], err = hkdf.Key(sha256.New, master, nil, info, keySize); err != nil {
			return nil, err
		}
	}
	block, err := aes.NewCipher(parts[2])
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(parts[0])
	return &key{id: hex.EncodeToString(sum[:])[:idSize], pepper: newPepper(parts[1]), seal: seal}, nil
}

// IDs lists the ids of the keys, the current one last. An id tells nothing of its key.
func (r *Ring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = k.id
	}
	return ids
}

// Digest is the keyed digest of a secret under the current pepper, and the pepper's id.
// purpose keeps digests of different things apart ("token", "foreign", "session", "idempotency").
// An empty ring gives the zero digest under no pepper, which matches nothing.
func (r *Ring) Digest(purpose, secret string) (store.Digest, string) {
	if len(r.keys) == 0 {
		return store.Digest{}, ""
	}
	k := r.keys[len(r.keys)-1]
	return k.pepper.digest(purpose, secret), k.id
}

// Digests is the digest under every pepper, the current one first: for finding by digest.
func (r *Ring) Digests(purpose, secret string) []store.Digest {
	all := make([]store.Digest, 0, len(r.keys))
	for _, k := range slices.Backward(r.keys) {
		all = append(all, k.pepper.digest(purpose, secret))
	}
	return all
}

// Matches compares in constant time; false if the pepper is not in the ring.
func (r *Ring) Matches(purpose, secret string, digest store.Digest, pepper string) bool {
	k := r.find(pepper)
	if k == nil {
		return false
	}
	own := k.pepper.digest(purpose, secret)
	return subtle.ConstantTimeCompare(own[:], digest[:]) == 1
}

// Seal encrypts plain (AES-256-GCM) under the current key, bound to context: it opens only with the same
// context, so that a sealed value cannot be moved to another row. The id of the key stands before it.
func (r *Ring) Seal(plain []byte, context string) ([]byte, error) {
	if len(r.keys) == 0 {
		return nil, errors.New("keyring: no master key to seal with")
	}
	k := r.keys[len(r.keys)-1]
	return k.seal.Seal([]byte(k.id), nil, plain, []byte(context)), nil
}

// Open decrypts what Seal made.
func (r *Ring) Open(sealed []byte, context string) ([]byte, error) {
	if len(sealed) < idSize {
		return nil, errOpen
	}
	k := r.find(string(sealed[:idSize]))
	if k == nil {
		return nil, errOpen
	}
	plain, err := k.seal.Open(nil, nil, sealed[idSize:], []byte(context))
	if err != nil {
		return nil, errOpen
	}
	return plain, nil
}

func (r *Ring) find(id string) *key {
	for _, k := range r.keys {
		if k.id == id {
			return k
		}
	}
	return nil
}
