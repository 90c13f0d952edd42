package authority

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	idempotencyTTL     = time.Hour
	purposeIdempotency = "idempotency" // keeps its digests apart from those of secrets
)

// request is a call that can be repeated safely: with a key, its answer is given again.
type request struct {
	route string
	body  any    // everything that makes it another request
	key   string // the client's; empty: every call is a new one
}

// answer is keywright.Issued as it is sealed.
type answer struct {
	Token  keywright.Token `json:"token"`
	Secret string          `json:"secret"`
	APIKey string          `json:"api_key"`
}

// once makes what f makes, or gives the answer that the same request with the same key was given.
// Twins that come at once are told apart by the transaction: one makes, the other is answered.
func (a *Authority) once(ctx context.Context, c Caller, req request, f func(*scene) ([]keywright.Issued, error)) ([]keywright.Issued, error) {
	var issued []keywright.Issued
	replayed := false
	done, err := a.change(ctx, c, func(s *scene) (err error) {
		if issued, err = s.replay(ctx, req); err != nil || issued != nil {
			replayed = true
			return err
		}
		replayed = false
		if issued, err = f(s); err != nil {
			return err
		}
		return s.remember(ctx, req, issued)
	})
	if err != nil {
		return nil, err
	}
	for i := range issued {
		if !replayed {
			issued[i].Token.Revision = done.Revision
		}
	}
	return issued, nil
}

// replay returns what the request was answered before; nil if it was not.
func (s *scene) replay(ctx context.Context, req request) ([]keywright.Issued, error) {
	if req.key == "" {
		return nil, nil
	}
	if len(req.key) > 255 || !graphic(req.key) {
		return nil, keywright.Invalid("Idempotency-Key", "must be 1 to 255 printable ASCII characters without spaces")
	}
	// An operator's home need not exist; twins of one caller then meet in the kept answer's uniqueness.
	if err := gone(s.hold(ctx, s.actor.account), nil); err != nil {
		return nil, err
	}
	kept, err := s.idempotent(ctx, req.key)
	if err != nil || kept == nil {
		return nil, err
	}
	digest, err := req.digest()
	if err != nil {
		return nil, err
	}
	if kept.Request != digest {
		return nil, fmt.Errorf("%w: the idempotency key was used for another request", keywright.ErrConflict)
	}
	return s.openAnswer(kept.Sealed, req.key)
}

// idempotent finds the kept answer under whichever pepper its key was digested; nil if there is none.
func (s *scene) idempotent(ctx context.Context, key string) (*store.Idempotent, error) {
	for _, digest := range s.a.cfg.Keys.Digests(purposeIdempotency, key) {
		kept, err := s.tx.Keys().Idempotent(ctx, s.actor.name, digest)
		switch {
		case errors.Is(err, keywright.ErrNotFound):
			continue
		case err != nil:
			return nil, err
		case s.now.Before(kept.ExpiresAt):
			return kept, nil
		}
		return nil, s.tx.Keys().PruneIdempotent(ctx, s.now)
	}
	return nil, nil
}

// openAnswer unseals an answer; whoever may no longer make such tokens does not get it.
func (s *scene) openAnswer(sealed []byte, key string) ([]keywright.Issued, error) {
	plain, err := s.a.cfg.Keys.Open(sealed, s.answerContext(key))
	if err != nil {
		return nil, fmt.Errorf("%w: the kept answer does not open: %w", keywright.ErrUnavailable, err)
	}
	var answers []answer
	if err := json.Unmarshal(plain, &answers); err != nil {
		return nil, fmt.Errorf("%w: the kept answer is not one", keywright.ErrUnavailable)
	}
	issued := make([]keywright.Issued, len(answers))
	for i, a := range answers {
		facts := keywright.Facts{Kind: a.Token.Kind, Account: a.Token.Account, Space: a.Token.Space}
		if err := s.require(placeOf(facts), tokensWrite); err != nil {
			return nil, err
		}
		issued[i] = keywright.Issued{
			Token:        a.Token,
			ClientSecret: keywright.NewSecret(a.Secret),
			APIKey:       keywright.NewSecret(a.APIKey),
		}
	}
	return issued, nil
}

// remember keeps an answer, sealed so that the client's key is needed to open it.
func (s *scene) remember(ctx context.Context, req request, issued []keywright.Issued) error {
	if req.key == "" {
		return nil
	}
	answers := make([]answer, len(issued))
	for i, is := range issued {
		answers[i] = answer{is.Token, is.ClientSecret.Reveal(), is.APIKey.Reveal()}
	}
	plain, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	sealed, err := s.a.cfg.Keys.Seal(plain, s.answerContext(req.key))
	if err != nil {
		return fmt.Errorf("%w: seal the answer: %w", keywright.ErrUnavailable, err)
	}
	digest, err := req.digest()
	if err != nil {
		return err
	}
	key, _ := s.a.cfg.Keys.Digest(purposeIdempotency, req.key)
	return s.tx.Keys().InsertIdempotent(ctx, &store.Idempotent{
		Caller:    s.actor.name,
		Key:       key,
		Request:   digest,
		Sealed:    sealed,
		ExpiresAt: s.now.Add(idempotencyTTL),
	})
}

func (s *scene) answerContext(key string) string {
	return "idempotency " + s.actor.name + " " + key
}

// digest tells requests apart; it holds no secret.
func (r request) digest() (store.Digest, error) {
	body, err := json.Marshal(r.body)
	if err != nil {
		return store.Digest{}, err
	}
	return sha256.Sum256(append([]byte(r.route+"\n"), body...)), nil
}
