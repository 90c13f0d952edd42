package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type changes struct{ *tx }

func (t changes) Forgotten(ctx context.Context) (r keywright.Revision, err error) {
	err = t.one(ctx, func(row *row) { r = keywright.Revision(row.int()) }, "SELECT forgotten FROM head WHERE id = 1")
	return r, err
}

// findChanges is one statement, so that what it says of the head and of what is no longer on file goes with what it
// finds. Revisions are without holes, but not every one has somebody's facts forgotten.
const findChanges = `SELECT h.revision, h.forgotten, c.revision, c.subject_kind, c.subject_id
	FROM head h LEFT JOIN changes c ON c.revision > $1 AND c.revision <= $2 WHERE h.id = 1
	ORDER BY c.revision, c.subject_kind, c.subject_id`

// Since returns what changed in the revisions after one, of at most so many.
func (s *Store) Since(ctx context.Context, after keywright.Revision, most int) (h store.History, err error) {
	limit := after + keywright.Revision(most)
	err = s.since.use(ctx, func(c *conn) error {
		h = store.History{}
		return c.each(ctx, func(r *row) { scanHistory(r, &h) }, findChanges, after, limit)
	})
	if err != nil {
		return store.History{}, fmt.Errorf("find what has changed: %w", err)
	}
	h.Upto = min(h.Head, limit)
	return h, nil
}

func scanHistory(r *row, h *store.History) {
	h.Head, h.Forgotten = keywright.Revision(r.int()), keywright.Revision(r.int())
	revision := keywright.Revision(r.int())
	if revision == 0 {
		return
	}
	if n := len(h.Commits); n == 0 || h.Commits[n-1].Revision != revision {
		h.Commits = append(h.Commits, store.Commit{Revision: revision})
	}
	last := &h.Commits[len(h.Commits)-1]
	last.Forget = append(last.Forget, store.Subject{Kind: store.SubjectKind(r.text()), ID: r.text()})
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
