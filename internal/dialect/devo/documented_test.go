package devo_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// TestDocumentedScript runs the bash script that Devo's documentation has for its token operations, with nothing but its four
// variables set: twice, since names need not be unique. It needs bash and curl, and is skipped without them, unless
// KEYWRIGHT_TEST_ALL says that nothing may be.
func TestDocumentedScript(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("KEYWRIGHT_TEST_ALL") == "" {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	keys := keywrighttest.New(t)
	audiences := []string{"aggregations", "apiv2", "apiv2-admin", "alerts", "http"}
	manager := keys.Issue(t, keywright.NewToken{
		Lifetime: keywright.LifetimePermanent,
		Scopes:   []string{"keywright:tokens:read", "keywright:tokens:write", "table://**", "level://*"},
		Audience: append(slices.Clone(audiences), keywright.ManagementAudience),
	})
	script := withVariables(t, filepath.Join("testdata", "create_tokens.sh"), map[string]string{
		"token": manager.APIKey.Reveal(), "base_url": keys.URL, "domain": "default", "user": "admin@localhost",
	})
	seen := map[string]bool{manager.APIKey.Reveal(): true}
	for range 2 {
		made := run(t, script)
		if len(made) != 6 {
			t.Fatalf("%d keys were printed, want 6", len(made))
		}
		for i, key := range made {
			if seen[key] {
				t.Error("a key was given twice")
			}
			seen[key] = true
			audience := []string{"aggregations", "apiv2", "apiv2-admin", "alerts", "http", "http"}[i]
			table := "table://my.app.test.tokenapi"
			if i == 5 {
				table = "table://any.thing.at.all"
			}
			holds(t, keys.Client, key, audience, table)
		}
	}
	listed, err := keys.Client.Tokens(t.Context(), keywright.TokenQuery{Limit: 200})
	if err != nil || len(listed.Items) != 13 {
		t.Errorf("%d tokens are listed, %v; want the twelve and the one that made them", len(listed.Items), err)
	}
}

// withVariables is the script with other values of the variables that it begins with.
func withVariables(t *testing.T, path string, values map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	script := string(text)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		line := regexp.MustCompile(`(?m)^` + name + `=".*"$`)
		if n := len(line.FindAllString(script, -1)); n != 1 {
			t.Fatalf("the script sets %s %d times", name, n)
		}
		script = line.ReplaceAllLiteralString(script, name+`="`+values[name]+`"`)
	}
	return script
}

var printedKey = regexp.MustCompile(`"token":"(kw_[0-9A-Za-z]{71})"`)

// run runs the script, all of whose requests must be answered by 200, and returns the keys that were printed.
func run(t *testing.T, script string) (keys []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	bash := exec.CommandContext(ctx, "bash")
	bash.Stdin = strings.NewReader(script)
	var complaints strings.Builder
	bash.Stderr = &complaints
	out, err := bash.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	if n := strings.Count(string(out), "HTTP/1.1 200 OK"); n != 6 {
		t.Fatalf("%d of 6 requests were answered by 200:\n%s", n, out)
	}
	for _, found := range printedKey.FindAllStringSubmatch(string(out), -1) {
		keys = append(keys, found[1])
	}
	return keys
}

// holds checks that a key is good for its audience and a table of its scopes, and for no other audience.
func holds(t *testing.T, admin *keywright.Client, key, audience, table string) {
	t.Helper()
	for asked, want := range map[string]bool{audience: true, "console": false} {
		v, err := admin.Verify(t.Context(), keywright.VerifyRequest{
			Token: key, Audience: asked, Scopes: []string{table, "level://admin"},
		})
		if err != nil || v.Valid != want {
			t.Errorf("at %s: %t (%s), %v", asked, v.Valid, v.Reason, err)
		}
	}
}
