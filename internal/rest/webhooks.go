package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const (
	webhooksPath   = accountPath + "/webhooks"
	webhookPath    = webhooksPath + "/{id}"
	deliveriesPath = webhookPath + "/deliveries"
)

// inWebhook is a request about a webhook or what is sent to it.
type inWebhook[Body any] struct {
	Account  string
	ID       keywright.ID
	Delivery keywright.ID
	List     authority.ListQuery
	Body     Body
}

func webhookID[Body any]() []parameter[inWebhook[Body]] {
	which := pathID(func(in *inWebhook[Body]) *keywright.ID { return &in.ID })
	which.doc = "The webhook's id"
	return []parameter[inWebhook[Body]]{webhookAccount[Body](), which}
}

func webhookAccount[Body any]() parameter[inWebhook[Body]] {
	return pathName("account", "The account's name", func(in *inWebhook[Body]) *string { return &in.Account })
}

func webhookPage[Body any](more ...parameter[inWebhook[Body]]) []parameter[inWebhook[Body]] {
	return append(more, limit(func(in *inWebhook[Body]) *int { return &in.List.Limit }),
		cursor(func(in *inWebhook[Body]) *string { return &in.List.Cursor }))
}

// issuedWebhook is a webhook with its secret.
type issuedWebhook struct {
	Webhook keywright.Webhook `json:"webhook"`
	Secret  string            `json:"secret" doc:"whsec_ and base64, as Standard Webhooks writes it; shown this once"`
}

func newIssuedWebhook(w keywright.IssuedWebhook, err error) (issuedWebhook, error) {
	return issuedWebhook{w.Webhook, w.Secret.Reveal()}, err
}

func (s *spoke) routeWebhooks() {
	type plain = inWebhook[struct{}]
	serve(s, operation[plain]{
		id: "listWebhooks", method: http.MethodGet, path: webhooksPath, tag: "webhooks",
		summary: "List webhooks", detail: "Those of the account, the oldest first, without their secrets.",
		params: webhookPage(webhookAccount[struct{}]()),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Page[keywright.Webhook], error) {
		return s.Authority.Webhooks(ctx, caller, in.Account, in.List)
	})
	type create = inWebhook[keywright.NewWebhook]
	serve(s, operation[create]{
		id: "createWebhook", method: http.MethodPost, path: webhooksPath, tag: "webhooks", status: http.StatusCreated, conflicts: true,
		summary: "Create a webhook", detail: "It is sent what happens from then on. Needs keywright:policy:write and keywright:audit:read.",
		params: []parameter[create]{webhookAccount[keywright.NewWebhook]()}, body: func(in *create) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *create) (issuedWebhook, error) {
		return newIssuedWebhook(s.Authority.CreateWebhook(ctx, caller, in.Account, in.Body))
	})
	s.routeWebhook()
	s.routeDeliveries()
}

func (s *spoke) routeWebhook() {
	type plain = inWebhook[struct{}]
	serve(s, operation[plain]{
		id: "getWebhook", method: http.MethodGet, path: webhookPath, tag: "webhooks",
		summary: "Get a webhook", detail: "Without its secret.", params: webhookID[struct{}](),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Webhook, error) {
		return s.Authority.Webhook(ctx, caller, in.Account, in.ID)
	})
	type edit = inWebhook[keywright.EditWebhook]
	serve(s, operation[edit]{
		id: "editWebhook", method: http.MethodPatch, path: webhookPath, tag: "webhooks",
		summary: "Edit a webhook", detail: "Changes the members that are there. One that is enabled again is sent what happens from then on.",
		params: webhookID[keywright.EditWebhook](), body: func(in *edit) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *edit) (keywright.Webhook, error) {
		return s.Authority.EditWebhook(ctx, caller, in.Account, in.ID, in.Body)
	})
	serve(s, operation[plain]{
		id: "deleteWebhook", method: http.MethodDelete, path: webhookPath, tag: "webhooks",
		summary: "Delete a webhook", detail: "With everything that waits to be sent to it.", params: webhookID[struct{}](),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (nothing, error) {
		return nothing{}, s.Authority.DeleteWebhook(ctx, caller, in.Account, in.ID)
	})
	serve(s, operation[plain]{
		id: "rotateWebhook", method: http.MethodPost, path: webhookPath + "/rotate", tag: "webhooks",
		summary: "Give a webhook another secret", detail: "The old one signs along for 24 hours.", params: webhookID[struct{}](),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (issuedWebhook, error) {
		return newIssuedWebhook(s.Authority.RotateWebhook(ctx, caller, in.Account, in.ID))
	})
	serve(s, operation[plain]{
		id: "testWebhook", method: http.MethodPost, path: webhookPath + "/test", tag: "webhooks", conflicts: true,
		summary: "Test a webhook", detail: "Sends it an event webhook.test, whatever events it is for. How that went is found in its deliveries.",
		params: webhookID[struct{}](),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Webhook, error) {
		return s.Authority.TestWebhook(ctx, caller, in.Account, in.ID)
	})
}

func (s *spoke) routeDeliveries() {
	type plain = inWebhook[struct{}]
	serve(s, operation[plain]{
		id: "listDeliveries", method: http.MethodGet, path: deliveriesPath, tag: "webhooks",
		summary: "List a webhook's deliveries", detail: "What was sent to it in the last 30 days and what is to be, the newest first, with every try.",
		params: webhookPage(webhookID[struct{}]()...),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Page[keywright.Delivery], error) {
		return s.Authority.Deliveries(ctx, caller, in.Account, in.ID, in.List)
	})
	which := parameter[plain]{
		name: "delivery", in: "path", doc: "The delivery's id", schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"},
		set: func(in *plain, value string) (err error) {
			in.Delivery, err = keywright.ParseID(value)
			return err
		},
	}
	serve(s, operation[plain]{
		id: "redeliver", method: http.MethodPost, path: deliveriesPath + "/{delivery}/redeliver", tag: "webhooks", conflicts: true,
		summary: "Deliver once more", detail: "At once, under the same id, with as many tries as the first time.",
		params: append(webhookID[struct{}](), which),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Delivery, error) {
		return s.Authority.Redeliver(ctx, caller, in.Account, in.ID, in.Delivery)
	})
}
