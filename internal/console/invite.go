package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/keywright/keywright"
)

// invitation is the page on which somebody becomes a user. Its link has the invitation behind a "#", which no browser sends: the
// script puts it into the form, and without one it is copied there by hand.
func (s *site) invitation(_ context.Context, v *visit) (answer, error) {
	return show("Invitation", invitePage(v, newForm(url.Values{}))).apart(), nil
}

func (s *site) acceptInvitation(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	f.values.Set("invitation", s.onlyInvitation(f.trimmed("invitation")))
	old, password := v.caller, keywright.NewSecret(f.get("password"))
	v.caller.Credential = keywright.Credential{} // whoever accepts is nobody yet
	user, err := s.acceptAs(ctx, v, f, password)
	if err != nil {
		if !f.take(err, "token", "invitation") {
			return answer{}, err
		}
		return show("Invitation", invitePage(v, f)).apart().with(http.StatusUnprocessableEntity), nil
	}
	begun, err := s.Authority.Login(ctx, v.caller, user.Username, password)
	if err != nil { // such as where nobody signs in by password
		return goOn(s.path("/sign-in"), "You are a user now. Sign in to begin."), nil
	}
	return s.signedIn(ctx, v, old, begun, s.path("/")), nil
}

func (s *site) acceptAs(ctx context.Context, v *visit, f *form, password keywright.Secret) (keywright.User, error) {
	if f.get("password") != f.get("repeated") {
		return keywright.User{}, keywright.Invalid("/repeated", "this is not the same password")
	}
	return s.Authority.AcceptInvite(ctx, v.caller, keywright.NewSecret(f.get("invitation")), password)
}

// onlyInvitation is the invitation of a text, which may be its whole link. What is none, but may be another secret that somebody
// took for one, is dropped, so that the page does not say it back.
func (s *site) onlyInvitation(text string) string {
	if u, err := url.Parse(text); err == nil && u.Fragment != "" {
		text = u.Fragment
	}
	if !strings.HasPrefix(text, s.Authority.Prefix()+"i_") {
		return ""
	}
	return text
}
