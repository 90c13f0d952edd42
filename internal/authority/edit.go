package authority

import (
	"context"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// alter is the way of every change to one token: f gets the record over which the actor has a say, and makes
// of it what it is to be. What is not there is keywright.ErrNotFound, as is another tenant's.
func (a *Authority) alter(ctx context.Context, c Caller, id keywright.ID, f func(*scene, *store.Record) error) (keywright.Token, error) {
	var t keywright.Token
	done, err := a.change(ctx, c, func(s *scene) error {
		rec, err := s.token(ctx, id, tokensWrite)
		if err != nil {
			return err
		}
		if err := f(s, rec); err != nil {
			return err
		}
		t, err = s.shown(ctx, rec)
		return err
	})
	if err != nil {
		return keywright.Token{}, err
	}
	t.Revision = done.Revision
	return t, nil
}

// Edit changes what the request names. It never makes a token work again that is disabled, nor one that is
// revoked; a new expiry gives an expired one its life back, within policy. What it takes away its descendants lose with it.
func (a *Authority) Edit(ctx context.Context, caller Caller, id keywright.ID, req keywright.EditToken) (keywright.Token, error) {
	return a.alter(ctx, caller, id, func(s *scene, rec *store.Record) error { return s.edit(ctx, rec, req) })
}

// Amend is Edit for clients that send back all they know of a token: what is as it was is no change, so that the same
// expiry renews nothing, and is no matter if it is past. With revoke the token is revoked after it, in the same transaction.
func (a *Authority) Amend(ctx context.Context, caller Caller, id keywright.ID, req keywright.EditToken, revoke bool, reason string) (keywright.Token, error) {
	return a.alter(ctx, caller, id, func(s *scene, rec *store.Record) error {
		reason, err := readReason(reason)
		if err != nil {
			return err
		}
		if err := s.amend(ctx, rec, req); err != nil || !revoke {
			return err
		}
		_, err = s.revoke(ctx, rec, reason)
		return err
	})
}

// AmendAndRotate is Amend that gives a token with another expiry another secret too, in the same transaction; the old
// one ends at once. Without a new secret the answer has none.
func (a *Authority) AmendAndRotate(ctx context.Context, caller Caller, id keywright.ID, req keywright.EditToken) (keywright.Issued, error) {
	var issued keywright.Issued
	done, err := a.change(ctx, caller, func(s *scene) error {
		rec, err := s.token(ctx, id, tokensWrite)
		if err != nil {
			return err
		}
		before := rec.Facts.ExpiresAt
		if err := s.amend(ctx, rec, req); err != nil {
			return err
		}
		if !rec.Facts.ExpiresAt.Equal(before) {
			issued, err = s.rotateAtOnce(ctx, rec)
			return err
		}
		issued = keywright.Issued{}
		issued.Token, err = s.shown(ctx, rec)
		return err
	})
	if err != nil {
		return keywright.Issued{}, err
	}
	issued.Token.Revision = done.Revision
	return issued, nil
}

func (s *scene) amend(ctx context.Context, rec *store.Record, req keywright.EditToken) error {
	end := rec.Facts.ExpiresAt
	if req.Lifetime != nil && *req.Lifetime == keywright.LifetimePermanent && end.IsZero() {
		req.Lifetime = nil
	}
	if req.ExpiresAt != nil && !end.IsZero() {
		if at, err := parseEnd(*req.ExpiresAt); err == nil && at.Equal(end) {
			req.ExpiresAt = nil
		}
	}
	return s.edit(ctx, rec, req)
}

func (s *scene) edit(ctx context.Context, rec *store.Record, req keywright.EditToken) error {
	if err := notRevoked(rec); err != nil {
		return err
	}
	before := *rec
	if err := s.apply(ctx, rec, req); err != nil {
		return err
	}
	if was, _ := changes(story(&before), story(rec)); len(was) == 0 {
		return nil
	}
	if s.expired(&before) && !s.expired(rec) {
		if err := s.switchedOn(ctx, rec); err != nil {
			return err
		}
	}
	if s.widens(&before, rec) {
		if err := s.mayGive(ctx, rec); err != nil {
			return err
		}
	}
	if err := s.update(ctx, "token.edit", "", &before, rec); err != nil {
		return err
	}
	if err := s.narrowBelow(ctx, rec); err != nil {
		return err
	}
	if s.countsAnew(&before, rec) {
		return s.withinQuota(ctx, rec)
	}
	return nil
}

func notRevoked(rec *store.Record) error {
	if rec.Facts.RevokedAt.IsZero() {
		return nil
	}
	return fmt.Errorf("%w: the token is revoked, which is final: make a new one", keywright.ErrConflict)
}

// widens reports whether a change gives a token anything it did not have.
func (s *scene) widens(before, after *store.Record) bool {
	revived := s.expired(before) && !s.expired(after)
	return revived || envelopeOf(before, "").holds(after) != nil
}

// countsAnew reports whether a change makes a token count where it did not: among the tokens, or the permanent ones.
func (s *scene) countsAnew(before, after *store.Record) bool {
	if s.expired(after) {
		return false
	}
	return s.expired(before) || after.Facts.ExpiresAt.IsZero() && !before.Facts.ExpiresAt.IsZero()
}

func (s *scene) expired(rec *store.Record) bool { return rec.Facts.Ended(s.now) }

// apply reads a request into the record and holds what it names against the policy.
func (s *scene) apply(ctx context.Context, rec *store.Record, req keywright.EditToken) error {
	t, err := s.tenancy(ctx, place{rec.Facts.Account, rec.Facts.Space})
	if err != nil {
		return err
	}
	var p problems
	had := *rec
	p.editText(rec, req)
	given := p.editReach(rec, req)
	life := p.lifetime(req.Lifetime, req.ExpiresAt, req.ExpiresIn, s.now)
	if err := p.err(); err != nil {
		return err
	}
	if req.Scopes != nil || req.Audience != nil {
		if err := s.regrant(ctx, rec, &had, given, req); err != nil {
			return err
		}
	}
	p.allowReach(rec, &had, req, t.demands.Limits)
	if err := p.err(); err != nil {
		return err
	}
	if life.asked() {
		if rec.Facts.ExpiresAt, err = life.end(t.policy(), s.actor.ends(), s.now); err != nil {
			return err
		}
		rec.Facts.RenewedAt = s.now
		if nb := rec.Facts.NotBefore; !nb.IsZero() && !endsAfter(rec.Facts.ExpiresAt, nb) {
			return keywright.Invalid(life.from, "is not after the token's not_before")
		}
	}
	return checkManager(rec.Facts.Kind, rec.Facts.Scopes)
}

func (p *problems) editText(rec *store.Record, req keywright.EditToken) {
	if req.Label != nil {
		if rec.Label = p.label(*req.Label); rec.Label == "" && len(*p) == 0 {
			p.add("/label", "must not be empty")
		}
	}
	if req.Metadata != nil {
		rec.Metadata = p.metadata(*req.Metadata)
	}
}

// editReach reads for what and whence the token may be used; the scopes it returns are yet to be given.
func (p *problems) editReach(rec *store.Record, req keywright.EditToken) (given keywright.Scopes) {
	given = rec.Given()
	if req.Scopes != nil {
		given = p.scopes("/scopes", *req.Scopes)
	}
	if req.Audience != nil {
		rec.Facts.Audience = p.audience("/audience", *req.Audience)
	}
	if req.AllowedCIDRs != nil {
		rec.Facts.Networks = p.networks("/allowed_cidrs", *req.AllowedCIDRs)
	}
	return given
}

// regrant gives a token its scopes anew. Where it is for audiences for which it was not, all of them must be known there.
func (s *scene) regrant(ctx context.Context, rec, had *store.Record, given keywright.Scopes, req keywright.EditToken) error {
	if !(audience{listed: had.Facts.Audience}).holds(rec.Facts.Audience) {
		had = nil
	}
	place := func(keywright.Scope) string { return "/audience" }
	if req.Scopes != nil {
		place = placesIn("/scopes", *req.Scopes)
	}
	return s.grant(ctx, rec, had, given, place)
}

// allowReach holds what a request changes against the policies.
func (p *problems) allowReach(rec, had *store.Record, req keywright.EditToken, limits []keywright.Limit) {
	if _, ok := had.Facts.Scopes.Contains(rec.Facts.Scopes); req.Scopes != nil || !ok {
		p.allowScopes(limits, rec.Facts.Scopes)
	}
	if req.Audience != nil {
		p.allowAudience(limits, rec.Facts.Kind, rec.Facts.Audience)
	}
	if req.AllowedCIDRs != nil {
		p.allowNetworks(limits, rec.Facts.Networks)
	}
}
