package authority

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// defaultOverlap is how long the old secret lives when nobody says.
const defaultOverlap = 24 * time.Hour

// Rotate gives the token a new secret and leaves the old one alive for the overlap (nil: 24 hours; 0: not at all).
// It renews the token for the policy's maximum lifetime and never extends its expiry.
func (a *Authority) Rotate(ctx context.Context, caller Caller, id keywright.ID, overlap *time.Duration, idempotencyKey string) (keywright.Issued, error) {
	once := request{
		route: "rotate",
		body: struct {
			ID      keywright.ID
			Overlap *time.Duration
		}{id, overlap},
		key: idempotencyKey,
	}
	issued, err := a.once(ctx, caller, once, func(s *scene) ([]keywright.Issued, error) {
		rotated, err := s.rotate(ctx, id, overlap)
		return []keywright.Issued{rotated}, err
	})
	if err != nil {
		return keywright.Issued{}, err
	}
	return issued[0], nil
}

func (s *scene) rotate(ctx context.Context, id keywright.ID, overlap *time.Duration) (keywright.Issued, error) {
	rec, err := s.token(ctx, id, tokensWrite)
	if err != nil {
		return keywright.Issued{}, err
	}
	secrets := living(rec.Secrets, s.now)
	switch err := s.rotatable(rec); {
	case err != nil:
		return keywright.Issued{}, err
	case len(secrets) > 1:
		return keywright.Issued{}, fmt.Errorf("%w: a rotation is running until %s: cancel it, or wait",
			keywright.ErrConflict, secrets[1].Until.Format(time.RFC3339))
	}
	span, err := s.overlap(ctx, rec, overlap)
	if err != nil {
		return keywright.Issued{}, err
	}
	return s.renewSecret(ctx, rec, secrets, span)
}

// rotateAtOnce leaves no old secret alive, also not one that a rotation under way had left.
func (s *scene) rotateAtOnce(ctx context.Context, rec *store.Record) (keywright.Issued, error) {
	if err := s.rotatable(rec); err != nil {
		return keywright.Issued{}, err
	}
	return s.renewSecret(ctx, rec, nil, 0)
}

// renewSecret gives the token a new secret and lets the old ones live for the span.
func (s *scene) renewSecret(ctx context.Context, rec *store.Record, secrets []store.Secret, span time.Duration) (keywright.Issued, error) {
	// A new secret of a token is all that the token may.
	if err := s.mayGive(ctx, rec); err != nil {
		return keywright.Issued{}, err
	}
	minted, err := s.mint(rec.Facts.ID, rec.Secrets[0].Number+1)
	if err != nil {
		return keywright.Issued{}, err
	}
	before := *rec
	rec.Secrets = overlapping(minted.kept, secrets, span, s.now)
	if err := s.renew(ctx, rec); err != nil {
		return keywright.Issued{}, err
	}
	if err := s.reseal(ctx, rec, minted.apiKey, span > 0); err != nil {
		return keywright.Issued{}, err
	}
	if err := s.update(ctx, "token.rotate", "", &before, rec); err != nil {
		return keywright.Issued{}, err
	}
	t, err := s.shown(ctx, rec)
	return minted.issued(t), err
}

// rotatable refuses a token that a new secret would be of no use to.
func (s *scene) rotatable(rec *store.Record) error {
	switch {
	case !rec.Facts.RevokedAt.IsZero():
		return notRevoked(rec)
	case s.expired(rec):
		return fmt.Errorf("%w: the token has expired: give it a new expiry first", keywright.ErrConflict)
	case len(rec.Secrets) == 0:
		return fmt.Errorf("%w: the token has no secret", keywright.ErrConflict)
	}
	return nil
}

func overlapping(newest store.Secret, old []store.Secret, span time.Duration, now time.Time) []store.Secret {
	secrets := []store.Secret{newest}
	if span > 0 && len(old) > 0 {
		last := old[0]
		last.Until = now.Add(span)
		secrets = append(secrets, last)
	}
	return secrets
}

// overlap is how long the old secret lives on, as the policy allows.
func (s *scene) overlap(ctx context.Context, rec *store.Record, asked *time.Duration) (time.Duration, error) {
	t, err := s.tenancy(ctx, place{rec.Facts.Account, rec.Facts.Space})
	if err != nil {
		return 0, err
	}
	longest := seconds(t.policy().MaxOverlap)
	switch {
	case asked == nil:
		return min(defaultOverlap, longest), nil
	case *asked < 0:
		return 0, keywright.Invalid("/overlap", "must not be negative")
	case *asked > longest:
		return 0, keywright.Invalid("/overlap", "the account's policy allows at most %s", longest)
	}
	return asked.Truncate(time.Microsecond), nil
}

