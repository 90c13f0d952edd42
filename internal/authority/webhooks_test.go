package authority

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// postbox answers every webhook as told, and keeps what was sent.
type postbox struct {
	mu     sync.Mutex
	answer func(Message) Receipt
	got    []Message
}

func (p *postbox) post(_ context.Context, m Message) Receipt {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, m)
	return p.answer(m)
}

// take is what was sent since the last time.
func (p *postbox) take() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

func (p *postbox) types() (types []string) {
	for _, m := range p.take() {
		var body struct{ Type string }
		_ = json.Unmarshal(m.Body, &body)
		types = append(types, body.Type)
	}
	slices.Sort(types)
	return types
}

func answering(status int) func(Message) Receipt {
	return func(Message) Receipt {
		if status > 299 {
			return Receipt{Status: status, Error: "the receiver answered so"}
		}
		return Receipt{Status: status}
	}
}

// sending is a world whose webhooks arrive in a postbox; round makes one round of the courier and waits for it.
func sending(t *testing.T) (w *world, box *postbox, round func()) {
	w, box = newWorld(t), &postbox{answer: answering(204)}
	w.a.cfg.Post = box.post
	c := newCourier(w.a)
	return w, box, func() {
		t.Helper()
		w.must(c.round(t.Context()))
		c.wait.Wait()
	}
}

func (w *world) webhook(events ...string) keywright.IssuedWebhook {
	w.t.Helper()
	made, err := w.a.CreateWebhook(w.t.Context(), w.as("ada"), "acme", keywright.NewWebhook{URL: "https://hooks.example.com/in?key=s", Events: events})
	w.must(err)
	return made
}

func (w *world) deliveries(id keywright.ID) []keywright.Delivery {
	w.t.Helper()
	page, err := w.a.Deliveries(w.t.Context(), w.as("audi"), "acme", id, ListQuery{Limit: 200})
	w.must(err)
	return page.Items
}

// What matches the filter is sent once, as the API shows it, and what happened before or elsewhere is not.
func TestWebhookHears(t *testing.T) {
	t.Parallel()
	w, box, round := sending(t)
	w.issue(w.as("ada"), scopesGranted("a"))
	made := w.webhook("token.create", "space.*")
	all := w.webhook("*")
	token := w.issue(w.as("ada"), scopesGranted("a"))
	_, err := w.a.CreateSpace(t.Context(), w.as("ada"), "acme", "west", "")
	w.must(err)
	_, err = w.a.CreateSpace(t.Context(), w.as("otto"), "other", "west", "")
	w.must(err)
	round()
	sent := box.take()
	if len(sent) != 5 { // two by the first filter, and by the second also that it was made
		t.Fatalf("%d messages", len(sent))
	}
	for _, m := range sent {
		var body struct {
			Type      string
			Timestamp time.Time
			Data      keywright.Event
		}
		w.must(json.Unmarshal(m.Body, &body))
		if body.Type != body.Data.Action || !body.Timestamp.Equal(epoch) || body.Data.Account != "acme" || body.Data.Seq == 0 ||
			m.URL != "https://hooks.example.com/in?key=s" || len(m.Secrets) != 1 || len(m.Secrets[0]) != 32 {
			t.Errorf("%s %+v", m.Body, m)
		}
		if strings.Contains(string(m.Body), "key=s") || strings.Contains(string(m.Body), token.ClientSecret.Reveal()) {
			t.Errorf("a secret is sent: %s", m.Body)
		}
	}
	round()
	if again := box.take(); len(again) != 0 {
		t.Errorf("%d are sent again", len(again))
	}
	for i, d := range w.deliveries(all.Webhook.ID)[1:] {
		if before := w.deliveries(all.Webhook.ID)[i]; before.Event <= d.Event {
			t.Errorf("event %d is listed before %d", before.Event, d.Event)
		}
	}
	for id, want := range map[keywright.ID]int{made.Webhook.ID: 2, all.Webhook.ID: 3} {
		list := w.deliveries(id)
		if len(list) != want || list[0].State != keywright.DeliveryDelivered || len(list[0].Tries) != 1 || list[0].Tries[0].Status != 204 {
			t.Errorf("%+v", list)
		}
	}
	w.wantTrail("token.create", "webhook.create", "webhook.create", "token.create", "space.create", "space.create")
}

