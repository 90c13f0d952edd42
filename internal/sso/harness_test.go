package sso_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/sso/ssotest"
	"github.com/keywright/keywright/keywrighttest"
)

// house is a Keywright with a provider.
type house struct {
	*keywrighttest.Server
	t   *testing.T
	log bytes.Buffer
}

// freeAddress is an address that nobody listens at: a provider has to know it before the server is there.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// open runs a Keywright at the address with a provider.
func open(t *testing.T, address, issuer string, more ...func(*server.Config)) *house {
	t.Helper()
	h := &house{t: t}
	h.Server = keywrighttest.New(t, keywrighttest.WithLog(slog.New(slog.NewTextHandler(&h.log, nil))), func(c *server.Config) {
		c.Listen = address
		c.SSO = server.SSO{
			Issuer: issuer, ClientID: ssotest.ClientID, ClientSecret: keywright.NewSecret(ssotest.ClientSecret),
			Roles: []string{"platform=operator", "cn=team-a,ou=groups=admin@default", "devs=manager@default/default", "ghosts=reader@default/none"},
		}
		for _, change := range more {
			change(c)
		}
	})
	return h
}

const (
	verifier = "a-verifier-of-forty-three-characters-or-more-1"
	local    = "http://127.0.0.1:1/" // where nobody listens: browsers stop before it
	mark     = "the-state-of-the-program"
)

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (h *house) loginURL() string {
	return h.URL + "/sso/login?" + url.Values{
		"redirect_uri": {local}, "state": {mark}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}.Encode()
}

// errArrived stops a browser that was sent to where a program would wait.
var errArrived = errors.New("arrived")

// visit has a browser go to an address and on until it arrives at the program, or is shown a page.
func (h *house) visit(b *http.Client, address string) (arrived url.Values, status int, page string) {
	h.t.Helper()
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), local) {
			arrived = r.URL.Query()
			return errArrived
		}
		return nil
	}
	res, err := b.Get(address)
	if errors.Is(err, errArrived) {
		if got := arrived.Get("state"); got != mark {
			h.t.Errorf("the program's state came back as %q", got)
		}
		return arrived, http.StatusSeeOther, ""
	}
	must(h.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(h.t, err)
	return nil, res.StatusCode, string(text)
}

// signIn is a whole sign-in of whoever sits before the browser.
func (h *house) signIn(b *http.Client) (*keywright.Client, error) {
	h.t.Helper()
	answer, status, page := h.visit(b, h.loginURL())
	switch {
	case answer == nil:
		h.t.Fatalf("the browser stays here: %d %s\n%s", status, page, h.log.String())
	case answer.Get("error") != "":
		return nil, errors.New(answer.Get("error") + ": " + answer.Get("error_description"))
	}
	s, err := h.fetch(answer.Get("code"), verifier)
	return keywright.NewClient(h.URL, s.Token.Reveal()), err
}

func (h *house) fetch(code, verifier string) (keywright.Session, error) {
	return keywright.NewClient(h.URL, "").LoginBySSO(h.t.Context(), keywright.NewSecret(code), keywright.NewSecret(verifier))
}

// events lists what happened to a user, oldest first; refusals, which are written a moment later, apart.
func (h *house) events(username string) (all []string) {
	h.t.Helper()
	page, err := h.Client.Events(h.t.Context(), keywright.EventQuery{EventFilter: keywright.EventFilter{Subject: "user:" + username, All: true}, ListQuery: keywright.ListQuery{Limit: 200}})
	must(h.t, err)
	for _, e := range page.Items {
		if e.Action != "session.refused" {
			all = append([]string{e.Action}, all...)
		}
	}
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
