package authority

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// The purposes keep digests of different things apart.
const (
	purposeToken   = "token"
	purposeForeign = "foreign" // of the SHA-256 of the key, in hexadecimal: an import may know no more
	purposeSession = "session"
	purposeSubject = "subject" // what facts rest on, as followers know it
)

// source is where a credential is judged from: what may be remembered, or the
// rows of one transaction.
type source struct {
	store.Finder
	signingKeys func(context.Context) ([]*store.SigningKey, error)
}

// memory answers verifications.
func (a *Authority) memory() source { return a.remembered }

// within answers management calls, which are never authorised from a cache.
func within(tx store.Tx) source {
	return source{rows{tx}, tx.Keys().SigningKeys}
}

// rows is a store.Finder over what a transaction reads.
type rows struct{ tx store.Tx }

func (r rows) Find(ctx context.Context, id keywright.ID) (*store.Record, error) {
	return r.tx.Tokens().Get(ctx, id)
}

func (r rows) FindDigest(ctx context.Context, digest store.Digest) (*store.Record, error) {
	return r.tx.Tokens().GetDigest(ctx, digest)
}

func (r rows) FindTenant(ctx context.Context, account, space string) (keywright.Tenant, error) {
	owner, err := r.tx.Tenants().Account(ctx, account)
	if err != nil {
		return keywright.Tenant{}, err
	}
	part, err := r.tx.Tenants().Space(ctx, account, space)
	if err != nil {
		return keywright.Tenant{}, err
	}
	t, err := newTenancy(owner, part)
	if err != nil {
		return keywright.Tenant{}, err
	}
	return t.tenant(), nil
}

func (r rows) FindRoutes(ctx context.Context, account, name string) (keywright.Routes, error) {
	g, err := r.tx.Gateways().Get(ctx, account, name)
	if err != nil {
		return nil, err
	}
	return g.Routes, nil
}

func (r rows) FindUse(ctx context.Context, id keywright.ID) (time.Time, error) {
	return r.tx.Tokens().Used(ctx, id)
}

// found is what is on file for a presented credential, before it is proved.
type found struct {
	record  *store.Record // nil: there is none
	purpose string
	secret  string  // that has to be known
	claims  *claims // of an access token; its signature was the proof
}

// lookup finds the record a credential is about. Absent is an answer; an error is not.
func (a *Authority) lookup(ctx context.Context, from source, c keywright.Credential) (found, error) {
	switch c.Form() {
	case keywright.FormAPIKey, keywright.FormIDSecret:
		record, err := present(from.Find(ctx, c.ID()))
		return found{record: record, purpose: purposeToken, secret: c.Reveal()}, err
	case keywright.FormAccessToken:
		claims, err := a.readAccessToken(ctx, from, c.Reveal())
		if err != nil || claims == nil {
			return found{}, err
		}
		record, err := present(from.Find(ctx, claims.token))
		return found{record: record, claims: claims}, err
	case keywright.FormForeign:
		secret := foreignSecret(c.Reveal())
		record, err := a.lookupForeign(ctx, from, secret)
		return found{record: record, purpose: purposeForeign, secret: secret}, err
	}
	return found{}, nil
}

// lookupForeign asks under every pepper: an imported key cannot say which one keyed its digest.
func (a *Authority) lookupForeign(ctx context.Context, from source, secret string) (*store.Record, error) {
	for _, digest := range a.cfg.Keys.Digests(purposeForeign, secret) {
		if record, err := present(from.FindDigest(ctx, digest)); record != nil || err != nil {
			return record, err
		}
	}
	return nil, nil
}

