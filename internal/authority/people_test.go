package authority

import (
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	child := w.issue(w.as("root"), keywright.NewToken{Account: "acme", Scopes: []string{"keywright:accounts:write"}})
	w.trail()
	for _, test := range []struct {
		name    string
		caller  Caller
		account string
		err     error
		says    string
	}{
		{"operator", w.as("root"), "fresh", nil, ""},
		{"operator makes a child", w.as("root"), "dev@acme", nil, ""},
		{"token makes a child of its account", w.by(child), "test@acme", nil, ""},
		{"token makes another", w.by(child), "free", keywright.ErrForbidden, "operator"},
		{"token makes another's child", w.by(child), "test@other", keywright.ErrForbidden, "operator"},
		{"admin", w.as("ada"), "more", keywright.ErrForbidden, "operator"},
		{"there already", w.as("root"), "acme", keywright.ErrConflict, "exists"},
		{"parent missing", w.as("root"), "x@nowhere", keywright.ErrInvalid, "/name"},
		{"no slug", w.as("root"), "Acme Inc", keywright.ErrInvalid, "/name"},
		{"grandchild", w.as("root"), "a@b@acme", keywright.ErrInvalid, "/name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.a.CreateAccount(t.Context(), test.caller, test.account, "")
			wantErr(t, err, test.err, test.says)
			if err != nil {
				w.wantTrail()
				return
			}
			w.wantTrail("account.create", "space.create")
		})
	}
	// An admin's say extends to the child accounts, and to nobody else's.
	page, err := w.a.Accounts(t.Context(), w.as("ada"), ListQuery{Limit: 2})
	w.must(err)
	rest, err := w.a.Accounts(t.Context(), w.as("ada"), ListQuery{Limit: 2, Cursor: page.Next})
	w.must(err)
	var names []string
	for _, a := range slices.Concat(page.Items, rest.Items) {
		names = append(names, a.Name)
	}
	if got := strings.Join(names, " "); got != "acme dev@acme test@acme" || rest.Next != "" {
		t.Errorf("accounts %s", got)
	}
	_, err = w.a.Account(t.Context(), w.as("ada"), "other")
	wantErr(t, err, keywright.ErrNotFound, "account not found")
	_, err = w.a.Account(t.Context(), w.as("ada"), "nowhere")
	wantErr(t, err, keywright.ErrNotFound, "account not found")
}

func TestSetPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		name   string
		caller Caller
		change func(*keywright.Policy)
		err    error
		says   string
	}{
		{"admin", w.as("ada"), func(p *keywright.Policy) { p.MaxPermanent = 1 }, nil, ""},
		{"auditor", w.as("audi"), func(*keywright.Policy) {}, keywright.ErrForbidden, ""},
		{"another tenant", w.as("otto"), func(*keywright.Policy) {}, keywright.ErrNotFound, ""},
		{"negative", w.as("ada"), func(p *keywright.Policy) { p.MaxLifetime = -1 }, keywright.ErrInvalid, "/max_lifetime"},
		{"beyond a century", w.as("ada"), func(p *keywright.Policy) { p.MaxOverlap = 1 << 62 }, keywright.ErrInvalid, "/max_overlap"},
		{"default beyond maximum", w.as("ada"), func(p *keywright.Policy) { p.MaxLifetime = 1 }, keywright.ErrInvalid, "/default_lifetime"},
		{"no limit is -1", w.as("ada"), func(p *keywright.Policy) { p.MaxTokens = -2 }, keywright.ErrInvalid, "/max_tokens"},
		{"expiry required of none", w.as("ada"), func(p *keywright.Policy) { p.ExpiryRequired, p.DefaultLifetime = true, 0 }, keywright.ErrInvalid, "/default_lifetime"},
		{"scope", w.as("ada"), func(p *keywright.Policy) { p.AllowedScopes = []string{"a b"} }, keywright.ErrInvalid, "/allowed_scopes/0"},
		{"network", w.as("ada"), func(p *keywright.Policy) { p.AllowedCIDRs = []string{"10.1.0.0/8"} }, keywright.ErrInvalid, "/allowed_cidrs/0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := keywright.DefaultPolicy()
			test.change(&policy)
			_, err := w.a.SetPolicy(t.Context(), test.caller, "acme", keywright.NewPolicy{Policy: policy})
			wantErr(t, err, test.err, test.says)
			if err != nil {
				w.wantTrail()
				return
			}
			events := w.events()
			if len(events) != 1 || events[0].Action != "account.policy" || events[0].Revision == 0 || len(events[0].After) != 1 {
				t.Errorf("events %+v", events)
			}
		})
	}
}

func TestSpaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.a.CreateSpace(t.Context(), w.as("ada"), "", "ci", "Builds")
	w.must(err)
	w.wantTrail("space.create")
	for name, want := range map[string]error{"ci": keywright.ErrConflict, "No": keywright.ErrInvalid, "": keywright.ErrInvalid} {
		_, err := w.a.CreateSpace(t.Context(), w.as("ada"), "", name, "")
		wantErr(t, err, want, "")
	}
	_, err = w.a.CreateSpace(t.Context(), w.as("olga"), "acme", "more", "")
	wantErr(t, err, keywright.ErrForbidden, "")
	_, err = w.a.CreateSpace(t.Context(), w.as("otto"), "acme", "more", "")
	wantErr(t, err, keywright.ErrNotFound, "")
	for who, want := range map[string]string{"ada": "ci default lab", "rita": "lab", "audi": "ci default lab"} {
		page, err := w.a.Spaces(t.Context(), w.as(who), "", ListQuery{})
		w.must(err)
		var names []string
		for _, s := range page.Items {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s sees %q", who, got)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := keywright.Role{Name: "operator"}
	admin := keywright.Role{Name: "admin", Account: "acme"}
	reader := keywright.Role{Name: "reader", Account: "acme", Space: "lab"}
	owner := keywright.Role{Name: "owner", Account: "acme", Space: "lab"}
	w.policy(func(p *keywright.Policy) { p.MaxPermanent = -1 })
	token := func(change func(*keywright.NewToken), scopes ...string) Caller {
		req := scopesGranted(append(scopes, "keywright:members:write", "keywright:tokens:read", "keywright:spaces:read")...)
		req.Lifetime = keywright.LifetimePermanent
		change(&req)
		return w.by(w.issue(w.as("ada"), req))
	}
	members := token(func(*keywright.NewToken) {})
	everything := []string{"**", "keywright:tokens:*", "keywright:spaces:*", "keywright:members:*"}
	dated := token(func(req *keywright.NewToken) { req.Lifetime = "" }, everything...)
	here := token(func(req *keywright.NewToken) { req.AllowedCIDRs = []string{"192.0.2.0/24"} }, everything...)
	unheard := token(func(*keywright.NewToken) {}, everything...)
	heard := token(func(req *keywright.NewToken) { req.Audience = []string{"http", "keywright"} }, everything...)
	w.trail()
	for _, test := range []struct {
		name   string
		caller Caller
		user   string
		role   keywright.Role
		err    error
		says   string
	}{
		{"admin makes an auditor", w.as("ada"), "rita", keywright.Role{Name: "auditor"}, nil, ""},
		{"owner makes an owner", w.as("olga"), "rita", owner, nil, ""},
		{"token gives what it has", members, "audi", reader, nil, ""},
		{"operator makes an operator", w.as("root"), "otto", operator, nil, ""},

		{"twice", w.as("ada"), "rita", owner, keywright.ErrConflict, "exists"},
		{"token gives more than it has", members, "audi", owner, keywright.ErrForbidden, "owner"},
		{"token with an end gives what has none", dated, "mel", reader, keywright.ErrForbidden, "no end"},
		{"token of some networks gives what is used anywhere", here, "mel", reader, keywright.ErrForbidden, "anywhere"},
		{"token for no audience gives any", unheard, "mel", owner, keywright.ErrForbidden, "any audience"},
		{"token for some audiences gives any", heard, "mel", owner, keywright.ErrForbidden, "any audience"},
		{"token for some audiences gives what makes no tokens", heard, "olga", reader, nil, ""},
		{"token makes an operator", members, "ada", operator, keywright.ErrForbidden, "operator"},
		{"admin makes an operator", w.as("ada"), "ada", operator, keywright.ErrForbidden, "for operators"},
		{"owner of a space makes an admin", w.as("olga"), "olga", admin, keywright.ErrForbidden, ""},
		{"manager has no say over members", w.as("mel"), "rita", reader, keywright.ErrForbidden, ""},
		{"another tenant's user", w.as("ada"), "root", reader, keywright.ErrNotFound, "user not found"},
		{"nobody", w.as("ada"), "nobody", reader, keywright.ErrNotFound, "user not found"},
		{"another tenant's account", w.as("ada"), "rita", keywright.Role{Name: "admin", Account: "other"}, keywright.ErrNotFound, ""},
		{"unknown role", w.as("ada"), "rita", keywright.Role{Name: "king"}, keywright.ErrInvalid, "/role"},
		{"operator of an account", w.as("root"), "rita", keywright.Role{Name: "operator", Account: "acme"}, keywright.ErrInvalid, "/role"},
		{"admin of a space", w.as("ada"), "rita", keywright.Role{Name: "admin", Account: "acme", Space: "lab"}, keywright.ErrInvalid, "/space"},
		{"no such space", w.as("ada"), "rita", keywright.Role{Name: "reader", Account: "acme", Space: "nowhere"}, keywright.ErrNotFound, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.a.GrantRole(t.Context(), test.caller, test.user, test.role)
			wantErr(t, err, test.err, test.says)
			if err != nil {
				w.wantTrail()
				return
			}
			w.wantTrail("role.grant")
		})
	}

	_, err := w.a.DropRole(t.Context(), w.as("root"), "root", operator)
	wantErr(t, err, keywright.ErrConflict, "own role")
	_, err = w.a.DropRole(t.Context(), w.as("ada"), "olga", keywright.Role{Name: "manager", Account: "acme", Space: "lab"})
	wantErr(t, err, keywright.ErrNotFound, "")
	w.wantTrail()
	// A role that is dropped is dropped for the very next call.
	_, err = w.a.DropRole(t.Context(), w.as("ada"), "mel", keywright.Role{Name: "manager", Account: "acme", Space: "lab"})
	w.must(err)
	w.wantTrail("role.drop")
	_, err = w.a.Issue(t.Context(), w.as("mel"), keywright.NewToken{Account: "acme", Space: "lab"}, "")
	wantErr(t, err, keywright.ErrNotFound, "")
}

func TestUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req := NewUser{
		Username: "nina",
		Email:    "nina@example.com",
		Password: keywright.NewSecret("correct horse battery"),
		Role:     keywright.Role{Name: "manager", Space: "lab"},
	}
	nina, err := w.a.CreateUser(t.Context(), w.as("ada"), req)
	w.must(err)
	if nina.Number == 0 || len(nina.Roles) != 1 || nina.Roles[0] != (keywright.Role{Name: "manager", Account: "acme", Space: "lab"}) {
		t.Errorf("user %+v", nina)
	}
	for _, e := range w.events() {
		if e.Action != "user.create" && e.Action != "role.grant" || e.Actor != "user:ada" || e.Account != "acme" {
			t.Errorf("event %+v", e)
		}
	}
	for name, test := range map[string]struct {
		by    string
		spoil func(*NewUser)
		err   error
		says  string
	}{
		"there already":   {"ada", func(*NewUser) {}, keywright.ErrConflict, "exists"},
		"mail taken":      {"ada", func(u *NewUser) { u.Username = "nora" }, keywright.ErrConflict, "exists"},
		"odd name":        {"ada", func(u *NewUser) { u.Username = "a b" }, keywright.ErrInvalid, "/username"},
		"no name":         {"ada", func(u *NewUser) { u.Username = "" }, keywright.ErrInvalid, "/username"},
		"no mail address": {"ada", func(u *NewUser) { u.Email = "nina" }, keywright.ErrInvalid, "/email"},
		"bad password":    {"ada", func(u *NewUser) { u.Username, u.Password = "nora", keywright.NewSecret("a") }, keywright.ErrInvalid, "password"},
		"owner of space":  {"olga", func(u *NewUser) { u.Username = "nora" }, keywright.ErrForbidden, ""},
		"operator by ada": {"ada", func(u *NewUser) { u.Username, u.Role = "nora", keywright.Role{Name: "operator"} }, keywright.ErrNotFound, ""},
		"another tenant":  {"otto", func(u *NewUser) { u.Role.Account = "acme" }, keywright.ErrNotFound, ""},
	} {
		bad := req
		test.spoil(&bad)
		_, err := w.a.CreateUser(t.Context(), w.as(test.by), bad)
		t.Run(name, func(t *testing.T) {
			wantErr(t, err, test.err, test.says)
			w.wantTrail()
		})
	}
	page, err := w.a.Users(t.Context(), w.as("audi"), "", ListQuery{})
	w.must(err)
	var names []string
	for _, u := range page.Items {
		names = append(names, u.Username)
	}
	if got := strings.Join(names, " "); got != "ada audi mel nina olga rita" {
		t.Errorf("users %s", got)
	}
}

