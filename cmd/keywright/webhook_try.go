package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/keywright/keywright"
)

type webhookTestCmd struct {
	remote
	output
	webhookRef
	Wait time.Duration `default:"20s" help:"How long to wait for what becomes of it; 0 does not wait."`
}

// Run sends a test, and says how its first try went.
func (c *webhookTestCmd) Run(ctx context.Context, h *host) error {
	client, account, id, err := c.find(ctx, h, c.remote)
	if err != nil {
		return err
	}
	before, err := newestTest(ctx, client, account, id)
	if err != nil {
		return err
	}
	v, err := client.TestWebhook(ctx, account, id)
	if err != nil || c.Wait <= 0 {
		return c.webhook(h, v, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	d, err := awaitTest(ctx, client, account, id, before.Event)
	if err != nil {
		return err
	}
	if err := c.print(h, d, func(w io.Writer) { showTest(w, d) }); err != nil {
		return err
	}
	if d.State != keywright.DeliveryDelivered {
		return fmt.Errorf("the test was not delivered")
	}
	return nil
}

func showTest(w io.Writer, d keywright.Delivery) {
	cells := lastTry(d)
	fields(w, "Delivery", d.ID.String(), "State", d.State, "Answer", cells[3], "Took", cells[2])
}

// newestTest is the last test of a webhook, if its newest deliveries have one.
func newestTest(ctx context.Context, client *keywright.Client, account string, id keywright.ID) (keywright.Delivery, error) {
	page, err := client.Deliveries(ctx, account, id, keywright.ListQuery{Limit: maxPage})
	if err != nil {
		return keywright.Delivery{}, err
	}
	for _, d := range page.Items {
		if d.Type == "webhook.test" {
			return d, nil
		}
	}
	return keywright.Delivery{}, nil
}

// awaitTest waits until a test later than the event was tried.
func awaitTest(ctx context.Context, client *keywright.Client, account string, id keywright.ID, after int64) (keywright.Delivery, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		d, err := newestTest(ctx, client, account, id)
		if err == nil && d.Event > after && len(d.Tries) > 0 {
			return d, nil
		}
		if err != nil && ctx.Err() == nil {
			return d, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return d, fmt.Errorf("%w: nothing was tried yet: look at keywright webhook deliveries %s later", keywright.ErrUnavailable, id)
		}
	}
}
