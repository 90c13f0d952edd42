package authority

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// envelope is the most that somebody may give: a token that lies within it has
// no authority that its giver has not. The zero envelope holds nothing.
type envelope struct {
	giver    string // for the error: "you", "the calling token"
	account  string
	space    string // only this one; empty: any of the account
	kinds    []keywright.Kind
	owner    keywright.ID // only this user's; zero: anybody's
	scopes   keywright.Scopes
	audience audience
	networks []netip.Prefix // empty: any
	until    time.Time      // zero: for ever
}

// audience is which audiences may be given: any, or, as tokens are heard, only
// none where none are listed and only listed ones where some are.
type audience struct {
	any    bool
	listed []string
}

// mayGive is where authority is kept from widening, on every edge of the life cycle:
// what a token is to be must lie within what the actor may give and within what the token's parent has.
func (s *scene) mayGive(ctx context.Context, rec *store.Record) error {
	if err := s.mayHandOut(ctx, rec); err != nil {
		return err
	}
	return s.withinParent(ctx, rec)
}

// mayHandOut refuses a token that the actor could not give.
func (s *scene) mayHandOut(ctx context.Context, rec *store.Record) error {
	if err := s.actor.envelope(placeOf(rec.Facts)).holds(rec); err != nil {
		return err
	}
	return s.giveAdminOnly(ctx, rec)
}

func (s *scene) withinParent(ctx context.Context, rec *store.Record) error {
	parent, err := s.parent(ctx, rec)
	if err != nil || parent == nil {
		return err
	}
	if !parent.Facts.DisabledAt.IsZero() {
		return fmt.Errorf("%w: the token's parent %s is disabled: enable that first", keywright.ErrConflict, parent.Facts.ID)
	}
	return envelopeOf(parent, "the token's parent").holds(rec)
}

// parent reads the token that made this one; nil if a person made it.
func (s *scene) parent(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if rec.Parent.IsZero() {
		return nil, nil
	}
	parent, err := s.tx.Tokens().Get(ctx, rec.Parent)
	if err != nil {
		return nil, gone(err, fmt.Errorf("%w: the token's parent was deleted", keywright.ErrConflict))
	}
	return parent, s.situate(ctx, parent)
}

// envelope is the most the actor may give at a place.
func (who *actor) envelope(at place) envelope {
	if who.token == nil {
		return who.personal(at)
	}
	e := envelopeOf(who.token, "the calling token")
	if who.bound != nil {
		e.scopes = e.scopes.Narrow(who.bound.Scopes)
		e.audience.listed = who.bound.Audience
	}
	return e
}

// personal: a person gives any scope for data, and of the reserved ones those
// that its roles cover. Whoever has a say in a space only gives tokens of that space only.
func (who *actor) personal(at place) envelope {
	e := envelope{giver: "you", account: at.account, space: at.space, audience: audience{any: true}}
	here := rolesAt(who.roles, at)
	e.scopes = scopesOf(here, "**")
	if who.bound != nil {
		e.scopes = e.scopes.Narrow(who.bound.Scopes)
	}
	e.kinds = []keywright.Kind{keywright.KindSpace}
	if at.space == "" {
		e.kinds = []keywright.Kind{keywright.KindAccount, keywright.KindManager}
	}
	return e
}

// envelopeOf is everything a token has: the most that what it makes may have.
func envelopeOf(rec *store.Record, giver string) envelope {
	f := rec.Facts
	e := envelope{
		giver:    giver,
		account:  f.Account,
		owner:    rec.Owner,
		scopes:   f.Scopes,
		audience: audience{listed: f.Audience},
		networks: f.Networks,
		until:    f.Ends(),
		kinds:    []keywright.Kind{f.Kind},
	}
	switch f.Kind {
	case keywright.KindAccount:
		e.kinds = []keywright.Kind{keywright.KindAccount, keywright.KindSpace, keywright.KindManager}
	case keywright.KindSpace:
		e.space = f.Space
	}
	return e
}

// holds reports, as an error that says what is too much, whether a token lies within the envelope.
func (e envelope) holds(rec *store.Record) error {
	f := rec.Facts
	switch missing, covered := e.scopes.Contains(f.Scopes); {
	case f.Account != e.account || e.space != "" && f.Space != e.space:
		return e.beyond("a token of %s", place{f.Account, f.Space})
	case !slices.Contains(e.kinds, f.Kind):
		return e.beyond("a token of kind %s", f.Kind)
	case !e.owner.IsZero() && rec.Owner != e.owner:
		return e.beyond("a token of another owner")
	case !covered && slices.Contains(rec.Implied, missing):
		return e.beyond("the scope %s, which is implied by others", missing)
	case !covered:
		return e.beyond("the scope %s", missing)
	case !e.audience.holds(f.Audience):
		return e.beyond("%s; it may give %s", audience{listed: f.Audience}, e.audience)
	case !networksHold(e.networks, f.Networks):
		return e.beyond("use from outside %v: name allowed_cidrs within them", e.networks)
	case !endsBy(e.until, f.Ends()):
		return e.beyond("a life beyond %s", e.until.Format(time.RFC3339))
	}
	return nil
}

// holdsRole reports, as an error that says what is too much, whether a role lies within the envelope. A role has no end and
// is used from anywhere; who makes tokens by it makes them with any scope for data and for any audience.
func (e envelope) holdsRole(r keywright.Role) error {
	given := roleScopes(r.Name)
	makes := scopes(given...).Covers(scopes(tokensWrite)[0])
	if makes {
		given = append(given, "**")
	}
	switch missing, covered := e.scopes.Contains(scopes(given...)); {
	case !covered:
		return e.beyond("the role %s, which has %s", r.Name, missing)
	case !e.until.IsZero():
		return e.beyond("the role %s, which has no end: it ends itself at %s", r.Name, e.until.Format(time.RFC3339))
	case len(e.networks) > 0:
		return e.beyond("the role %s, which is used from anywhere: it is itself for %v", r.Name, e.networks)
	case makes && !e.audience.any:
		return e.beyond("the role %s, which makes tokens for any audience: a person may", r.Name)
	}
	return nil
}

func (e envelope) beyond(what string, args ...any) error {
	return fmt.Errorf("%w: %s may not give %s", keywright.ErrForbidden, e.giver, fmt.Sprintf(what, args...))
}

func (a audience) holds(given []string) bool {
	switch {
	case a.any:
		return true
	case len(a.listed) == 0 || len(given) == 0:
		return len(a.listed) == len(given)
	}
	return !slices.ContainsFunc(given, func(g string) bool { return !slices.Contains(a.listed, g) })
}

func (a audience) String() string {
	if len(a.listed) == 0 {
		return "a token for no named audience"
	}
	return fmt.Sprintf("the audience %q", a.listed)
}

// networksHold reports whether every network in given lies in one of limit; no limit holds any.
func networksHold(limit, given []netip.Prefix) bool {
	if len(limit) == 0 {
		return true
	}
	outside := func(p netip.Prefix) bool {
		return !slices.ContainsFunc(limit, func(l netip.Prefix) bool { return networkHolds(l, p) })
	}
	return len(given) > 0 && !slices.ContainsFunc(given, outside)
}

func networkHolds(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// endsBy reports whether an end is no later than a limit; zero is never.
func endsBy(limit, end time.Time) bool {
	return limit.IsZero() || !end.IsZero() && !end.After(limit)
}
