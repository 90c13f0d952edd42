package authority

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/store"
)

// checkpointEvery is how often a checkpoint is kept in the database, if there are new events. Whoever changes events
// and hashes alike is found by the first checkpoint after them.
const checkpointEvery = 10 * time.Minute

// AuditKey returns the key that verifies checkpoints, as the signed-note format writes it. It is public.
func (a *Authority) AuditKey(ctx context.Context) (keywright.AuditKey, error) {
	var key keywright.AuditKey
	err := a.cfg.Store.Read(ctx, func(tx store.Tx) error {
		k, err := tx.Keys().AuditKey(ctx)
		if err == nil {
			key.Verifier = k.Verifier
		}
		return err
	})
	return key, err
}

// Checkpoint returns the signed state of the audit trail's log: when it had size events, 0 being now.
func (a *Authority) Checkpoint(ctx context.Context, caller Caller, size int64) (string, error) {
	var signed string
	err := a.auditView(ctx, caller, func(s *scene) (err error) {
		size, err := s.logSize(ctx, "size", size)
		if err == nil {
			signed, err = a.checkpoint(ctx, s.tx, size)
		}
		return err
	})
	return signed, err
}

// Inclusion proves that the log of size events (0: as it is now) holds one event that the caller may see.
func (a *Authority) Inclusion(ctx context.Context, caller Caller, seq, size int64) (keywright.InclusionProof, error) {
	var proof keywright.InclusionProof
	err := a.auditView(ctx, caller, func(s *scene) error {
		size, err := s.logSize(ctx, "size", size)
		if err != nil {
			return err
		}
		if seq > size {
			return fmt.Errorf("%w: the log of %d events has no event %d", keywright.ErrNotFound, size, seq)
		}
		found, err := s.eventSeen(ctx, seq)
		if err != nil {
			return err
		}
		hashes, err := auditlog.ProveInclusion(size, seq-1, stored(ctx, s.tx))
		proof = keywright.InclusionProof{
			Seq: seq, Size: size, Leaf: seq - 1, LeafHash: auditlog.Hash(found.Hash).String(), Proof: auditlog.Texts(hashes),
		}
		return err
	})
	return proof, err
}

// Consistency proves that the log of to events (0: as it is now) begins with the log of from events.
func (a *Authority) Consistency(ctx context.Context, caller Caller, from, to int64) (keywright.ConsistencyProof, error) {
	var proof keywright.ConsistencyProof
	err := a.auditView(ctx, caller, func(s *scene) error {
		to, err := s.logSize(ctx, "to", to)
		if err != nil {
			return err
		}
		if from < 0 || from > to {
			return keywright.Invalid("from", "must be 0 to %d", to)
		}
		hashes, err := auditlog.ProveConsistency(from, to, stored(ctx, s.tx))
		proof = keywright.ConsistencyProof{From: from, To: to, Proof: auditlog.Texts(hashes)}
		return err
	})
	return proof, err
}

// auditView is view for who reads the audit trail of anything.
func (a *Authority) auditView(ctx context.Context, caller Caller, f func(*scene) error) error {
	return a.view(ctx, caller, func(s *scene) error {
		if _, err := s.sight(s.actor.account, auditRead); err != nil {
			return missing("account", err)
		}
		return f(s)
	})
}

// logSize is the size that is asked for, or the present one.
func (s *scene) logSize(ctx context.Context, member string, asked int64) (int64, error) {
	size, err := s.tx.Events().Size(ctx)
	switch {
	case err != nil || asked == 0:
		return size, err
	case asked < 0 || asked > size:
		return 0, keywright.Invalid(member, "must be 1 to %d, the size of the log", size)
	}
	return asked, nil
}

// stored reads the tree's hashes. One that is missing says nothing of what was asked: the tree is broken.
func stored(ctx context.Context, tx store.Tx) auditlog.Reader {
	return func(n auditlog.Node) (auditlog.Hash, error) {
		hash, err := tx.Events().Hash(ctx, n.Leaf, n.At)
		return auditlog.Hash(hash), gone(err, fmt.Errorf("%w: the audit trail's tree is not whole: run keywright audit verify", keywright.ErrUnavailable))
	}
}

// checkpoint signs the log of a size.
func (a *Authority) checkpoint(ctx context.Context, tx store.Tx, size int64) (string, error) {
	root, err := auditlog.Root(size, stored(ctx, tx))
	if err != nil {
		return "", err
	}
	key, err := tx.Keys().AuditKey(ctx)
	if err != nil {
		return "", notKnown(err)
	}
	signer, err := a.cfg.Keys.Open(key.Sealed, auditContext(key.Verifier))
	if err != nil {
		return "", fmt.Errorf("%w: audit key: %w", keywright.ErrUnavailable, err)
	}
	defer clear(signer)
	return auditlog.Sign(auditlog.Checkpoint{Size: size, Root: root}, string(signer))
}

func auditContext(verifier string) string { return "audit:" + verifier }

// keepCheckpoint keeps one in the database, if there are new events and it is time for it.
func (a *Authority) keepCheckpoint(ctx context.Context) error {
	c := store.Checkpoint{At: a.instant()}
	err := a.cfg.Store.Read(ctx, func(tx store.Tx) error {
		last, err := tx.Events().LastCheckpoint(ctx)
		if err != nil && !isAbsent(err) {
			return err
		}
		if !last.At.IsZero() && c.At.Sub(last.At).Abs() < checkpointEvery {
			return nil
		}
		size, err := tx.Events().Size(ctx)
		if err != nil || size == last.Size {
			return err
		}
		c.Size = size
		c.Note, err = a.checkpoint(ctx, tx, size)
		return err
	})
	if err != nil || c.Note == "" {
		return err
	}
	_, err = a.cfg.Store.Write(ctx, func(tx store.Tx) error { return tx.Events().InsertCheckpoint(ctx, c) })
	return err
}

// ensureAuditKey makes, once, the key that signs checkpoints.
func (a *Authority) ensureAuditKey(ctx context.Context) error {
	_, err := a.AuditKey(ctx)
	if !isAbsent(err) {
		return err
	}
	signer, verifier, err := auditlog.GenerateKey(a.cfg.Random, logName(a.cfg.Issuer))
	if err != nil {
		return fmt.Errorf("authority: audit key: %w", err)
	}
	sealed, err := a.cfg.Keys.Seal([]byte(signer), auditContext(verifier))
	if err != nil {
		return err
	}
	_, err = a.commit(ctx, func(tx store.Tx) error {
		now := a.instant()
		e := Caller{}.event("key.add", now)
		e.Subject, e.After = "key:audit", map[string]any{"verifier": verifier}
		return tx.Keys().InsertAuditKey(ctx, &store.AuditKey{Verifier: verifier, Sealed: sealed, CreatedAt: now}, e)
	})
	return err
}

// logName is the name of the log, which its checkpoints begin with (C2SP tlog-checkpoint): the issuer without its
// scheme. It stays what it was at the first start.
func logName(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return issuer
	}
	return strings.ReplaceAll(u.Host+strings.TrimRight(u.EscapedPath(), "/"), "+", "%2B") + "/audit"
}
