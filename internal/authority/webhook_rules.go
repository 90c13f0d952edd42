package authority

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/keywright/keywright/internal/store"
)

const (
	maxWebhookURL    = 2048
	maxWebhookEvents = 50
)

// validFilter is an action, the beginning of some, or all.
var validFilter = regexp.MustCompile(`^(\*|[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)*(\.\*)?)$`)

// webhook reads into w what is set.
func (p *problems) webhook(w *store.Webhook, plain bool, address *string, events *[]string, description *string) {
	if address != nil {
		w.URL = *address
		p.webhookURL(w.URL, plain)
	}
	if events != nil {
		w.Events = distinct(*events, strings.Compare)
		p.webhookEvents(*events)
	}
	if description != nil {
		w.Description = p.text("/description", *description, maxReasonRunes, 4*maxReasonRunes)
	}
}

// webhookURL says what of a URL can be said before its name is resolved.
func (p *problems) webhookURL(text string, plain bool) {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxWebhookURL || !graphic(text) || err != nil:
		p.add("/url", "must be a URL of at most %d printable ASCII characters", maxWebhookURL)
	case u.Scheme == "http" && !plain:
		p.add("/url", "must begin with https://: this instance sends webhooks nowhere in clear")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		p.add("/url", "must be https://HOST/PATH")
	case u.User != nil:
		p.add("/url", "must hold no username and no password: verify the signature instead")
	case u.Fragment != "" || strings.Contains(text, "#"):
		p.add("/url", "must have no fragment: it would not be sent")
	case !webhookPort(u):
		p.add("/url", "must have no port, 443, or one from 1024 on")
	}
}

// webhookPort keeps webhooks away from services that were there before HTTP.
func webhookPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && (port >= 1024 || port == 443 || port == 80 && u.Scheme == "http")
}

func (p *problems) webhookEvents(list []string) {
	if len(list) == 0 || len(list) > maxWebhookEvents {
		p.add("/events", "must name 1 to %d actions; * stands for all", maxWebhookEvents)
		return
	}
	for i, filter := range list {
		if len(filter) > maxNameBytes || !validFilter.MatchString(filter) {
			p.add(fmt.Sprintf("/events/%d", i), "must be an action such as token.revoke, the beginning of some such as notice.*, or *")
		}
	}
}

// hears reports whether a webhook is for an event. A test is for the one that is tested.
func hears(w *store.Webhook, e *store.Event) bool {
	switch {
	case e.Seq <= w.AfterEvent || !w.DisabledAt.IsZero():
		return false
	case e.Action == actionTest:
		return e.Subject == "webhook:"+w.ID.String()
	}
	for _, filter := range w.Events {
		beginning, many := strings.CutSuffix(filter, "*")
		if e.Action == filter || many && strings.HasPrefix(e.Action, beginning) {
			return true
		}
	}
	return false
}

// originOf is where a URL leads, without what a receiver may know a sender by.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
