package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *site) routePeople() {
	const user = inAccount + "/people/{username}"
	s.page("GET "+inAccount+"/people", s.people)
	s.page("GET "+inAccount+"/invite", s.inviteForm)
	s.act(inAccount+"/invite", s.invite)
	s.act(inAccount+"/invitations/{id}/withdraw", s.withdraw)
	s.page("GET "+user, s.user)
	s.page("GET "+user+"/give", s.giveForm)
	s.act(user+"/give", s.give)
	s.page("GET "+user+"/take", s.takeForm)
	s.act(user+"/take", s.take)
	s.act(user+"/end-sessions", s.endSessions)
	for deed, do := range map[string]handler{"disable": s.disableUser, "enable": s.enableUser, "delete": s.deleteUser} {
		s.page("GET "+user+"/"+deed, s.askUser(deed))
		s.act(user+"/"+deed, do)
	}
}

// peopleView is who has a role in an account, and who is invited.
type peopleView struct {
	users   keywright.Page[keywright.User]
	invites keywright.Page[keywright.Invite]
}

func (s *site) people(ctx context.Context, v *visit) (answer, error) {
	users, err := s.Authority.Users(ctx, v.caller, v.account, authority.ListQuery{Cursor: v.query("cursor")})
	if err != nil {
		return answer{}, err
	}
	invites, err := s.Authority.Invites(ctx, v.caller, v.account, authority.ListQuery{Limit: 200})
	return show("People", peoplePage(v, peopleView{users, invites})), err
}

// user is the URL of somebody's page, or of something below it.
func (v *visit) user(name, below string) string {
	return v.at("/people/" + url.PathEscape(name) + below)
}

// userView is somebody with what is known of it.
type userView struct {
	keywright.User
	sessions []keywright.SessionInfo
	governed bool // the person may see and end the sessions
}

func (s *site) user(ctx context.Context, v *visit) (answer, error) {
	user, err := s.Authority.User(ctx, v.caller, v.account, v.r.PathValue("username"))
	if err != nil {
		return answer{}, err
	}
	view := userView{User: user}
	sessions, err := s.Authority.Sessions(ctx, v.caller, user.Username, authority.ListQuery{Limit: 20})
	view.sessions, view.governed = sessions.Items, err == nil
	if t, _ := translate(err); err != nil && t.status != http.StatusForbidden && t.status != http.StatusNotFound {
		return answer{}, err
	}
	return show(user.Username, userPage(v, view)), nil
}

func (s *site) endSessions(ctx context.Context, v *visit) (answer, error) {
	name := v.r.PathValue("username")
	if err := s.Authority.EndSessions(ctx, v.caller, name); err != nil {
		return answer{}, err
	}
	return goOn(v.user(name, ""), "The sessions of "+name+" are ended."), nil
}

// roleForm is a form in which a role is chosen.
type roleForm struct {
	*form
	username string // whose it will be; empty: of somebody who is invited
	spaces   []string
	prove    string // where the person shows that it is the one who is signed in; empty: it has, or need not
}

// role is the role that was chosen.
func (f roleForm) role(account string) keywright.Role {
	r := keywright.Role{Name: f.get("role"), Account: account}
	for _, of := range spaceRoles() {
		if of.name == r.Name {
			r.Space = f.get("space")
		}
	}
	return r
}

func (s *site) newRoleForm(ctx context.Context, v *visit, f *form) (roleForm, error) {
	names, err := s.spaceNames(ctx, v)
	if !f.has("space") && slices.Contains(names, "default") {
		f.values.Set("space", "default")
	}
	return roleForm{form: f, username: v.r.PathValue("username"), spaces: names}, err
}

// withProof reports whether the role may be given now. To make somebody an admin takes a sign-in that is a few minutes old; the page
// then says so, and keeps what was filled in.
func (f *roleForm) withProof(v *visit, page string) bool {
	if f.get("role") != "admin" || v.justProved() {
		return true
	}
	f.prove = v.proveFor(page, f.form)
	return false
}

