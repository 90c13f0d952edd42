package authority

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// How long somebody else's key must and may be.
const (
	minForeignKey = 16
	maxForeignKey = 1024
)

// ImportOutcome is what became of one line of an import.
type ImportOutcome struct {
	Token *keywright.Token
	Err   error
}

// Import makes a token from somebody else's key, by the key itself or its SHA-256; clients go on presenting the key.
// One that is on file already is keywright.ErrConflict, whoever's it is.
func (a *Authority) Import(ctx context.Context, caller Caller, req keywright.ImportToken) (keywright.Token, error) {
	var t keywright.Token
	done, err := a.change(ctx, caller, func(s *scene) (err error) {
		t, err = s.importOne(ctx, req)
		return err
	})
	if err != nil {
		return keywright.Token{}, err
	}
	t.Revision = done.Revision
	return t, nil
}

// ImportBatch imports up to 1000 lines, each by itself: a refused line does not hinder the others. The error is about
// the caller or the database; what is wrong with a line is in its outcome. With an error, the outcomes
// tell what became of the lines before it.
func (a *Authority) ImportBatch(ctx context.Context, caller Caller, reqs []keywright.ImportToken) ([]ImportOutcome, error) {
	if len(reqs) > maxBatch {
		return nil, keywright.Invalid("", "must have at most %d lines", maxBatch)
	}
	outcomes := make([]ImportOutcome, 0, len(reqs))
	for _, req := range reqs {
		t, err := a.Import(ctx, caller, req)
		switch {
		case err == nil:
			outcomes = append(outcomes, ImportOutcome{Token: &t})
		case aboutRequest(err):
			outcomes = append(outcomes, ImportOutcome{Err: err})
		default:
			return outcomes, err
		}
	}
	return outcomes, nil
}

// aboutRequest reports whether an error is about what was asked: with something else the caller might succeed.
func aboutRequest(err error) bool {
	for _, cause := range []error{
		keywright.ErrInvalid, keywright.ErrConflict, keywright.ErrForbidden, keywright.ErrNotFound, keywright.ErrQuota,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

func (s *scene) importOne(ctx context.Context, req keywright.ImportToken) (keywright.Token, error) {
	var p problems
	sum := p.foreignKey(req, s.a.cfg.Prefix)
	d, err := readNew(req.NewToken, s.now)
	if err = p.take(err); err != nil {
		return keywright.Token{}, err
	}
	if err := p.err(); err != nil {
		return keywright.Token{}, err
	}
	rec, err := s.plan(ctx, d)
	if err != nil {
		return keywright.Token{}, err
	}
	if err := s.unused(ctx, sum); err != nil {
		return keywright.Token{}, err
	}
	digest, pepper := s.a.cfg.Keys.Digest(purposeForeign, sum)
	rec.Secrets = []store.Secret{{Number: 1, Foreign: true, Digest: digest, Pepper: pepper}}
	if err := s.insert(ctx, "token.import", []*store.Record{rec}, []string{req.Key}); err != nil {
		return keywright.Token{}, err
	}
	return resource(store.Listed{Record: rec}, s.now), s.withinQuota(ctx, rec)
}

// unused refuses a key that is on file, under whichever pepper.
func (s *scene) unused(ctx context.Context, sum string) error {
	for _, digest := range s.a.cfg.Keys.Digests(purposeForeign, sum) {
		_, err := s.tx.Tokens().GetDigest(ctx, digest)
		switch {
		case err == nil:
			return fmt.Errorf("%w: this key is on file already; a key can be imported once", keywright.ErrConflict)
		case !errors.Is(err, keywright.ErrNotFound):
			return err
		}
	}
	return nil
}

// foreignKey reads what identifies somebody else's key: its SHA-256 in lower-case hexadecimal.
func (p *problems) foreignKey(req keywright.ImportToken, prefix string) string {
	switch {
	case req.Key != "" && req.SHA256 != "":
		p.add("/sha256", "must not be set beside key")
	case req.Key == "" && req.SHA256 == "":
		p.add("/key", "is missing: set key or sha256")
	case req.SHA256 != "":
		return p.foreignSum(req)
	case len(req.Key) < minForeignKey || len(req.Key) > maxForeignKey || !graphic(req.Key):
		p.add("/key", "must have %d to %d printable ASCII characters without spaces", minForeignKey, maxForeignKey)
	case resembles(req.Key, prefix):
		p.add("/key", "looks like a credential of this instance: only somebody else's keys can be imported")
	}
	return foreignSecret(req.Key)
}

func (p *problems) foreignSum(req keywright.ImportToken) string {
	sum := strings.ToLower(req.SHA256)
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 {
		p.add("/sha256", "must be 64 hexadecimal digits")
	}
	if req.Recoverable {
		p.add("/recoverable", "needs key: of its SHA-256 alone a key cannot be recovered")
	}
	return sum
}

// resembles reports whether a key would never be looked for among foreign ones.
func resembles(key, prefix string) bool {
	c, err := keywright.ParseCredential(prefix, key)
	return err != nil || c.Form() != keywright.FormForeign ||
		strings.HasPrefix(key, prefix+"_") || strings.HasPrefix(key, prefix+"s_") || strings.HasPrefix(key, "eyJ")
}
