package authority

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// minted is a secret that was just made: what is kept of it, and what goes out once.
type minted struct {
	kept   store.Secret
	secret string
	apiKey string
}

// mint makes a token's secret with its number.
func (s *scene) mint(id keywright.ID, number int64) (minted, error) {
	secret, err := keywright.GenerateSecret(s.a.cfg.Random)
	if err != nil {
		return minted{}, fmt.Errorf("make a secret: %w", err)
	}
	digest, pepper := s.a.cfg.Keys.Digest(purposeToken, secret)
	key := keywright.FormatAPIKey(s.a.cfg.Prefix, id, secret)
	return minted{
		kept:   store.Secret{Number: number, Digest: digest, Pepper: pepper, Hint: hint(key)},
		secret: secret,
		apiKey: key,
	}, nil
}

// hint is how an API key ends. These characters are of its checksum: they tell 30 of the secret's 256 bits.
func hint(key string) (h [5]byte) {
	copy(h[:], key[len(key)-len(h):])
	return h
}

func (m minted) issued(t keywright.Token) keywright.Issued {
	return keywright.Issued{
		Token:        t,
		ClientSecret: keywright.NewSecret(m.secret),
		APIKey:       keywright.NewSecret(m.apiKey),
	}
}

// seal keeps sealed copies of a recoverable token's keys, newest first, and removes those of any other.
func (s *scene) seal(ctx context.Context, rec *store.Record, keys ...string) error {
	if !rec.Recoverable {
		return nil
	}
	plain, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	sealed, err := s.a.cfg.Keys.Seal(plain, keyContext(rec.Facts.ID))
	if err != nil {
		return fmt.Errorf("%w: seal the key: %w", keywright.ErrUnavailable, err)
	}
	return s.tx.Tokens().Seal(ctx, rec.Facts.ID, sealed)
}

// unseal returns the sealed copies of a token's keys, newest first.
func (s *scene) unseal(ctx context.Context, rec *store.Record) ([]string, error) {
	sealed, err := s.tx.Tokens().Sealed(ctx, rec.Facts.ID)
	if err != nil {
		return nil, err
	}
	plain, err := s.a.cfg.Keys.Open(sealed, keyContext(rec.Facts.ID))
	if err != nil {
		return nil, fmt.Errorf("%w: the sealed key does not open: %w", keywright.ErrUnavailable, err)
	}
	var keys []string
	if err := json.Unmarshal(plain, &keys); err != nil || len(keys) == 0 {
		return nil, fmt.Errorf("%w: the sealed key is not one", keywright.ErrUnavailable)
	}
	return keys, nil
}

// keyContext binds a sealed key to its token, so that it opens in no other's row.
func keyContext(id keywright.ID) string { return "recoverable " + id.String() }
