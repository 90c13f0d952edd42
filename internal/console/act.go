package console

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
)

func (s *site) routeToken() {
	const token = inAccount + "/tokens/{id}"
	s.page("GET "+token, s.showToken)
	s.page("GET "+token+"/first-use", s.firstUse)
	s.page("GET "+token+"/explain", s.explain)
	s.page("GET "+token+"/edit", s.editForm)
	s.act(token+"/edit", s.edit)
	for below, act := range map[string]handler{
		"disable": s.disable, "enable": s.enable, "revoke": s.revoke, "delete": s.remove,
		"rotate": s.rotate, "cancel-rotation": s.cancelRotation, "reveal": s.reveal,
	} {
		s.page("GET "+token+"/"+below, s.askDeed(below))
		s.act(token+"/"+below, act)
	}
}

// deedForm is something that is about to be done to a token.
type deedForm struct {
	*form
	token  keywright.Token
	below  string // which, as in the URL
	once   string // the idempotency key of a rotation
	policy keywright.Policy
	made   stopping // what it has made, and would stop with it
}

// askDeed is the page that asks before something is done.
func (s *site) askDeed(below string) handler {
	return func(ctx context.Context, v *visit) (answer, error) {
		d, err := s.deedOf(ctx, v, newForm(url.Values{"overlap": {"86400"}}), below)
		if err != nil {
			return answer{}, err
		}
		if below == "reveal" && !v.justProved() {
			return goOn(v.proveAgain(), ""), nil
		}
		if d.once, err = s.random(); err != nil {
			return answer{}, err
		}
		return show(d.question(v).title, deedPage(v, d)), nil
	}
}

func (s *site) deedOf(ctx context.Context, v *visit, f *form, below string) (deedForm, error) {
	t, err := s.tokenOf(ctx, v)
	if err != nil {
		return deedForm{}, err
	}
	d := deedForm{form: f, token: t, below: below, once: f.get("once")}
	switch below {
	case "rotate":
		if v.mayWrite(t) {
			d.policy, err = s.Authority.Terms(ctx, v.caller, t.Account, t.Space)
		}
	case "disable", "revoke", "delete":
		d.made, err = s.stopping(ctx, v, keywright.TokenFilter{Parent: &t.ID})
	}
	return d, hidden(err)
}

// deed reads what was asked, does it, and goes back to where it was asked. What is wrong with it is told on the page that asked.
func (s *site) deed(ctx context.Context, v *visit, below, done string, do func(deedForm) error) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	d, err := s.deedOf(ctx, v, f, below)
	if err != nil {
		return answer{}, err
	}
	if err = do(d); err != nil {
		if f.take(err) {
			return show(d.question(v).title, deedPage(v, d)).with(statusOf(err)), nil
		}
		return answer{}, err
	}
	return goOn(v.backFrom(v.token(d.token, "")), fmt.Sprintf(done, d.token.Label)), nil
}

func (s *site) disable(ctx context.Context, v *visit) (answer, error) {
	var done keywright.Token
	a, err := s.deed(ctx, v, "disable", "%s is disabled and refused everywhere.", func(d deedForm) (err error) {
		done, err = s.Authority.Disable(ctx, v.caller, d.token.ID)
		return err
	})
	return a.undone(v.undoing(done.Revision)), err
}

func (s *site) enable(ctx context.Context, v *visit) (answer, error) {
	return s.deed(ctx, v, "enable", "%s is enabled.", func(d deedForm) error {
		_, err := s.Authority.Enable(ctx, v.caller, d.token.ID)
		return err
	})
}

func (s *site) revoke(ctx context.Context, v *visit) (answer, error) {
	return s.deed(ctx, v, "revoke", "%s is revoked and refused everywhere.", func(d deedForm) error {
		_, err := s.Authority.Revoke(ctx, v.caller, d.token.ID, d.trimmed("reason"))
		return err
	})
}

func (s *site) remove(ctx context.Context, v *visit) (answer, error) {
	a, err := s.deed(ctx, v, "delete", "%s is deleted.", func(d deedForm) error {
		if d.trimmed("repeat") != strings.TrimSpace(d.token.Label) {
			return keywright.Invalid("/repeat", "type the label as it is: %s", d.token.Label)
		}
		_, err := s.Authority.Delete(ctx, v.caller, d.token.ID)
		return err
	})
	if strings.HasPrefix(a.next, v.at("/tokens/")) { // its page is gone
		a.next = v.at("/tokens")
	}
	return a, err
}

func (s *site) cancelRotation(ctx context.Context, v *visit) (answer, error) {
	return s.deed(ctx, v, "cancel-rotation", "The rotation of %s is cancelled: the secret from before it goes on, the new one is refused.", func(d deedForm) error {
		_, err := s.Authority.CancelRotation(ctx, v.caller, d.token.ID)
		return err
	})
}

