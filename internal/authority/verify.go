package authority

import (
	"context"
	"net/netip"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Verify answers whether a credential may do what access says, now. A refusal is a
// Verdict; an error means that the answer is not known (keywright.ErrUnavailable) or
// withheld (*keywright.ThrottledError).
func (a *Authority) Verify(ctx context.Context, c keywright.Credential, access keywright.Access) (Verdict, error) {
	return a.verify(ctx, a.memory(), c, question{Access: access, seen: origin{address: access.Address}, tells: true})
}

// verify is the journey of a key, after the spoke has taken it out of its dialect and parsed it.
func (a *Authority) verify(ctx context.Context, from source, c keywright.Credential, q question) (Verdict, error) {
	now := q.now
	if now.IsZero() {
		now = a.cfg.Now()
	}
	if err := a.throttle.admit(c, q.Address, now); err != nil {
		return Verdict{}, err
	}
	found, err := a.lookup(ctx, from, c)
	if err != nil {
		return Verdict{}, notKnown(err)
	}
	v := a.prove(found, now)
	if err := a.decide(ctx, from, &v, &q, now); err != nil {
		return Verdict{}, notKnown(err)
	}
	return v, a.note(c, found.record, &v, &q, now)
}

// decide holds a proved credential against what is asked. What is not proved stays refused.
func (a *Authority) decide(ctx context.Context, from source, v *Verdict, q *question, now time.Time) error {
	if v.Record == nil {
		v.Decision = keywright.Decision{Reason: keywright.Unproved}
		return nil
	}
	if err := a.gather(ctx, from, v, now); err != nil {
		return err
	}
	v.Decision = keywright.Decide(v.facts, q.access(v), now)
	return nil
}

// gather completes the facts of a proved credential by what its record does not have.
func (a *Authority) gather(ctx context.Context, from source, v *Verdict, now time.Time) (err error) {
	v.facts = v.Record.Facts
	if v.facts.Tenant, err = from.FindTenant(ctx, v.facts.Account, v.facts.Space); err != nil && !isAbsent(err) {
		return err
	}
	if v.facts.Tenant.MaxUnused > 0 {
		v.facts.LastUsedAt, err = a.lastUse(ctx, from, v.facts, now)
		return err
	}
	return nil
}

// note keeps what was seen; it never delays the answer. A failed proof counts against
// whoever tries: beyond the limit the answer is withheld, a proof never is.
func (a *Authority) note(c keywright.Credential, known *store.Record, v *Verdict, q *question, now time.Time) error {
	id := c.ID()
	if known != nil {
		id = known.Facts.ID
	}
	if a.cfg.Usage != nil {
		n := attempt{origin: q.seen, at: now, reason: v.Decision.Reason}
		if v.Allowed() {
			n.held, n.asked = v.facts.Scopes, q.Scopes
			n.heard(q, v.Bound)
		}
		a.usage.note(id, known != nil, &n)
	}
	if v.Allowed() {
		if v.facts.Tenant.MaxUnused > 0 {
			a.lastUses.learn(id, now)
		}
		return nil
	}
	a.refusals.note(id, known, v.Decision.Reason, q.seen, now)
	if v.Decision.Reason == keywright.Unproved {
		return a.throttle.failed(c, q.Address, now)
	}
	return nil
}

// question is an attempt to be judged. With own, it is at whatever the token is for: its holder
// asks for something that is the token's own, so that audience and kind are no obstacle.
type question struct {
	keywright.Access
	own   bool
	data  bool         // even if own: at somebody's data, which no manager token reaches
	asker keywright.ID // a token that may be asking about itself
	from  netip.Addr   // whence it asks
	seen  origin
	tells bool             // who asks is told the token's scopes
	uses  keywright.Scopes // that are noted as used if the token has them, when none is asked for
	now   time.Time        // zero: when it is judged
}

func (q *question) access(v *Verdict) keywright.Access {
	access := q.Access
	access.Bound = v.Bound
	if q.asker == v.facts.ID && !access.Address.IsValid() {
		access.Address = q.from
	}
	if q.own {
		access.Audience = v.ownAudience()
		access.Management = v.facts.Kind == keywright.KindManager && access.Audience == "" && !q.data
	}
	return access
}

// Verdict is the answer about one presented credential. The zero Verdict refuses.
type Verdict struct {
	Decision keywright.Decision
	Record   *store.Record    // nil unless the credential was proved
	Bound    *keywright.Bound // of an access token

	facts  keywright.Facts // the record's, with its tenant's
	secret *store.Secret   // that was shown; nil for an access token
	claims *claims         // of an access token
	end    time.Time       // as Token shows it
}

// Allowed reports whether the attempt may pass.
func (v Verdict) Allowed() bool { return v.Decision.Allowed() }

// usable reports whether the credential is good for anything; which scopes it has is another question.
func (v *Verdict) usable() bool {
	return v.Allowed() || v.Decision.Reason == keywright.InsufficientScope
}

// Token is what a verifier may learn; ok is false unless allowed. Scopes, audience and expiry are those of what was
// presented: an access token's own where it is narrower.
func (v *Verdict) Token() (t keywright.VerifiedToken, ok bool) {
	if !v.Allowed() {
		return t, false
	}
	t = keywright.VerifiedToken{
		ID:       v.facts.ID,
		Label:    v.Record.Label,
		Kind:     v.facts.Kind,
		Account:  v.facts.Account,
		Space:    v.facts.Space,
		Owner:    v.Record.OwnerName,
		Scopes:   v.scopes(),
		Audience: v.audience(),
		Metadata: v.Record.Metadata,
	}
	if v.end = v.ends(); !v.end.IsZero() {
		t.ExpiresAt = &v.end
	}
	return t, true
}

func (v *Verdict) scopes() keywright.Scopes { return v.facts.GrantedTo(v.Bound) }

// audience is for whom what was presented is.
func (v *Verdict) audience() []string { return v.facts.HeardWith(v.Bound) }

func (v *Verdict) ownAudience() string {
	if all := v.audience(); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (v *Verdict) ends() time.Time { return v.facts.EndsWith(v.Bound) }
