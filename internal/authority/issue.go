package authority

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// maxBatch is the most requests in one call.
const maxBatch = 1000

// Issue makes a token. With an idempotency key, a retry gets the same answer, secret
// included, for an hour; the same key with another request is keywright.ErrConflict.
func (a *Authority) Issue(ctx context.Context, caller Caller, req keywright.NewToken, idempotencyKey string) (keywright.Issued, error) {
	once := request{route: "issue", body: req, key: idempotencyKey}
	issued, err := a.once(ctx, caller, once, func(s *scene) ([]keywright.Issued, error) {
		return s.issue(ctx, []keywright.NewToken{req}, func(int) string { return "" })
	})
	if err != nil {
		return keywright.Issued{}, err
	}
	return issued[0], nil
}

// IssueBatch makes up to 1000 tokens, all or none. What is wrong with one is told below "/" and its index.
func (a *Authority) IssueBatch(ctx context.Context, caller Caller, reqs []keywright.NewToken, idempotencyKey string) ([]keywright.Issued, error) {
	once := request{route: "issue batch", body: reqs, key: idempotencyKey}
	return a.once(ctx, caller, once, func(s *scene) ([]keywright.Issued, error) {
		if len(reqs) == 0 || len(reqs) > maxBatch {
			return nil, keywright.Invalid("", "must have 1 to %d tokens", maxBatch)
		}
		return s.issue(ctx, reqs, func(i int) string { return fmt.Sprintf("/%d", i) })
	})
}

