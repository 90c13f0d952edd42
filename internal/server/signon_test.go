package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func TestSingleSignOnSettings(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := SSO{Issuer: "https://id.example", ClientID: "kw", ClientSecretFile: secret, Roles: []string{"a=operator"}}
	provider, rules, err := whole.read("https://keys.example", time.Now)
	if err != nil || provider.ClientSecret.Reveal() != "s3cret" || len(rules.Roles) != 1 || provider.GroupsClaim != "groups" {
		t.Errorf("%+v, %+v, %v", provider, rules, err)
	}
	if provider, _, err := (SSO{}).read("http://keys.example", time.Now); provider != nil || err != nil {
		t.Errorf("none: %v, %v", provider, err)
	}
	for says, change := range map[string]func(*SSO){
		"the issuer is missing":    func(c *SSO) { c.Issuer = "" },
		"the client id is missing": func(c *SSO) { c.ClientID = "" },
		"must be an https URL":     func(c *SSO) { c.Issuer = "http://id.example" },
		"without query":            func(c *SSO) { c.Issuer = "https://id.example?x" },
		`the role "a=admin"`:       func(c *SSO) { c.Roles = []string{"b=operator", "a=admin"} },
		"given twice":              func(c *SSO) { c.ClientSecret = keywright.NewSecret("s") },
		"no such file":             func(c *SSO) { c.ClientSecretFile = secret + "s" },
	} {
		c := whole
		change(&c)
		if _, _, err := c.read("https://keys.example", time.Now); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
	for base, ok := range map[string]bool{
		"https://keys.example": true, "http://127.0.0.1:8080": true, "http://[::1]:1": true, "http://localhost:1": true,
		"http://keys.example": false, "http://10.0.0.1": false,
	} {
		if _, _, err := whole.read(base, time.Now); (err == nil) != ok {
			t.Errorf("%s: %v", base, err)
		}
	}
	if _, _, err := (SSO{NoPasswords: true}).read("https://keys.example", time.Now); err == nil {
		t.Error("nobody could sign in")
	}
}
