package authority

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// The purposes keep digests of different things apart.
const (
	purposeToken   = "token"
	purposeForeign = "foreign" // of the SHA-256 of the key, in hexadecimal: an import may know no more
	purposeSession = "session"
)

// foreignSecret is what is digested of somebody else's key.
func foreignSecret(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// proveIn proves a credential against rows read in tx. It returns the token's
// record, or the person's session, and decides nothing else about them; a
// credential that proves nothing is keywright.ErrUnauthenticated.
func (a *Authority) proveIn(ctx context.Context, tx store.Tx, c Caller) (*store.Record, *store.Session, *keywright.Bound, error) {
	switch c.Credential.Form() {
	case keywright.FormAPIKey, keywright.FormIDSecret:
		rec, err := tx.Tokens().Get(ctx, c.Credential.ID())
		if err != nil {
			return nil, nil, nil, unknownIs401(err)
		}
		now := a.instant()
		for _, s := range rec.Secrets {
			live := s.Until.IsZero() || now.Before(s.Until)
			if live && !s.Foreign && a.cfg.Keys.Matches("token", c.Credential.Reveal(), s.Digest, s.Pepper) {
				return rec, nil, nil, nil
			}
		}
	case keywright.FormSession:
		session, err := tx.People().Session(ctx, c.Credential.ID())
		if err != nil {
			return nil, nil, nil, unknownIs401(err)
		}
		if a.instant().Before(session.ExpiresAt) &&
			a.cfg.Keys.Matches("session", c.Credential.Reveal(), session.Digest, session.Pepper) {
			return nil, session, nil, nil
		}
	}
	return nil, nil, nil, keywright.ErrUnauthenticated
}

func unknownIs401(err error) error {
	if errors.Is(err, keywright.ErrNotFound) {
		return keywright.ErrUnauthenticated
	}
	return err
}

func (a *Authority) hashPassword(context.Context, string, keywright.Secret) (string, error) {
	return "", keywright.ErrUnavailable
}
