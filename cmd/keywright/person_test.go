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

// sitDown is a person at a terminal, signed in as the operator; typed is what they will type.
func sitDown(t *testing.T, keys *keywrighttest.Server, typed string) *person {
	t.Helper()
	session, err := keywright.NewClient(keys.URL, "").Login(t.Context(), keywrighttest.AdminUsername, keywright.NewSecret(keywrighttest.AdminPassword))
	if err != nil {
		t.Fatal(err)
	}
	p := newPerson(t, true, typed)
	p.remember(t, "here", savedContext{URL: keys.URL, Username: session.Username, Session: session.Token.Reveal(), ExpiresAt: session.ExpiresAt})
	return p
}

// actions are the events about tokens that a server has, oldest first.
func actions(t *testing.T, keys *keywrighttest.Server) []string {
	t.Helper()
	page, err := keys.Client.Events(t.Context(), keywright.EventQuery{EventFilter: keywright.EventFilter{Action: "token."}, ListQuery: keywright.ListQuery{Limit: maxPage}})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range slices.Backward(page.Items) {
		all = append(all, e.Action)
	}
	return all
}

// At a terminal, questions are asked, the answer is coloured, and what cannot be undone needs a yes.
func TestAtATerminal(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	for _, tt := range []struct {
		name  string
		args  []string
		typed string
		code  int
		asks  string // on the error stream
		says  string // on the output; a regular expression
	}{
		{"asked for what is missing", []string{"token", "create"}, "ci\ninvoices:read invoices:write\n", 0, "Label (empty: a random one): Scopes, divided by spaces", `(?s)#1 ci\n.*will not be shown again`},
		{"not asked for what is given", []string{"token", "create", "--label", "other", "--scope", "a:b"}, "", 0, "", `#2 other`},
		{"not asked in a script", []string{"token", "create", "--json"}, "", 0, "has no scopes", `"label":"[a-z]+-`},
		{"coloured", []string{"token", "list"}, "", 0, "", "\x1b\\[32mactive\x1b\\[0m"},
		{"a no", []string{"token", "revoke", "ci"}, "n\n", exitRefused, "Revoke token #1 ci (last used: never)? This cannot be undone. [y/N]: ", ""},
		{"no answer", []string{"token", "delete", "ci"}, "", exitRefused, "Delete token #1 ci", ""},
		{"another word", []string{"token", "bulk", "delete", "--label", "ci"}, "yo\n", exitRefused, "Delete 1 tokens (label with ci)?", ""},
		{"a yes", []string{"token", "revoke", "ci"}, "y\n", 0, "This cannot be undone", "\x1b\\[31mrevoked\x1b\\[0m"},
		{"a yes before", []string{"token", "delete", "ci", "-y"}, "", 0, "", `Deleted #1 ci`},
	} {
		p := sitDown(t, keys, tt.typed)
		code := p.keywright(t, tt.args...)
		if code != tt.code || !strings.Contains(p.err.String(), tt.asks) || !regexp.MustCompile(tt.says).MatchString(p.out.String()) {
			t.Errorf("%s: exit code %d\n%s\n%s", tt.name, code, p.out.String(), p.err.String())
		}
		if tt.asks == "" && p.err.Len() > 0 {
			t.Errorf("%s: %s", tt.name, p.err.String())
		}
	}
	want := []string{"token.create", "token.create", "token.create", "token.revoke", "token.delete"}
	if got := actions(t, keys); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestNoColour(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		terminal bool
		env      []string
		want     bool
	}{
		{true, nil, true},
		{false, nil, false},
		{true, []string{"NO_COLOR", "1"}, false},
		{true, []string{"NO_COLOR", ""}, true}, // no-color.org: present and not empty
	} {
		p := newPerson(t, tt.terminal, "")
		p.setenv(tt.env...)
		if got := strings.Contains(p.paintState(keywright.StateActive), "\x1b"); got != tt.want {
			t.Errorf("terminal %v, %v: coloured %v", tt.terminal, tt.env, got)
		}
	}
}

