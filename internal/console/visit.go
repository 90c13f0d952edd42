package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// visit is one request of a person.
type visit struct {
	*site
	r       *http.Request
	now     time.Time
	session session // zero: nobody is signed in
	caller  authority.Caller
	account string             // whose pages these are; empty: nobody's
	who     authority.Standing // in the account, or, without one, who it is
	flash   flash              // what was done a moment ago
	cookies []*http.Cookie     // to be set with the answer
}

func (s *site) newVisit(r *http.Request) *visit {
	v := &visit{site: s, r: r, now: s.Now(), account: r.PathValue("account")}
	v.caller = authority.Caller{Address: s.Address(r), UserAgent: r.UserAgent(), RequestID: s.RequestID(r), Door: keywright.DoorConsole}
	return v
}

// stranger begins a visit of whoever it is; one who is signed in is known all the same.
func (s *site) stranger(ctx context.Context, v *visit) error {
	v.recall(ctx)
	return nil
}

// known begins a visit of somebody who is signed in.
func (s *site) known(ctx context.Context, v *visit) error {
	if v.recall(ctx); !v.signedIn() {
		return keywright.ErrUnauthenticated
	}
	v.recallFlash()
	if v.account != "" {
		who, err := s.Authority.Standing(ctx, v.caller, v.account)
		if v.who = who; err == nil && v.account != v.session.Account {
			v.session.Account = v.account
			v.begin(v.session)
		}
		return err
	}
	return s.knownElsewhere(ctx, v)
}

// knownElsewhere begins a visit of a page that is no account's: it is seen from the account where the person was last.
func (s *site) knownElsewhere(ctx context.Context, v *visit) error {
	if last := v.session.Account; last != "" {
		who, err := s.Authority.Standing(ctx, v.caller, last)
		if err == nil {
			v.who, v.account = who, last
		}
		if !errors.Is(err, keywright.ErrNotFound) {
			return err
		}
	}
	self, err := s.Authority.Whoami(ctx, v.caller)
	v.who.Self = self
	return err
}

func (v *visit) signedIn() bool { return v.session.Token != "" }

// at is the URL of something in the visit's account, such as /tokens.
func (v *visit) at(below string) string { return v.in(v.account, below) }

// in is the URL of something in an account.
func (v *visit) in(account, below string) string {
	return v.path("/a/" + url.PathEscape(account) + below)
}

// query is a parameter of the URL.
func (v *visit) query(name string) string { return v.r.URL.Query().Get(name) }

// here is the URL of the visit itself, as a local one.
func (v *visit) here() string { return v.below + v.r.URL.RequestURI() }

// answer is what a visit comes to: a page, or a place to go on to.
type answer struct {
	title  string
	body   templ.Component
	status int
	next   string
	flash  flash
	alone  bool                      // the page has no sidebar
	write  func(http.ResponseWriter) // in place of a page
}

// show answers with a page.
func show(title string, body templ.Component) answer {
	return answer{title: title, body: body, status: http.StatusOK}
}

// stream answers with what is no page, such as a file.
func stream(write func(http.ResponseWriter)) answer { return answer{write: write} }

// with is the answer under another status.
func (a answer) with(status int) answer {
	a.status = status
	return a
}

// apart is the answer without the sidebar.
func (a answer) apart() answer {
	a.alone = true
	return a
}

// goOn sends the browser to another page, which says once what was done.
func goOn(to, done string) answer { return answer{next: to, flash: flash{Text: done}} }

// undone has the page say how what was done is undone: by a form without fields to this URL; empty: not at all.
func (a answer) undone(by string) answer {
	a.flash.Undo = by
	return a
}

// answer writes what the visit has come to.
func (s *site) answer(w http.ResponseWriter, v *visit, a answer) {
	v.keep()
	if a.flash.Text != "" {
		v.keepFlash(a.flash)
	}
	for _, c := range v.cookies {
		http.SetCookie(w, c)
	}
	if a.next != "" {
		redirect(w, a.next)
		return
	}
	if a.write != nil {
		a.write(w)
		return
	}
	body := frame(v, a.title, a.body)
	if a.alone {
		body = apart(v, a.title, a.body)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(a.status)
	_ = body.Render(v.r.Context(), w) // an error here is the client's going away
}

// rolesHere says which roles the person has in the account, in words.
func (v *visit) rolesHere() []string {
	var roles []string
	for _, r := range v.who.Roles {
		switch {
		case r.Account == "":
			roles = append(roles, r.Name+" of the instance")
		case r.Account != v.account && !strings.HasSuffix(v.account, "@"+r.Account):
		case r.Space != "":
			roles = append(roles, r.Name+" of the space "+r.Space)
		default:
			roles = append(roles, r.Name+" of the account "+r.Account)
		}
	}
	return roles
}

// nextOf is the URL of the next page of a list, with everything else in the URL as it is; empty at the end.
func nextOf(v *visit, cursor string) string {
	if cursor == "" {
		return ""
	}
	query := v.r.URL.Query()
	query.Set("cursor", cursor)
	return v.below + v.r.URL.Path + "?" + query.Encode()
}

// firstOf is the URL of the first page; empty on it.
func firstOf(v *visit) string {
	query := v.r.URL.Query()
	if !query.Has("cursor") {
		return ""
	}
	query.Del("cursor")
	return v.below + v.r.URL.Path + "?" + query.Encode()
}
