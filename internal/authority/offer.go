package authority

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	purposeOffer = "offer"
	offerMark    = "c" // after the prefix: a code is taken for no API key
	offerLife    = time.Minute
)

var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// IsChallenge reports whether s can be the S256 challenge of a verifier (RFC 7636 section 4.2).
func IsChallenge(s string) bool { return challengeForm.MatchString(s) }

// offerSession has a session fetched by who holds the code and the verifier. The code goes through a browser, where others
// may read it; the session does not.
func (s *scene) offerSession(ctx context.Context, user *store.User, challenge string) (keywright.Secret, error) {
	id, err := keywright.NewID(s.now, s.a.cfg.Random)
	if err != nil {
		return keywright.Secret{}, err
	}
	secret, err := keywright.GenerateSecret(s.a.cfg.Random)
	if err != nil {
		return keywright.Secret{}, err
	}
	o := &store.Offer{ID: id, Challenge: challenge, User: user.ID, ExpiresAt: s.now.Add(offerLife)}
	o.Digest, o.Pepper = s.a.cfg.Keys.Digest(purposeOffer, secret)
	e := s.event("session.offer", "", "", "user:"+user.Username)
	e.Actor, e.Reason = e.Subject, bySSO
	code := keywright.NewSecret(keywright.FormatAPIKey(s.a.cfg.Prefix+offerMark, id, secret))
	return code, s.tx.People().InsertOffer(ctx, o, e)
}

// FetchSession begins the session that SignInByProvider offered, once. Whatever is wrong with the code or the verifier is
// the same refusal. The caller carries no credential.
func (a *Authority) FetchSession(ctx context.Context, caller Caller, code, verifier keywright.Secret) (Session, error) {
	shown, err := keywright.ParseCredential(a.cfg.Prefix+offerMark, code.Reveal())
	if err != nil || shown.Form() != keywright.FormAPIKey {
		return Session{}, unusableCode()
	}
	// Only who holds a code has a transaction.
	err = a.cfg.Store.Read(ctx, func(tx store.Tx) error {
		_, err := a.proveOffer(ctx, tx, caller, shown, verifier)
		return err
	})
	if err != nil {
		return Session{}, err
	}
	var begun Session
	_, err = a.commit(ctx, func(tx store.Tx) error {
		o, err := a.proveOffer(ctx, tx, caller, shown, verifier)
		if err != nil {
			return err
		}
		if err := tx.People().TakeOffer(ctx, o.ID); err != nil {
			return gone(err, unusableCode())
		}
		user, err := tx.People().User(ctx, o.User)
		if err == nil && !user.DisabledAt.IsZero() {
			err = unusableCode()
		}
		if err != nil {
			return gone(err, unusableCode())
		}
		begun, err = a.insertSession(ctx, tx, caller, user, "sso")
		return err
	})
	return begun, err
}

func unusableCode() error {
	return keywright.Invalid("/code", "is no code that a session can be fetched with: it may have been used or have run out; sign in again")
}

// proveOffer finds the offer that a code is of. An unknown one takes the same work.
func (a *Authority) proveOffer(ctx context.Context, tx store.Tx, caller Caller, shown keywright.Credential, verifier keywright.Secret) (*store.Offer, error) {
	now := a.cfg.Now()
	offer, err := tx.People().Offer(ctx, shown.ID())
	if err != nil && !isAbsent(err) {
		return nil, err
	}
	kept := store.Offer{Pepper: a.currentPepper()} // nobody's: costs as much as somebody's
	if offer != nil {
		kept = *offer
	}
	known := a.cfg.Keys.Matches(purposeOffer, shown.Reveal(), kept.Digest, kept.Pepper)
	sum := sha256.Sum256([]byte(verifier.Reveal()))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	verified := subtle.ConstantTimeCompare([]byte(challenge), []byte(kept.Challenge)) == 1
	if !known || !verified {
		if err := a.throttle.failed(shown, caller.Address, now); err != nil {
			return nil, err
		}
		return nil, unusableCode()
	}
	if !now.Before(kept.ExpiresAt) {
		return nil, unusableCode()
	}
	return offer, nil
}

// AdmitSignIn refuses to have a provider asked for an address from which too many attempts have failed.
func (a *Authority) AdmitSignIn(caller Caller) error {
	return throttled(a.throttle.byLoginsOf.wait(neighbourhood(caller.Address), a.cfg.Now()))
}

// RefusedSignIn counts an attempt to sign in that the provider did not vouch for.
func (a *Authority) RefusedSignIn(caller Caller) {
	a.throttle.byLoginsOf.take(neighbourhood(caller.Address), a.cfg.Now())
}
