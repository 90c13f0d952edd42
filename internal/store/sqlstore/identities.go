package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func (t people) UserIdentified(ctx context.Context, issuer, subject string) (u *store.User, err error) {
	err = t.one(ctx, func(r *row) { u = scanUser(r) }, "SELECT "+userColumns+` FROM identities i JOIN users u ON u.id = i.user_id
		WHERE i.issuer = $1 AND i.subject = $2`, issuer, subject)
	if err != nil {
		return nil, fmt.Errorf("user: %w", err)
	}
	return u, nil
}

func (t people) UserWithEmail(ctx context.Context, email string) (*store.User, error) {
	return t.user(ctx, "u.email_key = $1", fold(email))
}

func (t people) InsertIdentity(ctx context.Context, i store.Identity, e store.Event) error {
	_, err := t.exec(ctx, "INSERT INTO identities (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4)",
		i.Issuer, i.Subject, i.User, i.CreatedAt)
	if err != nil {
		return fmt.Errorf("add identity: %w", err)
	}
	t.explain(e)
	return nil
}

const offerColumns = "id, digest, pepper, challenge, user_id, expires_at"

func (t people) Offer(ctx context.Context, id keywright.ID) (o *store.Offer, err error) {
	err = t.one(ctx, func(r *row) {
		o = &store.Offer{ID: r.id(), Digest: r.digest(), Pepper: r.text(), Challenge: r.text(), User: r.id(), ExpiresAt: r.time()}
	}, "SELECT "+offerColumns+" FROM offers WHERE id = $1", id)
	if err != nil {
		return nil, fmt.Errorf("offer: %w", err)
	}
	return o, nil
}

func (t people) InsertOffer(ctx context.Context, o *store.Offer, e store.Event) error {
	_, err := t.exec(ctx, "INSERT INTO offers ("+offerColumns+") VALUES ($1, $2, $3, $4, $5, $6)",
		o.ID, o.Digest, o.Pepper, o.Challenge, o.User, o.ExpiresAt)
	if err != nil {
		return fmt.Errorf("add offer: %w", err)
	}
	t.explain(e)
	return nil
}

func (t people) TakeOffer(ctx context.Context, id keywright.ID) error {
	if err := t.execOne(ctx, "DELETE FROM offers WHERE id = $1", id); err != nil {
		return fmt.Errorf("take offer: %w", err)
	}
	return nil
}

// PruneOffers takes no revision: what has run out is refused already.
func (t people) PruneOffers(ctx context.Context, now time.Time) error {
	_, err := t.exec(ctx, "DELETE FROM offers WHERE expires_at <= $1", now)
	return err
}
