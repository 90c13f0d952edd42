package authority

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/keywright/keywright/internal/store"
)

const (
	flushEvery = 750 * time.Millisecond // so that what was seen is on file within a second
	tendEvery  = time.Minute
	lastFlush  = 5 * time.Second // for the flush at the end
)

// Run does what is due by time until ctx ends: usage is flushed within a second, webhooks are sent, what is about to happen is
// told, signing keys are rotated, what has run out is pruned. It returns after a last flush; its error is that of the last flush.
func (a *Authority) Run(ctx context.Context) error {
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { a.sendWebhooks(ctx) })
	beside.Go(func() { a.watch(ctx) })
	beside.Go(func() { a.pruneHourly(ctx) })
	beside.Go(func() { a.sendMails(ctx) })
	flush, tend := time.NewTicker(flushEvery), time.NewTicker(tendEvery)
	defer flush.Stop()
	defer tend.Stop()
	a.tend(ctx)
	for {
		select {
		case <-flush.C:
			a.report("flush", a.flush(ctx))
		case <-a.usage.soon:
			a.report("flush", a.flush(ctx))
		case <-tend.C:
			a.tend(ctx)
		case <-ctx.Done():
			a.reports.running.Wait()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			return a.flush(last)
		}
	}
}

// flush writes usage and refusals that have been gathered.
func (a *Authority) flush(ctx context.Context) error {
	var uncounted int64
	var failed error
	if a.cfg.Usage != nil {
		uncounted, failed = a.usage.flush(ctx, a.cfg.Usage, a.instant(), a.cfg.Random)
	}
	untold, err := a.refusals.flush(ctx, a.cfg.Store)
	if uncounted > 0 || untold > 0 {
		a.cfg.Log.WarnContext(ctx, "the database takes no usage: some was lost", "uses", uncounted, "refusals", untold)
	}
	return errors.Join(failed, err)
}

// tend rotates signing keys, keeps checkpoints and removes what has run out.
func (a *Authority) tend(ctx context.Context) {
	a.report("rotate signing keys", a.rotateSigningKeys(ctx))
	a.report("keep a checkpoint of the audit trail", a.keepCheckpoint(ctx))
	_, err := a.cfg.Store.Write(ctx, func(tx store.Tx) error {
		now := a.instant()
		return errors.Join(tx.People().PruneSessions(ctx, now), tx.People().PruneInvites(ctx, now), tx.People().PruneOffers(ctx, now),
			tx.Keys().PruneIdempotent(ctx, now))
	})
	a.report("prune", err)
	a.report("prune deliveries", a.pruneDeliveries(ctx))
}

// report logs a failure of what is tried again.
func (a *Authority) report(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		a.cfg.Log.Error("authority: "+what, "error", err)
	}
}
