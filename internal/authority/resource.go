package authority

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// ErrNotOwn says that a caller with Own named another user's token.
var ErrNotOwn = fmt.Errorf("%w: the token is another user's", keywright.ErrForbidden)

// token reads a token over which the actor has a say, for what the scope names.
func (s *scene) token(ctx context.Context, id keywright.ID, scope string) (*store.Record, error) {
	rec, err := s.tx.Tokens().Get(ctx, id)
	if err != nil {
		return nil, missing("token", err)
	}
	if err := s.require(placeOf(rec.Facts), scope); err != nil {
		return nil, missing("token", err)
	}
	if s.caller.Own && rec.Owner != s.actor.user.ID {
		return nil, ErrNotOwn
	}
	return rec, s.situate(ctx, rec)
}

// shown is a token as its managers see it, with its usage, read again in the transaction.
func (s *scene) shown(ctx context.Context, rec *store.Record) (keywright.Token, error) {
	list, err := s.tx.Tokens().List(ctx, store.TokenQuery{
		Filter: keywright.TokenFilter{Account: rec.Facts.Account, IDs: []keywright.ID{rec.Facts.ID}},
		Sort:   keywright.SortCreated,
		Limit:  1,
		Now:    s.now,
	})
	switch {
	case err != nil:
		return keywright.Token{}, err
	case len(list) == 0:
		return resource(store.Listed{Record: rec}, s.now), nil
	}
	list[0].Facts.Tenant, list[0].Facts.LastUsedAt = rec.Facts.Tenant, list[0].LastUsedAt
	return resource(list[0], s.now), nil
}

// resource is a token as its managers see it: everything on file but its secrets.
// Its facts say what its account makes of them.
func resource(l store.Listed, now time.Time) keywright.Token {
	f := l.Facts
	t := keywright.Token{
		ID:            f.ID,
		Number:        l.Number,
		Label:         l.Label,
		Kind:          f.Kind,
		State:         stateOf(f, now),
		Account:       f.Account,
		Space:         f.Space,
		Owner:         l.OwnerName,
		Scopes:        append(keywright.Scopes{}, l.Given()...),
		Implied:       append(keywright.Scopes{}, l.Implied...),
		Audience:      append([]string{}, f.Audience...),
		AllowedCIDRs:  append([]netip.Prefix{}, f.Networks...),
		Metadata:      map[string]string{},
		Recoverable:   l.Recoverable,
		Hint:          hintOf(l.Secrets),
		Imported:      slices.ContainsFunc(l.Secrets, func(s store.Secret) bool { return s.Foreign && alive(s, now) }),
		NotBefore:     moment(f.NotBefore),
		ExpiresAt:     moment(f.ExpiresAt),
		CreatedAt:     l.CreatedAt,
		CreatedBy:     l.CreatedBy,
		UpdatedAt:     l.UpdatedAt,
		RenewedAt:     f.RenewedAt,
		DisabledAt:    moment(f.DisabledAt),
		RevokedAt:     moment(f.RevokedAt),
		RevokedReason: l.RevokedReason,
		LastUsedAt:    moment(l.LastUsedAt),
		LastUsedFrom:  l.LastUsedFrom,
		LastUsedAgent: l.LastUsedAgent,
		LastUsedDoor:  l.LastUsedDoor,
		Uses:          l.Uses,
	}
	maps.Copy(t.Metadata, l.Metadata)
	if secrets := living(l.Secrets, now); len(secrets) == 2 {
		t.RotatingUntil = moment(secrets[1].Until)
	}
	if !l.Parent.IsZero() {
		t.Parent = &l.Parent
	}
	return t
}

// stateOf is where a token is in its life: what is final comes first.
func stateOf(f keywright.Facts, now time.Time) keywright.State {
	switch {
	case !f.RevokedAt.IsZero():
		return keywright.StateRevoked
	case f.Ended(now):
		return keywright.StateExpired
	case !f.DisabledAt.IsZero():
		return keywright.StateDisabled
	}
	return keywright.StateActive
}

// hintOf is how the newest API key ends; empty if that is not known.
func hintOf(secrets []store.Secret) string {
	if len(secrets) == 0 || secrets[0].Hint[0] == 0 {
		return ""
	}
	return string(secrets[0].Hint[:])
}

// endsAfter reports whether an end is still to come; zero is never.
func endsAfter(end, now time.Time) bool { return end.IsZero() || now.Before(end) }

func alive(s store.Secret, now time.Time) bool { return endsAfter(s.Until, now) }

// living are the secrets that still work, newest first.
func living(secrets []store.Secret, now time.Time) []store.Secret {
	return slices.DeleteFunc(slices.Clone(secrets), func(s store.Secret) bool { return !alive(s, now) })
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// update keeps a changed record with the event that explains it.
func (s *scene) update(ctx context.Context, action, reason string, before, after *store.Record) error {
	after.UpdatedAt = s.now
	e := s.tokenEvent(action, after)
	e.Reason = reason
	e.Before, e.After = changes(story(before), story(after))
	return s.tx.Tokens().Update(ctx, after, e)
}

func (s *scene) tokenEvent(action string, rec *store.Record) store.Event {
	return s.event(action, rec.Facts.Account, rec.Facts.Space, "token:"+rec.Facts.ID.String())
}

// story is what the audit trail tells of a token: never a secret, nor what a secret could be checked against.
func story(rec *store.Record) map[string]any {
	f := rec.Facts
	told := map[string]any{
		"label":          rec.Label,
		"kind":           f.Kind.String(),
		"space":          f.Space,
		"owner":          rec.OwnerName,
		"scopes":         rec.Given().Strings(),
		"audience":       append([]string{}, f.Audience...),
		"allowed_cidrs":  prefixes(f.Networks),
		"metadata":       maps.Collect(maps.All(rec.Metadata)),
		"recoverable":    rec.Recoverable,
		"secrets":        len(rec.Secrets),
		"revoked_reason": rec.RevokedReason,
	}
	for name, t := range map[string]time.Time{
		"not_before": f.NotBefore, "expires_at": f.ExpiresAt, "renewed_at": f.RenewedAt,
		"disabled_at": f.DisabledAt, "revoked_at": f.RevokedAt,
	} {
		if !t.IsZero() {
			told[name] = t.Format(time.RFC3339Nano)
		}
	}
	if len(rec.Implied) > 0 {
		told["implied"] = rec.Implied.Strings()
	}
	if !rec.Parent.IsZero() {
		told["parent"] = rec.Parent.String()
	}
	return told
}

func prefixes(networks []netip.Prefix) []string {
	texts := make([]string, len(networks))
	for i, n := range networks {
		texts[i] = n.String()
	}
	return texts
}

// changes keeps of two stories what differs; a member that one of them lacks is nil there.
func changes(before, after map[string]any) (was, is map[string]any) {
	was, is = map[string]any{}, map[string]any{}
	for name := range maps.Keys(merged(before, after)) {
		if !reflect.DeepEqual(before[name], after[name]) {
			was[name], is[name] = before[name], after[name]
		}
	}
	return was, is
}

func merged(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
