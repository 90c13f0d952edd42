package console

import (
	"context"
	"net/url"
	"slices"

	"github.com/a-h/templ"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *site) routeWebhooks() {
	const one = inAccount + "/webhooks/{id}"
	s.page("GET "+inAccount+"/webhooks", s.webhooks)
	s.page("GET "+inAccount+"/new-webhook", s.newWebhookForm)
	s.act(inAccount+"/new-webhook", s.newWebhook)
	s.page("GET "+one, s.webhook)
	s.act(one+"/test", s.testWebhook)
	s.act(one+"/deliveries/{delivery}/redeliver", s.redeliver)
	for deed, do := range map[string]handler{
		"edit": s.editWebhook, "rotate": s.rotateWebhook, "disable": s.disableWebhook, "enable": s.enableWebhook, "delete": s.deleteWebhook,
	} {
		s.page("GET "+one+"/"+deed, s.askWebhook(deed))
		s.act(one+"/"+deed, do)
	}
}

// mayHook reports whether the person may change webhooks, which send out what is in the audit trail.
func (v *visit) mayHook() bool { return v.who.May(policyWrite) && v.who.May(auditRead) }

func (s *site) webhooks(ctx context.Context, v *visit) (answer, error) {
	page, err := s.Authority.Webhooks(ctx, v.caller, v.account, authority.ListQuery{Cursor: v.query("cursor")})
	return show("Webhooks", webhooksPage(v, page)), err
}

// hook is the URL of a webhook's page, or of something below it.
func (v *visit) hook(w keywright.Webhook, below string) string {
	return v.at("/webhooks/" + w.ID.String() + below)
}

// webhookView is a webhook with what was sent to it, or a question about it.
type webhookView struct {
	keywright.Webhook
	*form
	deed       string
	deliveries keywright.Page[keywright.Delivery]
}

func (s *site) webhookOf(ctx context.Context, v *visit) (keywright.Webhook, error) {
	id, err := keywright.ParseID(v.r.PathValue("id"))
	if err != nil {
		return keywright.Webhook{}, err
	}
	return s.Authority.Webhook(ctx, v.caller, v.account, id)
}

func (s *site) webhook(ctx context.Context, v *visit) (answer, error) {
	w, err := s.webhookOf(ctx, v)
	if err != nil {
		return answer{}, err
	}
	view := webhookView{Webhook: w}
	view.deliveries, err = s.Authority.Deliveries(ctx, v.caller, v.account, w.ID, authority.ListQuery{Cursor: v.query("cursor"), Limit: 25})
	return show("Webhook", webhookPage(v, view)), err
}

func (s *site) newWebhookForm(_ context.Context, v *visit) (answer, error) {
	f := newForm(url.Values{"event": {"token.*", "notice.*"}})
	return show("New webhook", webhookFormPage(v, webhookView{form: f})), nil
}

func (s *site) newWebhook(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	made, err := s.Authority.CreateWebhook(ctx, v.caller, v.account, keywright.NewWebhook{
		URL: f.trimmed("url"), Events: f.heard(), Description: f.trimmed("description"),
	})
	if err != nil {
		return outcome(err, f, "", "", func() templ.Component { return webhookFormPage(v, webhookView{form: f}) })
	}
	return show("Webhook created", webhookSecretPage(v, made)), nil
}

// heard are the events that are chosen: whole families, and what is written out.
func (f *form) heard() []string { return append(slices.Clone(f.values["event"]), f.words("events")...) }

// fillHeard writes them into a form.
func fillHeard(values url.Values, heard []string) {
	whole := []string{"*"}
	for _, family := range families() {
		whole = append(whole, family.begins+"*")
	}
	rest := ""
	for _, filter := range heard {
		if slices.Contains(whole, filter) {
			values.Add("event", filter)
		} else {
			rest += filter + "\n"
		}
	}
	values.Set("events", rest)
}

func (s *site) askWebhook(deed string) handler {
	return func(ctx context.Context, v *visit) (answer, error) {
		w, err := s.webhookOf(ctx, v)
		f := newForm(url.Values{"url": {w.URL}, "description": {w.Description}})
		fillHeard(f.values, w.Events)
		return show(sentenceCase(deed)+" webhook", askedOfWebhook(v, webhookView{Webhook: w, form: f, deed: deed})), err
	}
}

