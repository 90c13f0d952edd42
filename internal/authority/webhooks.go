package authority

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	maxWebhooks    = 50 // of an account
	secretMark     = "whsec_"
	secretBytes    = 32
	webhookOverlap = 24 * time.Hour // for which a secret that was rotated signs along
)

// webhookView reads an account's webhooks for who sees its policy.
func (s *scene) webhookView(ctx context.Context, account string) (string, error) {
	t, err := s.accountFor(ctx, account, policyRead)
	if err != nil {
		return "", err
	}
	return t.account.Name, nil
}

// webhookChange is for who sets the account's policy and reads its audit trail: a webhook sends that out.
func (s *scene) webhookChange(ctx context.Context, account string) (string, error) {
	t, err := s.accountFor(ctx, account, policyWrite)
	if err != nil {
		return "", err
	}
	return t.account.Name, s.require(place{account: t.account.Name}, auditRead)
}

// Webhooks returns the webhooks of an account, the oldest first.
func (a *Authority) Webhooks(ctx context.Context, caller Caller, account string, q ListQuery) (keywright.Page[keywright.Webhook], error) {
	page := keywright.Page[keywright.Webhook]{Items: []keywright.Webhook{}}
	err := a.view(ctx, caller, func(s *scene) error {
		of, err := s.webhookView(ctx, account)
		if err != nil {
			return err
		}
		list := "webhooks of " + of
		after, limit, err := q.beginByID(list)
		if err != nil {
			return err
		}
		found, err := s.tx.Webhooks().OfAccount(ctx, of, after, limit+1)
		page = pageByID(found, limit, list, s.webhookResource, func(w *store.Webhook) keywright.ID { return w.ID })
		return err
	})
	return page, err
}

// Webhook returns one webhook of an account.
func (a *Authority) Webhook(ctx context.Context, caller Caller, account string, id keywright.ID) (keywright.Webhook, error) {
	var shown keywright.Webhook
	err := a.view(ctx, caller, func(s *scene) error {
		of, err := s.webhookView(ctx, account)
		if err != nil {
			return err
		}
		w, err := s.webhookIn(ctx, of, id)
		if err == nil {
			shown = s.webhookResource(w)
		}
		return err
	})
	return shown, err
}

func (s *scene) webhookIn(ctx context.Context, account string, id keywright.ID) (*store.Webhook, error) {
	w, err := s.tx.Webhooks().Webhook(ctx, id)
	if err == nil && w.Account != account {
		err = keywright.ErrNotFound
	}
	if err != nil {
		return nil, missing("webhook", err)
	}
	return w, nil
}

func (s *scene) webhookResource(w *store.Webhook) keywright.Webhook {
	shown := keywright.Webhook{
		ID:             w.ID,
		Account:        w.Account,
		URL:            w.URL,
		Events:         w.Events,
		Description:    w.Description,
		Enabled:        w.DisabledAt.IsZero(),
		DisabledReason: w.DisabledReason,
		Failures:       w.Failures,
		CreatedAt:      w.CreatedAt,
		CreatedBy:      w.CreatedBy,
		UpdatedAt:      w.UpdatedAt,
	}
	if s.now.Before(w.PausedUntil) {
		shown.PausedUntil = moment(w.PausedUntil)
	}
	if s.now.Before(w.OldUntil) {
		shown.RotatingUntil = moment(w.OldUntil)
	}
	return shown
}

// CreateWebhook makes a webhook. It hears of what happens from then on.
func (a *Authority) CreateWebhook(ctx context.Context, caller Caller, account string, req keywright.NewWebhook) (keywright.IssuedWebhook, error) {
	var made keywright.IssuedWebhook
	_, err := a.change(ctx, caller, func(s *scene) error {
		of, err := s.webhookChange(ctx, account)
		if err != nil {
			return err
		}
		made, err = s.createWebhook(ctx, of, req)
		return err
	})
	if err != nil {
		return keywright.IssuedWebhook{}, err
	}
	return made, nil
}

func (s *scene) createWebhook(ctx context.Context, account string, req keywright.NewWebhook) (made keywright.IssuedWebhook, err error) {
	w := &store.Webhook{Account: account, CreatedBy: s.actor.name, CreatedAt: s.now, UpdatedAt: s.now}
	var p problems
	p.webhook(w, s.a.cfg.PlainWebhooks, &req.URL, &req.Events, &req.Description)
	if err := p.err(); err != nil {
		return made, err
	}
	if err := s.roomForWebhook(ctx, account); err != nil {
		return made, err
	}
	if w.ID, err = keywright.NewID(s.now, s.a.cfg.Random); err != nil {
		return made, err
	}
	if made.Secret, err = s.mintWebhook(w); err != nil {
		return made, err
	}
	if w.AfterEvent, err = s.tx.Events().Size(ctx); err != nil {
		return made, err
	}
	e := s.webhookEvent("webhook.create", w)
	e.After = webhookStory(w)
	made.Webhook = s.webhookResource(w)
	return made, s.tx.Webhooks().InsertWebhook(ctx, w, e)
}

