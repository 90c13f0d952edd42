package sqlstore

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

type changes struct{ *tx }

func (t changes) Forgotten(ctx context.Context) (r keywright.Revision, err error) {
	err = t.one(ctx, func(row *row) { r = keywright.Revision(row.int()) }, "SELECT forgotten FROM head WHERE id = 1")
	return r, err
}

const pruneChanges = `DELETE FROM changes WHERE (revision, subject_kind, subject_id) IN (
	SELECT revision, subject_kind, subject_id FROM changes WHERE revision <= $1 ORDER BY revision LIMIT $2)`

// Prune goes by marks, so that a change itself need not keep when it was made: what a mark from before the instant
// covers is older than it. What is to go counts as forgotten before the first of it is gone.
func (t changes) Prune(ctx context.Context, now, before time.Time, most int) (more bool, err error) {
	if _, err := t.exec(ctx, `INSERT INTO revision_marks (at, revision) SELECT CAST($1 AS BIGINT), revision FROM head WHERE id = 1
		ON CONFLICT (at) DO NOTHING`, now); err != nil {
		return false, err
	}
	var covered, marked int64
	err = t.each(ctx, func(r *row) { marked, covered = r.int(), r.int() },
		"SELECT at, revision FROM revision_marks WHERE at <= $1 ORDER BY at DESC LIMIT 1", before)
	if err != nil || covered == 0 {
		return false, err
	}
	if _, err := t.exec(ctx, "UPDATE head SET forgotten = $1 WHERE id = 1 AND forgotten < $1", covered); err != nil {
		return false, err
	}
	if _, err := t.exec(ctx, "DELETE FROM revision_marks WHERE at < $1", marked); err != nil {
		return false, err
	}
	gone, err := t.exec(ctx, pruneChanges, covered, most)
	return gone == int64(most), err
}
