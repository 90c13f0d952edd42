package console

import (
	"context"
	"net/http"
	"net/url"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *site) routeMe() {
	s.page("GET /me", s.me)
	s.act("/me/password", s.changePassword)
	s.act("/me/sessions", s.endOtherSessions)
	s.act("/me/sessions/{session}", s.endSession)
}

// self is what somebody sees of itself.
type self struct {
	*form    // of another password
	sessions keywright.Page[keywright.SessionInfo]
	first    bool // there is no password yet, as far as is known: the session was begun through the provider
}

func (s *site) me(ctx context.Context, v *visit) (answer, error) {
	return s.showMe(ctx, v, newForm(url.Values{}))
}

func (s *site) showMe(ctx context.Context, v *visit, f *form) (answer, error) {
	sessions, err := s.Authority.Sessions(ctx, v.caller, v.who.User, authority.ListQuery{Cursor: v.query("cursor")})
	if err != nil {
		return answer{}, err
	}
	own := self{form: f, sessions: sessions}
	for _, session := range sessions.Items {
		own.first = own.first || session.Current && session.SSO
	}
	return show("Your account", mePage(v, own)), nil
}

func (s *site) changePassword(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	if f.get("new_password") != f.get("repeated") {
		f.problems["repeated"] = "This is not the new password."
	} else {
		err = s.Authority.ChangePassword(ctx, v.caller, keywright.PasswordChange{
			Old: keywright.NewSecret(f.get("old_password")), New: keywright.NewSecret(f.get("new_password")),
			EndSessions: f.has("end_sessions"), EndTokens: f.has("end_tokens"),
		})
		if err == nil {
			return goOn(v.path("/me"), "Your password is changed."), nil
		}
		if !f.take(err) {
			return answer{}, err
		}
	}
	a, err := s.showMe(ctx, v, f)
	return a.with(http.StatusUnprocessableEntity), err
}

func (s *site) endSession(ctx context.Context, v *visit) (answer, error) {
	id, err := keywright.ParseID(v.r.PathValue("session"))
	if err != nil {
		return answer{}, err
	}
	if err := s.Authority.EndSession(ctx, v.caller, v.who.User, id); err != nil {
		return answer{}, err
	}
	return goOn(v.path("/me"), "That session is ended."), nil
}

func (s *site) endOtherSessions(ctx context.Context, v *visit) (answer, error) {
	if err := s.Authority.EndSessions(ctx, v.caller, v.who.User); err != nil {
		return answer{}, err
	}
	return goOn(v.path("/me"), "Your other sessions are ended."), nil
}