// foreignSecret is what is digested of somebody else's key.
func foreignSecret(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// prove shows that whoever presented the credential knows a live secret of the record, or holds
// an access token that it signed. Where there is no record it does the same work.
func (a *Authority) prove(f found, now time.Time) Verdict {
	if f.claims != nil {
		if f.record == nil {
			return Verdict{}
		}
		return Verdict{Record: f.record, Bound: f.claims.bind(f.record, now), claims: f.claims}
	}
	secret := a.knows(f, now)
	if secret == nil {
		return Verdict{}
	}
	return Verdict{Record: f.record, secret: secret}
}

// knows returns the live secret of the record that was shown, in constant time. A digest
// under the present pepper is computed once, whether there are two secrets, one or none.
func (a *Authority) knows(f found, now time.Time) *store.Secret {
	digest, pepper := a.cfg.Keys.Digest(f.purpose, f.secret)
	if f.record == nil {
		return nil
	}
	var shown *store.Secret
	for i := range f.record.Secrets {
		s := &f.record.Secrets[i]
		if s.Foreign != (f.purpose == purposeForeign) || !lives(s, now) {
			continue
		}
		same := subtle.ConstantTimeCompare(digest[:], s.Digest[:]) == 1
		if s.Pepper != pepper {
			same = a.cfg.Keys.Matches(f.purpose, f.secret, s.Digest, s.Pepper)
		}
		if same && shown == nil {
			shown = s
		}
	}
	return shown
}

func lives(s *store.Secret, now time.Time) bool { return s.Until.IsZero() || now.Before(s.Until) }

// proveIn proves a caller's credential against rows read in tx, at the management API. It returns
// the token's record or the person's session, with bound if what was shown is narrower. Whatever
// is not usable, for whatever cause, is keywright.ErrUnauthenticated. It decides no scopes.
func (a *Authority) proveIn(ctx context.Context, tx store.Tx, c Caller) (rec *store.Record, session *store.Session, bound *keywright.Bound, err error) {
	switch c.Credential.Form() {
	case 0:
		return nil, nil, nil, keywright.ErrUnauthenticated
	case keywright.FormSession:
		session, err = a.proveSession(ctx, tx, c)
		return nil, session, nil, err
	case keywright.FormAccessToken:
		if session, bound, err = a.sessionOf(ctx, tx, c.Credential); session != nil || err != nil {
			return nil, session, bound, err
		}
	}
	access := keywright.Access{Management: true, Address: c.Address}
	v, err := a.proved(ctx, within(tx), c.Credential, question{Access: access, seen: c.origin()})
	if err != nil {
		return nil, nil, nil, err
	}
	return v.Record, nil, v.Bound, nil
}

// proved is verify for who has to be known before anything else: what is not usable is keywright.ErrUnauthenticated.
func (a *Authority) proved(ctx context.Context, from source, c keywright.Credential, q question) (Verdict, error) {
	v, err := a.verify(ctx, from, c, q)
	if err == nil && !v.usable() {
		err = keywright.ErrUnauthenticated
	}
	return v, err
}

func (a *Authority) proveSession(ctx context.Context, tx store.Tx, c Caller) (*store.Session, error) {
	now := a.cfg.Now()
	session, err := tx.People().Session(ctx, c.Credential.ID())
	if err != nil && !isAbsent(err) {
		return nil, notKnown(err)
	}
	kept := store.Session{Pepper: a.currentPepper()} // nobody's: costs as much as somebody's
	if session != nil {
		kept = *session
	}
	if !a.cfg.Keys.Matches(purposeSession, c.Credential.Reveal(), kept.Digest, kept.Pepper) {
		return nil, cmp.Or(a.throttle.failed(c.Credential, c.Address, now), keywright.ErrUnauthenticated)
	}
	user, err := tx.People().User(ctx, kept.User)
	if err != nil && !isAbsent(err) {
		return nil, notKnown(err)
	}
	if user == nil || !user.DisabledAt.IsZero() || !now.Before(kept.ExpiresAt) {
		return nil, keywright.ErrUnauthenticated
	}
	return session, nil
}

func (a *Authority) currentPepper() string {
	ids := a.cfg.Keys.IDs()
	return ids[len(ids)-1]
}

// present makes of "not found" the answer that there is none.
func present(r *store.Record, err error) (*store.Record, error) {
	if isAbsent(err) {
		return nil, nil
	}
	return r, err
}

func isAbsent(err error) bool { return errors.Is(err, keywright.ErrNotFound) }

// unknown makes sure that nobody takes a failure for an answer.
func notKnown(err error) error {
	if errors.Is(err, keywright.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", keywright.ErrUnavailable, err)
}
