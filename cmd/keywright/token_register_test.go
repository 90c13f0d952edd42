package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// The words of Meerschaum's register token and edit tokens: what is asked, what is printed, what is left.
func TestMeerschaumsWords(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	credentials := `(?s)^Write down the client secret, because it won't be shown again\.\n\n` +
		`Client ID: +[0-9a-f-]{36}\nClient Secret: +[0-9A-Za-z]{43}\nExpiration: +%\nAPI Key: +kw_[0-9A-Za-z]{71}\n$`
	year := time.Now().UTC().AddDate(0, 0, 366).Format("2006-01-02") + " 00:00:00 UTC"
	for _, tt := range []struct {
		name  string
		args  []string
		typed string
		code  int
		asks  string // on the error stream
		says  string // on the output; a regular expression
	}{
		{"asked for owner and scopes", []string{"register", "token", "--name", "first"}, "\npipes:read jobs:read\n", 0,
			"Owner [admin]: Scopes, divided by spaces (empty: no access): ", strings.Replace(credentials, "%", year, 1)},
		{"another owner", []string{"register", "token", "--scopes", "pipes:read"}, "nobody\n", exitUsage, "owner", ""},
		{"several words", []string{"register", "token", "--name", "second", "--owner", "admin", "--permanent", "--scopes", "pipes:read", "jobs:read"}, "", 0,
			"", strings.Replace(credentials, "%", `Does not expire\.`, 1)},
		{"so many days", []string{"register", "token", "--ttl-days", "2", "--owner", "admin", "--scopes", "a:b", "--json"}, "", 0, "", `"expires_at":"`},
		{"until a day", []string{"register", "token", "--end", "2099-12-31", "--owner", "admin", "--scopes", "a:b"}, "", 0, "", `2100-01-01 00:00:00 UTC`},
		{"words without a flag", []string{"register", "token", "pipes:read"}, "", exitUsage, "after --scopes", ""},
		{"an end before it begins", []string{"register", "token", "--ttl-days", "-1"}, "", exitUsage, "ttl-days", ""},
		{"two ends", []string{"register", "token", "--ttl-days", "1", "--permanent"}, "", exitUsage, "ttl-days", ""},
		{"nothing changed", []string{"edit", "tokens", "first"}, "\n\n\n\n", 0,
			"Label [first]: Expiration [" + year[:10] + "T00:00:00Z]: Scopes [jobs:read pipes:read]: Invalidate it, for good? [n]: ", `#1 first`},
		{"all changed", []string{"edit", "tokens", "second"}, "renamed\n30d\nnone\nno\n", 0, "Expiration [never]", `(?s)#2 renamed.*none: no access`},
		{"another end", []string{"edit", "tokens", "renamed"}, "\nnever\n\n\n", 0, "", `Expires: +never`},
		{"no end", []string{"edit", "tokens", "renamed"}, "\nsoon\n\n\n", exitUsage, "soon", ""},
		{"by a flag", []string{"edit", "tokens", "renamed", "--label", "third"}, "", 0, "", `#2 third`},
		{"invalidated", []string{"edit", "tokens", "third"}, "\n\n\ny\n", 0, "", `revoked\S* \(invalidated\)`},
	} {
		p := sitDown(t, keys, tt.typed)
		code := p.keywright(t, tt.args...)
		if code != tt.code || !strings.Contains(p.err.String(), tt.asks) || !regexp.MustCompile(tt.says).MatchString(p.out.String()) {
			t.Errorf("%s: exit code %d\n%s\n%s", tt.name, code, p.out.String(), p.err.String())
		}
	}
	want := []string{"token.create", "token.create", "token.create", "token.create", "token.edit", "token.edit", "token.edit", "token.revoke"}
	if got := actions(t, keys); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

// Without a word on it a token lives for a year and a day, or as long as the policy allows.
func TestRegisterWithinPolicy(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	account, err := keys.Client.Account(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	account.Policy.MaxLifetime, account.Policy.DefaultLifetime = 3600, 3600
	if _, err := keys.Client.SetPolicy(t.Context(), "default", keywright.NewPolicy{Policy: account.Policy}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
	}{
		{[]string{"register", "token", "--owner", "admin", "--scopes", "a:b"}, 0},
		{[]string{"register", "token", "--owner", "admin", "--scopes", "a:b", "--ttl-days", "366"}, exitUsage},
	} {
		p := sitDown(t, keys, "")
		if code := p.keywright(t, tt.args...); code != tt.code {
			t.Errorf("%v: exit code %d: %s", tt.args, code, p.err.String())
		}
	}
}
