package store

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// Webhooks keeps where events are sent to, and what was sent.
type Webhooks interface {
	Webhook(ctx context.Context, id keywright.ID) (*Webhook, error)
	// OfAccount returns at most limit webhooks of an account, in the order of their ids, after one (zero: from the first).
	OfAccount(ctx context.Context, account string, after keywright.ID, limit int) ([]*Webhook, error)
	InsertWebhook(ctx context.Context, w *Webhook, e Event) error
	// UpdateWebhook replaces all of a webhook but id, account and creation.
	UpdateWebhook(ctx context.Context, w *Webhook, e Event) error
	// DeleteWebhook removes a webhook with its deliveries.
	DeleteWebhook(ctx context.Context, id keywright.ID, e Event) error
	// NoteWebhook replaces how sending to a webhook goes: its failures, since when, and until when it is paused. It is no
	// change that needs an event, and takes no revision.
	NoteWebhook(ctx context.Context, w *Webhook) error
	Deliveries
}

// Deliveries keeps what is to be sent to webhooks and what was. Nothing of it takes a revision. What is sent
// is made of events that were committed before, so that whoever makes events need not know of webhooks.
type Deliveries interface {
	// Unqueued returns events that somebody may want and that Queue was not yet told of, in the order of the log: those of
	// accounts with a webhook that is enabled and hears of them; and up to which event it has looked.
	Unqueued(ctx context.Context, after int64, limit int) (events []Event, upTo int64, err error)
	// Queue keeps deliveries and that every event up to one was looked at. What is to go to a webhook already is left as it is.
	Queue(ctx context.Context, list []*Delivery, upTo int64) error
	// Due returns the ids of at most limit enabled webhooks, after one, that have something to send now and are not paused.
	Due(ctx context.Context, now time.Time, after keywright.ID, limit int) ([]keywright.ID, error)
	// Lease gives the caller at most limit of a webhook's deliveries that are due, and nobody else until the instant given.
	Lease(ctx context.Context, webhook keywright.ID, now, until time.Time, limit int) ([]*Delivery, error)
	Delivery(ctx context.Context, id keywright.ID) (*Delivery, error)
	// UpdateDelivery replaces a delivery's state, attempt, tries, and when it is next tried; it is nobody's then.
	UpdateDelivery(ctx context.Context, d *Delivery) error
	// GiveUp ends every delivery to a webhook that is not at its end, as failed.
	GiveUp(ctx context.Context, webhook keywright.ID) error
	// DeliveriesTo returns at most limit deliveries to a webhook, the newest first, older than before (zero: from the newest).
	DeliveriesTo(ctx context.Context, webhook, before keywright.ID, limit int) ([]*Delivery, error)
	// PruneDeliveries removes at most limit of those made before an instant.
	PruneDeliveries(ctx context.Context, before time.Time, limit int) error
}

// Webhook is where an account's events are sent to.
type Webhook struct {
	ID             keywright.ID
	Account        string
	URL            string
	Events         []string
	Description    string
	Sealed         []byte // the secret
	OldSealed      []byte // the one from before a rotation; nil: none
	OldUntil       time.Time
	AfterEvent     int64 // it hears of the events after this one
	Failures       int64
	FailingSince   time.Time
	PausedUntil    time.Time
	DisabledAt     time.Time
	DisabledReason string
	CreatedBy      string // actor, as Event.Actor
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID        keywright.ID
	Webhook   keywright.ID
	Event     int64 // Seq
	Action    string
	State     string // keywright.Delivery…
	CreatedAt time.Time
	Attempt   int64     // tries since it was queued
	NextAt    time.Time // zero: it is not tried any more
	Tries     []keywright.DeliveryTry
}
