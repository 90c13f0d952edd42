package console

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *site) routeSettings() {
	s.page("GET /new-account", s.newAccountForm)
	s.act("/new-account", s.newAccount)
	const settings = inAccount + "/settings"
	s.page("GET "+settings, s.settings)
	s.act(settings, s.editAccount)
	s.page("GET "+settings+"/new-child", s.newAccountForm)
	s.act(settings+"/new-child", s.newAccount)
	for _, deed := range []string{"close", "reopen"} {
		s.page("GET "+settings+"/"+deed, s.askAccount(deed))
		s.act(settings+"/"+deed, s.switchAccount(deed))
	}
}

// settingsView is an account as its admins see it.
type settingsView struct {
	keywright.Account
	*form
	may, mayClose   bool
	mayHaveChildren bool
	children        []keywright.Account
}

func (s *site) settings(ctx context.Context, v *visit) (answer, error) {
	a, err := s.settingsOf(ctx, v, newForm(url.Values{}))
	a.values.Set("title", a.Title)
	return show("Settings", settingsPage(v, a)), err
}

func (s *site) settingsOf(ctx context.Context, v *visit, f *form) (settingsView, error) {
	account, err := s.Authority.Account(ctx, v.caller, v.account)
	_, parent, isChild := strings.Cut(v.account, "@")
	a := settingsView{
		Account: account, form: f, may: v.administers(v.account), mayHaveChildren: !isChild,
		mayClose: v.operator() || isChild && v.administers(parent),
	}
	if err != nil || isChild {
		return a, err
	}
	page, err := s.Authority.Accounts(ctx, v.caller, authority.ListQuery{Limit: 200})
	a.children = slices.DeleteFunc(page.Items, func(c keywright.Account) bool { return !strings.HasSuffix(c.Name, "@"+v.account) })
	return a, err
}

// administers reports whether the person has all say in an account.
func (v *visit) administers(account string) bool {
	return v.operator() || slices.ContainsFunc(v.who.Roles, func(r keywright.Role) bool {
		return r.Name == "admin" && (r.Account == account || strings.HasSuffix(account, "@"+r.Account))
	})
}

// switched is the account's policy as its form sends it, with tokens switched on or off.
func (a settingsView) switched(to string) url.Values {
	values := url.Values{}
	fillPolicy(values, a.Policy)
	values.Set("tokens", to)
	return values
}

func (s *site) editAccount(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	a, err := s.settingsOf(ctx, v, f)
	if err != nil {
		return answer{}, err
	}
	_, err = s.Authority.EditAccount(ctx, v.caller, v.account, f.get("title"))
	return outcome(err, f, v.at("/settings"), "The account has its new title.", func() templ.Component { return settingsPage(v, a) })
}

func (s *site) newAccountForm(_ context.Context, v *visit) (answer, error) {
	return show("New account", newAccountPage(v, newForm(url.Values{}), v.r.PathValue("account"))), nil
}

// newAccount makes an account or, below an account's settings, a child of it.
func (s *site) newAccount(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	name, parent := f.trimmed("name"), v.r.PathValue("account")
	if parent != "" {
		name += "@" + parent
	}
	made, err := s.Authority.CreateAccount(ctx, v.caller, name, f.trimmed("title"))
	return outcome(err, f, v.in(made.Name, "/people"), "The account "+made.Name+" is there. Invite who is to govern it.", func() templ.Component {
		return newAccountPage(v, f, parent)
	})
}

// askAccount is the page that asks before an account is closed or opened.
func (s *site) askAccount(deed string) handler {
	return func(ctx context.Context, v *visit) (answer, error) {
		account, stops, err := s.accountToSwitch(ctx, v)
		return show("Account", closeAccountPage(v, account, newForm(url.Values{}), stops, deed)), err
	}
}

func (s *site) accountToSwitch(ctx context.Context, v *visit) (keywright.Account, stopping, error) {
	account, err := s.Authority.Account(ctx, v.caller, v.account)
	if err != nil {
		return account, stopping{}, err
	}
	stops, err := s.stopping(ctx, v, keywright.TokenFilter{})
	return account, stops, err
}

func (s *site) switchAccount(deed string) handler {
	do, done := s.Authority.CloseAccount, "The account is closed: its tokens are refused everywhere."
	if deed == "reopen" {
		do, done = s.Authority.ReopenAccount, "The account is open: its tokens work again."
	}
	return func(ctx context.Context, v *visit) (answer, error) {
		f, err := readForm(v)
		if err != nil {
			return answer{}, err
		}
		account, stops, err := s.accountToSwitch(ctx, v)
		if err != nil {
			return answer{}, err
		}
		_, err = do(ctx, v.caller, v.account)
		return outcome(err, f, v.at("/settings"), done, func() templ.Component { return closeAccountPage(v, account, f, stops, deed) })
	}
}
