package console

import (
	"context"
	"net/url"

	"github.com/a-h/templ"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *site) routeSpaces() {
	const inSpace = inAccount + "/spaces/{space}"
	s.page("GET "+inAccount+"/spaces", s.spaces)
	s.page("GET "+inAccount+"/new-space", s.newSpaceForm)
	s.act(inAccount+"/new-space", s.newSpace)
	s.page("GET "+inSpace, s.space)
	s.act(inSpace+"/members", s.addMember)
	s.page("GET "+inSpace+"/members/remove", s.removeMemberForm)
	s.act(inSpace+"/members/remove", s.removeMember)
	for deed, do := range map[string]handler{"edit": s.editSpace, "close": s.closeSpace, "reopen": s.reopenSpace, "delete": s.deleteSpace} {
		s.page("GET "+inSpace+"/"+deed, s.askSpace(deed))
		s.act(inSpace+"/"+deed, do)
	}
}

func (s *site) spaces(ctx context.Context, v *visit) (answer, error) {
	page, err := s.Authority.Spaces(ctx, v.caller, v.account, authority.ListQuery{Cursor: v.query("cursor")})
	return show("Spaces", spacesPage(v, page)), err
}

func (s *site) newSpaceForm(_ context.Context, v *visit) (answer, error) {
	return show("New space", newSpacePage(v, newForm(url.Values{}))), nil
}

func (s *site) newSpace(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	space, err := s.Authority.CreateSpace(ctx, v.caller, v.account, f.trimmed("name"), f.trimmed("title"))
	return outcome(err, f, v.space(space.Name, ""), "The space "+space.Name+" is there. Say who belongs to it.", func() templ.Component { return newSpacePage(v, f) })
}

// space is the URL of a space's page, or of something below it.
func (v *visit) space(name, below string) string {
	return v.at("/spaces/" + url.PathEscape(name) + below)
}

// spaceView is a space with who belongs to it.
type spaceView struct {
	keywright.Space
	members   keywright.Page[keywright.Member]
	form      *form // to add a member
	usernames []string
}

func (s *site) space(ctx context.Context, v *visit) (answer, error) {
	return s.showSpace(ctx, v, newForm(url.Values{"role": {"reader"}}), 200)
}

// showSpace shows a space, with a form to add a member as it was filled in.
func (s *site) showSpace(ctx context.Context, v *visit, f *form, status int) (answer, error) {
	space, err := s.Authority.Space(ctx, v.caller, v.account, v.r.PathValue("space"))
	if err != nil {
		return answer{}, err
	}
	view := spaceView{Space: space, form: f}
	if v.who.MayIn(space.Name, membersRead) {
		view.members, err = s.Authority.Members(ctx, v.caller, v.account, space.Name, authority.ListQuery{Cursor: v.query("cursor")})
	}
	if err == nil {
		view.usernames, err = s.usernames(ctx, v)
	}
	return show(space.Name, spacePage(v, view)).with(status), err
}

// usernames are those of the account, to choose from, as far as the person may see them and they fit a list.
func (s *site) usernames(ctx context.Context, v *visit) ([]string, error) {
	if !v.who.May(usersRead) {
		return nil, nil
	}
	page, err := s.Authority.Users(ctx, v.caller, v.account, authority.ListQuery{Limit: 200})
	names := make([]string, len(page.Items))
	for i, u := range page.Items {
		names[i] = u.Username
	}
	return names, err
}

func (s *site) addMember(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	space := v.r.PathValue("space")
	role := keywright.Role{Name: f.get("role"), Account: v.account, Space: space}
	user, err := s.Authority.GrantRole(ctx, v.caller, f.trimmed("username"), role)
	if err == nil {
		return goOn(v.space(space, ""), user.Username+" is "+role.Name+" of "+space+"."), nil
	}
	if about(f, err, "username") {
		t, _ := translate(err)
		return s.showSpace(ctx, v, f, t.status)
	}
	return answer{}, err
}

// about keeps an error for the form where it is about the request; that there is no such thing is about the field.
func about(f *form, err error, field string) bool {
	if t, _ := translate(err); t.title == "Not found" {
		f.problems[field] = t.why
		return true
	}
	return f.take(err)
}

func (s *site) removeMemberForm(_ context.Context, v *visit) (answer, error) {
	f := newForm(v.r.URL.Query())
	return show("Remove "+f.get("username"), removeMemberPage(v, f)), nil
}

func (s *site) removeMember(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	space := v.r.PathValue("space")
	_, err = s.Authority.DropRole(ctx, v.caller, f.get("username"), keywright.Role{Name: f.get("role"), Account: v.account, Space: space})
	return outcome(err, f, v.space(space, ""), f.get("username")+" is no longer "+f.get("role")+" of "+space+".", func() templ.Component { return removeMemberPage(v, f) })
}

// spaceAsk is a question about a space.
type spaceAsk struct {
	keywright.Space
	*form
	deed  string
	stops stopping
}

// askSpace is the page that asks before something is done to a space.
func (s *site) askSpace(deed string) handler {
	return func(ctx context.Context, v *visit) (answer, error) {
		ask, err := s.spaceAsk(ctx, v, deed, newForm(url.Values{}))
		ask.values.Set("title", ask.Title)
		return show(sentenceCase(deed)+" "+ask.Name, spaceAskPage(v, ask)), err
	}
}

func (s *site) spaceAsk(ctx context.Context, v *visit, deed string, f *form) (spaceAsk, error) {
	ask := spaceAsk{form: f, deed: deed}
	var err error
	if ask.Space, err = s.Authority.Space(ctx, v.caller, v.account, v.r.PathValue("space")); err == nil {
		ask.stops, err = s.stopping(ctx, v, keywright.TokenFilter{Space: ask.Name})
	}
	return ask, err
}

// doSpace does something to a space; where that is refused for a cause in the request, it asks again.
func (s *site) doSpace(ctx context.Context, v *visit, deed, next, done string, do func(*form, string) error) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	ask, err := s.spaceAsk(ctx, v, deed, f)
	if err != nil {
		return answer{}, err
	}
	return outcome(do(f, ask.Name), f, next, done, func() templ.Component { return spaceAskPage(v, ask) })
}

func (s *site) editSpace(ctx context.Context, v *visit) (answer, error) {
	return s.doSpace(ctx, v, "edit", v.space(v.r.PathValue("space"), ""), "The space has its new title.", func(f *form, name string) error {
		_, err := s.Authority.EditSpace(ctx, v.caller, v.account, name, f.get("title"))
		return err
	})
}

func (s *site) closeSpace(ctx context.Context, v *visit) (answer, error) {
	return s.doSpace(ctx, v, "close", v.space(v.r.PathValue("space"), ""), "The space is closed: its tokens are refused everywhere.", func(_ *form, name string) error {
		_, err := s.Authority.CloseSpace(ctx, v.caller, v.account, name)
		return err
	})
}

func (s *site) reopenSpace(ctx context.Context, v *visit) (answer, error) {
	return s.doSpace(ctx, v, "reopen", v.space(v.r.PathValue("space"), ""), "The space is open: its tokens work again.", func(_ *form, name string) error {
		_, err := s.Authority.ReopenSpace(ctx, v.caller, v.account, name)
		return err
	})
}

func (s *site) deleteSpace(ctx context.Context, v *visit) (answer, error) {
	return s.doSpace(ctx, v, "delete", v.at("/spaces"), "The space "+v.r.PathValue("space")+" is deleted, with all its tokens.", func(f *form, name string) error {
		_, err := s.Authority.DeleteSpace(ctx, v.caller, v.account, name, f.trimmed("repeat"))
		return err
	})
}
