package server

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// requestIDs gives every request a name that joins its log line, its events and its
// answer. It is not a secret.
type requestIDs struct {
	start string // random, differs from one start of the program to the next
	last  atomic.Uint64
}

func newRequestIDs(random io.Reader) (*requestIDs, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, err
	}
	const alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
	for i, c := range b {
		b[i] = alphabet[int(c)%len(alphabet)]
	}
	return &requestIDs{start: string(b[:]) + "-"}, nil
}

// of is the id that the client or a proxy gave, if it is fit to be logged, else a new one; as
// the value of a header.
func (ids *requestIDs) of(r *http.Request) []string {
	if given := r.Header["X-Request-Id"]; len(given) == 1 && fitForLog(given[0]) {
		return given
	}
	return []string{ids.next()}
}

// next is a new id.
func (ids *requestIDs) next() string {
	return string(strconv.AppendUint(append(make([]byte, 0, 24), ids.start...), ids.last.Add(1), 36))
}

// fitForLog: [A-Za-z0-9._-]{8,64}.
func fitForLog(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
			continue
		}
		return false
	}
	return true
}
