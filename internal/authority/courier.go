package authority

import (
	"context"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	sendEvery    = 500 * time.Millisecond
	maxSending   = 64               // deliveries under way
	maxSendingTo = 4                // of them to one webhook, so that a slow one holds up none but itself
	leaseFor     = 45 * time.Second // longer than a try takes
)

// courier sends webhooks. What it takes it leases, so that another node would not send it too; what it had when it was
// killed is sent again when the lease has run out.
type courier struct {
	a      *Authority
	looked int64        // up to which event there are deliveries
	last   keywright.ID // the webhook that was served last

	wait  sync.WaitGroup
	freed chan struct{} // has a message when a place has become free

	mu      sync.Mutex
	sending map[keywright.ID]int // by webhook
	total   int
}

func newCourier(a *Authority) *courier {
	return &courier{a: a, freed: make(chan struct{}, 1), sending: map[keywright.ID]int{}}
}

// sendWebhooks sends what is due until ctx ends. Tries that are under way then are broken off, and made again later.
func (a *Authority) sendWebhooks(ctx context.Context) {
	if a.cfg.Post == nil {
		return
	}
	c := newCourier(a)
	defer c.wait.Wait()
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	for {
		a.report("send webhooks", c.round(ctx))
		select {
		case <-tick.C:
		case <-c.freed:
		case <-ctx.Done():
			return
		}
	}
}

// round makes deliveries of what has happened, and begins to send what is due, as far as there is room.
func (c *courier) round(ctx context.Context) error {
	for {
		looked, err := c.a.queue(ctx, c.looked)
		if err != nil {
			return err
		}
		if looked == c.looked {
			break
		}
		c.looked = looked
	}
	parcels, err := c.take(ctx)
	for _, p := range parcels {
		c.begin(p)
		c.wait.Go(func() { c.send(ctx, p) })
	}
	return err
}

// take leases what is due: of each webhook in turn a little.
func (c *courier) take(ctx context.Context) (parcels []parcel, err error) {
	room := c.room()
	if room == 0 {
		return nil, nil
	}
	var due []keywright.ID
	now := c.a.instant()
	err = c.a.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		due, err = tx.Webhooks().Due(ctx, now, c.last, room)
		return err
	})
	if len(due) < room {
		c.last = keywright.ID{} // the next round begins with the first webhook again
	} else {
		c.last = due[len(due)-1]
	}
	if err != nil || len(due) == 0 {
		return nil, err
	}
	_, err = c.a.cfg.Store.Write(ctx, func(tx store.Tx) error {
		parcels = parcels[:0]
		for _, id := range due {
			if err := c.leaseTo(ctx, tx, id, now, &parcels); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return parcels, nil
}

func (c *courier) leaseTo(ctx context.Context, tx store.Tx, id keywright.ID, now time.Time, parcels *[]parcel) error {
	w, err := tx.Webhooks().Webhook(ctx, id)
	if err != nil {
		return gone(err, nil)
	}
	most := min(c.roomTo(w), c.room()-len(*parcels))
	if most <= 0 || !w.DisabledAt.IsZero() {
		return nil
	}
	leased, err := tx.Webhooks().Lease(ctx, id, now, now.Add(leaseFor), most)
	if err != nil {
		return err
	}
	for _, d := range leased {
		p, err := c.a.pack(ctx, tx, w, d)
		if err != nil { // not the others' fault; it is tried again when the lease has run out
			c.a.report("pack a webhook", err)
			continue
		}
		*parcels = append(*parcels, p)
	}
	return nil
}

func (c *courier) room() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maxSending - c.total
}

// roomTo is how many more may be sent to a webhook. One that fails is tried with one at a time.
func (c *courier) roomTo(w *store.Webhook) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.Failures >= failuresToPause {
		return 1 - c.sending[w.ID]
	}
	return maxSendingTo - c.sending[w.ID]
}

func (c *courier) begin(p parcel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total++
	c.sending[p.delivery.Webhook]++
}

