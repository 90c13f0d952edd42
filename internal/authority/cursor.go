package authority

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/keywright/keywright"
)

// maxCursor is more than the longest cursor has: that of a list by label.
const maxCursor = 2048

// cursor is where a page of a list ended. It goes out as an opaque word.
type cursor struct {
	Of   string       `json:"of"`          // the list, with its filters and order
	Time time.Time    `json:"t,omitzero"`  // of the last item, if the order is one of times
	Text string       `json:"s,omitempty"` // of the last item, if the order is one of texts
	Seq  int64        `json:"n,omitempty"` // of the last item, if the order is one of numbers
	ID   keywright.ID `json:"id,omitzero"` // of the last item
}

// encode writes the cursor as one word of base64url.
func (c cursor) encode() string {
	// What a cursor is made of can always be marshalled.
	plain, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(plain)
}

// parseCursor reads what encode wrote for the same list, and nothing else: a second spelling, a member that
// encode does not write, or another list's cursor is keywright.ErrMalformedCursor.
func parseCursor(word, of string) (cursor, error) {
	if len(word) > maxCursor {
		return cursor{}, keywright.ErrMalformedCursor
	}
	plain, err := base64.RawURLEncoding.Strict().DecodeString(word)
	if err != nil {
		return cursor{}, keywright.ErrMalformedCursor
	}
	var c cursor
	if err := json.Unmarshal(plain, &c); err != nil || c.Of != of || c.encode() != word {
		return cursor{}, keywright.ErrMalformedCursor
	}
	return c, nil
}

// listOf names a list by everything that chooses and orders its items.
func listOf(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		return "" // a cursor of no list matches only a cursor of no list
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