// renew starts the policy's maximum lifetime anew, but no further than the token's parent
// and a calling token reach; a token that rotates itself is its own measure.
func (s *scene) renew(ctx context.Context, rec *store.Record) error {
	parent, err := s.parent(ctx, rec)
	if err != nil {
		return err
	}
	var limit time.Time
	if parent != nil {
		limit = parent.Facts.Ends()
	}
	if !s.actor.is(rec) {
		limit = earlier(limit, s.actor.ends())
	}
	before := rec.Facts.RenewedAt
	rec.Facts.RenewedAt = s.now
	if endsBy(limit, rec.Facts.Ends()) {
		return nil
	}
	rec.Facts.RenewedAt = limit.Add(-rec.Facts.Tenant.MaxLifetime)
	if rec.Facts.RenewedAt.Before(before) {
		rec.Facts.RenewedAt = before
	}
	return nil
}

// reseal keeps the new key of a recoverable token, beside the old one while both work; unless the policy no
// longer allows it.
func (s *scene) reseal(ctx context.Context, rec *store.Record, key string, both bool) error {
	if !rec.Recoverable {
		return nil
	}
	t, err := s.tenancy(ctx, place{rec.Facts.Account, rec.Facts.Space})
	if err != nil {
		return err
	}
	if !t.policy().RecoverableAllowed {
		rec.Recoverable = false
		return s.tx.Tokens().Seal(ctx, rec.Facts.ID, nil)
	}
	keys := []string{key}
	if both {
		old, err := s.unseal(ctx, rec)
		if err != nil {
			return err
		}
		keys = append(keys, old[0])
	}
	return s.seal(ctx, rec, keys...)
}

// CancelRotation ends a running rotation: the new secret dies, the old one stays. Who shows
// the old secret of the very token may not: whoever stole it could keep it alive so.
func (a *Authority) CancelRotation(ctx context.Context, caller Caller, id keywright.ID) (keywright.Token, error) {
	return a.alter(ctx, caller, id, func(s *scene, rec *store.Record) error { return s.cancelRotation(ctx, rec) })
}

func (s *scene) cancelRotation(ctx context.Context, rec *store.Record) error {
	if err := notRevoked(rec); err != nil {
		return err
	}
	secrets := living(rec.Secrets, s.now)
	if len(secrets) < 2 {
		return fmt.Errorf("%w: no rotation is running", keywright.ErrConflict)
	}
	if s.actor.is(rec) && !s.showsNewest(rec) {
		return fmt.Errorf("%w: a token cancels its own rotation by its new secret only", keywright.ErrForbidden)
	}
	if err := s.mayGive(ctx, rec); err != nil {
		return err
	}
	before := *rec
	old := secrets[1]
	old.Until = time.Time{}
	rec.Secrets = []store.Secret{old}
	if err := s.unrenew(ctx, rec); err != nil {
		return err
	}
	if rec.Recoverable {
		keys, err := s.unseal(ctx, rec)
		if err != nil {
			return err
		}
		if err := s.seal(ctx, rec, keys[len(keys)-1]); err != nil {
			return err
		}
	}
	return s.update(ctx, "token.cancel_rotation", "", &before, rec)
}

// showsNewest reports whether the caller showed the newest secret of its own token.
func (s *scene) showsNewest(rec *store.Record) bool {
	newest := rec.Secrets[0]
	return s.caller.Credential.ID() == rec.Facts.ID &&
		s.a.cfg.Keys.Matches(purposeToken, s.caller.Credential.Reveal(), newest.Digest, newest.Pepper)
}

// unrenew takes back the renewal that came with the new secret: else an old secret would be renewed by rotating and
// cancelling. Only the audit trail knows when the token was renewed before.
func (s *scene) unrenew(ctx context.Context, rec *store.Record) error {
	trail, err := s.tx.Events().List(ctx, store.EventQuery{
		Account: rec.Facts.Account,
		Subject: "token:" + rec.Facts.ID.String(),
		Action:  "token.rotate",
		Limit:   1,
	})
	if err != nil || len(trail) == 0 {
		return err
	}
	was, is := toldTime(trail[0].Before, "renewed_at"), toldTime(trail[0].After, "renewed_at")
	if is.Equal(rec.Facts.RenewedAt) && !was.IsZero() {
		rec.Facts.RenewedAt = was
	}
	return nil
}

func toldTime(told map[string]any, member string) time.Time {
	text, _ := told[member].(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