func TestWhoami(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	olga, err := w.a.Whoami(t.Context(), w.as("olga"))
	w.must(err)
	if olga.User != "olga" || olga.Account != "acme" || olga.TokenID != nil || len(olga.Roles) != 1 {
		t.Errorf("%+v", olga)
	}
	issued := w.issue(w.as("olga"), keywright.NewToken{Space: "lab", Scopes: []string{"a:b"}})
	token, err := w.a.Whoami(t.Context(), w.by(issued))
	w.must(err)
	if token.User != "olga" || *token.TokenID != issued.Token.ID || token.Space != "lab" || len(token.Scopes) != 1 {
		t.Errorf("%+v", token)
	}
	_, err = w.a.Whoami(t.Context(), Caller{})
	wantErr(t, err, keywright.ErrUnauthenticated, "")
}

// A token that is for others, or from elsewhere, is not usable at the management API, whatever the cause.
func TestUnusableCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	full := []string{"keywright:tokens:read"}
	for name, req := range map[string]keywright.NewToken{
		"audience": {Scopes: full, Audience: []string{"http"}},
		"network":  {Scopes: full, AllowedCIDRs: []string{"10.0.0.0/8"}},
		"not yet":  {Scopes: full, NotBefore: "2030-03-02"},
		"revoked":  {Scopes: full, Label: "revoke"},
		"disabled": {Scopes: full, Label: "disable"},
		"deleted":  {Scopes: full, Label: "delete"},
	} {
		issued := w.issue(w.as("ada"), req)
		switch req.Label {
		case "revoke":
			w.must(second(w.a.Revoke(t.Context(), w.as("ada"), issued.Token.ID, "")))
		case "disable":
			w.must(second(w.a.Disable(t.Context(), w.as("ada"), issued.Token.ID)))
		case "delete":
			w.must(second(w.a.Delete(t.Context(), w.as("ada"), issued.Token.ID)))
		}
		_, err := w.a.Whoami(t.Context(), w.by(issued))
		t.Run(name, func(t *testing.T) { wantErr(t, err, keywright.ErrUnauthenticated, "") })
	}
}

func TestTrail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue(w.as("ada"), keywright.NewToken{})
	lab := w.issue(w.as("olga"), keywright.NewToken{Space: "lab"})
	w.must(second(w.a.Revoke(t.Context(), w.as("olga"), lab.Token.ID, "done")))
	subject := "token:" + lab.Token.ID.String()
	for _, test := range []struct {
		name string
		by   string
		q    EventQuery
		want string
		err  error
	}{
		{"of a token", "audi", EventQuery{EventFilter: EventFilter{Subject: subject}}, "token.revoke token.create", nil},
		{"of an action", "ada", EventQuery{EventFilter: EventFilter{Action: "token.create"}}, "token.create token.create", nil},
		{"of a kind of action", "ada", EventQuery{EventFilter: EventFilter{Action: "token."}}, "token.revoke token.create token.create", nil},
		{"not for a reader", "rita", EventQuery{}, "", keywright.ErrForbidden},
		{"not for another tenant", "otto", EventQuery{EventFilter: EventFilter{Account: "acme"}}, "", keywright.ErrNotFound},
		{"bad cursor", "ada", EventQuery{ListQuery: ListQuery{Cursor: "x"}}, "", keywright.ErrMalformedCursor},
	} {
		t.Run(test.name, func(t *testing.T) {
			var told []string
			test.q.Limit = 1
			for {
				page, err := w.a.Events(t.Context(), w.as(test.by), test.q)
				wantErr(t, err, test.err, "")
				for _, e := range page.Items {
					told = append(told, e.Action)
				}
				if test.q.Cursor = page.Next; page.Next == "" {
					break
				}
			}
			if got := strings.Join(told, " "); got != test.want {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}
