package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/keywright/keywright"
)

// webhookCmd holds the commands of webhooks.
type webhookCmd struct {
	Create     webhookCreateCmd     `cmd:"" help:"Have an account's events sent to a URL; prints the secret that signs them."`
	List       webhookListCmd       `cmd:"" aliases:"ls" help:"List the webhooks of an account."`
	Show       webhookShowCmd       `cmd:"" help:"Show a webhook and how sending to it goes."`
	Edit       webhookEditCmd       `cmd:"" help:"Change what the flags name."`
	Rotate     webhookRotateCmd     `cmd:"" help:"Give a webhook another secret; the old one signs along for 24 hours."`
	Delete     webhookDeleteCmd     `cmd:"" help:"Delete a webhook with what waits to be sent."`
	Test       webhookTestCmd       `cmd:"" help:"Send it an event webhook.test and wait for what becomes of that."`
	Deliveries webhookDeliveriesCmd `cmd:"" help:"List what was sent and what is to be, with every try."`
	Redeliver  webhookRedeliverCmd  `cmd:"" help:"Send an event once more."`
}

// webhookRef names a webhook.
type webhookRef struct {
	ID      string `arg:"" help:"The webhook's id."`
	Account string `placeholder:"NAME" help:"In which account (default: your own)."`
}

// find dials the server and says in which account which webhook is meant.
func (r webhookRef) find(ctx context.Context, h *host, at remote) (client *keywright.Client, account string, id keywright.ID, err error) {
	if id, err = keywright.ParseID(r.ID); err != nil {
		return nil, "", id, usagef("%v", err)
	}
	if client, err = at.dial(h); err != nil {
		return nil, "", id, err
	}
	account, err = accountName(ctx, client, r.Account)
	return client, account, id, err
}

type webhookCreateCmd struct {
	remote
	output
	URL         string   `arg:"" name:"url" help:"Where to: https://…"`
	Event       []string `required:"" placeholder:"ACTION" help:"What to send: token.revoke, notice.* for all that begin so, * for all; repeatable."`
	Description string   `placeholder:"TEXT" help:"For people."`
	Account     string   `placeholder:"NAME" help:"In which account (default: your own)."`
}

// issuedWebhookAnswer is a webhook with its secret.
type issuedWebhookAnswer struct {
	Webhook keywright.Webhook `json:"webhook"`
	Secret  string            `json:"secret"`
}

// Run makes the webhook and prints its secret, which is not shown again.
func (c *webhookCreateCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	made, err := client.CreateWebhook(ctx, of, keywright.NewWebhook{URL: c.URL, Events: c.Event, Description: c.Description})
	return c.issued(h, made, err)
}

func (o output) issued(h *host, made keywright.IssuedWebhook, err error) error {
	if err != nil {
		return err
	}
	return o.print(h, issuedWebhookAnswer{made.Webhook, made.Secret.Reveal()}, func(w io.Writer) {
		fields(w, "Webhook", made.Webhook.ID.String(), "Secret", made.Secret.Reveal())
		fmt.Fprintln(w, "\nThe receiver verifies signatures with the secret. It will not be shown again.")
	})
}

type webhookListCmd struct {
	remote
	output
	paging
	Account string `placeholder:"NAME" help:"Of which account (default: your own)."`
}

// Run lists webhooks.
func (c *webhookListCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	of, err := accountName(ctx, client, c.Account)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Webhook], error) {
		return client.Webhooks(ctx, of, q)
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, v := range got.Items {
			rows[i] = []string{v.ID.String(), short(v.URL, 60), short(list(v.Events), 40), webhookState(v), orDash(printable(v.Description))}
		}
		table(w, []string{"ID", "URL", "EVENTS", "STATE", "DESCRIPTION"}, rows)
		more(w, got.Next)
	})
}

// webhookState says how sending goes, in a word or two.
func webhookState(v keywright.Webhook) string {
	switch {
	case !v.Enabled:
		return "disabled"
	case v.PausedUntil != nil:
		return "paused"
	case v.Failures > 0:
		return fmt.Sprintf("failing (%d)", v.Failures)
	}
	return "enabled"
}

type webhookShowCmd struct {
	remote
	output
	webhookRef
}

// Run shows the webhook.
func (c *webhookShowCmd) Run(ctx context.Context, h *host) error {
	client, account, id, err := c.find(ctx, h, c.remote)
	if err != nil {
		return err
	}
	v, err := client.Webhook(ctx, account, id)
	return c.webhook(h, v, err)
}

func (o output) webhook(h *host, v keywright.Webhook, err error) error {
	if err != nil {
		return err
	}
	return o.print(h, v, func(w io.Writer) {
		fields(w, "Webhook", v.ID.String(), "Account", printable(v.Account), "URL", printable(v.URL), "Events", printable(list(v.Events)),
			"Description", printable(v.Description), "State", webhookState(v), "Because", printable(v.DisabledReason),
			"Paused until", instantOr(v.PausedUntil, ""), "Old secret signs until", instantOr(v.RotatingUntil, ""),
			"Created", instant(v.CreatedAt)+" by "+printable(v.CreatedBy))
	})
}