// askedOfWebhook is the page on which something is asked of a webhook.
func askedOfWebhook(v *visit, w webhookView) templ.Component {
	if w.deed == "edit" {
		return webhookFormPage(v, w)
	}
	return webhookAskPage(v, w)
}

// doWebhook does something to a webhook; where that is refused for a cause in the request, it asks again.
func (s *site) doWebhook(ctx context.Context, v *visit, deed, done string, do func(keywright.Webhook, *form) error) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	w, err := s.webhookOf(ctx, v)
	if err != nil {
		return answer{}, err
	}
	return outcome(do(w, f), f, v.hook(w, ""), done, func() templ.Component {
		return askedOfWebhook(v, webhookView{Webhook: w, form: f, deed: deed})
	})
}

func (s *site) editWebhook(ctx context.Context, v *visit) (answer, error) {
	return s.doWebhook(ctx, v, "edit", "The webhook is as you have written it.", func(w keywright.Webhook, f *form) error {
		address, events, description := f.trimmed("url"), f.heard(), f.trimmed("description")
		_, err := s.Authority.EditWebhook(ctx, v.caller, v.account, w.ID, keywright.EditWebhook{URL: &address, Events: &events, Description: &description})
		return err
	})
}

func (s *site) switchWebhook(ctx context.Context, v *visit, deed, done string, on bool) (answer, error) {
	return s.doWebhook(ctx, v, deed, done, func(w keywright.Webhook, _ *form) error {
		_, err := s.Authority.EditWebhook(ctx, v.caller, v.account, w.ID, keywright.EditWebhook{Enabled: &on})
		return err
	})
}

func (s *site) disableWebhook(ctx context.Context, v *visit) (answer, error) {
	return s.switchWebhook(ctx, v, "disable", "Nothing is sent to it any more.", false)
}

func (s *site) enableWebhook(ctx context.Context, v *visit) (answer, error) {
	return s.switchWebhook(ctx, v, "enable", "It is sent what happens from now on.", true)
}

func (s *site) testWebhook(ctx context.Context, v *visit) (answer, error) {
	return s.doWebhook(ctx, v, "test", "A test is on its way. Reload in a moment to see how it went.", func(w keywright.Webhook, _ *form) error {
		_, err := s.Authority.TestWebhook(ctx, v.caller, v.account, w.ID)
		return err
	})
}

func (s *site) redeliver(ctx context.Context, v *visit) (answer, error) {
	return s.doWebhook(ctx, v, "test", "It is sent once more.", func(w keywright.Webhook, _ *form) error {
		delivery, err := keywright.ParseID(v.r.PathValue("delivery"))
		if err == nil {
			_, err = s.Authority.Redeliver(ctx, v.caller, v.account, w.ID, delivery)
		}
		return err
	})
}

func (s *site) deleteWebhook(ctx context.Context, v *visit) (answer, error) {
	a, err := s.doWebhook(ctx, v, "delete", "The webhook is deleted.", func(w keywright.Webhook, _ *form) error {
		return s.Authority.DeleteWebhook(ctx, v.caller, v.account, w.ID)
	})
	if a.next != "" { // its page is gone
		a.next = v.at("/webhooks")
	}
	return a, err
}

// rotateWebhook shows the new secret, once.
func (s *site) rotateWebhook(ctx context.Context, v *visit) (answer, error) {
	var made keywright.IssuedWebhook
	a, err := s.doWebhook(ctx, v, "rotate", "", func(w keywright.Webhook, _ *form) (err error) {
		made, err = s.Authority.RotateWebhook(ctx, v.caller, v.account, w.ID)
		return err
	})
	if err != nil || a.next == "" {
		return a, err
	}
	return show("Secret rotated", webhookSecretPage(v, made)), nil
}

// failures says how many tries in a row have failed.
func failures(n int64) string {
	if n == 1 {
		return "A try has failed"
	}
	return number(n) + " tries in a row have failed"
}

// hostOf is whom a webhook tells, if it has no description.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return address
}

// hookState is a webhook's state in a word: enabled, paused after failures, disabled.
func hookState(v *visit, w keywright.Webhook) string {
	switch {
	case !w.Enabled:
		return "disabled"
	case w.PausedUntil != nil && w.PausedUntil.After(v.now):
		return "paused"
	}
	return "enabled"
}