// roomForWebhook refuses one too many. The account is held, so that the count stays true.
func (s *scene) roomForWebhook(ctx context.Context, account string) error {
	if err := s.hold(ctx, account); err != nil {
		return err
	}
	found, err := s.tx.Webhooks().OfAccount(ctx, account, keywright.ID{}, maxWebhooks)
	if err == nil && len(found) == maxWebhooks {
		err = fmt.Errorf("%w: an account has at most %d webhooks; delete one first", keywright.ErrQuota, maxWebhooks)
	}
	return err
}

// mintWebhook gives a webhook a new secret and keeps it sealed.
func (s *scene) mintWebhook(w *store.Webhook) (keywright.Secret, error) {
	var secret [secretBytes]byte
	if _, err := io.ReadFull(s.a.cfg.Random, secret[:]); err != nil {
		return keywright.Secret{}, fmt.Errorf("make a secret: %w", err)
	}
	var err error
	if w.Sealed, err = s.a.cfg.Keys.Seal(secret[:], webhookContext(w.ID)); err != nil {
		return keywright.Secret{}, fmt.Errorf("%w: seal the secret: %w", keywright.ErrUnavailable, err)
	}
	return keywright.NewSecret(secretMark + base64.StdEncoding.EncodeToString(secret[:])), nil
}

// webhookContext binds a sealed secret to its webhook, so that it opens in no other's row.
func webhookContext(id keywright.ID) string { return "webhook " + id.String() }

func (s *scene) webhookEvent(action string, w *store.Webhook) store.Event {
	return s.event(action, w.Account, "", "webhook:"+w.ID.String())
}

// webhookStory is what the audit trail tells of a webhook. Of its URL, only where it leads: what follows is often a secret.
func webhookStory(w *store.Webhook) map[string]any {
	told := map[string]any{
		"url":         originOf(w.URL),
		"events":      w.Events,
		"description": w.Description,
		"enabled":     w.DisabledAt.IsZero(),
	}
	if w.DisabledReason != "" {
		told["disabled_reason"] = w.DisabledReason
	}
	return told
}

// alterWebhook is the way of every change to one webhook.
func (a *Authority) alterWebhook(ctx context.Context, c Caller, account string, id keywright.ID, f func(*scene, *store.Webhook) error) (keywright.Webhook, error) {
	var shown keywright.Webhook
	_, err := a.change(ctx, c, func(s *scene) error {
		of, err := s.webhookChange(ctx, account)
		if err != nil {
			return err
		}
		w, err := s.webhookIn(ctx, of, id)
		if err != nil {
			return err
		}
		if err := f(s, w); err != nil {
			return err
		}
		shown = s.webhookResource(w)
		return nil
	})
	if err != nil {
		return keywright.Webhook{}, err
	}
	return shown, nil
}

// EditWebhook changes what the request names. A webhook that is disabled gives up what it has not sent; one
// that is enabled again hears of what happens from then on.
func (a *Authority) EditWebhook(ctx context.Context, caller Caller, account string, id keywright.ID, req keywright.EditWebhook) (keywright.Webhook, error) {
	return a.alterWebhook(ctx, caller, account, id, func(s *scene, w *store.Webhook) error { return s.editWebhook(ctx, w, req) })
}

func (s *scene) editWebhook(ctx context.Context, w *store.Webhook, req keywright.EditWebhook) error {
	before := *w
	var p problems
	p.webhook(w, s.a.cfg.PlainWebhooks, req.URL, req.Events, req.Description)
	if err := p.err(); err != nil {
		return err
	}
	if err := s.switchWebhook(ctx, w, req.Enabled); err != nil {
		return err
	}
	e := s.webhookEvent("webhook.edit", w)
	e.Before, e.After = changes(webhookStory(&before), webhookStory(w))
	if w.URL != before.URL {
		e.Before["url"], e.After["url"] = originOf(before.URL), originOf(w.URL)
	}
	if len(e.After) == 0 {
		return nil
	}
	w.UpdatedAt = s.now
	return s.tx.Webhooks().UpdateWebhook(ctx, w, e)
}

func (s *scene) switchWebhook(ctx context.Context, w *store.Webhook, enabled *bool) (err error) {
	switch {
	case enabled == nil || *enabled == w.DisabledAt.IsZero():
		return nil
	case *enabled:
		w.DisabledAt, w.DisabledReason = time.Time{}, ""
		recovered(w)
		w.AfterEvent, err = s.tx.Events().Size(ctx)
		return err
	}
	w.DisabledAt, w.DisabledReason = s.now, "disabled by "+s.actor.name
	return s.tx.Webhooks().GiveUp(ctx, w.ID)
}

// recovered is a webhook as after a success.
func recovered(w *store.Webhook) {
	w.Failures, w.FailingSince, w.PausedUntil = 0, time.Time{}, time.Time{}
}

