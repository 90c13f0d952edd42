package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/store"
)

// writer owns the one connection of this program that changes things, and makes many Writes
// durable by one commit. Whoever writes waits for its turn and runs its function
// in the open transaction. If others wait, it leaves the commit to them and
// waits for it; the last in line commits for all.
type writer struct {
	conn    *conn // used only by who has the turn
	connect func(context.Context) (*conn, error)
	// settle says of a commit whose answer was lost whether it is on file; nil: no answer is ever lost.
	settle   func(ctx context.Context, lost *conn) (kept bool, err error)
	patience time.Duration // for settle
	log      *slog.Logger

	mu      sync.Mutex
	taken   bool            // somebody has the turn
	waiting []chan struct{} // in the order in which they came; closed when it is their turn

	// These belong to who has the turn.
	group  *group // of the open transaction; nil: there is none
	closed bool

	// The audit trail's tree with what the open transaction has added so far, if grown; trial is where one Write
	// grows it. After a commit that failed it is read again.
	tree, trial auditlog.Frontier
	grown       bool
}

// group is the Writes of one transaction.
type group struct {
	size  int
	begun time.Time
	done  chan struct{} // closed when the transaction has ended
	err   error         // then: why nothing of it was kept
}

// How many Writes one commit may have, and how long the first of them may wait for others: on a busy machine the one is not the
// other, and while a group goes on, nobody else's writer has its turn at a database that others share.
const (
	maxGroup  = 256
	groupTime = 100 * time.Millisecond
)

// write runs f in the open transaction and returns when it is durable.
func (w *writer) write(ctx context.Context, f func(*tx) error) (store.Commit, error) {
	if err := w.take(ctx); err != nil {
		return store.Commit{}, err
	}
	g, commit, err := w.join(ctx, f)
	if err != nil {
		return store.Commit{}, err
	}
	<-g.done
	if g.err != nil {
		return store.Commit{}, g.err
	}
	return commit, nil
}

// take waits for the turn.
func (w *writer) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	if !w.taken {
		w.taken = true
		w.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	w.waiting = append(w.waiting, turn)
	w.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return w.leave(ctx, turn)
	}
}

// queue is how many wait for their turn.
func (w *writer) queue() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

// leave steps out of the line. If the turn has come meanwhile, it is kept: others may
// rely on whoever has it to commit.
func (w *writer) leave(ctx context.Context, turn chan struct{}) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.waiting, turn)
	if i < 0 {
		return nil
	}
	w.waiting = slices.Delete(w.waiting, i, i+1)
	return ctx.Err()
}

// next gives the turn to the next in line and reports whether there is one.
func (w *writer) next() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		return false
	}
	close(w.waiting[0])
	w.waiting = slices.Delete(w.waiting, 0, 1)
	return true
}

// release ends the turn.
func (w *writer) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		w.taken = false
		return
	}
	close(w.waiting[0])
	w.waiting = slices.Delete(w.waiting, 0, 1)
}

// join runs f as a part of the open transaction and ends the turn, also when f panics.
// On an error nothing of f is left.
func (w *writer) join(ctx context.Context, f func(*tx) error) (g *group, commit store.Commit, err error) {
	defer func() { g = w.pass() }()
	switch {
	case w.closed:
		err = errClosed
	case ctx.Err() != nil:
		err = ctx.Err()
	default:
		commit, err = w.run(ctx, f)
	}
	return g, commit, err
}

// pass ends the turn: the transaction goes on with the next in line, or is committed.
func (w *writer) pass() *group {
	g := w.group
	if g != nil && g.size < maxGroup && time.Since(g.begun) < groupTime && w.next() {
		return g
	}
	w.commit()
	w.release()
	return g
}

