package sqlstore

import (
	"context"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type webhooks struct{ *tx }

const webhookColumns = `id, account, url, events, description, sealed, old_sealed, old_until, after_event,
	failures, failing_since, paused_until, disabled_at, disabled_reason, created_by, created_at, updated_at`

func scanWebhook(r *row) *store.Webhook {
	return &store.Webhook{
		ID: r.id(), Account: r.text(), URL: r.text(), Events: splitList(r.text()), Description: r.text(),
		Sealed: r.bytes(), OldSealed: r.bytes(), OldUntil: r.time(), AfterEvent: r.int(),
		Failures: r.int(), FailingSince: r.time(), PausedUntil: r.time(),
		DisabledAt: r.time(), DisabledReason: r.text(), CreatedBy: r.text(), CreatedAt: r.time(), UpdatedAt: r.time(),
	}
}

func (t webhooks) Webhook(ctx context.Context, id keywright.ID) (w *store.Webhook, err error) {
	err = t.one(ctx, func(r *row) { w = scanWebhook(r) }, "SELECT "+webhookColumns+" FROM webhooks WHERE id = $1", id)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return w, nil
}

func (t webhooks) OfAccount(ctx context.Context, account string, after keywright.ID, limit int) (list []*store.Webhook, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, scanWebhook(r)) },
		"SELECT "+webhookColumns+" FROM webhooks WHERE account = $1 AND id > $2 ORDER BY id LIMIT $3", account, after[:], limit)
	return list, err
}

func (t webhooks) InsertWebhook(ctx context.Context, w *store.Webhook, e store.Event) error {
	_, err := t.exec(ctx, "INSERT INTO webhooks ("+webhookColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		w.ID, w.Account, w.URL, joinList(w.Events), w.Description, w.Sealed, w.OldSealed, w.OldUntil, w.AfterEvent,
		w.Failures, w.FailingSince, w.PausedUntil, w.DisabledAt, w.DisabledReason, w.CreatedBy, w.CreatedAt, w.UpdatedAt)
	if err != nil {
		return fmt.Errorf("add webhook: %w", err)
	}
	t.explain(e)
	return nil
}

func (t webhooks) UpdateWebhook(ctx context.Context, w *store.Webhook, e store.Event) error {
	err := t.execOne(ctx, `UPDATE webhooks SET url = $2, events = $3, description = $4, sealed = $5, old_sealed = $6, old_until = $7,
		after_event = $8, failures = $9, failing_since = $10, paused_until = $11, disabled_at = $12, disabled_reason = $13, updated_at = $14
		WHERE id = $1`,
		w.ID, w.URL, joinList(w.Events), w.Description, w.Sealed, w.OldSealed, w.OldUntil,
		w.AfterEvent, w.Failures, w.FailingSince, w.PausedUntil, w.DisabledAt, w.DisabledReason, w.UpdatedAt)
	if err != nil {
		return fmt.Errorf("change webhook: %w", err)
	}
	return t.changed(ctx, e)
}

func (t webhooks) DeleteWebhook(ctx context.Context, id keywright.ID, e store.Event) error {
	if _, err := t.exec(ctx, "DELETE FROM deliveries WHERE webhook = $1", id); err != nil {
		return fmt.Errorf("delete a webhook's deliveries: %w", err)
	}
	if err := t.execOne(ctx, "DELETE FROM webhooks WHERE id = $1", id); err != nil {
		return fmt.Errorf("delete webhook: %w", err)
	}
	return t.changed(ctx, e)
}

func (t webhooks) NoteWebhook(ctx context.Context, w *store.Webhook) error {
	err := t.execOne(ctx, "UPDATE webhooks SET failures = $2, failing_since = $3, paused_until = $4 WHERE id = $1",
		w.ID, w.Failures, w.FailingSince, w.PausedUntil)
	if err != nil {
		return fmt.Errorf("note of a webhook: %w", err)
	}
	return nil
}
