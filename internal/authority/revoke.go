package authority

import (
	"context"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// mostRevokedAccess is how many access tokens of one token are remembered as revoked. Beyond it, all that were
// issued so far are revoked: the list stands in a record that every verification reads.
const mostRevokedAccess = 128

// RevokePresented revokes an access token of the caller's token, or the caller's own API key (RFC
// 7009). What is unknown or another's is left alone, without an error.
func (a *Authority) RevokePresented(ctx context.Context, caller Caller, presented string) error {
	c, malformed := a.ParseCredential(presented)
	_, err := a.commitFor(ctx, caller.Effect, func(tx store.Tx) error {
		q := question{Access: keywright.Access{Address: caller.Address}, own: true, seen: caller.origin()}
		self, err := a.proved(ctx, within(tx), caller.Credential, q)
		if err != nil || malformed != nil {
			return err
		}
		v, err := a.verify(ctx, within(tx), c, q)
		if err != nil || v.Record == nil || v.facts.ID != self.facts.ID {
			return err
		}
		s := a.holder(tx, caller, &self)
		if v.claims != nil {
			return s.revokeAccess(ctx, &v)
		}
		_, err = s.revoke(ctx, v.Record, "revoked by its holder")
		return err
	})
	return err
}

// holder is a scene in which a token acts on itself. That needs no scope, and the token may be for any audience.
func (a *Authority) holder(tx store.Tx, caller Caller, self *Verdict) *scene {
	who := &actor{name: "token:" + self.facts.ID.String(), account: self.facts.Account, token: self.Record, bound: self.Bound}
	return &scene{a: a, tx: tx, actor: who, caller: caller, now: a.instant(), tenants: map[place]tenancy{}}
}

// revokeAccess remembers that an access token is revoked, until it would have ended anyway.
func (s *scene) revokeAccess(ctx context.Context, v *Verdict) error {
	if !v.usable() {
		return nil
	}
	rec := *v.Record
	rec.AccessRevoked = slices.DeleteFunc(slices.Clone(rec.AccessRevoked), func(r store.RevokedAccess) bool {
		return !s.now.Before(r.ExpiresAt)
	})
	rec.AccessRevoked = append(rec.AccessRevoked, store.RevokedAccess{JTI: v.claims.jti, ExpiresAt: v.claims.bound.ExpiresAt})
	if len(rec.AccessRevoked) > mostRevokedAccess {
		rec.AccessRevoked, rec.AccessSince = nil, s.now
	}
	rec.UpdatedAt = s.now
	e := s.event("token.access_revoke", rec.Facts.Account, rec.Facts.Space, "token:"+rec.Facts.ID.String())
	e.After = map[string]any{"jti": v.claims.jti, "expires_at": v.claims.bound.ExpiresAt.Format(time.RFC3339)}
	return s.tx.Tokens().Update(ctx, &rec, e)
}