func TestWebhookFilters(t *testing.T) {
	t.Parallel()
	id := keywright.ID{1}
	for _, row := range []struct {
		filter, action string
		want           bool
	}{
		{"*", "a.b", true}, {"token.*", "token.create", true}, {"token.*", "tokens.create", false}, {"token.*", "token", false},
		{"token.create", "token.create", true}, {"token.create", "token.created", false}, {"a", "b", false}, {"*", actionTest, false},
	} {
		hook := &store.Webhook{ID: id, Events: []string{"x.y", row.filter}, AfterEvent: 1}
		if got := hears(hook, &store.Event{Seq: 2, Action: row.action}); got != row.want {
			t.Errorf("%s hears %s: %v", row.filter, row.action, got)
		}
		if hears(hook, &store.Event{Seq: 1, Action: row.action}) {
			t.Error("an earlier event is heard")
		}
	}
	if hook := (&store.Webhook{ID: id}); !hears(hook, &store.Event{Seq: 1, Action: actionTest, Subject: "webhook:" + id.String()}) {
		t.Error("its own test is not heard")
	}
}

func TestWebhookRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, row := range []struct{ url, event, member string }{
		{"http://x.example", "*", "/url"}, {"ftp://x.example", "*", "/url"}, {"https://", "*", "/url"}, {"https://u:p@x.example", "*", "/url"},
		{"https://x.example/#a", "*", "/url"}, {"https://x.example/#", "*", "/url"}, {"https://x.example:22", "*", "/url"}, {"https://x.example:80", "*", "/url"},
		{"https://x.example:99999", "*", "/url"}, {"https://x.example:", "*", "/url"}, {"https://exämple.com", "*", "/url"}, {"https://x.example/\n", "*", "/url"},
		{"", "*", "/url"}, {"x.example", "*", "/url"}, {"https://x.example/" + strings.Repeat("a", 2048), "*", "/url"},
		{"https://x.example", "", "/events/0"}, {"https://x.example", "token.", "/events/0"}, {"https://x.example", "*.create", "/events/0"},
		{"https://x.example", "Token.create", "/events/0"}, {"https://x.example", "token*", "/events/0"}, {"https://x.example", "a b", "/events/0"},
	} {
		_, err := w.a.CreateWebhook(t.Context(), w.as("ada"), "acme", keywright.NewWebhook{URL: row.url, Events: []string{row.event}})
		wantErr(t, err, keywright.ErrInvalid, row.member)
	}
	_, err := w.a.CreateWebhook(t.Context(), w.as("ada"), "acme", keywright.NewWebhook{URL: "https://x.example"})
	wantErr(t, err, keywright.ErrInvalid, "/events")
	w.wantTrail()
	for range maxWebhooks {
		w.webhook("*")
	}
	_, err = w.a.CreateWebhook(t.Context(), w.as("ada"), "acme", keywright.NewWebhook{URL: "https://x.example", Events: []string{"*"}})
	wantErr(t, err, keywright.ErrQuota, "at most 50")
}