// proveFor is where somebody proves who it is, to come back to a page with what was filled in there.
func (v *visit) proveFor(page string, f *form) string {
	f.values.Del("next")
	return v.path("/sign-in?" + url.Values{"again": {"on"}, "next": {page + "?" + f.values.Encode()}}.Encode())
}

func (s *site) giveForm(ctx context.Context, v *visit) (answer, error) {
	f, err := s.newRoleForm(ctx, v, newForm(v.r.URL.Query()))
	if !f.has("role") {
		f.values.Set("role", "reader")
	}
	return show("Give a role", givePage(v, f)), err
}

func (s *site) give(ctx context.Context, v *visit) (answer, error) {
	read, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	f, err := s.newRoleForm(ctx, v, read)
	if err != nil {
		return answer{}, err
	}
	again := func() templ.Component { return givePage(v, f) }
	if !f.withProof(v, v.user(f.username, "/give")) {
		return show("Give a role", again()).with(http.StatusForbidden), nil
	}
	role := f.role(v.account)
	_, err = s.Authority.GrantRole(ctx, v.caller, f.username, role)
	return outcome(err, f.form, v.user(f.username, ""), f.username+" is "+roleWords(role)+".", again)
}

func (s *site) takeForm(_ context.Context, v *visit) (answer, error) {
	f := newForm(v.r.URL.Query())
	return show("Take the role away", takePage(v, f)), nil
}

func (s *site) take(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	name := v.r.PathValue("username")
	left, err := s.Authority.DropRole(ctx, v.caller, name, keywright.Role{Name: f.get("role"), Account: v.account, Space: f.get("space")})
	next := v.user(name, "")
	if len(left.Roles) == 0 { // then nobody of the account knows of the user any more
		next = v.at("/people")
	}
	return outcome(err, f, next, name+" is no longer "+f.get("role")+".", func() templ.Component { return takePage(v, f) })
}

func (s *site) inviteForm(ctx context.Context, v *visit) (answer, error) {
	f, err := s.newRoleForm(ctx, v, newForm(v.r.URL.Query()))
	for name, value := range map[string]string{"role": "reader", "days": "7"} {
		if !f.has(name) {
			f.values.Set(name, value)
		}
	}
	return show("Invite somebody", invitingPage(v, f)), err
}

// invite answers with the link, which is shown this once.
func (s *site) invite(ctx context.Context, v *visit) (answer, error) {
	read, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	f, err := s.newRoleForm(ctx, v, read)
	if err != nil {
		return answer{}, err
	}
	again := func() templ.Component { return invitingPage(v, f) }
	if !f.withProof(v, v.at("/invite")) {
		return show("Invite somebody", again()).with(http.StatusForbidden), nil
	}
	days, _ := strconv.ParseInt(f.get("days"), 10, 16) // what is no number is the default
	made, err := s.Authority.Invite(ctx, v.caller, keywright.NewInvite{
		Username: f.trimmed("username"), Email: f.trimmed("email"), Role: f.role(v.account), ExpiresIn: days * 86400,
	})
	if err != nil {
		return outcome(err, f.form, "", "", again, "expires_in", "days")
	}
	link := s.BaseURL + root + "/invite#" + made.Token.Reveal() // what follows # never leaves a browser
	return show("Invitation", invitedPage(v, made.Invite, link)), nil
}

func (s *site) withdraw(ctx context.Context, v *visit) (answer, error) {
	id, err := keywright.ParseID(v.r.PathValue("id"))
	if err == nil {
		err = s.Authority.Withdraw(ctx, v.caller, v.account, id)
	}
	return goOn(v.at("/people"), "The invitation is withdrawn: its link is good for nothing any more."), err
}

// userAsk is a question about somebody.
type userAsk struct {
	keywright.User
	*form
	deed  string
	stops stopping
	heirs []string // who could own the tokens
}

