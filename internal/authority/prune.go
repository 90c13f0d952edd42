package authority

import (
	"context"
	"time"

	"github.com/keywright/keywright/internal/store"
)

const (
	pruneEvery  = time.Hour
	pruneRows   = 500 // in one write, so that no change waits long for its turn
	usageKept   = 90  // days beside today
	changesKept = 7 * 24 * time.Hour
)

// pruneHourly removes what is kept for a time only, beside everything else that is due.
func (a *Authority) pruneHourly(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		a.report("prune usage", a.pruneUsage(ctx))
		a.report("prune changes", a.pruneChanges(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// pruneUsage removes the hours of days that are too long ago, and when scopes were last used if it was then.
func (a *Authority) pruneUsage(ctx context.Context) error {
	before := dayOf(a.instant()) - usageKept
	return a.pruneAll(ctx, func(tx store.Tx) (bool, error) { return tx.Usages().Prune(ctx, before, pruneRows) })
}

// pruneChanges removes what tells followers whose facts have changed: who was away for longer begins anew.
func (a *Authority) pruneChanges(ctx context.Context) error {
	now := a.instant()
	return a.pruneAll(ctx, func(tx store.Tx) (bool, error) { return tx.Changes().Prune(ctx, now, now.Add(-changesKept), pruneRows) })
}

// pruneAll prunes until nothing is left to prune, each time by a write of its own.
func (a *Authority) pruneAll(ctx context.Context, prune func(store.Tx) (more bool, err error)) error {
	for more := true; more; {
		_, err := a.cfg.Store.Write(ctx, func(tx store.Tx) (err error) {
			more, err = prune(tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