// Who sets the policy and reads the audit trail says where that is sent; who reads the policy sees it.
func TestWebhookAuthority(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.webhook("*").Webhook.ID
	policyOnly := w.by(w.issue(w.as("ada"), keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{policyWrite, policyRead}}))
	both := w.by(w.issue(w.as("ada"), keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{policyWrite, auditRead}}))
	for name, row := range map[string]struct {
		caller      Caller
		read, write error
	}{
		"root": {w.as("root"), nil, nil}, "ada": {w.as("ada"), nil, nil}, "audi": {w.as("audi"), nil, keywright.ErrForbidden},
		"olga": {w.as("olga"), keywright.ErrForbidden, keywright.ErrForbidden}, "otto": {w.as("otto"), keywright.ErrNotFound, keywright.ErrNotFound},
		"a policy token": {policyOnly, nil, keywright.ErrForbidden}, "both": {both, keywright.ErrForbidden, nil}, "nobody": {Caller{}, keywright.ErrUnauthenticated, keywright.ErrUnauthenticated},
	} {
		ctx := t.Context()
		_, list := w.a.Webhooks(ctx, row.caller, "acme", ListQuery{})
		_, get := w.a.Webhook(ctx, row.caller, "acme", id)
		_, sent := w.a.Deliveries(ctx, row.caller, "acme", id, ListQuery{})
		_, create := w.a.CreateWebhook(ctx, row.caller, "acme", keywright.NewWebhook{URL: "https://x.example", Events: []string{"*"}})
		_, edit := w.a.EditWebhook(ctx, row.caller, "acme", id, keywright.EditWebhook{Description: ptr("x")})
		_, rotate := w.a.RotateWebhook(ctx, row.caller, "acme", id)
		_, test := w.a.TestWebhook(ctx, row.caller, "acme", id)
		for what, err := range map[string]error{"list": list, "get": get, "deliveries": sent} {
			if !errors.Is(err, row.read) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		for what, err := range map[string]error{"create": create, "edit": edit, "rotate": rotate, "test": test} {
			if !errors.Is(err, row.write) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
	// Otto's own account has no such webhook, nor another account that he cannot see.
	_, err := w.a.Webhook(t.Context(), w.as("otto"), "other", id)
	wantErr(t, err, keywright.ErrNotFound, "webhook")
	wantErr(t, w.a.DeleteWebhook(t.Context(), w.as("otto"), "other", id), keywright.ErrNotFound, "webhook")
}

// What fails is tried 9 times, each time after longer, then given up with an event; what was sent meanwhile has the same id.
func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	w, box, round := sending(t)
	box.answer = answering(500)
	id := w.webhook("token.create").Webhook.ID
	w.issue(w.as("ada"), scopesGranted("a"))
	w.trail()
	var waits []time.Duration
	last := w.time()
	for range 100 {
		round()
		if got := box.take(); len(got) > 1 {
			t.Fatalf("%d tries at once", len(got))
		} else if len(got) == 1 && len(waits) > 0 && got[0].At.Sub(last) != waits[len(waits)-1] {
			t.Errorf("tried after %s, not %s", got[0].At.Sub(last), waits[len(waits)-1])
		}
		d := w.deliveries(id)[0]
		if d.State != keywright.DeliveryPending {
			break
		}
		hook, err := w.a.Webhook(t.Context(), w.as("ada"), "acme", id)
		w.must(err)
		next := *d.NextAt
		if hook.PausedUntil != nil && hook.PausedUntil.After(next) {
			t.Fatalf("paused beyond the next try: %s, %s", hook.PausedUntil, next)
		}
		last = w.time()
		waits = append(waits, next.Sub(last))
		w.pass(next.Sub(last))
	}
	if len(waits) != maxTries-1 {
		t.Fatalf("waits: %v", waits)
	}
	for i, wait := range waits {
		want := grown(firstWait, 4, int64(i), longestWait)
		if wait < want*4/5-time.Millisecond || wait > want*6/5+time.Millisecond {
			t.Errorf("wait %d: %s, want about %s", i, wait, want)
		}
	}
	d := w.deliveries(id)[0]
	if d.State != keywright.DeliveryFailed || d.NextAt != nil || len(d.Tries) != maxTries || d.Tries[8].Try != 9 || d.Tries[8].Status != 500 {
		t.Errorf("%+v", d)
	}
	w.wantTrail("webhook.fail the receiver answered so")

	box.answer = answering(200)
	again, err := w.a.Redeliver(t.Context(), w.as("ada"), "acme", id, d.ID)
	w.must(err)
	if again.ID != d.ID || again.State != keywright.DeliveryPending {
		t.Errorf("%+v", again)
	}
	round()
	if got := box.take(); len(got) != 1 || got[0].ID != d.ID.String() {
		t.Errorf("%+v", got)
	}
	hook, err := w.a.Webhook(t.Context(), w.as("ada"), "acme", id)
	w.must(err)
	if hook.Failures != 0 || hook.PausedUntil != nil || w.deliveries(id)[0].State != keywright.DeliveryDelivered {
		t.Errorf("%+v", hook)
	}
	w.wantTrail("webhook.redeliver")
}

// A receiver that asks to be left alone is; one that is gone is not asked again.
func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	w, box, round := sending(t)
	id := w.webhook("token.create").Webhook.ID
	w.issue(w.as("ada"), scopesGranted("a"))
	box.answer = func(Message) Receipt { return Receipt{Status: 429, Error: "busy", Wait: 10 * time.Minute} }
	round()
	if d := w.deliveries(id)[0]; d.NextAt.Sub(w.time()) != 10*time.Minute {
		t.Errorf("%+v", d)
	}
	w.issue(w.as("ada"), scopesGranted("a"))
	box.answer = answering(statusGone)
	box.take()
	w.trail()
	round()
	hook, err := w.a.Webhook(t.Context(), w.as("ada"), "acme", id)
	w.must(err)
	if hook.Enabled || !strings.Contains(hook.DisabledReason, "410") {
		t.Errorf("%+v", hook)
	}
	for _, d := range w.deliveries(id) {
		if d.State != keywright.DeliveryFailed {
			t.Errorf("%+v", d)
		}
	}
	w.wantTrail("webhook.disable the receiver answered 410 Gone")
	_, err = w.a.TestWebhook(t.Context(), w.as("ada"), "acme", id)
	wantErr(t, err, keywright.ErrConflict, "enable it first")
	_, err = w.a.Redeliver(t.Context(), w.as("ada"), "acme", id, w.deliveries(id)[0].ID)
	wantErr(t, err, keywright.ErrConflict, "enable it first")

	// What happens while it is disabled is not sent later.
	w.issue(w.as("ada"), scopesGranted("a"))
	_, err = w.a.EditWebhook(t.Context(), w.as("ada"), "acme", id, keywright.EditWebhook{Enabled: ptr(true)})
	w.must(err)
	box.answer = answering(200)
	box.take()
	w.issue(w.as("ada"), scopesGranted("a"))
	round()
	if got := box.types(); !slices.Equal(got, []string{"token.create"}) {
		t.Errorf("%v", got)
	}
}

