package authority

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Facts answers what is on file about a presented credential, for a caller that decides by itself. As at Check it needs
// keywright:tokens:verify and hears only of tokens of its own account, and what is not proved counts against whoever
// presented it. What is proved is counted by whoever decides, and reported (Follow).
func (a *Authority) Facts(ctx context.Context, caller Caller, presented string, seen keywright.Access) (keywright.PresentedFacts, error) {
	told := keywright.PresentedFacts{Rules: keywright.FactsRules}
	if a.cfg.Applied != nil {
		told.Revision = a.cfg.Applied() // before anything is read: a change in between must not be taken for seen
	}
	now := a.cfg.Now()
	var who asker
	if err := a.decider(ctx, caller, now, &who); err != nil {
		return told, err
	}
	c, err := a.ParseCredential(presented)
	if err != nil {
		return told, nil
	}
	if err := a.throttle.admit(c, seen.Address, now); err != nil {
		return told, err
	}
	found, err := a.lookup(ctx, a.memory(), c)
	if err != nil {
		return told, notKnown(err)
	}
	v := a.prove(found, now)
	told.Subjects = a.restsOn(c, found, &v, &who)
	if v.Record == nil {
		v.Decision.Reason = keywright.Unproved
		return told, a.note(c, found.record, &v, &question{Access: seen, seen: caller.seeing(seen)}, now)
	}
	told.Token, err = a.factsFor(ctx, &v, &who, now)
	return told, err
}

// decider is the token that decides about others' credentials. A person decides for no API.
func (a *Authority) decider(ctx context.Context, caller Caller, now time.Time, who *asker) error {
	if caller.Credential.Form() == keywright.FormSession {
		if _, err := a.personAsks(ctx, caller); err != nil {
			return err
		}
		return fmt.Errorf("%w: this is for an API that decides by itself: it presents a token with %s", keywright.ErrForbidden, tokensVerify)
	}
	if err := a.tokenAsks(ctx, caller, now, who); err != nil {
		return err
	}
	return who.refusal
}

// factsFor is what a caller may know of a proved credential; nil: nothing.
func (a *Authority) factsFor(ctx context.Context, v *Verdict, who *asker, now time.Time) (*keywright.TokenFacts, error) {
	if err := a.gather(ctx, a.memory(), v, now); err != nil {
		return nil, notKnown(err)
	}
	heard, err := who.hears(v)
	if err != nil || !heard {
		return nil, err
	}
	t := keywright.NewTokenFacts(v.facts, v.Bound)
	t.Label, t.Owner, t.Metadata = v.Record.Label, v.Record.OwnerName, v.Record.Metadata
	if end := v.secretEnd(); !end.IsZero() {
		t.SecretEndsAt = &end
	}
	return t, nil
}

// secretEnd is when the secret ends that was shown, or that got the access token; zero: with the token.
func (v *Verdict) secretEnd() time.Time {
	if v.claims == nil {
		return v.secret.Until
	}
	for i := range v.Record.Secrets {
		if s := &v.Record.Secrets[i]; s.Number == v.claims.secret {
			return s.Until
		}
	}
	return time.Time{}
}

// restsOn names all that an answer rests on: the token or key that was presented, and who asks, whose account is that of every
// token it hears of. That there is no such token says so in the same way. An answer that rests on nothing of these, such as
// that a signature is wrong, is not to be remembered.
func (a *Authority) restsOn(c keywright.Credential, f found, v *Verdict, who *asker) []string {
	var on []store.Subject
	switch c.Form() {
	case keywright.FormAPIKey, keywright.FormIDSecret:
		on = append(on, tokenSubject(c.ID()))
	case keywright.FormAccessToken:
		if f.claims != nil {
			on = append(on, tokenSubject(f.claims.token))
		}
	case keywright.FormForeign:
		for _, digest := range a.cfg.Keys.Digests(purposeForeign, f.secret) {
			on = append(on, store.Subject{Kind: store.SubjectDigest, ID: hex.EncodeToString(digest[:])})
		}
		if v.Record != nil && v.Record.Facts.Account == who.self.facts.Account {
			on = append(on, tokenSubject(v.Record.Facts.ID))
		}
	}
	if len(on) == 0 || a.cfg.Applied == nil {
		return nil
	}
	self := &who.self.facts
	return a.blind(append(on, tokenSubject(self.ID), store.Subject{Kind: store.SubjectAccount, ID: self.Account}))
}

func tokenSubject(id keywright.ID) store.Subject {
	return store.Subject{Kind: store.SubjectToken, ID: id.String()}
}

// blindBytes of a digest tell subjects apart well enough: two that look alike are forgotten together.
const blindBytes = 9

// blind is how subjects are called outside: all followers hear of all changes, and none may see from that which other
// tenants there are, and what is theirs. A node whose master key is being replaced gives each a name under either key.
func (a *Authority) blind(subjects []store.Subject) []string {
	names := make([]string, 0, len(subjects))
	for _, s := range subjects {
		for _, digest := range a.cfg.Keys.Digests(purposeSubject, string(s.Kind)+":"+s.ID) {
			names = append(names, base64.RawURLEncoding.EncodeToString(digest[:blindBytes]))
		}
	}
	return names
}
