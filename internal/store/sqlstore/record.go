package sqlstore

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// recordColumns is what scanRecord reads, in its order. Every column costs a
// verification, so what few tokens have is together in extra.
const recordColumns = `t.id, t.account, t.space, t.number, t.kind, t.label, t.owner, t.owner_name, t.parent,
	t.scopes, t.audience, t.secrets, t.extra, t.created_by, t.created_at, t.updated_at,
	t.not_before, t.expires_at, t.renewed_at, t.disabled_at, t.revoked_at`

func scanRecord(r *row) *store.Record {
	var rec store.Record
	f := &rec.Facts
	f.ID, f.Account, f.Space = r.id(), r.text(), r.text()
	rec.Number, f.Kind, rec.Label = r.int(), keywright.Kind(r.int()), r.text()
	rec.Owner, rec.OwnerName, rec.Parent = r.id(), r.text(), r.id()
	f.Scopes, f.Audience = scanScopes(r), splitList(r.text())
	secrets, err := decodeSecrets(r.bytes())
	r.fail(err)
	rec.Secrets = secrets
	r.fail(decodeExtra(r.text(), &rec))
	rec.CreatedBy, rec.CreatedAt, rec.UpdatedAt = r.text(), r.time(), r.time()
	f.NotBefore, f.ExpiresAt, f.RenewedAt = r.time(), r.time(), r.time()
	f.DisabledAt, f.RevokedAt = r.time(), r.time()
	return &rec
}

// scanScopes reads a set of scopes. A set that cannot be read is no empty set: it makes the row unreadable.
func scanScopes(r *row) keywright.Scopes {
	list := splitList(r.text())
	if len(list) == 0 {
		return nil
	}
	scopes, err := keywright.ParseScopes(list...)
	r.fail(err)
	return scopes
}

// extra is what few tokens have. A member that is absent is the zero value.
type extra struct {
	Implied       keywright.Scopes      `json:"implied,omitempty"`
	Networks      []netip.Prefix        `json:"networks,omitempty"`
	Metadata      map[string]string     `json:"metadata,omitempty"`
	Recoverable   bool                  `json:"recoverable,omitempty"`
	DisabledBy    keywright.ID          `json:"disabled_by,omitzero"`
	RevokedReason string                `json:"revoked_reason,omitempty"`
	AccessSince   int64                 `json:"access_since,omitempty"` // microseconds
	AccessRevoked []store.RevokedAccess `json:"access_revoked,omitempty"`
}

func encodeExtra(r *store.Record) (string, error) {
	x := extra{
		Implied: r.Implied, Networks: r.Facts.Networks, Metadata: r.Metadata, Recoverable: r.Recoverable,
		DisabledBy: r.DisabledBy, RevokedReason: r.RevokedReason,
		AccessSince: untilMicro(r.AccessSince),
	}
	for _, a := range r.AccessRevoked {
		a.ExpiresAt = a.ExpiresAt.UTC().Truncate(time.Microsecond)
		x.AccessRevoked = append(x.AccessRevoked, a)
	}
	text, err := json.Marshal(x)
	if err != nil {
		return "", fmt.Errorf("write the token's members: %w", err)
	}
	if string(text) == "{}" {
		return "", nil
	}
	return string(text), nil
}

func decodeExtra(text string, r *store.Record) error {
	if text == "" {
		return nil
	}
	var x extra
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		return err
	}
	r.Implied = x.Implied
	r.Facts.Networks, r.Metadata, r.Recoverable = x.Networks, x.Metadata, x.Recoverable
	r.DisabledBy, r.RevokedReason = x.DisabledBy, x.RevokedReason
	r.AccessSince, r.AccessRevoked = timeOfMicro(x.AccessSince), x.AccessRevoked
	return nil
}

// A list is its elements framed by spaces, so that ' element ' finds one exactly; a
// space in an element is escaped.
var (
	escapeElement   = strings.NewReplacer("%", "%25", " ", "%20")
	unescapeElement = strings.NewReplacer("%20", " ", "%25", "%")
)

func joinList(list []string) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteByte(' ')
	for _, e := range list {
		b.WriteString(escapeElement.Replace(e))
		b.WriteByte(' ')
	}
	return b.String()
}

// longAudience stands for an audience that an index has no room for.
const longAudience = "*"

// audienceKey is what the index of lists has of an audience.
func audienceKey(list []string) string {
	const most = 200
	if key := joinList(list); len(key) <= most {
		return key
	}
	return longAudience
}

// splitList reads what joinList wrote; the empty list is nil.
func splitList(text string) []string {
	if len(text) < 2 {
		return nil
	}
	list := strings.Split(text[1:len(text)-1], " ")
	if strings.Contains(text, "%") {
		for i, e := range list {
			list[i] = unescapeElement.Replace(e)
		}
	}
	return list
}

// fold is what text is compared and ordered by where case does not count. The database's own
// folding differs from engine to engine.
func fold(s string) string { return strings.ToLower(s) }
