package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/store"
)

// insertLeaf adds a leaf to the audit trail's tree.
func (t *tx) insertLeaf(ctx context.Context, seq int64, leaf auditlog.Hash) error {
	err := t.post(ctx, "INSERT INTO tree (leaf, hashes) VALUES ($1, $2)", seq-1, joinHashes(t.tree.Append(leaf)))
	if err != nil {
		return changedFromOutside(err, seq)
	}
	return nil
}

func joinHashes(hashes []auditlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*len(auditlog.Hash{}))
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

const (
	treeSize = "SELECT COALESCE(MAX(leaf) + 1, 0) FROM tree"
	treeHash = "SELECT substr(hashes, $2, 32) FROM tree WHERE leaf = $1"
)

// loadTree reads what the tree needs to grow.
func loadTree(ctx context.Context, c *conn) (auditlog.Frontier, error) {
	var size int64
	if err := c.one(ctx, func(r *row) { size = r.int() }, treeSize); err != nil {
		return auditlog.Frontier{}, err
	}
	f, err := auditlog.LoadFrontier(size, func(n auditlog.Node) (h auditlog.Hash, err error) {
		err = c.one(ctx, func(r *row) { h = auditlog.Hash(r.digest()) }, treeHash, n.Leaf, 1+n.At*len(h))
		return h, err
	})
	if err != nil {
		return f, fmt.Errorf("%w: the audit trail's tree is not whole: %v", keywright.ErrUnavailable, err)
	}
	return f, nil
}

// Size returns how many events the tree has.
func (t events) Size(ctx context.Context) (size int64, err error) {
	err = t.one(ctx, func(r *row) { size = r.int() }, treeSize)
	return size, err
}

// Hash returns a stored hash of the tree.
func (t events) Hash(ctx context.Context, leaf int64, at int) (hash store.Digest, err error) {
	err = t.one(ctx, func(r *row) { hash = r.digest() }, treeHash, leaf, 1+at*len(hash))
	if err != nil {
		return hash, fmt.Errorf("leaf %d of the audit trail: %w", leaf, err)
	}
	return hash, nil
}

// LastCheckpoint returns the newest that was kept.
func (t events) LastCheckpoint(ctx context.Context) (c store.Checkpoint, err error) {
	err = t.one(ctx, func(r *row) { c = store.Checkpoint{Size: r.int(), At: r.time(), Note: r.text()} },
		"SELECT size, at, note FROM checkpoints ORDER BY size DESC LIMIT 1")
	if err != nil {
		return c, fmt.Errorf("checkpoint: %w", err)
	}
	return c, nil
}

// InsertCheckpoint keeps one; of each size the first.
func (t events) InsertCheckpoint(ctx context.Context, c store.Checkpoint) error {
	_, err := t.exec(ctx, "INSERT INTO checkpoints (size, at, note) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", c.Size, c.At, c.Note)
	return err
}

// hashBatch is how many events from before the tree one commit hashes.
const hashBatch = 2000

// hashOld hashes the events from before there was a tree, and goes on where an interrupted run has
// stopped. It refuses a trail with events beyond these that the tree does not have: they were put there from outside.
func (w *writer) hashOld(ctx context.Context) error {
	var unhashed, last int64
	if err := w.conn.one(ctx, func(r *row) { unhashed, last = r.int(), r.int() },
		"SELECT unhashed, (SELECT COALESCE(MAX(seq), 0) FROM events) FROM head WHERE id = 1"); err != nil {
		return err
	}
	tree, err := loadTree(ctx, w.conn)
	if err != nil {
		return err
	}
	if size := max(tree.Size(), unhashed); last > size {
		return fmt.Errorf("the audit trail was changed while the server was stopped: event %d was never written by it; see keywright audit verify --data", size+1)
	}
	begun := time.Now()
	for first := tree.Size(); tree.Size() < unhashed; {
		if err := w.hashSome(ctx, &tree, unhashed); err != nil {
			return fmt.Errorf("hash the audit trail: %w", err)
		}
		if tree.Size() == unhashed {
			w.log.Info("the audit trail has been hashed", "events", unhashed-first, "took", time.Since(begun))
		}
	}
	return nil
}

func (w *writer) hashSome(ctx context.Context, tree *auditlog.Frontier, upTo int64) error {
	if _, err := w.conn.beginWrite(); err != nil {
		return err
	}
	grown := *tree
	t := &tx{conn: w.conn, tree: &grown}
	if err := t.hashEvents(ctx, min(upTo, tree.Size()+hashBatch)); err != nil {
		_ = w.conn.rollback()
		return err
	}
	if err := w.conn.commit(); err != nil {
		_ = w.conn.rollback()
		return err
	}
	*tree = grown
	return nil
}

func (t *tx) hashEvents(ctx context.Context, upTo int64) error {
	var leaves []auditlog.Hash
	first := t.tree.Size() + 1
	err := t.each(ctx, func(r *row) {
		e, before, after := scanEventText(r)
		leaves = append(leaves, auditlog.LeafHash(&e, before, after))
	}, "SELECT "+eventColumns+" FROM events e WHERE e.seq >= $1 AND e.seq <= $2 ORDER BY e.seq", first, upTo)
	if err != nil {
		return err
	}
	if int64(len(leaves)) != upTo-first+1 {
		return fmt.Errorf("of the events %d to %d some are missing", first, upTo)
	}
	for i, leaf := range leaves {
		if err := t.insertLeaf(ctx, first+int64(i), leaf); err != nil {
			return err
		}
	}
	return nil
}
