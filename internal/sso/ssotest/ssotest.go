// Package ssotest runs a real provider of OpenID Connect for a test: oidc-provider, which others have written, under Node.
package ssotest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The client as which Keywright is known to the provider.
const (
	ClientID     = "keywright"
	ClientSecret = "the secret of the client, which nobody must see"
)

// Person is what the provider says of somebody.
type Person struct {
	Email    string   `json:"email,omitempty"`
	Verified bool     `json:"email_verified"`
	Username string   `json:"preferred_username,omitempty"`
	Groups   []string `json:"groups"`
}

// Provider is a running provider. It stops with its test.
type Provider struct {
	Issuer string

	t testing.TB
}

// Start runs a provider at which these people are known, by their subjects, and at which a Keywright at baseURL is a client. make
// test installs what it needs (npm ci); without that the test is skipped, unless KEYWRIGHT_TEST_ALL says that nothing may be.
func Start(t testing.TB, baseURL string, people map[string]Person) *Provider {
	t.Helper()
	folder := folder(t)
	settings, err := json.Marshal(map[string]any{
		"client_id": ClientID, "client_secret": ClientSecret, "redirect_uri": baseURL + "/sso/callback", "people": people,
	})
	must(t, err)
	node := exec.Command("node", "provider.mjs")
	node.Dir = folder
	var log bytes.Buffer
	node.Stderr = &log
	in, err := node.StdinPipe()
	must(t, err)
	out, err := node.StdoutPipe()
	must(t, err)
	must(t, node.Start())
	t.Cleanup(func() {
		_ = in.Close() // at the end of its input it ends
		_ = node.Wait()
	})
	_, err = in.Write(append(settings, '\n'))
	must(t, err)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the provider did not start: %v\n%s", err, log.String())
		}
		if strings.HasPrefix(line, "http://") {
			go func() { _, _ = io.Copy(io.Discard, lines) }()
			return &Provider{Issuer: strings.TrimSpace(line), t: t}
		}
	}
}

// folder is where the provider is installed.
func folder(t testing.TB) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	folder := filepath.Join(filepath.Dir(here), "testdata", "npm")
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules"))
	}
	if err == nil {
		return folder
	}
	const help = "run npm ci in internal/sso/ssotest/testdata/npm"
	if os.Getenv("KEYWRIGHT_TEST_ALL") != "" {
		t.Fatalf("KEYWRIGHT_TEST_ALL is set: %v; %s", err, help)
	}
	t.Skipf("%v; %s", err, help)
	return ""
}

// SignInAs says who sits before the browsers from now on; empty: somebody who cannot sign in.
func (p *Provider) SignInAs(subject string) {
	p.t.Helper()
	var who any
	if subject != "" {
		who = subject
	}
	body, err := json.Marshal(who)
	must(p.t, err)
	res, err := http.Post(p.Issuer+"/sign-in-as", "application/json", bytes.NewReader(body))
	must(p.t, err)
	_ = res.Body.Close()
}

// NewBrowser is a browser of somebody who has not been anywhere: it keeps cookies and goes where it is sent.
func NewBrowser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &http.Client{Jar: jar}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