// issue makes all tokens or, with an error, none; base says where in the call the request with an index stands.
func (s *scene) issue(ctx context.Context, reqs []keywright.NewToken, base func(int) string) ([]keywright.Issued, error) {
	made := make([]making, len(reqs))
	var wrong problems
	for i, req := range reqs {
		d, err := readNew(req, s.now)
		if err == nil && len(wrong) == 0 {
			made[i], err = s.make(ctx, d)
		}
		if err = wrong.take(beneath(base(i), err)); err != nil {
			return nil, err
		}
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return s.keep(ctx, made)
}

// take gathers an error if it is about the request, and returns any other.
func (p *problems) take(err error) error {
	if invalid, ok := err.(*keywright.InvalidError); ok {
		*p = append(*p, invalid.Problems...)
		return nil
	}
	return err
}

// making is a token that is being made.
type making struct {
	rec *store.Record
	minted
}

// make plans a token and mints its secret.
func (s *scene) make(ctx context.Context, d draft) (m making, err error) {
	if m.rec, err = s.plan(ctx, d); err != nil {
		return m, err
	}
	if m.minted, err = s.mint(m.rec.Facts.ID, 1); err != nil {
		return m, err
	}
	m.rec.Secrets = []store.Secret{m.kept}
	return m, nil
}

// keep writes tokens down, together, and says what is told of them once.
func (s *scene) keep(ctx context.Context, made []making) ([]keywright.Issued, error) {
	recs, keys := make([]*store.Record, len(made)), make([]string, len(made))
	for i, m := range made {
		recs[i], keys[i] = m.rec, m.apiKey
	}
	if err := s.insert(ctx, "token.create", recs, keys); err != nil {
		return nil, err
	}
	issued := make([]keywright.Issued, len(made))
	for i, m := range made {
		issued[i] = m.issued(resource(store.Listed{Record: m.rec}, s.now))
	}
	return issued, s.withinQuota(ctx, recs...)
}

// insert keeps new tokens, and the sealed copies of the keys of those that are to have one.
func (s *scene) insert(ctx context.Context, action string, recs []*store.Record, keys []string) error {
	all := make([]store.NewToken, len(recs))
	for i, rec := range recs {
		e := s.tokenEvent(action, rec)
		e.After = story(rec)
		all[i] = store.NewToken{Record: rec, Event: e}
	}
	numbers, err := s.tx.Tokens().InsertAll(ctx, all)
	if err != nil {
		return err
	}
	for i, rec := range recs {
		rec.Number = numbers[i]
		if err := s.seal(ctx, rec, keys[i]); err != nil {
			return err
		}
	}
	return nil
}

// plan is the token that a draft asks for, with every rule asked: where it is to be and what the actor may do
// there, the catalogues of its audiences, the account's policy, and what the actor may give.
func (s *scene) plan(ctx context.Context, d draft) (*store.Record, error) {
	rec, err := s.outline(d)
	if err != nil {
		return nil, err
	}
	if err := s.require(placeOf(rec.Facts), tokensWrite); err != nil {
		return nil, err
	}
	if err := s.settle(ctx, rec, d.owner); err != nil {
		return nil, err
	}
	if err := s.grant(ctx, rec, nil, d.scopes, placesIn("/scopes", d.asked)); err != nil {
		return nil, err
	}
	if err := s.applyPolicy(ctx, rec, d); err != nil {
		return nil, err
	}
	return rec, s.mayGive(ctx, rec)
}

// outline is the draft as a record, with the defaults that depend on the caller.
func (s *scene) outline(d draft) (*store.Record, error) {
	id, err := keywright.NewID(s.now, s.a.cfg.Random)
	if err != nil {
		return nil, err
	}
	kind, space, err := s.reach(d)
	if err != nil {
		return nil, err
	}
	label, err := s.labelOr(d.label)
	if err != nil {
		return nil, err
	}
	rec := &store.Record{
		Facts: keywright.Facts{
			ID:        id,
			Kind:      kind,
			Account:   cmp.Or(d.account, s.actor.account),
			Space:     space,
			Audience:  d.audience,
			Networks:  d.networks,
			NotBefore: d.notBefore,
			RenewedAt: s.now,
		},
		Label:       label,
		CreatedBy:   s.actor.name,
		CreatedAt:   s.now,
		UpdatedAt:   s.now,
		Metadata:    d.metadata,
		Recoverable: d.recoverable,
	}
	if s.actor.token != nil {
		rec.Parent = s.actor.token.Facts.ID
	}
	return rec, nil
}

// reach is the kind of the token and its space. Where neither is named, who acts in a space makes tokens of that space
// and a manager token makes manager tokens.
func (s *scene) reach(d draft) (keywright.Kind, string, error) {
	home, kind := s.actor.space, d.kind
	if d.account != "" && d.account != s.actor.account {
		home = ""
	}
	if kind == 0 {
		switch {
		case d.space != "" || home != "":
			kind = keywright.KindSpace
		case s.actor.token != nil && s.actor.token.Facts.Kind == keywright.KindManager:
			kind = keywright.KindManager
		default:
			kind = keywright.KindAccount
		}
	}
	if kind == keywright.KindSpace {
		return kind, cmp.Or(d.space, home, defaultName), nil
	}
	if d.space != "" && d.space != defaultName {
		return 0, "", keywright.Invalid("/space", "a token of kind %s belongs to the space %s; leave space out or make a space token", kind, defaultName)
	}
	return kind, defaultName, checkManager(kind, d.scopes)
}

// checkManager refuses a manager token with scopes for anybody's data.
func checkManager(kind keywright.Kind, given keywright.Scopes) error {
	i := slices.IndexFunc(given, func(scope keywright.Scope) bool { return !scope.Reserved() })
	if kind != keywright.KindManager || i < 0 {
		return nil
	}
	return keywright.Invalid("/scopes", "a manager token may hold only keywright: scopes, not %s", given[i])
}

// settle finds the account, the space and the owner that a new token names.
func (s *scene) settle(ctx context.Context, rec *store.Record, owner string) error {
	at := place{rec.Facts.Account, rec.Facts.Space}
	t, err := s.tenancy(ctx, at)
	if err != nil {
		return err
	}
	rec.Facts.Tenant = t.tenant()
	if !rec.Facts.Tenant.Open {
		return fmt.Errorf("%w: %s is closed", keywright.ErrConflict, at)
	}
	user, err := s.ownerNamed(ctx, rec.Facts.Account, owner)
	if err != nil {
		return err
	}
	rec.Owner, rec.OwnerName = user.ID, user.Username
	return nil
}

// ownerNamed is the user who is to own a token: the actor, or somebody with a role in the account. That
// a user exists elsewhere is not told.
func (s *scene) ownerNamed(ctx context.Context, account, name string) (*store.User, error) {
	if own := s.actor.user; name == "" || strings.EqualFold(name, own.Username) || strings.EqualFold(name, own.Email) {
		return own, nil
	}
	if s.actor.token != nil {
		return nil, fmt.Errorf("%w: the calling token may not give a token of another owner", keywright.ErrForbidden)
	}
	unknown := keywright.Invalid("/owner", "no user of that name has a role in account %s", account)
	user, err := s.tx.People().UserNamed(ctx, name)
	if err != nil {
		return nil, gone(err, unknown)
	}
	roles, err := s.tx.People().Roles(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	if !(&actor{roles: roles}).belongsTo(account) || !user.DisabledAt.IsZero() {
		return nil, unknown
	}
	return user, nil
}

// applyPolicy holds a new token against its account's policy and gives it its end.
func (s *scene) applyPolicy(ctx context.Context, rec *store.Record, d draft) error {
	t, err := s.tenancy(ctx, place{rec.Facts.Account, rec.Facts.Space})
	if err != nil {
		return err
	}
	if err := s.switchedOn(ctx, rec); err != nil {
		return err
	}
	policy, limits := t.policy(), t.demands.Limits
	rec.Recoverable = d.recoverable || d.keep && policy.RecoverableAllowed
	var p problems
	p.allowScopes(limits, rec.Facts.Scopes)
	p.allowAudience(limits, rec.Facts.Kind, rec.Facts.Audience)
	p.allowNetworks(limits, rec.Facts.Networks)
	if rec.Recoverable && !policy.RecoverableAllowed {
		p.add("/recoverable", "the account's policy does not allow a copy of the key to be kept")
	}
	end, err := d.lifetime.end(policy, s.actor.ends(), s.now)
	if err = p.take(err); err != nil {
		return err
	}
	rec.Facts.ExpiresAt = end
	if !rec.Facts.NotBefore.IsZero() && !endsAfter(end, rec.Facts.NotBefore) {
		p.add("/not_before", "is not before the token expires")
	}
	return p.err()
}

// ends is when what the actor gives must end at the latest; zero is never.
func (who *actor) ends() (limit time.Time) {
	if who.token != nil {
		return who.token.Facts.Ends()
	}
	return limit
}
