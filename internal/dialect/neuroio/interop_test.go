package neuroio_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// TestRealClient has NeuroIO's own client from npm, @neuroio/rest-api 4.2.2, do all that it can with tokens. make test
// installs it (npm ci); without it the test is skipped, unless KEYWRIGHT_TEST_ALL says that nothing may be.
func TestRealClient(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("testdata", "npm")
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules"))
	}
	if err != nil {
		if os.Getenv("KEYWRIGHT_TEST_ALL") != "" {
			t.Fatalf("KEYWRIGHT_TEST_ALL is set: %v; run npm ci in internal/dialect/neuroio/%s", err, folder)
		}
		t.Skipf("%v; run npm ci in internal/dialect/neuroio/%s", err, folder)
	}
	keys := keywrighttest.New(t)
	lab, err := keys.Client.CreateSpace(t.Context(), "default", "lab", "")
	if err != nil {
		t.Fatal(err)
	}
	permanent := keys.Issue(t, keywright.NewToken{
		Lifetime: keywright.LifetimePermanent, Scopes: []string{"**", "keywright:tokens:read", "keywright:tokens:write"},
	})
	stdin, err := json.Marshal(map[string]any{
		"url": keys.URL, "username": keywrighttest.AdminUsername, "password": keywrighttest.AdminPassword,
		"token": permanent.APIKey.Reveal(), "space": lab.Number,
	})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), node, "rest-api.mjs")
	command.Dir = folder
	command.Stdin = bytes.NewReader(stdin)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}
