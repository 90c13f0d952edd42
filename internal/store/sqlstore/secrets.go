package sqlstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright/internal/store"
)

// A token's secrets are one column, newest first, since a verification reads them all and nothing
// looks for them there. Each is, with integers big-endian:
//
//	number 8 | until 8, microseconds, 0: none | flags 1 | length of pepper 1 | pepper | digest 32 | hint 5, if flagged
const secretHead = 8 + 8 + 1 + 1

// The flags of a secret.
const (
	flagForeign = 1 << iota
	flagHint
	flagsKnown = flagForeign | flagHint
)

func encodeSecrets(secrets []store.Secret) ([]byte, error) {
	b := make([]byte, 0, len(secrets)*(secretHead+16+len(store.Digest{})))
	for _, s := range secrets {
		if len(s.Pepper) > 255 {
			return nil, fmt.Errorf("the id of a pepper is longer than 255 bytes")
		}
		b = binary.BigEndian.AppendUint64(b, uint64(s.Number))
		b = binary.BigEndian.AppendUint64(b, uint64(untilMicro(s.Until)))
		flags := flag(s.Foreign, flagForeign) | flag(s.Hint != [5]byte{}, flagHint)
		b = append(b, flags, byte(len(s.Pepper)))
		b = append(b, s.Pepper...)
		b = append(b, s.Digest[:]...)
		if flags&flagHint != 0 {
			b = append(b, s.Hint[:]...)
		}
	}
	return b, nil
}

var errSecrets = errors.New("the secrets of a token are damaged")

func decodeSecrets(b []byte) ([]store.Secret, error) {
	var secrets []store.Secret
	for len(b) > 0 {
		if len(b) < secretHead || b[16] > flagsKnown {
			return nil, errSecrets
		}
		pepper := secretHead + int(b[17])
		digest := pepper + len(store.Digest{})
		end := digest
		if b[16]&flagHint != 0 {
			end += len(store.Secret{}.Hint)
		}
		if len(b) < end {
			return nil, errSecrets
		}
		s := store.Secret{
			Number:  int64(binary.BigEndian.Uint64(b)),
			Until:   timeOfMicro(int64(binary.BigEndian.Uint64(b[8:]))),
			Foreign: b[16]&flagForeign != 0,
			Pepper:  string(b[secretHead:pepper]),
		}
		copy(s.Digest[:], b[pepper:digest])
		copy(s.Hint[:], b[digest:end])
		secrets, b = append(secrets, s), b[end:]
	}
	return secrets, nil
}

// foreignDigest is what an imported token is found by; nil if it is none.
func foreignDigest(secrets []store.Secret) []byte {
	for _, s := range secrets {
		if s.Foreign {
			return s.Digest[:]
		}
	}
	return nil
}

func flag(set bool, as byte) byte {
	if set {
		return as
	}
	return 0
}

func untilMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOfMicro(micro int64) time.Time {
	if micro == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micro).UTC()
}
