package authority

import (
	"cmp"
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store/sqlstore"
	"github.com/keywright/keywright/internal/store/teststore"
)

// instance is an Authority over a real database with a cache in front of it, a clock that
// stands still until it is told, and its operator.
type instance struct {
	*Authority
	t        testing.TB
	store    *sqlstore.Store
	clock    atomic.Int64 // microseconds
	operator Caller
}

const (
	testIssuer   = "https://keywright.test"
	testMaster   = "kwmk1.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	testPassword = "correct horse battery"
)

var testAddress = netip.MustParseAddr("192.0.2.1")

func newInstance(t testing.TB, change ...func(*Config)) *instance {
	t.Helper()
	db := teststore.Open(t)
	i := &instance{t: t, store: db}
	i.setClock(time.Date(2026, 7, 1, 12, 0, 0, 500_000_000, time.UTC))
	i.Authority = i.open(testMaster, change...)
	if _, err := i.Bootstrap(context.Background(), FirstStart{AdminPassword: keywright.NewSecret(testPassword)}); err != nil {
		t.Fatal(err)
	}
	i.operator = i.login("admin", testPassword)
	return i
}

func (i *instance) open(master string, change ...func(*Config)) *Authority {
	i.t.Helper()
	ring, err := keyring.Parse(master)
	if err != nil {
		i.t.Fatal(err)
	}
	cache := factcache.New(i.store, factcache.Options{})
	cfg := Config{
		Store: i.store, Finder: cache, Forget: cache.Forget, Usage: i.store,
		Keys: ring, Issuer: testIssuer, Now: i.now,
	}
	for _, f := range change {
		f(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		i.t.Fatal(err)
	}
	return a
}

func (i *instance) now() time.Time          { return time.UnixMicro(i.clock.Load()).UTC() }
func (i *instance) setClock(t time.Time)    { i.clock.Store(t.UnixMicro()) }
func (i *instance) advance(d time.Duration) { i.clock.Add(d.Microseconds()) }

func (i *instance) login(name, password string) Caller {
	i.t.Helper()
	s, err := i.Login(context.Background(), Caller{Address: testAddress}, name, keywright.NewSecret(password))
	if err != nil {
		i.t.Fatal(err)
	}
	return i.caller(s.Token.Reveal())
}

func (i *instance) parse(s string) keywright.Credential {
	i.t.Helper()
	c, err := i.ParseCredential(s)
	if err != nil {
		i.t.Fatalf("%q: %v", s, err)
	}
	return c
}

func (i *instance) caller(s string) Caller {
	i.t.Helper()
	return Caller{Credential: i.parse(s), Address: testAddress}
}

// issue makes a token with the scope invoices:* unless told otherwise.
func (i *instance) issue(req keywright.NewToken) keywright.Issued {
	i.t.Helper()
	if req.Scopes == nil {
		req.Scopes = []string{"invoices:*"}
	}
	req.Account = cmp.Or(req.Account, "default")
	made, err := i.Issue(context.Background(), i.operator, req, "")
	if err != nil {
		i.t.Fatal(err)
	}
	return made
}

func (i *instance) grant(key string, req GrantRequest) string {
	i.t.Helper()
	g, err := i.Grant(context.Background(), i.caller(key), req)
	if err != nil {
		i.t.Fatal(err)
	}
	return g.AccessToken.Reveal()
}

func (i *instance) reason(presented string, access keywright.Access) keywright.Reason {
	i.t.Helper()
	v, err := i.Verify(context.Background(), i.parse(presented), access)
	if err != nil {
		i.t.Fatal(err)
	}
	return v.Decision.Reason
}

func access(scopes ...string) keywright.Access {
	set, err := keywright.ParseScopes(scopes...)
	if err != nil {
		panic(err)
	}
	return keywright.Access{Scopes: set, Address: testAddress}
}
