package keywright

import "context"

func webhooks(account string, more ...string) []string {
	return append(v1("accounts", account, "webhooks"), more...)
}

// issuedWebhook is a webhook with its secret on the wire.
type issuedWebhook struct {
	Webhook Webhook `json:"webhook"`
	Secret  string  `json:"secret"`
}

func (c *Client) issueWebhook(ctx context.Context, r request) (IssuedWebhook, error) {
	made, err := call[issuedWebhook](ctx, c, r)
	if err != nil {
		return IssuedWebhook{}, err
	}
	return IssuedWebhook{made.Webhook, NewSecret(made.Secret)}, nil
}

// CreateWebhook makes a webhook. The secret in the answer is shown this once.
func (c *Client) CreateWebhook(ctx context.Context, account string, w NewWebhook) (IssuedWebhook, error) {
	return c.issueWebhook(ctx, request{method: "POST", path: webhooks(account), body: w})
}

// RotateWebhook gives a webhook another secret. The old one signs along for 24 hours.
func (c *Client) RotateWebhook(ctx context.Context, account string, id ID) (IssuedWebhook, error) {
	return c.issueWebhook(ctx, request{method: "POST", path: webhooks(account, id.String(), "rotate")})
}

// Webhooks returns a page of an account's webhooks.
func (c *Client) Webhooks(ctx context.Context, account string, q ListQuery) (Page[Webhook], error) {
	return call[Page[Webhook]](ctx, c, request{method: "GET", path: webhooks(account), query: listValues(q.Limit, q.Cursor)})
}

// Webhook returns one webhook.
func (c *Client) Webhook(ctx context.Context, account string, id ID) (Webhook, error) {
	return call[Webhook](ctx, c, request{method: "GET", path: webhooks(account, id.String())})
}

// EditWebhook changes the members of a webhook that are set.
func (c *Client) EditWebhook(ctx context.Context, account string, id ID, w EditWebhook) (Webhook, error) {
	return call[Webhook](ctx, c, request{method: "PATCH", path: webhooks(account, id.String()), body: w})
}

// DeleteWebhook removes a webhook with its deliveries.
func (c *Client) DeleteWebhook(ctx context.Context, account string, id ID) error {
	_, err := call[struct{}](ctx, c, request{method: "DELETE", path: webhooks(account, id.String())})
	return err
}

// TestWebhook sends a webhook an event webhook.test, whatever events it is for.
func (c *Client) TestWebhook(ctx context.Context, account string, id ID) (Webhook, error) {
	return call[Webhook](ctx, c, request{method: "POST", path: webhooks(account, id.String(), "test")})
}

// Deliveries returns a page of what was sent to a webhook, the newest first.
func (c *Client) Deliveries(ctx context.Context, account string, id ID, q ListQuery) (Page[Delivery], error) {
	return call[Page[Delivery]](ctx, c, request{
		method: "GET", path: webhooks(account, id.String(), "deliveries"), query: listValues(q.Limit, q.Cursor),
	})
}

// Redeliver sends an event once more, whatever became of its delivery.
func (c *Client) Redeliver(ctx context.Context, account string, webhook, delivery ID) (Delivery, error) {
	return call[Delivery](ctx, c, request{
		method: "POST", path: webhooks(account, webhook.String(), "deliveries", delivery.String(), "redeliver"),
	})
}
