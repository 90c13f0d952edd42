package main

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/sso/ssotest"
	"github.com/keywright/keywright/keywrighttest"
)

// TestLoginBySSO: from the command line through a browser and a real provider, and back.
func TestLoginBySSO(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close() // the provider has to know it before the server is there
	provider := ssotest.Start(t, "http://"+address, map[string]ssotest.Person{
		"s-ada": {Email: "ada@corp.example", Verified: true, Username: "ada", Groups: []string{"devs"}},
	})
	keys := keywrighttest.New(t, func(c *server.Config) {
		c.Listen = address
		c.SSO = server.SSO{
			Issuer: provider.Issuer, ClientID: ssotest.ClientID, ClientSecretFile: writeConfig(t, ssotest.ClientSecret),
			Roles: []string{"devs=manager@default/default"},
		}
	})
	login := func(flags ...string) (*person, int) {
		p := newPerson(t, false, "")
		p.OpenURL = func(address string) error {
			go func() {
				res, err := ssotest.NewBrowser(t).Get(address)
				if err == nil {
					_ = res.Body.Close()
				}
			}()
			return nil
		}
		return p, p.keywright(t, append([]string{"login", "--url", keys.URL, "--sso"}, flags...)...)
	}
	provider.SignInAs("s-ada")
	p, code := login()
	if code != 0 || !strings.HasPrefix(p.out.String(), "Signed in to "+keys.URL+" as ada until ") {
		t.Fatalf("exit code %d: %s%s", code, p.out.String(), p.err.String())
	}
	if code := p.keywright(t, "whoami"); code != 0 || !strings.Contains(p.out.String(), "ada") {
		t.Errorf("exit code %d: %s%s", code, p.out.String(), p.err.String())
	}
	provider.SignInAs("")
	if p, code := login(); code != exitNotSignedIn || !strings.Contains(p.err.String(), "has signed nobody in") {
		t.Errorf("nobody: exit code %d: %s", code, p.err.String())
	}
}

// TestSSOIsNotThere: a server without single sign-on says so before a browser is sent there.
func TestSSOIsNotThere(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	p := newPerson(t, false, "")
	p.OpenURL = func(string) error { return errors.New("opened") }
	if code := p.keywright(t, "login", "--url", keys.URL, "--sso"); code != exitUsage || !strings.Contains(p.err.String(), "no single sign-on") {
		t.Errorf("exit code %d: %s", code, p.err.String())
	}
}

// TestCodeListener: whoever else is on this machine cannot bring an answer, and there is one only.
func TestCodeListener(t *testing.T) {
	t.Parallel()
	l, err := listenForCode()
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	get := func(path string) int {
		res, err := http.Get(l.local + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	for path, want := range map[string]int{"": 404, "?code=x": 404, "?code=x&state=": 404, "?code=x&state=y": 404, "x?state=" + l.state: 404} {
		if got := get(path); got != want {
			t.Errorf("%q: %d", path, got)
		}
	}
	if first, second := get("?code=x&state="+l.state), get("?code=y&state="+l.state); first != 200 || second != 409 {
		t.Errorf("%d, then %d", first, second)
	}
	if code, err := l.wait(t.Context()); err != nil || code.Reveal() != "x" {
		t.Errorf("%q, %v", code.Reveal(), err)
	}
}
