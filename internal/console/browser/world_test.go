package browser

import (
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// world is a server with people and things on it, such as a busy instance has.
type world struct {
	*keywrighttest.Server
	t      testing.TB
	ahead  atomic.Int64       // of the clock
	people map[string]*person // at their browsers, by name
	names  map[string]string  // what a path says in braces, and what that is
}

// password is everybody's.
const password = "a long enough password"

// newWorld has the accounts default, with things of every kind in every state, and quiet and busy, with nothing. Besides the operator
// there are rita, who reads the space team of default, tess, the admin of quiet, and dora, who is disabled.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, people: map[string]*person{}, names: map[string]string{}}
	// Nobody listens where webhooks go, so that deliveries fail and are to be seen.
	w.Server = keywrighttest.New(t, keywrighttest.WithWebhooksTo(netip.MustParsePrefix("127.0.0.0/8")), keywrighttest.WithClock(func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }))
	w.tenants()
	w.tokens()
	w.audience()
	w.webhook()
	w.events()
	return w
}

func (w *world) tenants() {
	w.t.Helper()
	ctx, c := w.t.Context(), w.Client
	_, err := c.CreateAccount(ctx, "quiet", "The quiet ones")
	must(w.t, err)
	_, err = c.CreateSpace(ctx, "default", "team", "The team")
	must(w.t, err)
	_, err = c.CreateAccount(ctx, "busy", "The busy ones")
	must(w.t, err)
	w.user("quiet", "tess", keywright.Role{Name: "admin"})
	w.user("default", "rita", keywright.Role{Name: "reader", Space: "team"})
	w.user("default", "dora", keywright.Role{Name: "auditor"})
	_, err = c.DisableUser(ctx, "dora", keywright.Offboarding{Tokens: "end"})
	must(w.t, err)
	_, err = c.CreateSpace(ctx, "default", "attic", "The attic")
	must(w.t, err)
	_, err = c.CloseSpace(ctx, "default", "attic")
	must(w.t, err)
	_, err = c.Invite(ctx, "default", keywright.NewInvite{Username: "ivan", Role: keywright.Role{Name: "manager", Space: "team"}})
	must(w.t, err)
}

func (w *world) user(account, name string, role keywright.Role) {
	w.t.Helper()
	_, err := w.Client.CreateUser(w.t.Context(), account, keywright.NewUser{
		Username: name, Email: name + "@example.com", Password: keywright.NewSecret(password), Role: role,
	})
	must(w.t, err)
}

// person is somebody by name, signed in; stranger is not.
func (w *world) person(name string) *person {
	w.t.Helper()
	if p, ok := w.people[name]; ok {
		return p
	}
	p := newPerson(w.t, w.URL)
	switch name {
	case "stranger":
	case "operator":
		p.signIn(keywrighttest.AdminUsername, keywrighttest.AdminPassword)
	default:
		p.signIn(name, password)
	}
	w.people[name] = p
	return p
}

// tokens makes one in each state.
func (w *world) tokens() {
	w.t.Helper()
	ctx, c := w.t.Context(), w.Client
	scopes := []string{"invoices:read", "invoices:write", "orders:*", "table://my.app.**", "reports:read"}
	used := w.token("used", keywright.NewToken{Label: "billing export", Scopes: scopes, Metadata: map[string]string{"team": "billing"}})
	_, err := w.ClientFor(used).Verify(ctx, keywright.VerifyRequest{Scopes: []string{"invoices:read"}})
	must(w.t, err)
	narrower := scopes[1:]
	_, err = c.EditToken(ctx, used.Token.ID, keywright.EditToken{Scopes: &narrower})
	must(w.t, err)
	_, err = c.RotateToken(ctx, w.token("rotating", keywright.NewToken{Label: "shop", Scopes: scopes[:1]}).Token.ID, nil, "")
	must(w.t, err)
	_, err = c.DisableToken(ctx, w.token("disabled", keywright.NewToken{Label: "old importer", Scopes: scopes[:2]}).Token.ID)
	must(w.t, err)
	_, err = c.RevokeToken(ctx, w.token("revoked", keywright.NewToken{Label: "leaked", Scopes: scopes[:2]}).Token.ID, "found in a public repository")
	must(w.t, err)
	w.token("space", keywright.NewToken{Label: "team robot", Kind: keywright.KindSpace, Space: "team", Scopes: scopes[:1]})
	w.token("expired", keywright.NewToken{Label: "trial", Scopes: scopes[:1], ExpiresIn: 60})
	w.ahead.Store(int64(2 * time.Minute))

	parent := w.ClientFor(w.token("parent", keywright.NewToken{Label: "provisioner", Scopes: []string{"**", "keywright:tokens:*"}}))
	child, err := parent.CreateToken(ctx, keywright.NewToken{Label: "tenant 1", Scopes: []string{"data:*", "keywright:tokens:write"}}, "")
	must(w.t, err)
	_, err = w.ClientFor(child).CreateToken(ctx, keywright.NewToken{Label: "device 1", Scopes: []string{"data:read"}}, "")
	must(w.t, err)
}

// thousand fills the account busy.
func (w *world) thousand() {
	w.t.Helper()
	tokens := make([]keywright.NewToken, 1000)
	for i := range tokens {
		tokens[i] = keywright.NewToken{Account: "busy", Scopes: []string{"a:read", "b:read", "c:read", "d:read"}[:i%5]}
	}
	_, err := w.Client.CreateTokens(w.t.Context(), tokens, "")
	must(w.t, err)
}

func (w *world) token(name string, token keywright.NewToken) keywright.Issued {
	w.t.Helper()
	issued := w.Issue(w.t, token)
	w.names[name] = issued.Token.ID.String()
	return issued
}

func (w *world) audience() {
	w.t.Helper()
	_, err := w.Client.SetAudience(w.t.Context(), "default", "shop", keywright.NewAudience{Description: "The shop's API", Scopes: []keywright.CatalogueEntry{
		{Name: "orders:read", Group: "Orders", Description: "See orders"}, {Name: "orders:refund", Group: "Orders", Implies: []string{"orders:read"}}, {Name: "stock:read", Group: "Stock"},
	}})
	must(w.t, err)
}

func (w *world) webhook() {
	w.t.Helper()
	made, err := w.Client.CreateWebhook(w.t.Context(), "default", keywright.NewWebhook{URL: "https://127.0.0.1:1024/keywright", Events: []string{"token.*"}, Description: "The office"})
	must(w.t, err)
	w.names["webhook"] = made.Webhook.ID.String()
	_, err = w.Client.TestWebhook(w.t.Context(), "default", made.Webhook.ID)
	must(w.t, err)
}

// events finds those that are worth a look.
func (w *world) events() {
	w.t.Helper()
	for _, action := range []string{"token.edit", "token.revoke", "session.begin"} {
		page, err := w.Client.Events(w.t.Context(), keywright.EventQuery{EventFilter: keywright.EventFilter{All: true, Action: action}, ListQuery: keywright.ListQuery{Limit: 1}})
		must(w.t, err)
		if len(page.Items) == 0 {
			w.t.Fatalf("no event %s", action)
		}
		w.names[action] = strconv.FormatInt(page.Items[0].Seq, 10)
	}
}

// path fills in what a path names in braces.
func (w *world) path(path string) string {
	for name, is := range w.names {
		path = strings.ReplaceAll(path, "{"+name+"}", is)
	}
	return path
}
