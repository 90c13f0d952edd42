package browser

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// demo is a server with four weeks of an invented company's life on it, for pictures. Its clock is that of the company until the
// weeks are over, and then everybody's.
type demo struct {
	*keywrighttest.Server
	t        testing.TB
	back     atomic.Int64 // how far its clock is behind
	random   *rand.Rand
	verifier *keywright.Client // an API that asks about the keys that are presented to it
	callers  []caller
	issued   map[string]keywright.Issued // by label
}

// caller is a program that presents a key.
type caller struct {
	label   string // of its token
	request keywright.VerifyRequest
	hourly  float64 // how often, in a busy hour
}

const demoWeeks = 4 * 7 * 24 * time.Hour

func newDemo(t testing.TB) *demo {
	d := &demo{t: t, random: rand.New(rand.NewPCG(1, 2)), issued: map[string]keywright.Issued{}}
	d.back.Store(int64(demoWeeks))
	d.Server = keywrighttest.New(t, keywrighttest.WithClock(func() time.Time { return time.Now().Add(-time.Duration(d.back.Load())) }))
	d.founded()
	d.began()
	d.until(8 * 24 * time.Hour)
	d.grew()
	d.until(time.Hour)
	d.back.Store(int64(20 * time.Minute))
	d.cleared()
	d.until(0)
	return d
}

// founded makes the company: its people, what it is divided into, and what its APIs can do.
func (d *demo) founded() {
	ctx, c := d.t.Context(), d.Client
	_, err := c.CreateAccount(ctx, "acme", "Acme Retail")
	must(d.t, err)
	for _, space := range [][2]string{{"production", "Production"}, {"staging", "Staging"}, {"analytics", "Analytics"}} {
		_, err = c.CreateSpace(ctx, "acme", space[0], space[1])
		must(d.t, err)
	}
	for name, role := range map[string]keywright.Role{
		"maya": {Name: "admin"}, "jonas": {Name: "auditor"}, "tom": {Name: "manager", Space: "production"},
		"elena": {Name: "owner", Space: "staging"}, "priya": {Name: "manager", Space: "analytics"},
	} {
		_, err = c.CreateUser(ctx, "acme", keywright.NewUser{
			Username: name, Email: name + "@acme.example", Password: keywright.NewSecret(password), Role: role,
		})
		must(d.t, err)
	}
	d.knows("orders", "Orders and stock of every shop", []keywright.CatalogueEntry{
		{Name: "orders:read", Group: "Orders", Description: "See orders and what became of them"},
		{Name: "orders:write", Group: "Orders", Description: "Place and change orders", Implies: []string{"orders:read"}},
		{Name: "orders:refund", Group: "Orders", Description: "Give money back", AdminOnly: true},
		{Name: "stock:read", Group: "Stock", Description: "See what is in stock, by warehouse"},
		{Name: "stock:count", Group: "Stock", Description: "Correct what is in stock"},
	})
	d.knows("billing", "Invoices and payments", []keywright.CatalogueEntry{
		{Name: "invoices:read", Group: "Invoices", Description: "See invoices"},
		{Name: "invoices:write", Group: "Invoices", Description: "Write invoices", Implies: []string{"invoices:read"}},
		{Name: "reports:read", Group: "Reports", Description: "See figures by month"},
	})
}

func (d *demo) knows(audience, description string, scopes []keywright.CatalogueEntry) {
	_, err := d.Client.SetAudience(d.t.Context(), "acme", audience, keywright.NewAudience{Description: description, Scopes: scopes})
	must(d.t, err)
}

// began makes the first tokens.
func (d *demo) began() {
	maya := d.as("maya")
	d.verifier = d.ClientFor(d.made(maya, keywright.NewToken{Label: "Orders API", Scopes: []string{"keywright:tokens:verify"}, Lifetime: "permanent"}))
	d.calls(maya, keywright.NewToken{
		Label: "Storefront", Space: "production", Scopes: []string{"orders:read", "orders:write", "stock:read"}, Audience: []string{"orders"},
		AllowedCIDRs: []string{"203.0.113.0/24"}, ExpiresIn: 365 * 86400, Metadata: map[string]string{"team": "web", "runbook": "wiki/storefront"},
	}, "orders:read", "203.0.113.18", 160)
	d.calls(maya, keywright.NewToken{Label: "Partner feed: Globex", Scopes: []string{"stock:read"}, Audience: []string{"orders"}, ExpiresIn: 38 * 86400}, "stock:read", "198.51.100.7", 35)
	tom := d.as("tom")
	d.calls(tom, keywright.NewToken{Label: "Warehouse scanners", Space: "production", Scopes: []string{"stock:read", "stock:count"}, Audience: []string{"orders"}, ExpiresIn: 90 * 86400}, "stock:count", "203.0.113.140", 60)
	d.calls(tom, keywright.NewToken{Label: "Old importer", Space: "production", Scopes: []string{"orders:write"}, Audience: []string{"orders"}, ExpiresIn: 365 * 86400}, "orders:write", "203.0.113.9", 9)
	d.calls(tom, keywright.NewToken{Label: "Trial of a courier", Space: "production", Scopes: []string{"orders:read"}, Audience: []string{"orders"}, ExpiresIn: 14 * 86400}, "orders:read", "192.0.2.44", 0.3)
	priya := d.as("priya")
	d.calls(priya, keywright.NewToken{Label: "Dashboards", Space: "analytics", Scopes: []string{"reports:read", "invoices:read"}, Audience: []string{"billing"}, ExpiresIn: 36 * 86400}, "reports:read", "203.0.113.77", 22)
	d.made(priya, keywright.NewToken{Label: "Forecast notebook", Space: "analytics", Scopes: []string{"reports:read"}, Audience: []string{"billing"}, ExpiresIn: 365 * 86400})
	d.refused("Dashboards", "billing", "invoices:write", 0.5)
	d.refused("Storefront", "orders", "orders:refund", 1.5)
}

