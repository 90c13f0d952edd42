package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Disable stops a token and its descendants until they are enabled. Disabling what is disabled changes nothing.
func (a *Authority) Disable(ctx context.Context, caller Caller, id keywright.ID) (keywright.Token, error) {
	return a.alter(ctx, caller, id, func(s *scene, rec *store.Record) error {
		if err := notRevoked(rec); err != nil {
			return err
		}
		_, err := s.disable(ctx, rec, "")
		return err
	})
}

// Enable lets a disabled token work again, and those descendants that were disabled with it.
func (a *Authority) Enable(ctx context.Context, caller Caller, id keywright.ID) (keywright.Token, error) {
	return a.alter(ctx, caller, id, func(s *scene, rec *store.Record) error { return s.enable(ctx, rec) })
}

// Revoke ends a token and its descendants for good. Revoking what is revoked changes nothing.
func (a *Authority) Revoke(ctx context.Context, caller Caller, id keywright.ID, reason string) (keywright.Token, error) {
	return a.alter(ctx, caller, id, func(s *scene, rec *store.Record) error {
		reason, err := readReason(reason)
		if err != nil {
			return err
		}
		_, err = s.revoke(ctx, rec, reason)
		return err
	})
}

// Delete removes a token; its descendants are revoked. The audit trail keeps its story.
func (a *Authority) Delete(ctx context.Context, caller Caller, id keywright.ID) (keywright.Revision, error) {
	done, err := a.change(ctx, caller, func(s *scene) error {
		rec, err := s.token(ctx, id, tokensWrite)
		if err != nil {
			return err
		}
		return s.remove(ctx, rec, "")
	})
	if errors.Is(err, keywright.ErrNotFound) && a.cfg.Forget != nil {
		// It may be gone by an earlier attempt, whose end was not waited for.
		if waited := a.forget(ctx, caller.Effect, store.Commit{}); waited != nil {
			return 0, waited
		}
	}
	if err != nil {
		return 0, err
	}
	return done.Revision, nil
}

func readReason(reason string) (string, error) {
	var p problems
	reason = p.reason(reason)
	return reason, p.err()
}

// disable says whether it changed anything. A token that its parent's disabling disabled becomes disabled by
// itself, so that it stays so when the parent is enabled.
func (s *scene) disable(ctx context.Context, rec *store.Record, reason string) (bool, error) {
	with := rec.DisabledBy
	if !rec.Facts.RevokedAt.IsZero() || !rec.Facts.DisabledAt.IsZero() && with.IsZero() {
		return false, nil
	}
	before := *rec
	if rec.Facts.DisabledAt.IsZero() {
		rec.Facts.DisabledAt = s.now
	}
	rec.DisabledBy = keywright.ID{}
	if err := s.update(ctx, "token.disable", reason, &before, rec); err != nil {
		return false, err
	}
	return true, s.disableBelow(ctx, rec.Facts.ID, with)
}

func (s *scene) enable(ctx context.Context, rec *store.Record) error {
	switch {
	case !rec.Facts.RevokedAt.IsZero():
		return notRevoked(rec)
	case rec.Facts.DisabledAt.IsZero():
		return nil
	case s.expired(rec):
		return fmt.Errorf("%w: the token has expired: give it a new expiry first", keywright.ErrConflict)
	}
	if err := s.switchedOn(ctx, rec); err != nil {
		return err
	}
	if err := s.mayGive(ctx, rec); err != nil {
		return err
	}
	before := *rec
	rec.Facts.DisabledAt, rec.DisabledBy = time.Time{}, keywright.ID{}
	if err := s.update(ctx, "token.enable", "", &before, rec); err != nil {
		return err
	}
	if err := s.enableBelow(ctx, rec.Facts.ID); err != nil {
		return err
	}
	return s.withinQuota(ctx, rec)
}

// revoke says whether it changed anything.
func (s *scene) revoke(ctx context.Context, rec *store.Record, reason string) (bool, error) {
	if !rec.Facts.RevokedAt.IsZero() {
		return false, nil
	}
	if err := s.revokeOne(ctx, rec, reason); err != nil {
		return false, err
	}
	return true, s.revokeBelow(ctx, rec.Facts.ID, "parent revoked")
}

// revokeOne ends a token by itself. The sealed copy of its key has no more use.
func (s *scene) revokeOne(ctx context.Context, rec *store.Record, reason string) error {
	before := *rec
	rec.Facts.RevokedAt, rec.RevokedReason = s.now, reason
	if rec.Recoverable {
		rec.Recoverable = false
		if err := s.tx.Tokens().Seal(ctx, rec.Facts.ID, nil); err != nil {
			return err
		}
	}
	return s.update(ctx, "token.revoke", reason, &before, rec)
}

func (s *scene) remove(ctx context.Context, rec *store.Record, reason string) error {
	if err := s.revokeBelow(ctx, rec.Facts.ID, "parent deleted"); err != nil {
		return err
	}
	e := s.tokenEvent("token.delete", rec)
	e.Reason, e.Before = reason, story(rec)
	return s.tx.Tokens().Delete(ctx, rec.Facts.ID, e)
}