// rotate shows the new credentials, once.
func (s *site) rotate(ctx context.Context, v *visit) (answer, error) {
	begun := v.now.Truncate(time.Microsecond)
	var issued keywright.Issued
	a, err := s.deed(ctx, v, "rotate", "%s was rotated already, and its new credentials were shown then.", func(d deedForm) error {
		overlap, err := d.overlap()
		if err == nil {
			issued, err = s.Authority.Rotate(ctx, v.caller, d.token.ID, &overlap, d.once)
		}
		return err
	})
	if err != nil || a.next == "" || issued.Token.RenewedAt.Before(begun) { // the form was sent again
		return a, err
	}
	return s.credentials(v, issued, "Token rotated"), nil
}

// overlap is how long the old secret is to live on.
func (d deedForm) overlap() (time.Duration, error) {
	n, err := strconv.ParseInt(d.get("overlap"), 10, 32)
	if err != nil {
		return 0, keywright.Invalid("/overlap", "choose how long the old secret goes on")
	}
	return time.Duration(n) * time.Second, nil
}

// reveal shows the key of a recoverable token to who has just proved who it is.
func (s *site) reveal(ctx context.Context, v *visit) (answer, error) {
	if !v.justProved() {
		return goOn(v.proveAgain(), ""), nil
	}
	var key keywright.Secret
	var token keywright.Token
	a, err := s.deed(ctx, v, "reveal", "%s", func(d deedForm) (err error) {
		token = d.token
		key, err = s.Authority.Reveal(ctx, v.caller, d.token.ID)
		return err
	})
	if err != nil || a.next == "" {
		return a, err
	}
	return s.credentials(v, keywright.Issued{Token: token, APIKey: key}, "Key revealed"), nil
}

// fresh is for how long somebody counts as having just proved who it is.
const fresh = 10 * time.Minute

// justProved reports whether the person has proved who it is a moment ago.
func (v *visit) justProved() bool { return v.now.Sub(v.session.Begun) <= fresh }

// proveAgain is where somebody proves it, to come back to this page.
func (v *visit) proveAgain() string {
	return v.path("/sign-in?" + url.Values{"again": {"on"}, "next": {v.here()}}.Encode())
}

// undoing is where a form goes that undoes what was disabled in a revision; none: nothing was.
func (v *visit) undoing(revision keywright.Revision) string {
	if revision == 0 {
		return ""
	}
	return v.at("/undo/" + plain(int64(revision)))
}

// undo enables again exactly what the person has disabled in a revision.
func (s *site) undo(ctx context.Context, v *visit) (answer, error) {
	revision, err := strconv.ParseInt(v.r.PathValue("revision"), 10, 64)
	if err != nil {
		return answer{}, fmt.Errorf("change to undo %w", keywright.ErrNotFound)
	}
	enabled, err := s.Authority.UndoDisable(ctx, v.caller, keywright.Revision(revision))
	return goOn(v.backFrom(v.at("/tokens")), count(enabled, "token")+" enabled again."), err
}

// backFrom is where somebody came from who has done something: the list of tokens with its filters; or where else.
func (v *visit) backFrom(or string) string {
	from, err := url.Parse(v.r.Header.Get("Referer"))
	if err == nil && from.Host == v.r.Host && from.Path == v.at("/tokens") {
		return v.local(from.RequestURI())
	}
	return or
}

// question is what is asked before it is done.
func (d deedForm) question(v *visit) question {
	q := question{action: v.token(d.token, "/"+d.below), back: v.token(d.token, "")}
	switch d.below {
	case "disable":
		q.title, q.verb = "Disable "+d.token.Label+"?", "Disable"
	case "enable":
		q.title, q.verb = "Enable "+d.token.Label+"?", "Enable"
	case "revoke":
		q.title, q.verb, q.danger = "Revoke "+d.token.Label+"?", "Revoke for good", true
	case "delete":
		q.title, q.verb, q.danger = "Delete "+d.token.Label+"?", "Delete for good", true
	case "rotate":
		q.title, q.verb = "Rotate "+d.token.Label+"?", "Make a new secret"
	case "cancel-rotation":
		q.title, q.verb = "Cancel the rotation of "+d.token.Label+"?", "Cancel the rotation"
	case "reveal":
		q.title, q.verb = "Reveal the key of "+d.token.Label+"?", "Reveal"
	}
	return q
}

// overlaps are the choices of how long the old secret goes on, as the policy allows.
func (d deedForm) overlaps() []option {
	all := []struct {
		span int64
		text string
	}{
		{0, "Not at all: it ends now"}, {3600, "1 hour"}, {day, "24 hours"}, {7 * day, "7 days"}, {30 * day, "30 days"},
	}
	var options []option
	for _, o := range all {
		if o.span <= d.policy.MaxOverlap {
			options = append(options, option{plain(o.span), o.text})
		}
	}
	return options
}
