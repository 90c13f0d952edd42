package authority

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// What happens to a token happens to all that it made, in the same transaction and so in the same revision;
// each gets an event of its own.

// below calls f with every token below id that is not revoked, parents before children.
func (s *scene) below(ctx context.Context, id keywright.ID, f func(*store.Record) error) error {
	recs, err := s.tx.Tokens().Descendants(ctx, id)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if !rec.Facts.RevokedAt.IsZero() {
			continue
		}
		if err := s.situate(ctx, rec); err != nil {
			return err
		}
		if err := f(rec); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) revokeBelow(ctx context.Context, id keywright.ID, reason string) error {
	return s.below(ctx, id, func(rec *store.Record) error { return s.revokeOne(ctx, rec, reason) })
}

// disableBelow disables with id what is enabled below it, and what was disabled with the same ancestor as id itself.
func (s *scene) disableBelow(ctx context.Context, id, with keywright.ID) error {
	return s.below(ctx, id, func(rec *store.Record) error {
		enabled := rec.Facts.DisabledAt.IsZero()
		if !enabled && (with.IsZero() || rec.DisabledBy != with) {
			return nil
		}
		before := *rec
		if enabled {
			rec.Facts.DisabledAt = s.now
		}
		rec.DisabledBy = id
		return s.update(ctx, "token.disable", "parent disabled", &before, rec)
	})
}

// enableBelow enables what was disabled with id, and nothing else.
func (s *scene) enableBelow(ctx context.Context, id keywright.ID) error {
	return s.below(ctx, id, func(rec *store.Record) error {
		if rec.DisabledBy != id {
			return nil
		}
		before := *rec
		rec.Facts.DisabledAt, rec.DisabledBy = time.Time{}, keywright.ID{}
		return s.update(ctx, "token.enable", "parent enabled", &before, rec)
	})
}

// narrowBelow takes from every token below rec what its parent no longer has. One that is left with no audience or
// network at all is revoked: an empty list would mean others.
func (s *scene) narrowBelow(ctx context.Context, rec *store.Record) error {
	parents := map[keywright.ID]*store.Record{rec.Facts.ID: rec}
	return s.below(ctx, rec.Facts.ID, func(child *store.Record) error {
		parents[child.Facts.ID] = child
		parent := parents[child.Parent]
		if parent == nil { // it was revoked before, and this one with it
			return nil
		}
		limit := envelopeOf(parent, "its parent")
		lost := !parent.Facts.RevokedAt.IsZero() // it was left with nothing, a moment ago
		if !lost && limit.holds(child) == nil {
			return nil
		}
		before := *child
		if lost || !limit.narrow(&child.Facts) {
			return s.revokeOne(ctx, child, "parent narrowed")
		}
		if err := s.implyLess(ctx, child, before.Given().Narrow(limit.scopes), limit.scopes); err != nil {
			return err
		}
		return s.update(ctx, "token.edit", "parent narrowed", &before, child)
	})
}

// narrow makes a token's facts lie within the envelope, but for its scopes; it reports false, and leaves them as they
// are, if nothing that could be written down is left of them.
func (e envelope) narrow(f *keywright.Facts) bool {
	heard, ok := e.audience.narrow(f.Audience)
	if !ok {
		return false
	}
	nets, ok := narrowNetworks(e.networks, f.Networks)
	if !ok {
		return false
	}
	f.Audience, f.Networks = heard, nets
	if !endsBy(e.until, f.Ends()) {
		f.ExpiresAt = e.until
	}
	return true
}

func (a audience) narrow(given []string) ([]string, bool) {
	if a.holds(given) {
		return given, true
	}
	left := slices.DeleteFunc(slices.Clone(given), func(g string) bool { return !slices.Contains(a.listed, g) })
	return left, len(left) > 0
}

// narrowNetworks is what both lists admit; an empty list admits all.
func narrowNetworks(limit, given []netip.Prefix) ([]netip.Prefix, bool) {
	if len(limit) == 0 || len(given) == 0 {
		return slices.Concat(limit, given), true
	}
	var left []netip.Prefix
	for _, g := range given {
		for _, l := range limit {
			switch {
			case networkHolds(l, g):
				left = append(left, g)
			case networkHolds(g, l):
				left = append(left, l)
			}
		}
	}
	return distinct(left, netip.Prefix.Compare), len(left) > 0
}
