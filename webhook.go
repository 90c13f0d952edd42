package keywright

import "time"

// Webhook is where an account's events are sent to, as Standard Webhooks has it (standardwebhooks.com, 1.0.0). Its
// secret is shown once, when it is made.
type Webhook struct {
	ID             ID         `json:"id"`
	Account        string     `json:"account"`
	URL            string     `json:"url"`
	Events         []string   `json:"events" doc:"Actions of the audit trail; notice.* stands for all that begin so, * for all"`
	Description    string     `json:"description"`
	Enabled        bool       `json:"enabled" doc:"What happens while it is not enabled is not sent"`
	DisabledReason string     `json:"disabled_reason,omitempty"`
	Failures       int64      `json:"failures" doc:"Tries that have failed since the last success"`
	PausedUntil    *time.Time `json:"paused_until" doc:"After several failures nothing is tried until then"`
	RotatingUntil  *time.Time `json:"rotating_until" doc:"While set, the secret from before the last rotation signs along until then"`
	CreatedAt      time.Time  `json:"created_at"`
	CreatedBy      string     `json:"created_by" doc:"user:NAME or token:ID"`
	UpdatedAt      time.Time  `json:"updated_at"`
}

// NewWebhook asks for a webhook.
type NewWebhook struct {
	URL         string   `json:"url" doc:"https, without user and fragment"`
	Events      []string `json:"events" doc:"Actions of the audit trail; notice.* stands for all that begin so, * for all"`
	Description string   `json:"description,omitempty"`
}

// EditWebhook changes the members that are set.
type EditWebhook struct {
	URL         *string   `json:"url,omitempty"`
	Events      *[]string `json:"events,omitempty"`
	Description *string   `json:"description,omitempty"`
	Enabled     *bool     `json:"enabled,omitempty" doc:"false also gives up what waits to be sent"`
}

// IssuedWebhook is a webhook with its secret, which is shown this once: whsec_ and base64.
type IssuedWebhook struct {
	Webhook Webhook
	Secret  Secret
}

// What has become of a delivery.
const (
	DeliveryPending   = "pending"   // it is tried, or tried again, at NextAt
	DeliveryDelivered = "delivered" // the receiver answered 2xx
	DeliveryFailed    = "failed"    // given up
)

// Delivery is one event on its way to one webhook, with every try. It is kept for 30 days.
type Delivery struct {
	ID        ID            `json:"id" doc:"What the receiver sees as webhook-id, the same at every try"`
	Event     int64         `json:"event" doc:"The event's seq in the audit trail"`
	Type      string        `json:"type" doc:"The event's action"`
	State     string        `json:"state" enum:"pending,delivered,failed"`
	CreatedAt time.Time     `json:"created_at"`
	NextAt    *time.Time    `json:"next_at" doc:"When it is tried next"`
	Tries     []DeliveryTry `json:"tries" doc:"The oldest first; the last 20"`
}

// DeliveryTry is how one try to deliver went.
type DeliveryTry struct {
	At         time.Time `json:"at"`
	Try        int64     `json:"try" doc:"1 for the first"`
	Status     int       `json:"status,omitempty" doc:"Of the answer, if there was one"`
	Error      string    `json:"error,omitempty" doc:"Why it was no success"`
	DurationMS int64     `json:"duration_ms"`
}
