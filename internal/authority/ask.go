package authority

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keywright/keywright"
)

// Introspection is what RFC 7662 tells of an active token.
type Introspection struct {
	Scopes    keywright.Scopes
	ClientID  string
	Subject   string
	Username  string // the owner
	TokenType string // "Bearer": an API key is presented so too
	Issuer    string
	Audience  []string
	JTI       string // of an access token
	IssuedAt  time.Time
	NotBefore time.Time
	ExpiresAt time.Time // zero: permanent
	Account   string
	Space     string
}

// Check is Verify for a caller that asks about somebody else's credential: it
// needs keywright:tokens:verify and hears only of tokens of its own account. With presented empty the caller asks about
// itself, which needs nothing.
func (a *Authority) Check(ctx context.Context, caller Caller, presented string, access keywright.Access) (Verdict, error) {
	if presented == "" {
		return a.checkSelf(ctx, caller, access)
	}
	v, heard, err := a.ask(ctx, caller, presented, question{Access: access, seen: caller.seeing(access)})
	if err != nil || !heard {
		return Verdict{Decision: keywright.Decision{Reason: keywright.Unproved}}, err
	}
	return v, nil
}

func (a *Authority) checkSelf(ctx context.Context, caller Caller, access keywright.Access) (Verdict, error) {
	if caller.Credential.Form() == 0 {
		return Verdict{}, keywright.ErrUnauthenticated
	}
	access.Address = caller.Address
	return a.verify(ctx, a.memory(), caller.Credential, question{Access: access, seen: caller.origin(), tells: true})
}

// seeing is where an attempt was seen that somebody asks about: where they say, or else where they ask from.
func (c Caller) seeing(access keywright.Access) origin {
	seen := c.origin()
	if access.Address.IsValid() || access.UserAgent != "" {
		seen.address, seen.userAgent = access.Address, access.UserAgent
	}
	return seen
}

// Introspect answers about a presented token; nil without an error means inactive, for whatever cause. A
// token is active for this caller if it is good for what it is for, and the caller may hear of it. A manager token is good at
// our own API alone, which asks nobody: whoever asks guards data.
func (a *Authority) Introspect(ctx context.Context, caller Caller, presented string) (*Introspection, error) {
	v, heard, err := a.ask(ctx, caller, presented, question{own: true, data: true, seen: caller.origin()})
	if err != nil || !heard || !v.Allowed() {
		return nil, err
	}
	t := &Introspection{
		Scopes:    v.scopes(),
		ClientID:  v.facts.ID.String(),
		Subject:   v.facts.ID.String(),
		Username:  v.Record.OwnerName,
		TokenType: "Bearer",
		Issuer:    a.cfg.Issuer,
		Audience:  a.audienceClaim(v.audience()),
		IssuedAt:  v.Record.CreatedAt,
		NotBefore: v.facts.NotBefore,
		ExpiresAt: v.ends(),
		Account:   v.facts.Account,
		Space:     v.facts.Space,
	}
	if v.claims != nil {
		t.JTI, t.IssuedAt = v.claims.jti, v.claims.issuedAt
	}
	return t, nil
}

// ask judges a presented string for a caller; not heard is what the caller may not hear of, and what nobody knows.
func (a *Authority) ask(ctx context.Context, caller Caller, presented string, q question) (v Verdict, heard bool, err error) {
	who := asker{person: caller.Credential.Form() == keywright.FormSession}
	if who.person {
		who.refusal, err = a.personAsks(ctx, caller)
	} else {
		q.now = a.cfg.Now()
		err = a.tokenAsks(ctx, caller, q.now, &who)
	}
	if err != nil {
		return Verdict{}, false, err
	}
	c, err := a.ParseCredential(presented)
	if err != nil {
		return Verdict{}, false, who.refusal
	}
	if !who.person {
		q.asker, q.from = who.self.facts.ID, caller.Address
	}
	q.tells = true
	if v, err = a.verify(ctx, a.memory(), c, q); err != nil {
		return Verdict{}, false, err
	}
	if heard, err = who.hears(&v); heard && who.person {
		heard, err = a.personHears(ctx, caller, placeOf(v.facts))
	}
	return v, heard, err
}

// asker is who asks about other people's credentials: a person, or a token. It stays where it is made, as does what
// it points to: asking is what most verifications begin with.
type asker struct {
	person  bool
	self    Verdict // the token's
	refusal error   // if it may ask about none but itself
}

// personAsks returns why a person may not ask; an error means that this is not known.
func (a *Authority) personAsks(ctx context.Context, caller Caller) (refusal, err error) {
	err = a.view(ctx, caller, func(s *scene) error {
		if !scopesOf(s.actor.roles).Covers(verifyScope[0]) {
			refusal = lacking(tokensVerify)
		}
		return nil
	})
	return refusal, err
}

var verifyScope = scopes(tokensVerify)

// tokenAsks finds out which token asks. Asking changes nothing, so that it is proved from memory, like any that is asked about.
func (a *Authority) tokenAsks(ctx context.Context, caller Caller, now time.Time, who *asker) (err error) {
	q := question{Access: keywright.Access{Address: caller.Address}, own: true, seen: caller.origin(), uses: verifyScope, now: now}
	if who.self, err = a.proved(ctx, a.memory(), caller.Credential, q); err != nil {
		return err
	}
	access := keywright.Access{Management: true, Address: caller.Address, Bound: who.self.Bound, Scopes: verifyScope}
	if !keywright.Decide(who.self.facts, access, now).Allowed() {
		who.refusal = lacking(tokensVerify)
	}
	return nil
}

// hears reports whether the caller may hear of a token: of itself always; else of those of its
// account (its space, if that is all it has), and, if it is for audiences, of those for one of them. Of a person it
// says only that nothing is against it yet.
func (who *asker) hears(v *Verdict) (bool, error) {
	switch {
	case !who.person && v.Record != nil && v.facts.ID == who.self.facts.ID:
		return true, nil
	case who.refusal != nil:
		return false, who.refusal
	case v.Record == nil:
		return false, nil
	case who.person:
		return true, nil
	}
	own := &who.self.facts
	near := v.facts.Account == own.Account && (own.Kind != keywright.KindSpace || v.facts.Space == own.Space)
	return near && who.speaksFor(v.audience()), nil
}

func (a *Authority) personHears(ctx context.Context, caller Caller, at place) (bool, error) {
	err := a.view(ctx, caller, func(s *scene) error { return s.require(at, tokensVerify) })
	if errors.Is(err, keywright.ErrNotFound) || errors.Is(err, keywright.ErrForbidden) {
		return false, nil
	}
	return err == nil, err
}

// speaksFor reports whether the asking token is for one of the audiences. That it may
// come to this API does not make it speak for one.
func (who *asker) speaksFor(audience []string) bool {
	own := who.self.audience()
	if len(own) == 0 {
		return true
	}
	own = slices.DeleteFunc(slices.Clone(own), func(s string) bool { return s == keywright.ManagementAudience })
	return len(own) == 0 || slices.ContainsFunc(audience, func(s string) bool { return slices.Contains(own, s) })
}