func (c *courier) end(p parcel) {
	c.mu.Lock()
	c.total--
	if c.sending[p.delivery.Webhook]--; c.sending[p.delivery.Webhook] == 0 {
		delete(c.sending, p.delivery.Webhook)
	}
	c.mu.Unlock()
	select {
	case c.freed <- struct{}{}:
	default:
	}
}

// send makes one try and notes how it went. What was broken off because the program stops counts as no try.
func (c *courier) send(ctx context.Context, p parcel) {
	defer c.end(p)
	a := c.a
	p.message.At = a.cfg.Now()
	begun := time.Now()
	receipt := a.cfg.Post(ctx, p.message)
	took := time.Since(begun)
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	_, err := a.cfg.Store.Write(noting, func(tx store.Tx) error {
		if ctx.Err() != nil && !receipt.ok() {
			return gone(tx.Webhooks().UpdateDelivery(noting, p.delivery), nil)
		}
		return a.settle(noting, tx, p.delivery.ID, receipt, took)
	})
	a.report("note a delivery", err)
}

// settle keeps how a try went, and decides what becomes of the delivery and its webhook.
func (a *Authority) settle(ctx context.Context, tx store.Tx, id keywright.ID, r Receipt, took time.Duration) error {
	d, err := tx.Webhooks().Delivery(ctx, id)
	if err != nil {
		return gone(err, nil) // deleted meanwhile, with its webhook
	}
	w, err := tx.Webhooks().Webhook(ctx, d.Webhook)
	if err != nil {
		return err
	}
	now := a.instant()
	d.Attempt++
	noteTry(d, r, now, took)
	if r.ok() {
		d.State, d.NextAt = keywright.DeliveryDelivered, time.Time{}
		return a.settled(ctx, tx, d, w, w.Failures > 0)
	}
	failed(w, now)
	if reason := hopeless(w, r, now); reason != "" {
		return a.disableWebhook(ctx, tx, d, w, reason)
	}
	d.NextAt = nextTry(d, r, now, a.jitter())
	if d.NextAt.IsZero() {
		if err := a.tellFailure(ctx, tx, d, w, r); err != nil {
			return err
		}
	}
	return a.settled(ctx, tx, d, w, true)
}

func (a *Authority) settled(ctx context.Context, tx store.Tx, d *store.Delivery, w *store.Webhook, note bool) error {
	if d.State == keywright.DeliveryDelivered {
		recovered(w)
	}
	if err := tx.Webhooks().UpdateDelivery(ctx, d); err != nil || !note {
		return err
	}
	return tx.Webhooks().NoteWebhook(ctx, w)
}

// tellFailure leaves the event of a delivery that was given up. That the telling of one failed is not told again: two
// webhooks that cannot be reached would tell each other for ever.
func (a *Authority) tellFailure(ctx context.Context, tx store.Tx, d *store.Delivery, w *store.Webhook, r Receipt) error {
	d.State = keywright.DeliveryFailed
	if d.Action == actionFail || d.Action == actionDisable {
		return nil
	}
	e := a.webhookEvent(actionFail, w)
	e.Reason = r.Error
	e.After = map[string]any{"delivery": d.ID.String(), "event": d.Event, "type": d.Action, "tries": d.Attempt}
	return tx.Events().Append(ctx, e)
}

func (a *Authority) disableWebhook(ctx context.Context, tx store.Tx, d *store.Delivery, w *store.Webhook, reason string) error {
	if err := tx.Webhooks().UpdateDelivery(ctx, d); err != nil {
		return err
	}
	if err := tx.Webhooks().GiveUp(ctx, w.ID); err != nil {
		return err
	}
	if !w.DisabledAt.IsZero() {
		return nil
	}
	now := a.instant()
	w.DisabledAt, w.DisabledReason, w.UpdatedAt = now, reason, now
	e := a.webhookEvent(actionDisable, w)
	e.Reason, e.After = reason, map[string]any{"enabled": false}
	return tx.Webhooks().UpdateWebhook(ctx, w, e)
}

func (a *Authority) webhookEvent(action string, w *store.Webhook) store.Event {
	e := Caller{}.event(action, a.instant())
	e.Account, e.Subject = w.Account, "webhook:"+w.ID.String()
	return e
}