type webhookEditCmd struct {
	remote
	output
	webhookRef
	URL         *string  `name:"url" placeholder:"URL" help:"Where to."`
	Event       []string `placeholder:"ACTION" help:"What to send; replaces all there was; repeatable."`
	Description *string  `placeholder:"TEXT" help:"For people."`
	Enabled     *bool    `negatable:"" help:"Send to it; --no-enabled also gives up what waits."`
}

// Run changes what the flags name.
func (c *webhookEditCmd) Run(ctx context.Context, h *host) error {
	change := keywright.EditWebhook{URL: c.URL, Description: c.Description, Enabled: c.Enabled}
	if len(c.Event) > 0 {
		change.Events = &c.Event
	}
	if change == (keywright.EditWebhook{}) {
		return usagef("say what to change: --url, --event, --description, --enabled or --no-enabled")
	}
	client, account, id, err := c.find(ctx, h, c.remote)
	if err != nil {
		return err
	}
	v, err := client.EditWebhook(ctx, account, id, change)
	return c.webhook(h, v, err)
}

type webhookRotateCmd struct {
	remote
	output
	webhookRef
}

// Run gives the webhook another secret and prints it.
func (c *webhookRotateCmd) Run(ctx context.Context, h *host) error {
	client, account, id, err := c.find(ctx, h, c.remote)
	if err != nil {
		return err
	}
	made, err := client.RotateWebhook(ctx, account, id)
	return c.issued(h, made, err)
}

type webhookDeleteCmd struct {
	remote
	output
	consent
	webhookRef
}

// deletedWebhook says which webhook is gone.
type deletedWebhook struct {
	ID keywright.ID `json:"id"`
}

// Run deletes the webhook once that is confirmed.
func (c *webhookDeleteCmd) Run(ctx context.Context, h *host) error {
	client, account, id, err := c.find(ctx, h, c.remote)
	if err != nil {
		return err
	}
	v, err := client.Webhook(ctx, account, id)
	if err != nil {
		return err
	}
	if err := h.confirm(ctx, c.Yes, fmt.Sprintf("Nothing is sent to %s any more, nor what waits. Delete it?", short(v.URL, 80))); err != nil {
		return err
	}
	if err := client.DeleteWebhook(ctx, account, id); err != nil {
		return err
	}
	return c.print(h, deletedWebhook{id}, func(w io.Writer) { fmt.Fprintln(w, "Deleted.") })
}

type webhookDeliveriesCmd struct {
	remote
	output
	paging
	webhookRef
}

// Run lists deliveries, the newest first.
func (c *webhookDeliveriesCmd) Run(ctx context.Context, h *host) error {
	client, account, id, err := c.find(ctx, h, c.remote)
	if err != nil {
		return err
	}
	got, err := collect(c.paging, func(q keywright.ListQuery) (keywright.Page[keywright.Delivery], error) {
		return client.Deliveries(ctx, account, id, q)
	})
	if err != nil {
		return err
	}
	return c.print(h, got, func(w io.Writer) {
		rows := make([][]string, len(got.Items))
		for i, d := range got.Items {
			rows[i] = append([]string{d.ID.String(), strconv.FormatInt(d.Event, 10), printable(d.Type), printable(d.State)}, lastTry(d)...)
		}
		table(w, []string{"ID", "EVENT", "TYPE", "STATE", "TRIES", "LAST TRY", "TOOK", "ANSWER", "NEXT"}, rows)
		more(w, got.Next)
	})
}

// lastTry is how the last try went, as cells.
func lastTry(d keywright.Delivery) []string {
	next := instantOr(d.NextAt, "-")
	if len(d.Tries) == 0 {
		return []string{"0", "-", "-", "-", next}
	}
	t := d.Tries[len(d.Tries)-1]
	answer := printable(t.Error)
	if answer == "" {
		answer = strconv.Itoa(t.Status)
	}
	took := time.Duration(t.DurationMS) * time.Millisecond
	return []string{strconv.FormatInt(t.Try, 10), instant(t.At), took.String(), answer, next}
}

type webhookRedeliverCmd struct {
	remote
	output
	webhookRef
	Delivery string `arg:"" help:"The delivery's id."`
}

// Run has an event sent once more.
func (c *webhookRedeliverCmd) Run(ctx context.Context, h *host) error {
	delivery, err := keywright.ParseID(c.Delivery)
	if err != nil {
		return usagef("%v", err)
	}
	client, account, id, err := c.find(ctx, h, c.remote)
	if err != nil {
		return err
	}
	d, err := client.Redeliver(ctx, account, id, delivery)
	if err != nil {
		return err
	}
	return c.print(h, d, func(w io.Writer) { fmt.Fprintf(w, "%s is sent once more.\n", printable(d.Type)) })
}
