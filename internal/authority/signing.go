package authority

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	longestAccess = time.Hour       // life of an access token: signing keys are kept for it
	publishLead   = time.Hour       // a key is published so long before it signs: verifiers elsewhere remember the set
	retireMargin  = 5 * time.Minute // for their clocks
	reloadEvery   = 5 * time.Second // an unknown kid makes us look again, no more often
)

// signingKeys is what is remembered of the keys that sign access tokens.
type signingKeys struct {
	known    atomic.Pointer[keySet]
	loading  sync.Mutex
	loadedAt time.Time // under loading
}

// keySet is the keys at one moment, in the order in which they sign.
type keySet struct {
	keys     []*signingKey
	byHeader map[string]*signingKey
}

type signingKey struct {
	store.SigningKey
	public *ecdsa.PublicKey
	signer jose.Signer
	header string // the first segment of every JWT it signs
}

// verifyingKey finds the key that writes this header; nil if none does.
func (a *Authority) verifyingKey(ctx context.Context, from source, header string) (*signingKey, error) {
	now := a.cfg.Now()
	if key := a.signing.known.Load().find(header, now); key != nil {
		return key, nil
	}
	set, err := a.reloadSigningKeys(ctx, from)
	if err != nil {
		return nil, err
	}
	return set.find(header, now), nil
}

func (s *keySet) find(header string, now time.Time) *signingKey {
	if s == nil {
		return nil
	}
	key := s.byHeader[header]
	if key == nil || key.retired(now) {
		return nil
	}
	return key
}

// reloadSigningKeys reads the keys again, unless that was done a moment ago: whoever makes up a kid
// cannot make the database work. Whoever comes while they are read waits for them.
func (a *Authority) reloadSigningKeys(ctx context.Context, from source) (*keySet, error) {
	s := &a.signing
	s.loading.Lock()
	defer s.loading.Unlock()
	now := a.cfg.Now()
	if set := s.known.Load(); set != nil && now.Sub(s.loadedAt) < reloadEvery {
		return set, nil
	}
	stored, err := from.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	set, err := a.openSigningKeys(stored)
	if err != nil {
		return nil, err
	}
	s.known.Store(set)
	s.loadedAt = now
	return set, nil
}

// forgetSigningKeys makes the next look go to the database.
func (a *Authority) forgetSigningKeys() {
	a.signing.loading.Lock()
	defer a.signing.loading.Unlock()
	a.signing.known.Store(nil)
}

func (a *Authority) storedSigningKeys(ctx context.Context) (keys []*store.SigningKey, err error) {
	err = a.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		keys, err = tx.Keys().SigningKeys(ctx)
		return err
	})
	return keys, err
}

func (a *Authority) openSigningKeys(stored []*store.SigningKey) (*keySet, error) {
	set := &keySet{byHeader: make(map[string]*signingKey, len(stored))}
	for _, k := range inOrder(stored) {
		key, err := a.openSigningKey(k)
		if err != nil {
			return nil, fmt.Errorf("%w: signing key %s: %w", keywright.ErrUnavailable, k.KID, err)
		}
		set.keys = append(set.keys, key)
		set.byHeader[key.header] = key
	}
	return set, nil
}

// inOrder sorts keys by when they begin to sign, and works out until when each is published: until the last
// access token that it can have signed has ended.
func inOrder(stored []*store.SigningKey) []*store.SigningKey {
	keys := slices.Clone(stored)
	slices.SortFunc(keys, func(a, b *store.SigningKey) int {
		if c := a.ActiveAt.Compare(b.ActiveAt); c != 0 {
			return c
		}
		return strings.Compare(a.KID, b.KID)
	})
	for i := range len(keys) - 1 {
		k := *keys[i]
		k.RetireAt = keys[i+1].ActiveAt.Add(longestAccess + retireMargin)
		keys[i] = &k
	}
	return keys
}

func (a *Authority) openSigningKey(k *store.SigningKey) (*signingKey, error) {
	der, err := a.cfg.Keys.Open(k.Sealed, sealContext(k.KID))
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("not a P-256 key")
	}
	return newSigningKey(*k, private)
}

func sealContext(kid string) string { return "signing:" + kid }

func newSigningKey(k store.SigningKey, private *ecdsa.PrivateKey) (*signingKey, error) {
	options := (&jose.SignerOptions{}).WithType("at+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.ES256,
		Key:       jose.JSONWebKey{Key: private, KeyID: k.KID, Algorithm: string(jose.ES256)},
	}, options)
	if err != nil {
		return nil, err
	}
	sample, err := signer.Sign(nil)
	if err != nil {
		return nil, err
	}
	compact, err := sample.CompactSerialize()
	if err != nil {
		return nil, err
	}
	header, _, _ := strings.Cut(compact, ".")
	return &signingKey{SigningKey: k, public: &private.PublicKey, signer: signer, header: header}, nil
}