// RotateWebhook gives a webhook another secret. The old one signs along for a day; one from a rotation before that no more.
func (a *Authority) RotateWebhook(ctx context.Context, caller Caller, account string, id keywright.ID) (keywright.IssuedWebhook, error) {
	var secret keywright.Secret
	w, err := a.alterWebhook(ctx, caller, account, id, func(s *scene, w *store.Webhook) (err error) {
		w.OldSealed, w.OldUntil, w.UpdatedAt = w.Sealed, s.now.Add(webhookOverlap), s.now
		if secret, err = s.mintWebhook(w); err != nil {
			return err
		}
		e := s.webhookEvent("webhook.rotate", w)
		e.After = map[string]any{"old_secret_until": w.OldUntil.Format(time.RFC3339Nano)}
		return s.tx.Webhooks().UpdateWebhook(ctx, w, e)
	})
	if err != nil {
		return keywright.IssuedWebhook{}, err
	}
	return keywright.IssuedWebhook{Webhook: w, Secret: secret}, nil
}

// DeleteWebhook removes a webhook with its deliveries.
func (a *Authority) DeleteWebhook(ctx context.Context, caller Caller, account string, id keywright.ID) error {
	_, err := a.alterWebhook(ctx, caller, account, id, func(s *scene, w *store.Webhook) error {
		e := s.webhookEvent("webhook.delete", w)
		e.Before = webhookStory(w)
		return s.tx.Webhooks().DeleteWebhook(ctx, w.ID, e)
	})
	return err
}

// TestWebhook sends a webhook an event of its own, whatever events it is for.
func (a *Authority) TestWebhook(ctx context.Context, caller Caller, account string, id keywright.ID) (keywright.Webhook, error) {
	return a.alterWebhook(ctx, caller, account, id, func(s *scene, w *store.Webhook) error {
		if err := s.unpause(ctx, w); err != nil {
			return err
		}
		return s.tx.Events().Append(ctx, s.webhookEvent(actionTest, w))
	})
}

// unpause has a webhook tried at once.
func (s *scene) unpause(ctx context.Context, w *store.Webhook) error {
	if !w.DisabledAt.IsZero() {
		return fmt.Errorf("%w: the webhook is disabled: enable it first", keywright.ErrConflict)
	}
	w.PausedUntil = time.Time{}
	return s.tx.Webhooks().NoteWebhook(ctx, w)
}

// Deliveries returns what was sent to a webhook and what is to be, the newest first.
func (a *Authority) Deliveries(ctx context.Context, caller Caller, account string, id keywright.ID, q ListQuery) (keywright.Page[keywright.Delivery], error) {
	page := keywright.Page[keywright.Delivery]{Items: []keywright.Delivery{}}
	err := a.view(ctx, caller, func(s *scene) error {
		of, err := s.webhookView(ctx, account)
		if err != nil {
			return err
		}
		if _, err := s.webhookIn(ctx, of, id); err != nil {
			return err
		}
		list := "deliveries to " + id.String()
		before, limit, err := q.beginByID(list)
		if err != nil {
			return err
		}
		found, err := s.tx.Webhooks().DeliveriesTo(ctx, id, before, limit+1)
		page = pageByID(found, limit, list, deliveryResource, func(d *store.Delivery) keywright.ID { return d.ID })
		return err
	})
	return page, err
}

func deliveryResource(d *store.Delivery) keywright.Delivery {
	return keywright.Delivery{
		ID:        d.ID,
		Event:     d.Event,
		Type:      d.Action,
		State:     d.State,
		CreatedAt: d.CreatedAt,
		NextAt:    moment(d.NextAt),
		Tries:     append([]keywright.DeliveryTry{}, d.Tries...),
	}
}

// Redeliver sends an event once more, under the id it had.
func (a *Authority) Redeliver(ctx context.Context, caller Caller, account string, webhook, delivery keywright.ID) (keywright.Delivery, error) {
	var shown keywright.Delivery
	_, err := a.alterWebhook(ctx, caller, account, webhook, func(s *scene, w *store.Webhook) error {
		d, err := s.tx.Webhooks().Delivery(ctx, delivery)
		if err == nil && d.Webhook != w.ID {
			err = keywright.ErrNotFound
		}
		if err != nil {
			return missing("delivery", err)
		}
		if err := s.unpause(ctx, w); err != nil {
			return err
		}
		d.State, d.Attempt, d.NextAt = keywright.DeliveryPending, 0, s.now
		shown = deliveryResource(d)
		e := s.webhookEvent("webhook.redeliver", w)
		e.After = map[string]any{"delivery": d.ID.String(), "event": d.Event}
		if err := s.tx.Webhooks().UpdateDelivery(ctx, d); err != nil {
			return err
		}
		return s.tx.Events().Append(ctx, e)
	})
	return shown, err
}