// grew makes those of the weeks that follow.
func (d *demo) grew() {
	elena := d.as("elena")
	d.calls(elena, keywright.NewToken{Label: "CI, end-to-end tests", Space: "staging", Scopes: []string{"**"}, ExpiresIn: 30 * 86400}, "orders:write", "203.0.113.201", 14)
	maya := d.as("maya")
	d.calls(maya, keywright.NewToken{Label: "Billing export", Scopes: []string{"invoices:read", "reports:read"}, Audience: []string{"billing"}, ExpiresIn: 90 * 86400}, "invoices:read", "203.0.113.50", 30)
	tenants := d.made(maya, keywright.NewToken{Label: "Tenant provisioner", Scopes: []string{"orders:**", "keywright:tokens:*"}, ExpiresIn: 180 * 86400})
	for _, shop := range []string{"Shop Oslo", "Shop Lisbon", "Shop Utrecht"} {
		d.calls(d.ClientFor(tenants), keywright.NewToken{Label: shop, Scopes: []string{"orders:read"}, ExpiresIn: 90 * 86400}, "orders:read", "192.0.2.15", 5)
	}
	edit := []string{"stock:read", "orders:read"}
	_, err := maya.EditToken(d.t.Context(), d.issued["Partner feed: Globex"].Token.ID, keywright.EditToken{Scopes: &edit})
	must(d.t, err)
	_, err = maya.DisableToken(d.t.Context(), d.issued["Old importer"].Token.ID)
	must(d.t, err)
}

// cleared is what was done last.
func (d *demo) cleared() {
	d.callers = slices.DeleteFunc(d.callers, func(c caller) bool { return c.label == "Old importer" }) // somebody has noticed
	maya, ctx := d.as("maya"), d.t.Context()
	leaked := d.made(maya, keywright.NewToken{Label: "Deploy script", Scopes: []string{"orders:read"}, ExpiresIn: 90 * 86400})
	_, err := maya.RevokeToken(ctx, leaked.Token.ID, "found in a public repository")
	must(d.t, err)
	_, err = maya.RotateToken(ctx, d.issued["Storefront"].Token.ID, nil, "")
	must(d.t, err)
	_, err = maya.Invite(ctx, "acme", keywright.NewInvite{Username: "sam", Role: keywright.Role{Name: "reader", Space: "production"}})
	must(d.t, err)
}

// as is somebody who has just signed in.
func (d *demo) as(name string) *keywright.Client { return d.SignIn(d.t, name, password) }

func (d *demo) made(by *keywright.Client, token keywright.NewToken) keywright.Issued {
	if token.Account = "acme"; token.Space != "" {
		token.Kind = keywright.KindSpace
	}
	issued, err := by.CreateToken(d.t.Context(), token, "")
	must(d.t, err)
	d.issued[token.Label] = issued
	return issued
}

// calls makes a token that a program uses from then on.
func (d *demo) calls(by *keywright.Client, token keywright.NewToken, scope, address string, hourly float64) {
	request := keywright.VerifyRequest{Token: d.made(by, token).APIKey.Reveal(), Scopes: []string{scope}, Address: address}
	if len(token.Audience) > 0 {
		request.Audience = token.Audience[0]
	}
	d.callers = append(d.callers, caller{token.Label, request, hourly})
}

// refused has a program ask for what its token does not have, from then on.
func (d *demo) refused(label, audience, scope string, hourly float64) {
	for _, c := range d.callers {
		if c.label == label {
			c.request.Scopes, c.request.Audience, c.hourly = []string{scope}, audience, hourly
			d.callers = append(d.callers, c)
		}
	}
}

// until lets time pass, hour by hour, in which keys are presented: by day more than by night, and little at weekends.
func (d *demo) until(ago time.Duration) {
	for back := time.Duration(d.back.Load()); back > ago; {
		back = max(back-time.Hour, ago)
		d.back.Store(int64(back))
		now := time.Now().Add(-back).UTC()
		busy := 0.15
		if now.Hour() >= 6 && now.Hour() < 19 {
			busy = 1 - math.Abs(float64(now.Hour())-12.5)/13
		}
		if now.Weekday() == time.Saturday || now.Weekday() == time.Sunday {
			busy *= 0.4
		}
		var requests []keywright.VerifyRequest
		for _, c := range d.callers {
			for range int(c.hourly*busy*(0.6+0.8*d.random.Float64()) + d.random.Float64()) {
				requests = append(requests, c.request)
			}
		}
		_, err := d.verifier.VerifyBatch(d.t.Context(), requests)
		must(d.t, err)
	}
}