// A webhook that always fails is paused, then tried with one delivery at a time, and after three days disabled; two that
// are dead do not tell each other so for ever.
func TestDeadWebhook(t *testing.T) {
	t.Parallel()
	w, box, round := sending(t)
	box.answer = answering(503)
	first, second := w.webhook("*").Webhook.ID, w.webhook("*").Webhook.ID
	for range 12 {
		w.issue(w.as("ada"), scopesGranted("a"))
	}
	tries := 0
	for range 4 * 24 * 4 {
		round()
		round() // the failure's own event
		tries += len(box.take())
		w.pass(15 * time.Minute)
	}
	if tries > 2*200 {
		t.Errorf("%d tries in four days", tries)
	}
	for _, id := range []keywright.ID{first, second} {
		hook, err := w.a.Webhook(t.Context(), w.as("ada"), "acme", id)
		w.must(err)
		if hook.Enabled || !strings.Contains(hook.DisabledReason, "3 days") {
			t.Errorf("%+v", hook)
		}
	}
	before := len(w.trail())
	for range 4 * 24 {
		round()
		w.pass(15 * time.Minute)
	}
	if n := len(box.take()); n != 0 || len(w.trail()) != 0 {
		t.Errorf("%d tries after the end, %d events before", n, before)
	}
}