// Passwords are typed without echo; a new one twice.
func TestPasswordsAtATerminal(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	const chosen = "a quite different passphrase 7"
	for _, tt := range []struct {
		args      []string
		passwords []string
		code      int
	}{
		{[]string{"user", "password"}, []string{keywrighttest.AdminPassword, chosen, "mistyped passphrase 7"}, exitUsage},
		{[]string{"user", "create", "ada", "--role", "admin", "--email", "ada@example.com"}, []string{chosen, chosen}, 0},
		{[]string{"login", "--url", keys.URL, "--username", "ada"}, []string{chosen}, 0},
		{[]string{"login", "--url", keys.URL, "--username", "ada"}, []string{"wrong"}, exitNotSignedIn},
	} {
		p := sitDown(t, keys, "")
		p.passwords = tt.passwords
		if code := p.keywright(t, tt.args...); code != tt.code || len(p.passwords) > 0 {
			t.Errorf("%v: exit code %d, %d passwords not asked for: %s", tt.args, code, len(p.passwords), p.err.String())
		}
		if said := p.out.String() + p.err.String(); strings.Contains(said, chosen) {
			t.Errorf("%v: the password is shown", tt.args)
		}
	}
}

func TestVerifyAsksForTheKey(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	issued := keys.Issue(t, keywright.NewToken{Label: "api", Scopes: []string{"a:b"}})
	p := sitDown(t, keys, "")
	p.passwords = []string{issued.APIKey.Reveal()}
	if code := p.keywright(t, "verify", "--scope", "a:b"); code != 0 || !strings.HasPrefix(p.out.String(), "\x1b[32mvalid") {
		t.Errorf("exit code %d: %s", code, p.out.String()+p.err.String())
	}
	if strings.Contains(p.out.String()+p.err.String(), issued.APIKey.Reveal()) {
		t.Error("the key is shown")
	}
}

// A bar is drawn for who watches, on the error stream alone.
func TestImportShowsProgress(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	p := sitDown(t, keys, `{"key":"legacy-key-000001","scopes":["a:b"]}`+"\n{\n")
	code := p.keywright(t, "token", "import", "-")
	if code != exitRefused || !strings.Contains(p.err.String(), "\r1 imported, 1 refused") || strings.Contains(p.out.String(), "\r") {
		t.Errorf("exit code %d\n%q\n%q", code, p.out.String(), p.err.String())
	}
	bar := newProgress(p.host, 200)
	bar.read = 100
	p.err.Reset()
	bar.tell(7, 0)
	if want := "\r[###############...............]  50% 7 imported, 0 refused"; p.err.String() != want {
		t.Errorf("%q, want %q", p.err.String(), want)
	}
}

func TestProgressWithNobodyWatching(t *testing.T) {
	t.Parallel()
	p := newPerson(t, false, "")
	bar := newProgress(p.host, 200)
	bar.tell(1, 0)
	bar.finish()
	if p.err.Len() > 0 {
		t.Errorf("%q", p.err.String())
	}
}

// No flag takes a secret: arguments stand in the process list. One may name a file with it.
func TestNoFlagTakesASecret(t *testing.T) {
	t.Parallel()
	secret := regexp.MustCompile(`password|secret|(^|-)(key|token)$`)
	fine := map[string]string{
		"idempotency-key": "worthless without the credential it is bound to",
		"tls-key":         "names a file",

		"sso-client-secret-file": "names a file",
		"key":                    "of audit verify: the public half",
	}
	for _, leaf := range commandLeaves() {
		for _, flag := range leaf.Flags {
			if secret.MatchString(flag.Name) && !strings.HasSuffix(flag.Name, "-file") && !flag.IsBool() && fine[flag.Name] == "" {
				t.Errorf("%s takes --%s", commandPath(leaf), flag.Name)
			}
		}
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		-time.Minute:     "just now", // their clock and ours
		time.Second:      "just now",
		time.Hour - 1:    "59 min ago",
		47 * time.Hour:   "47 h ago",
		72 * time.Hour:   "3 days ago",
		8760 * time.Hour: "365 days ago",
	} {
		at := now.Add(-d)
		if got := ago(now, &at); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := ago(now, nil); got != "never" {
		t.Error(got)
	}
}
