package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// VerifyTrail holds the audit trail of the database in a data directory against its own hashes, the signed
// checkpoints beside them, and checkpoints that were kept elsewhere. It changes nothing, and may run beside the server.
// The signatures are checked with the verifier key; empty: with the database's own. The error is an
// *auditlog.Fault, or says what cannot be read.
func VerifyTrail(ctx context.Context, data, verifier string, kept []string) (auditlog.Report, error) {
	trail, err := sqlstore.OpenTrail(ctx, filepath.Join(data, databaseFile))
	if err != nil {
		return auditlog.Report{}, err
	}
	report, err := verifyTrail(ctx, trail, verifier, kept)
	return report, errors.Join(err, trail.Close())
}

// VerifyPostgresTrail does so with the database of a URL.
func VerifyPostgresTrail(ctx context.Context, database keywright.Secret, verifier string, kept []string) (auditlog.Report, error) {
	trail, err := sqlstore.OpenPostgresTrail(ctx, sqlstore.PostgresOptions{URL: database})
	if err != nil {
		return auditlog.Report{}, err
	}
	report, err := verifyTrail(ctx, trail, verifier, kept)
	return report, errors.Join(err, trail.Close())
}

func verifyTrail(ctx context.Context, trail *sqlstore.Trail, verifier string, kept []string) (auditlog.Report, error) {
	own, err := trail.Checkpoints(ctx)
	if err != nil {
		return auditlog.Report{}, err
	}
	if verifier == "" {
		keys, err := trail.Keys(ctx)
		if err != nil {
			return auditlog.Report{}, err
		}
		if len(keys) == 0 {
			return auditlog.Report{}, fmt.Errorf("%w: the database has no audit key: start the server on it once", keywright.ErrConflict)
		}
		verifier = keys[len(keys)-1]
	}
	checkpoints := make([]auditlog.Checkpoint, 0, len(own)+len(kept))
	for _, signed := range append(own, kept...) {
		c, err := auditlog.Open(signed, verifier)
		if err != nil {
			return auditlog.Report{}, err
		}
		checkpoints = append(checkpoints, c)
	}
	report, err := trail.Verify(ctx, checkpoints...)
	report.Signed = true
	return report, err
}
