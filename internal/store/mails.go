package store

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// Mails keeps what people are to be told by e-mail until it was sent. Nothing of it takes a revision.
type Mails interface {
	InsertMail(ctx context.Context, m *Mail) error
	// Recipients returns at most limit users for whom something is due, in no order.
	Recipients(ctx context.Context, now time.Time, limit int) ([]keywright.ID, error)
	// LeaseMails gives the caller at most limit of what is due for a user, the oldest first, and nobody else until the instant given.
	LeaseMails(ctx context.Context, user keywright.ID, now, until time.Time, limit int) ([]*Mail, error)
	// RetryMail has what could not be sent tried again.
	RetryMail(ctx context.Context, m *Mail) error
	DeleteMail(ctx context.Context, id keywright.ID) error
}

// Mail is one thing that a person is to be told.
type Mail struct {
	ID        keywright.ID
	User      keywright.ID
	Account   string
	Line      string
	CreatedAt time.Time
	Attempt   int64 // failures so far
	NextAt    time.Time
}