func (s *site) askUser(deed string) handler {
	return func(ctx context.Context, v *visit) (answer, error) {
		ask, err := s.userAsk(ctx, v, deed, newForm(url.Values{}))
		return show(sentenceCase(deed)+" "+ask.Username, userAskPage(v, ask)), err
	}
}

func (s *site) userAsk(ctx context.Context, v *visit, deed string, f *form) (userAsk, error) {
	ask := userAsk{form: f, deed: deed}
	var err error
	if ask.User, err = s.Authority.User(ctx, v.caller, v.account, v.r.PathValue("username")); err != nil {
		return ask, err
	}
	if ask.stops, err = s.stopping(ctx, v, keywright.TokenFilter{Owner: ask.Username}); err == nil {
		ask.heirs, err = s.usernames(ctx, v)
	}
	return ask, err
}

func (s *site) disableUser(ctx context.Context, v *visit) (answer, error) {
	return s.offboard(ctx, v, "disable", v.user(v.r.PathValue("username"), ""), " is disabled: ", s.Authority.DisableUser)
}

func (s *site) deleteUser(ctx context.Context, v *visit) (answer, error) {
	return s.offboard(ctx, v, "delete", v.at("/people"), " is deleted: ", s.Authority.DeleteUser)
}

// offboard sends somebody away, with what becomes of the tokens.
func (s *site) offboard(ctx context.Context, v *visit, deed, next, done string,
	do func(context.Context, authority.Caller, string, keywright.Offboarding) (keywright.Offboarded, error)) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	ask, err := s.userAsk(ctx, v, deed, f)
	if err != nil {
		return answer{}, err
	}
	var result keywright.Offboarded
	if deed == "delete" && f.trimmed("repeat") != ask.Username {
		err = keywright.Invalid("/repeat", "must repeat the username, %s", ask.Username)
	} else {
		req := keywright.Offboarding{Tokens: f.get("tokens"), Reason: f.trimmed("reason")}
		if req.Tokens == keywright.TokensTransfer {
			req.To = f.trimmed("to")
		}
		result, err = do(ctx, v.caller, ask.Username, req)
	}
	done = ask.Username + done + count(result.Ended, "token") + " ended, " + number(result.Transferred) + " handed over."
	return outcome(err, f, next, done, func() templ.Component { return userAskPage(v, ask) })
}

func (s *site) enableUser(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	ask, err := s.userAsk(ctx, v, "enable", f)
	if err != nil {
		return answer{}, err
	}
	_, err = s.Authority.EnableUser(ctx, v.caller, ask.Username)
	return outcome(err, f, v.user(ask.Username, ""), ask.Username+" can sign in again.", func() templ.Component { return userAskPage(v, ask) })
}

// provided says of a role that single sign-on has given it.
func provided(r keywright.Role) string {
	if r.Provided {
		return " (by single sign-on)"
	}
	return ""
}

// titleOf is a title that says more than the name.
func titleOf(title, name string) string {
	if title == name {
		return ""
	}
	return title
}

// roleHere reports whether a role is one of this account's, to be taken away here.
func (v *visit) roleHere(r keywright.Role) bool {
	return r.Account == v.account && !r.Provided && v.who.MayIn(r.Space, membersWrite)
}

// rolesOf are somebody's roles in an account, shortly.
func rolesOf(u keywright.User, account string) []string {
	var roles []string
	for _, r := range u.Roles {
		switch {
		case r.Account == "":
			roles = append(roles, r.Name+" (instance)")
		case r.Account == account && r.Space == "":
			roles = append(roles, r.Name)
		case r.Account == account:
			roles = append(roles, r.Name+" of "+r.Space)
		}
	}
	return roles
}

// wherePart is a role's place in words.
func wherePart(r keywright.Role) string { return strings.TrimPrefix(roleWords(r), r.Name+" ") }

func namesAsOptions(names []string) []option {
	options := make([]option, len(names))
	for i, name := range names {
		options[i] = option{name, name}
	}
	return options
}
