// Package auditlog makes the audit trail tamper-evident: it says which bytes of an event are
// hashed, keeps the Merkle tree over them (RFC 6962 section 2), signs and reads
// checkpoints of the tree (C2SP signed-note and tlog-checkpoint), and holds events against
// them. The event with Seq n is leaf n-1.
//
// It knows neither database nor network: whoever has events and hashes feeds them.
package auditlog

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/keywright/keywright"
)

// Hash is a SHA-256 of RFC 6962.
type Hash = tlog.Hash

// ParseHash reads what Hash.String writes: standard base64.
func ParseHash(s string) (Hash, error) { return tlog.ParseHash(s) }

// leafVersion begins every leaf, so that another encoding can never be taken for this one.
const leafVersion = "keywright event 1"

// Leaf returns the bytes of an event that are hashed. They are netstrings
// (LENGTH:BYTES,) one after the other: the version, seq, at (microseconds since 1970 UTC), action,
// actor, account, space, subject, before, after, address, user agent, request id,
// reason, revision; numbers in decimal. before and after are as Members writes them, and e's own
// members of these names do not count.
func Leaf(e *keywright.Event, before, after string) []byte {
	b := make([]byte, 0, 512)
	for _, field := range [...]string{
		leafVersion, strconv.FormatInt(e.Seq, 10), strconv.FormatInt(e.At.UnixMicro(), 10),
		e.Action, e.Actor, e.Account, e.Space, e.Subject, before, after,
		e.Address, e.UserAgent, e.RequestID, e.Reason, strconv.FormatInt(int64(e.Revision), 10),
	} {
		b = strconv.AppendInt(b, int64(len(field)), 10)
		b = append(b, ':')
		b = append(b, field...)
		b = append(b, ',')
	}
	return b
}

// LeafHash is the hash of an event's leaf.
func LeafHash(e *keywright.Event, before, after string) Hash {
	return tlog.RecordHash(Leaf(e, before, after))
}

// ParseMembers reads what Members wrote. Numbers are json.Number: they come out as they went in.
func ParseMembers(text string) (m map[string]any, err error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	err = d.Decode(&m)
	return m, err
}

// Canonical is the event as it can be kept and shown without losing anything: its instant UTC to the
// microsecond, its text UTF-8.
func Canonical(e keywright.Event) keywright.Event {
	e.At = e.At.UTC().Truncate(time.Microsecond)
	for _, text := range []*string{
		&e.Action, &e.Actor, &e.Account, &e.Space, &e.Subject, &e.Address, &e.UserAgent, &e.RequestID, &e.Reason,
	} {
		*text = strings.ToValidUTF8(*text, "\uFFFD")
	}
	return e
}
