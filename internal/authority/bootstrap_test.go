package authority

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store/teststore"
)

const otherMaster = "kwmk1.IAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func TestFirstStart(t *testing.T) {
	t.Parallel()
	db := teststore.Open(t)
	i := &instance{t: t, store: db}
	i.Authority = i.open(testMaster)
	first, err := i.Bootstrap(t.Context(), FirstStart{AdminEmail: "root@example.org"})
	if err != nil || !first.Created || first.Username != "admin" {
		t.Fatal(first, err)
	}
	password := first.Generated.Reveal()
	if !regexp.MustCompile(`^([0-9a-z]{4}-){7}[0-9a-z]{4}$`).MatchString(password) {
		t.Errorf("generated password of %d characters", len(password))
	}
	self, err := i.Whoami(t.Context(), i.login("root@example.org", password))
	if err != nil || self.User != "admin" || self.Account != "default" {
		t.Errorf("whoami: %+v, %v", self, err)
	}
	again, err := i.Bootstrap(t.Context(), FirstStart{AdminPassword: keywright.NewSecret("something else")})
	if err != nil || again != (FirstStartResult{}) {
		t.Errorf("second start: %+v, %v", again, err)
	}
	for _, action := range []string{"instance.start", "account.create", "space.create", "user.create", "role.grant"} {
		if n := i.events(action); n != 1 {
			t.Errorf("%d events %s, want 1", n, action)
		}
	}
}

func TestFirstStartRefusesBadPassword(t *testing.T) {
	t.Parallel()
	db := teststore.Open(t)
	i := &instance{t: t, store: db}
	i.Authority = i.open(testMaster)
	if _, err := i.Bootstrap(t.Context(), FirstStart{AdminPassword: keywright.NewSecret("short")}); invalidMember(err) != "admin password" {
		t.Fatal(err)
	}
	if first, err := i.Bootstrap(t.Context(), FirstStart{}); err != nil || !first.Created {
		t.Errorf("nothing half done: %+v, %v", first, err)
	}
}

// A database belongs to its master key: with a wrong one nothing would verify, and nobody would know why.
func TestMasterKeyOfTheDatabase(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	key := i.issue(keywright.NewToken{}).APIKey.Reveal()
	token := i.grant(key, GrantRequest{})
	start := func(master string) (*Authority, error) {
		a := i.open(master)
		_, err := a.Bootstrap(context.Background(), FirstStart{})
		return a, err
	}
	if _, err := start(otherMaster); err == nil || !strings.Contains(err.Error(), "another master key") {
		t.Errorf("another key: %v", err)
	}
	grown, err := start(testMaster + "\n" + otherMaster)
	if err != nil {
		t.Fatalf("a ring that has grown: %v", err)
	}
	for _, presented := range []string{key, token} {
		if v, err := grown.Verify(t.Context(), i.parse(presented), access("invoices:read")); err != nil || !v.Allowed() {
			t.Errorf("under the grown ring: %v, %v", v.Decision, err)
		}
	}
	if _, err := start(testMaster); err == nil {
		t.Error("the ring shrank again, and nobody minds")
	}
	if n := i.events("key.add"); n < 1 {
		t.Error("the ring grew without an event")
	}
}

func TestConfigRefused(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	for name, change := range map[string]func(*Config){
		"no store":            func(c *Config) { c.Store = nil },
		"no keys":             func(c *Config) { c.Keys = nil },
		"no issuer":           func(c *Config) { c.Issuer = "" },
		"issuer, no URL":      func(c *Config) { c.Issuer = "keywright" },
		"issuer, query":       func(c *Config) { c.Issuer = "https://a.test/?x=1" },
		"prefix of a session": func(c *Config) { c.Prefix = "kws" },
		"prefix in capitals":  func(c *Config) { c.Prefix = "KW" },
		"access for a day":    func(c *Config) { c.AccessTTL = 25 * longestAccess },
		"signing a minute":    func(c *Config) { c.SigningTTL = publishLead },
		"sessions":            func(c *Config) { c.SessionTTL = -1 },
	} {
		cfg := i.cfg
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
