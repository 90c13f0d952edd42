package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const deliveryColumns = "id, webhook, event, action, state, created_at, attempt, next_at, tries"

func scanDelivery(r *row) *store.Delivery {
	d := &store.Delivery{
		ID: r.id(), Webhook: r.id(), Event: r.int(), Action: r.text(), State: r.text(),
		CreatedAt: r.time(), Attempt: r.int(), NextAt: r.time(),
	}
	r.fail(json.Unmarshal([]byte(r.text()), &d.Tries))
	return d
}

// Unqueued looks no further than a thousand times the limit, so that it is soon done where few events are wanted.
// It walks the log itself.
func (t webhooks) Unqueued(ctx context.Context, after int64, limit int) (list []store.Event, upTo int64, err error) {
	var size, first int64
	err = t.one(ctx, func(r *row) { after, size, first = max(after, r.int()), r.int(), r.int() }, `SELECT h.queued, (`+treeSize+`),
		(SELECT COALESCE(MIN(w.after_event), 9223372036854775807) FROM webhooks w WHERE w.disabled_at IS NULL) FROM head h WHERE h.id = 1`)
	if err != nil {
		return nil, 0, err
	}
	after = min(max(after, first), size)
	upTo = min(size, after+int64(limit)*1000)
	if after == upTo {
		return nil, upTo, nil
	}
	err = t.each(ctx, func(r *row) { list = append(list, scanEvent(r)) }, "SELECT "+eventColumns+` FROM events e WHERE e.seq > $1 AND e.seq <= $2
		AND EXISTS (SELECT 1 FROM webhooks w WHERE w.account = e.account AND w.disabled_at IS NULL AND w.after_event < e.seq)
		ORDER BY e.seq LIMIT $3`, after, upTo, limit)
	if len(list) == limit {
		upTo = list[limit-1].Seq
	}
	return list, upTo, err
}

func (t webhooks) Queue(ctx context.Context, list []*store.Delivery, upTo int64) error {
	for _, d := range list {
		tries, err := encodeTries(d)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, "INSERT INTO deliveries ("+deliveryColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (webhook, event) DO NOTHING`,
			d.ID, d.Webhook, d.Event, d.Action, d.State, d.CreatedAt, d.Attempt, d.NextAt, tries)
		if err != nil {
			return fmt.Errorf("queue a delivery: %w", err)
		}
	}
	_, err := t.exec(ctx, "UPDATE head SET queued = $1 WHERE id = 1 AND queued < $1", upTo)
	return err
}

func encodeTries(d *store.Delivery) (string, error) {
	tries, err := json.Marshal(append([]keywright.DeliveryTry{}, d.Tries...))
	return string(tries), err
}

func (t webhooks) Due(ctx context.Context, now time.Time, after keywright.ID, limit int) (list []keywright.ID, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, r.id()) }, `SELECT w.id FROM webhooks w
		WHERE w.id > $1 AND w.disabled_at IS NULL AND (w.paused_until IS NULL OR w.paused_until <= $2)
		AND EXISTS (SELECT 1 FROM deliveries d WHERE d.webhook = w.id AND d.next_at <= $2 AND (d.lease_until IS NULL OR d.lease_until <= $2))
		ORDER BY w.id LIMIT $3`, after[:], now, limit)
	return list, err
}

func (t webhooks) Lease(ctx context.Context, webhook keywright.ID, now, until time.Time, limit int) (list []*store.Delivery, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, scanDelivery(r)) }, "SELECT "+deliveryColumns+` FROM deliveries
		WHERE webhook = $1 AND next_at <= $2 AND (lease_until IS NULL OR lease_until <= $2) ORDER BY next_at LIMIT $3`, webhook, now, limit)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if err := t.execOne(ctx, "UPDATE deliveries SET lease_until = $2 WHERE id = $1", d.ID, until); err != nil {
			return nil, fmt.Errorf("lease a delivery: %w", err)
		}
	}
	return list, nil
}

func (t webhooks) Delivery(ctx context.Context, id keywright.ID) (d *store.Delivery, err error) {
	err = t.one(ctx, func(r *row) { d = scanDelivery(r) }, "SELECT "+deliveryColumns+" FROM deliveries WHERE id = $1", id)
	if err != nil {
		return nil, fmt.Errorf("delivery: %w", err)
	}
	return d, nil
}

func (t webhooks) UpdateDelivery(ctx context.Context, d *store.Delivery) error {
	tries, err := encodeTries(d)
	if err != nil {
		return err
	}
	err = t.execOne(ctx, "UPDATE deliveries SET state = $2, attempt = $3, next_at = $4, tries = $5, lease_until = NULL WHERE id = $1",
		d.ID, d.State, d.Attempt, d.NextAt, tries)
	if err != nil {
		return fmt.Errorf("change delivery: %w", err)
	}
	return nil
}

func (t webhooks) GiveUp(ctx context.Context, webhook keywright.ID) error {
	_, err := t.exec(ctx, "UPDATE deliveries SET state = $2, next_at = NULL, lease_until = NULL WHERE webhook = $1 AND next_at IS NOT NULL",
		webhook, keywright.DeliveryFailed)
	return err
}

func (t webhooks) DeliveriesTo(ctx context.Context, webhook, before keywright.ID, limit int) (list []*store.Delivery, err error) {
	s := newQuery("SELECT "+deliveryColumns+" FROM deliveries").where("webhook = ?", webhook)
	if !before.IsZero() {
		s.where("id < ?", before)
	}
	s.end("ORDER BY id DESC LIMIT ?", limit)
	err = t.each(ctx, func(r *row) { list = append(list, scanDelivery(r)) }, s.String(), s.args...)
	return list, err
}

func (t webhooks) PruneDeliveries(ctx context.Context, before time.Time, limit int) error {
	_, err := t.exec(ctx, "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE created_at < $1 ORDER BY created_at LIMIT $2)", before, limit)
	return err
}