func (k *signingKey) retired(now time.Time) bool {
	return !k.RetireAt.IsZero() && !now.Before(k.RetireAt)
}

// activeKey is the key that signs now: of those that are active the newest. If there
// is none yet, one is made.
func (a *Authority) activeKey(ctx context.Context, now time.Time) (*signingKey, error) {
	if key := a.signing.known.Load().active(now); key != nil {
		return key, nil
	}
	if err := a.rotateSigningKeys(ctx); err != nil {
		return nil, err
	}
	set, err := a.reloadSigningKeys(ctx, a.memory())
	if err != nil {
		return nil, err
	}
	if key := set.active(a.cfg.Now()); key != nil { // a first key signs from after now
		return key, nil
	}
	return nil, fmt.Errorf("%w: no signing key is active", keywright.ErrUnavailable)
}

func (s *keySet) active(now time.Time) *signingKey {
	if s == nil {
		return nil
	}
	for _, key := range slices.Backward(s.keys) {
		if !now.Before(key.ActiveAt) {
			return key
		}
	}
	return nil
}

// JWKS returns the public keys that verify access tokens, those not yet used included.
func (a *Authority) JWKS(ctx context.Context) (jose.JSONWebKeySet, error) {
	now := a.cfg.Now()
	if _, err := a.activeKey(ctx, now); err != nil { // an empty set would be remembered by who asks
		return jose.JSONWebKeySet{}, notKnown(err)
	}
	set, err := a.reloadSigningKeys(ctx, a.memory())
	if err != nil {
		return jose.JSONWebKeySet{}, notKnown(err)
	}
	out := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range set.keys {
		if !key.retired(now) {
			out.Keys = append(out.Keys, publicJWK(key.public, key.KID))
		}
	}
	return out, nil
}

func publicJWK(public *ecdsa.PublicKey, kid string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: public, KeyID: kid, Algorithm: string(jose.ES256), Use: "sig"}
}

// rotateSigningKeys adds the key that is due and removes those that have retired.
func (a *Authority) rotateSigningKeys(ctx context.Context) error {
	stored, err := a.storedSigningKeys(ctx)
	if err != nil {
		return err
	}
	if now := a.instant(); a.nextActiveAt(stored, now).IsZero() && len(retiredKeys(stored, now)) == 0 {
		return nil
	}
	_, err = a.commit(ctx, func(tx store.Tx) error { return a.rotateIn(ctx, tx) })
	if err == nil {
		a.forgetSigningKeys()
	}
	return err
}

func (a *Authority) rotateIn(ctx context.Context, tx store.Tx) error {
	now := a.instant()
	stored, err := tx.Keys().SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, kid := range retiredKeys(stored, now) {
		e := Caller{}.event("key.retire", now)
		e.Subject = "key:" + kid
		if err := tx.Keys().DeleteSigningKey(ctx, kid, e); err != nil {
			return err
		}
	}
	activeAt := a.nextActiveAt(stored, now)
	if activeAt.IsZero() {
		return nil
	}
	return a.addSigningKey(ctx, tx, activeAt, now)
}

// nextActiveAt says from when a further key has to sign; zero: none is due. The first of all signs at once.
func (a *Authority) nextActiveAt(stored []*store.SigningKey, now time.Time) time.Time {
	if len(stored) == 0 {
		return now
	}
	keys := inOrder(stored)
	published := now.Add(publishLead)
	if published.Before(keys[len(keys)-1].ActiveAt.Add(a.cfg.SigningTTL)) {
		return time.Time{}
	}
	return published
}

func retiredKeys(stored []*store.SigningKey, now time.Time) (kids []string) {
	for _, k := range inOrder(stored) {
		if !k.RetireAt.IsZero() && !now.Before(k.RetireAt) {
			kids = append(kids, k.KID)
		}
	}
	return kids
}

func (a *Authority) addSigningKey(ctx context.Context, tx store.Tx, activeAt, now time.Time) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), a.cfg.Random)
	if err != nil {
		return err
	}
	k, err := a.sealSigningKey(private)
	if err != nil {
		return err
	}
	k.CreatedAt, k.ActiveAt = now, activeAt
	e := Caller{}.event("key.add", now)
	e.Subject = "key:" + k.KID
	e.After = map[string]any{"active_at": activeAt}
	return tx.Keys().InsertSigningKey(ctx, k, e)
}

// sealSigningKey prepares a key to be kept; its kid is its thumbprint (RFC 7638).
func (a *Authority) sealSigningKey(private *ecdsa.PrivateKey) (*store.SigningKey, error) {
	jwk := publicJWK(&private.PublicKey, "")
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	kid := base64.RawURLEncoding.EncodeToString(thumbprint)
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	sealed, err := a.cfg.Keys.Seal(der, sealContext(kid))
	return &store.SigningKey{KID: kid, Public: public, Sealed: sealed}, err
}
