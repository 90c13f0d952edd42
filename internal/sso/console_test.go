package sso_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/sso/ssotest"
)

// TestConsole: people sign in to the console through the provider, and are where they wanted to go.
func TestConsole(t *testing.T) {
	t.Parallel()
	h, _ := withLiar(t)
	b := ssotest.NewBrowser(t)
	get := func(address string) (*http.Response, string) {
		res, err := b.Get(address)
		must(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		must(t, err)
		return res, string(text)
	}
	if _, page := get(h.URL + "/console/me"); !strings.Contains(page, `href="/console/sign-in/provider?next=%2Fconsole%2Fme"`) {
		t.Fatalf("the sign-in offers no provider:\n%s", page)
	}
	res, page := get(h.URL + "/console/sign-in/provider?next=/console/me")
	if res.Request.URL.Path != "/console/me" || !strings.Contains(page, "by single sign-on") {
		t.Errorf("after the provider: %s %s\n%s\n%s", res.Status, res.Request.URL, page, h.log.String())
	}
	stranger, err := ssotest.NewBrowser(t).Get(h.URL + "/console/sign-in/return?" + url.Values{"code": {"x"}, "state": {"y"}}.Encode())
	must(t, err)
	_ = stranger.Body.Close()
	if stranger.StatusCode != http.StatusBadRequest {
		t.Errorf("an answer to nobody's sign-in: %s", stranger.Status)
	}
}

// TestReturnToAPage: of the instance's own pages, a code goes to the one that wants it.
func TestReturnToAPage(t *testing.T) {
	t.Parallel()
	const base = "https://keys.example.com/below"
	h := open(t, freeAddress(t), newLiar(t).URL, func(c *server.Config) { c.PublicURL = base })
	for address, want := range map[string]int{
		base + "/console/sign-in/return":                       http.StatusSeeOther,
		base + "/console/sign-in/return/":                      http.StatusBadRequest,
		base + "/console/sign-in/return?a=b":                   http.StatusBadRequest,
		base + "/console/":                                     http.StatusBadRequest,
		base + "/../console/sign-in/return":                    http.StatusBadRequest,
		"https://keys.example.com/console/sign-in/return":      http.StatusBadRequest,
		"http://keys.example.com/below/console/sign-in/return": http.StatusBadRequest,
		base + ".evil.example/console/sign-in/return":          http.StatusBadRequest,
		"https://evil.example/console/sign-in/return":          http.StatusBadRequest,
		"/console/sign-in/return":                              http.StatusBadRequest,
	} {
		q := mustURL(t, h.loginURL()).Query()
		q.Set("redirect_uri", address)
		res, err := alone.Get(h.URL + "/sso/login?" + q.Encode())
		must(t, err)
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %s", address, res.Status)
		}
	}
}
