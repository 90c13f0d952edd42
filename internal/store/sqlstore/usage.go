package sqlstore

import (
	"context"
	"fmt"

	"github.com/keywright/keywright/internal/store"
)

// AddUsage adds counts up and moves last uses forward. Usage of a token that is gone is dropped.
func (s *Store) AddUsage(ctx context.Context, batch []store.Usage) error {
	_, err := s.writer.write(ctx, func(t *tx) error {
		for _, u := range batch {
			if err := t.addUsage(ctx, u); err != nil {
				return fmt.Errorf("keep usage: %w", err)
			}
		}
		return nil
	})
	return err
}

func (t *tx) addUsage(ctx context.Context, u store.Usage) error {
	from := ""
	if u.From.IsValid() {
		from = u.From.String()
	}
	_, err := t.exec(ctx, `
		UPDATE token_usage SET uses = uses + $2,
			last_used_from = CASE WHEN last_used_at IS NULL OR last_used_at < $3 THEN $4 ELSE last_used_from END,
			last_used_at = CASE WHEN last_used_at IS NULL OR last_used_at < $3 THEN $3 ELSE last_used_at END
		WHERE token = $1`, u.Token, u.Count, u.At, from)
	return err
}
