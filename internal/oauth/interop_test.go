package oauth_test

// Clients written by others judge the doors: golang.org/x/oauth2, and, from npm, oauth4webapi and openid-client.

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

func TestGoClient(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	c := clientOf(keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:read", "invoices:write"}, Audience: []string{"https://api.example"}}))
	for name, style := range map[string]oauth2.AuthStyle{
		"auto": oauth2.AuthStyleAutoDetect, "header": oauth2.AuthStyleInHeader, "params": oauth2.AuthStyleInParams,
	} {
		t.Run(name, func(t *testing.T) {
			config := clientcredentials.Config{
				ClientID: c.id, ClientSecret: c.secret, TokenURL: keys.URL + tokenPath, AuthStyle: style, Scopes: []string{"invoices:write"},
				EndpointParams: url.Values{"resource": {"https://api.example"}},
			}
			token, err := config.Token(t.Context())
			must(t, err)
			if token.Type() != "Bearer" || token.Extra("scope") != "invoices:write" || token.RefreshToken != "" || time.Until(token.Expiry) <= 0 {
				t.Errorf("got %s, scope %v, until %s", token.Type(), token.Extra("scope"), token.Expiry)
			}
			config.ClientSecret = c.id
			if _, err := config.Token(t.Context()); err == nil {
				t.Error("a wrong secret got a token")
			}
		})
	}
}

// TestNodeClients runs testdata/npm/*.mjs. make test installs what they need
// (npm ci); without it they are skipped, unless KEYWRIGHT_TEST_ALL says that nothing may be.
func TestNodeClients(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("testdata", "npm")
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules"))
	}
	if err != nil {
		if os.Getenv("KEYWRIGHT_TEST_ALL") != "" {
			t.Fatalf("KEYWRIGHT_TEST_ALL is set: %v; run npm ci in internal/oauth/%s", err, folder)
		}
		t.Skipf("%v; run npm ci in internal/oauth/%s", err, folder)
	}
	for _, script := range []string{"oauth4webapi.mjs", "openid-client.mjs"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			keys := keywrighttest.New(t)
			runNode(t, node, filepath.Join(folder, script), keys.URL, clientOf(keys.Issue(t, forNode)))
		})
		t.Run(script+" with a path in the issuer", func(t *testing.T) {
			t.Parallel()
			in := start(t, "/tenant1")
			runNode(t, node, filepath.Join(folder, script), in.url+"/tenant1", in.issue(forNode))
		})
	}
}

// forNode is the token with which the scripts work.
var forNode = keywright.NewToken{Scopes: []string{"invoices:read", "invoices:write", "keywright:tokens:verify"}}

func runNode(t *testing.T, node, script, issuer string, c client) {
	t.Helper()
	stdin, err := json.Marshal(map[string]any{
		"issuer": issuer, "client_id": c.id, "client_secret": c.secret, "api_key": c.key, "audience": issuer, "scopes": forNode.Scopes,
	})
	must(t, err)
	command := exec.CommandContext(t.Context(), node, filepath.Base(script))
	command.Dir = filepath.Dir(script)
	command.Stdin = bytes.NewReader(stdin)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}
