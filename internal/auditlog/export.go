package auditlog

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright"
)

// Header is the first line of an export in JSON Lines.
type Header struct {
	Checkpoint string `json:"checkpoint"` // the log that the events are of, as a signed note
}

// Line is one event of an export in JSON Lines. In a selection each has a proof that the log
// of the header holds it; in a whole log none has.
type Line struct {
	Seq       int64              `json:"seq"`
	Leaf      int64              `json:"leaf"` // Seq-1: the place in the log
	LeafHash  string             `json:"leaf_hash"`
	At        string             `json:"at"` // RFC 3339
	Action    string             `json:"action"`
	Actor     string             `json:"actor"`
	Account   string             `json:"account"`
	Space     string             `json:"space,omitzero"`
	Subject   string             `json:"subject"`
	Before    jsontext.Value     `json:"before,omitzero"`
	After     jsontext.Value     `json:"after,omitzero"`
	Address   string             `json:"address,omitzero"`
	UserAgent string             `json:"user_agent,omitzero"`
	RequestID string             `json:"request_id,omitzero"`
	Reason    string             `json:"reason,omitzero"`
	Revision  keywright.Revision `json:"revision,omitzero"`
	Proof     []string           `json:"proof,omitzero"`
}

// NewLine is the line of an event whose leaf has the stored hash.
func NewLine(e keywright.Event, stored Hash, proof []Hash) (Line, error) {
	l := Line{
		Seq: e.Seq, Leaf: e.Seq - 1, LeafHash: stored.String(), At: e.At.UTC().Format(time.RFC3339Nano),
		Action: e.Action, Actor: e.Actor, Account: e.Account, Space: e.Space, Subject: e.Subject,
		Address: e.Address, UserAgent: e.UserAgent, RequestID: e.RequestID, Reason: e.Reason, Revision: e.Revision,
	}
	if proof != nil {
		l.Proof = Texts(proof)
	}
	var err error
	if l.Before, err = object(e.Before); err != nil {
		return l, err
	}
	l.After, err = object(e.After)
	return l, err
}

// object is what Members writes, nil if that is nothing.
func object(m map[string]any) (jsontext.Value, error) {
	text, err := Members(m)
	if text == "" {
		return nil, err
	}
	return jsontext.Value(text), err
}

// Append appends the line, with its end, to b.
func (l Line) Append(b []byte) ([]byte, error) {
	text, err := json.Marshal(l)
	return append(append(b, text...), '\n'), err
}

// Texts writes hashes in standard base64.
func Texts(hashes []Hash) []string {
	list := make([]string, len(hashes))
	for i, h := range hashes {
		list[i] = h.String()
	}
	return list
}

// Hashes reads what Texts wrote.
func Hashes(list []string) ([]Hash, error) {
	hashes := make([]Hash, len(list))
	for i, text := range list {
		var err error
		if hashes[i], err = ParseHash(text); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// record reads the line back. What Line would write in another way is refused, so that nothing stands in a line that is
// not hashed.
func (l *Line) record() (*Record, error) {
	at, err := time.Parse(time.RFC3339Nano, l.At)
	if err != nil || at.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano) != l.At {
		return nil, errors.New("at is no instant in UTC to the microsecond")
	}
	if l.Leaf != l.Seq-1 {
		return nil, errors.New("leaf is not seq-1")
	}
	r := &Record{Event: keywright.Event{
		Seq: l.Seq, At: at, Action: l.Action, Actor: l.Actor, Account: l.Account, Space: l.Space, Subject: l.Subject,
		Address: l.Address, UserAgent: l.UserAgent, RequestID: l.RequestID, Reason: l.Reason, Revision: l.Revision,
	}}
	hash, err := ParseHash(l.LeafHash)
	if err != nil {
		return nil, errors.New("leaf_hash is no hash")
	}
	r.Hashes = []Hash{hash}
	if r.Old, err = canonical(l.Before); err != nil {
		return nil, err
	}
	r.New, err = canonical(l.After)
	return r, err
}

// canonical is what Members would have written.
func canonical(text jsontext.Value) (string, error) {
	m, err := ParseMembers(string(text))
	if err != nil {
		return "", errors.New("before and after are objects")
	}
	return Members(m)
}