// One receiver that does not answer keeps 4 places; the others are served, and a stop breaks off what is under way
// without counting it as a try.
func TestSlowWebhookAndStop(t *testing.T) {
	t.Parallel()
	w, box, _ := sending(t)
	slow, quick := w.webhook("token.create").Webhook, w.webhook("token.create").Webhook
	_, err := w.a.EditWebhook(t.Context(), w.as("ada"), "acme", slow.ID, keywright.EditWebhook{URL: ptr("https://slow.example.com")})
	w.must(err)
	arrived := make(chan struct{}, 100)
	w.a.cfg.Post = func(ctx context.Context, m Message) Receipt {
		if strings.Contains(m.URL, "slow") {
			<-ctx.Done()
			return Receipt{Error: "stopped"}
		}
		arrived <- struct{}{}
		return box.post(ctx, m)
	}
	const made = 20
	for range made {
		w.issue(w.as("ada"), scopesGranted("a"))
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		w.a.sendWebhooks(ctx)
		close(ended)
	}()
	for range made {
		<-arrived
	}
	stop()
	<-ended
	for _, d := range w.deliveries(slow.ID) {
		if d.State != keywright.DeliveryPending || len(d.Tries) != 0 {
			t.Errorf("%+v", d)
		}
	}
	if n := len(w.deliveries(quick.ID)); n != made {
		t.Errorf("%d deliveries", n)
	}
	// Nothing is leased any more: the next start sends at once.
	w.a.cfg.Post = box.post
	box.take()
	c := newCourier(w.a)
	for range made / maxSendingTo {
		w.must(c.round(t.Context()))
		c.wait.Wait()
	}
	if n := len(box.take()); n < made {
		t.Errorf("%d sent after the stop, want %d", n, made)
	}
}

// What a courier had taken when it was killed is taken again when the lease has run out.
func TestWebhookLease(t *testing.T) {
	t.Parallel()
	w, box, round := sending(t)
	w.webhook("token.create")
	w.issue(w.as("ada"), scopesGranted("a"))
	killed := newCourier(w.a)
	var err error
	killed.looked, err = w.a.queue(t.Context(), 0)
	w.must(err)
	taken, err := killed.take(t.Context())
	w.must(err)
	round()
	if len(taken) != 1 || len(box.take()) != 0 {
		t.Errorf("%d taken, and sent by another", len(taken))
	}
	w.pass(leaseFor)
	round()
	if got := box.take(); len(got) != 1 || got[0].ID != taken[0].message.ID {
		t.Errorf("%+v", got)
	}
}

// For a day after a rotation both secrets sign, then the new one alone.
func TestWebhookRotation(t *testing.T) {
	t.Parallel()
	w, box, round := sending(t)
	made := w.webhook("token.create")
	id := made.Webhook.ID
	rotated, err := w.a.RotateWebhook(t.Context(), w.as("ada"), "acme", id)
	w.must(err)
	raw := func(s keywright.Secret) string {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretMark))
		w.must(err)
		return string(secret)
	}
	signs := func(want ...keywright.Secret) {
		t.Helper()
		w.issue(w.as("ada"), scopesGranted("a"))
		round()
		got := box.take()
		if len(got) != 1 || len(got[0].Secrets) != len(want) {
			t.Fatalf("%d messages", len(got))
		}
		for i, s := range want {
			if string(got[0].Secrets[i]) != raw(s) {
				t.Errorf("secret %d is another", i)
			}
		}
	}
	signs(rotated.Secret, made.Secret)
	w.pass(webhookOverlap)
	signs(rotated.Secret)
	if _, err := w.a.TestWebhook(t.Context(), w.as("ada"), "acme", id); err != nil {
		t.Error(err)
	}
	round()
	if got := box.types(); !slices.Equal(got, []string{"webhook.test"}) {
		t.Errorf("%v", got)
	}
	w.must(w.a.DeleteWebhook(t.Context(), w.as("ada"), "acme", id))
	w.issue(w.as("ada"), scopesGranted("a"))
	round()
	if got := box.take(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	w.wantTrail("webhook.create", "webhook.rotate", "token.create", "token.create", "webhook.test", "webhook.delete", "token.create")
}

// The delivery log is kept for 30 days.
func TestDeliveriesArePruned(t *testing.T) {
	t.Parallel()
	w, _, round := sending(t)
	id := w.webhook("token.create").Webhook.ID
	w.issue(w.as("ada"), scopesGranted("a"))
	round()
	w.pass(deliveryKept)
	w.must(w.a.pruneDeliveries(t.Context()))
	if len(w.deliveries(id)) != 1 {
		t.Error("pruned too early")
	}
	w.pass(time.Microsecond)
	w.must(w.a.pruneDeliveries(t.Context()))
	if len(w.deliveries(id)) != 0 {
		t.Error("not pruned")
	}
}