// run runs f under a savepoint. The first of a group needs none: failing, it takes only itself along.
func (w *writer) run(ctx context.Context, f func(*tx) error) (commit store.Commit, err error) {
	alone := w.group == nil
	if err := w.begin(alone); err != nil {
		return store.Commit{}, err
	}
	w.trial = w.tree
	t := &tx{conn: w.conn, tree: &w.trial}
	kept := false
	defer func() {
		t.conn = nil
		if !kept {
			w.undo(alone)
		}
	}()
	if err := firstOf(f(t), t.broken); err != nil {
		return store.Commit{}, err
	}
	if err := t.finish(ctx); err != nil {
		return store.Commit{}, err
	}
	if alone {
		w.group = &group{begun: time.Now(), done: make(chan struct{})}
	} else if err := w.conn.release(); err != nil {
		return store.Commit{}, err
	}
	w.group.size++
	w.tree, kept = w.trial, true
	return t.commit, nil
}

func (w *writer) begin(alone bool) error {
	if !alone {
		return w.conn.savepoint()
	}
	same, err := w.beginWrite()
	if err != nil || w.grown && same {
		return err
	}
	if w.tree, err = loadTree(context.Background(), w.conn); err != nil {
		_ = w.conn.rollback()
	}
	w.grown = err == nil
	return err
}

// beginWrite connects anew if the connection was lost, which may show only now.
func (w *writer) beginWrite() (alone bool, err error) {
	for range 2 {
		if w.conn.lost() {
			if err := w.reconnect(); err != nil {
				return false, err
			}
		}
		if alone, err = w.conn.beginWrite(); err == nil || !w.conn.lost() {
			return alone, err
		}
	}
	return false, err
}

func (w *writer) reconnect() error {
	_ = w.conn.close()
	c, err := w.connect(context.Background())
	if err == nil {
		w.conn = c
	}
	return err
}

// undo takes back what one Write did. If that cannot be, the others of the group have lost theirs too.
func (w *writer) undo(alone bool) {
	if alone {
		_ = w.conn.rollback()
		return
	}
	if err := w.conn.undo(); err != nil {
		w.end(fmt.Errorf("%w: nothing was changed: the transaction was lost: %w", keywright.ErrUnavailable, err))
	}
}

// errUncertain is the error of a commit whose answer was lost.
var errUncertain = fmt.Errorf("%w: the database was lost during the commit", keywright.ErrUnavailable)

// commit makes the group durable, or fails all of it.
func (w *writer) commit() {
	if w.group == nil {
		return
	}
	err := w.conn.commit()
	switch {
	case errors.Is(err, errUncertain):
		err = w.settled(err)
	case err != nil:
		err = fmt.Errorf("%w: nothing was changed: %w", keywright.ErrUnavailable, err)
	}
	w.end(err)
}

// settled is nil if what was committed turns out to be on file.
func (w *writer) settled(uncertain error) error {
	ctx, cancel := context.WithTimeout(context.Background(), w.patience)
	defer cancel()
	switch kept, err := w.settle(ctx, w.conn); {
	case err != nil:
		return fmt.Errorf("%w: it is unknown whether the change was made, look before you repeat it: %w: %w", keywright.ErrUnavailable, uncertain, err)
	case kept:
		w.log.Warn("the answer to a commit was lost; it was made", "writes", w.group.size, "error", uncertain)
		return nil
	default:
		return fmt.Errorf("%w: nothing was changed: %w", keywright.ErrUnavailable, uncertain)
	}
}

func (w *writer) end(err error) {
	if err != nil {
		w.grown = false
		_ = w.conn.rollback()
		w.log.Error("a commit failed", "writes", w.group.size, "error", err)
	}
	w.group.err = err
	close(w.group.done)
	w.group = nil
}

// open connects for the first time.
func (w *writer) open(ctx context.Context) (err error) {
	if w.conn, err = w.connect(ctx); err != nil {
		return err
	}
	if err := w.hashOld(ctx); err != nil {
		return errors.Join(err, w.conn.close())
	}
	return nil
}

// close lets everybody in line have its turn before it closes the connection.
func (w *writer) close() error {
	if err := w.take(context.Background()); err != nil {
		return err
	}
	defer w.release()
	w.commit()
	if w.closed {
		return nil
	}
	w.closed = true
	return w.conn.close()
}
