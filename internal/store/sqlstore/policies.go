package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func scanPolicy(r *row) (p keywright.Policy) {
	r.fail(json.Unmarshal([]byte(r.text()), &p))
	return p
}

// scanSpacePolicy reads what a space demands; a space that demands nothing has no text.
func scanSpacePolicy(r *row) (p keywright.SpacePolicy) {
	if text := r.text(); text != "" {
		r.fail(json.Unmarshal([]byte(text), &p))
	}
	return p
}

// SetSpacePolicy keeps its spans beside the whole, for withinPolicy.
func (t tenants) SetSpacePolicy(ctx context.Context, account, space string, p keywright.SpacePolicy, e store.Event) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the space's policy: %w", err)
	}
	err = t.execOne(ctx, "UPDATE spaces SET policy = $3, max_lifetime = $4, max_unused = $5 WHERE account = $1 AND name = $2",
		account, space, string(text), microsOf(p.MaxLifetime), microsOf(p.MaxUnused))
	if err != nil {
		return fmt.Errorf("change space %s of account %s: %w", space, account, err)
	}
	return t.changed(ctx, e, accountSubject(account))
}

// micros is a policy's span in microseconds; what is too long for them is none.
func micros(seconds int64) int64 {
	const second = 1_000_000
	if seconds > never/second/2 {
		return 0
	}
	return seconds * second
}

func microsOf(seconds *int64) int64 {
	if seconds == nil {
		return 0
	}
	return micros(*seconds)
}

// withinPolicy is the condition that a token t of account a and space s has not ended by their policies: what
// keywright.Facts says of the maximum lifetime and of the time unused. now and used are expressions.
func withinPolicy(now, used string) string {
	return strings.NewReplacer("NOW", now, "USED", used).Replace(`
		(a.max_lifetime = 0 OR t.renewed_at + a.max_lifetime > NOW) AND (s.max_lifetime = 0 OR t.renewed_at + s.max_lifetime > NOW)
		AND (a.max_unused = 0 OR t.renewed_at + a.max_unused > NOW OR t.not_before + a.max_unused > NOW OR USED + a.max_unused > NOW)
		AND (s.max_unused = 0 OR t.renewed_at + s.max_unused > NOW OR t.not_before + s.max_unused > NOW OR USED + s.max_unused > NOW)`)
}
