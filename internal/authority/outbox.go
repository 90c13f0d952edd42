package authority

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// The audit trail is the outbox. Whoever changes something writes its event and knows nothing of webhooks; the courier reads
// the log from where it was and makes deliveries of what some webhook hears of. Where it was is kept in the transaction
// that keeps the deliveries, so nothing is left out, and at most what was not kept is looked at twice.

// The actions that the courier knows.
const (
	actionTest    = "webhook.test"
	actionFail    = "webhook.fail"    // a delivery was given up
	actionDisable = "webhook.disable" // nobody's doing but the receiver's
)

const (
	queueBatch   = 200    // events at once
	queueLag     = 10_000 // events that are looked at again after a start, at most
	deliveryKept = 30 * 24 * time.Hour
	pruneBatch   = 1000
)

// Message is a webhook as it is sent: its parts as Standard Webhooks signs them.
type Message struct {
	ID      string
	At      time.Time // of the try
	URL     string
	Secrets [][]byte // each signs
	Body    []byte
}

// Receipt is how a try to send went. It was a success if the status is 2xx.
type Receipt struct {
	Status int           // of the answer; 0: there was none
	Error  string        // why it was none, or no success; for people
	Wait   time.Duration // how long the receiver asks to be left alone
}

func (r Receipt) ok() bool { return r.Status >= 200 && r.Status <= 299 }

// queue makes deliveries of the events that were not looked at yet, and returns up to which it has looked.
func (a *Authority) queue(ctx context.Context, looked int64) (int64, error) {
	var list []*store.Delivery
	var upTo int64
	err := a.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		list, upTo, err = a.planDeliveries(ctx, tx, looked)
		return err
	})
	if err != nil || len(list) == 0 && upTo/queueLag == looked/queueLag {
		return max(looked, upTo), err
	}
	_, err = a.cfg.Store.Write(ctx, func(tx store.Tx) (err error) {
		if list, upTo, err = a.planDeliveries(ctx, tx, looked); err != nil {
			return err
		}
		return tx.Webhooks().Queue(ctx, list, upTo)
	})
	if err != nil {
		return looked, err
	}
	return upTo, nil
}

func (a *Authority) planDeliveries(ctx context.Context, tx store.Tx, after int64) (list []*store.Delivery, upTo int64, err error) {
	events, upTo, err := tx.Webhooks().Unqueued(ctx, after, queueBatch)
	if err != nil {
		return nil, 0, err
	}
	now, of := a.instant(), map[string][]*store.Webhook{}
	for i := range events {
		e := &events[i]
		if _, known := of[e.Account]; !known {
			if of[e.Account], err = tx.Webhooks().OfAccount(ctx, e.Account, keywright.ID{}, maxWebhooks); err != nil {
				return nil, 0, err
			}
		}
		for _, w := range of[e.Account] {
			if !hears(w, e) {
				continue
			}
			list = append(list, &store.Delivery{
				Webhook: w.ID, Event: e.Seq, Action: e.Action, State: keywright.DeliveryPending, CreatedAt: now, NextAt: now,
			})
		}
	}
	return list, upTo, a.identify(list, now)
}

// identify gives deliveries ids that are in the order of their events.
func (a *Authority) identify(list []*store.Delivery, now time.Time) (err error) {
	ids := make([]keywright.ID, len(list))
	for i := range ids {
		if ids[i], err = keywright.NewID(now, a.cfg.Random); err != nil {
			return err
		}
	}
	slices.SortFunc(ids, func(x, y keywright.ID) int { return bytes.Compare(x[:], y[:]) })
	for i, d := range list {
		d.ID = ids[i]
	}
	return nil
}

// parcel is a delivery that is ready to be sent.
type parcel struct {
	delivery *store.Delivery
	message  Message
}

// pack makes what is sent of a delivery: the event as the API shows it, signed by the webhook's secrets.
func (a *Authority) pack(ctx context.Context, tx store.Tx, w *store.Webhook, d *store.Delivery) (parcel, error) {
	found, err := tx.Events().Log(ctx, d.Event-1, d.Event, 1)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%w: event %d of a delivery is gone", keywright.ErrUnavailable, d.Event)
	}
	if err != nil {
		return parcel{}, err
	}
	e := found[0].Event
	body, err := json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      keywright.Event `json:"data"`
	}{e.Action, e.At, e})
	if err != nil {
		return parcel{}, err
	}
	secrets, err := a.webhookSecrets(w)
	return parcel{d, Message{ID: d.ID.String(), URL: w.URL, Secrets: secrets, Body: body}}, err
}

func (a *Authority) webhookSecrets(w *store.Webhook) (secrets [][]byte, err error) {
	sealed := [][]byte{w.Sealed}
	if a.instant().Before(w.OldUntil) {
		sealed = append(sealed, w.OldSealed)
	}
	for _, s := range sealed {
		secret, err := a.cfg.Keys.Open(s, webhookContext(w.ID))
		if err != nil {
			return nil, fmt.Errorf("%w: the secret of webhook %s: %w", keywright.ErrUnavailable, w.ID, err)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// pruneDeliveries forgets what was sent long ago, and a rotated secret's last use with it.
func (a *Authority) pruneDeliveries(ctx context.Context) error {
	_, err := a.cfg.Store.Write(ctx, func(tx store.Tx) error {
		return tx.Webhooks().PruneDeliveries(ctx, a.instant().Add(-deliveryKept), pruneBatch)
	})
	return err
}
