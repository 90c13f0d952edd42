package gateway_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/gateway"
)

// expected is what differs from proxy to proxy, each as docs/gateways.md has it.
type expected struct {
	expires string // what the API is told of a token's end; empty: RFC 3339
	lacking int    // how it answers who has a scope too few; 0: 403
	unknown []int  // how it answers while Keywright cannot be asked; nil: as what it is, an error of the server's
	doubled int    // how the proxy answers two Authorization headers by itself; 0: it does not
	remade  bool   // the proxy writes the path anew: the API may see another spelling of the one that was judged
	stale   time.Duration
}

// cast is who sends requests.
type cast struct {
	reader, writer, revoked, expiring keywright.Issued
	access                            string // an access token of the reader's
}

// holds is what must be true behind every proxy.
func (s *site) holds(e expected) {
	who := s.cast()
	for _, part := range []struct {
		name string
		test func(*testing.T, cast, expected)
	}{
		{"who passes", s.judges},
		{"who it is", s.identifies},
		{"paths", s.canonical},
		{"a body", s.keepsBodies},
		{"revoked", s.revokes},
		{"Keywright is away", s.failsClosed},
		{"expired", s.expires},
	} {
		s.t.Run(part.name, func(t *testing.T) { part.test(t, who, e) })
	}
}

func (s *site) cast() cast {
	s.t.Helper()
	shop := []string{"shop"}
	who := cast{
		reader:   s.Issue(s.t, keywright.NewToken{Audience: shop, Scopes: []string{"orders:read"}}),
		writer:   s.Issue(s.t, keywright.NewToken{Audience: shop, Scopes: []string{"orders:*"}, Lifetime: keywright.LifetimePermanent}),
		revoked:  s.Issue(s.t, keywright.NewToken{Audience: shop, Scopes: []string{"orders:*"}}),
		expiring: s.Issue(s.t, keywright.NewToken{Audience: shop, Scopes: []string{"orders:*"}, Lifetime: keywright.LifetimeTemporary}),
	}
	if _, err := s.Client.RevokeToken(s.t.Context(), who.revoked.Token.ID, ""); err != nil {
		s.t.Fatal(err)
	}
	who.access = s.access(who.reader)
	return who
}

// access gets an access token.
func (s *site) access(of keywright.Issued) string {
	s.t.Helper()
	grant, err := http.PostForm(s.URL+"/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {of.Token.ID.String()}, "client_secret": {of.ClientSecret.Reveal()},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	defer grant.Body.Close()
	body, _ := io.ReadAll(grant.Body)
	access := regexp.MustCompile(`"access_token":"([^"]+)"`).FindSubmatch(body)
	if access == nil {
		s.t.Fatalf("no access token: %s", body)
	}
	return string(access[1])
}

func (s *site) judges(t *testing.T, who cast, e expected) {
	key, doubled, lacking := who.reader.APIKey.Reveal(), cmp.Or(e.doubled, 401), cmp.Or(e.lacking, 403)
	last := len(key) - 1
	wrong := key[:last] + string('a'+(key[last]+1)%26) // never the same
	for _, c := range []struct {
		name    string
		method  string
		headers []string
		status  int
	}{
		{"an API key", "GET", bearer(who.reader), 200},
		{"an access token", "GET", []string{"Authorization", "Bearer " + who.access}, 200},
		{"a scope too few", "DELETE", bearer(who.reader), lacking},
		{"a scope too few, access token", "DELETE", []string{"Authorization", "Bearer " + who.access}, lacking},
		{"the scope", "DELETE", bearer(who.writer), 200},
		{"nobody", "GET", nil, 401},
		{"a wrong key", "GET", []string{"Authorization", "Bearer " + wrong}, 401},
		{"nonsense", "GET", []string{"Authorization", "Bearer x"}, 401},
		{"revoked", "GET", bearer(who.revoked), 401},
		{"a cookie", "GET", []string{"Cookie", "Authorization=Bearer " + key}, 401},
		{"in the query", "GET", nil, 401},
		{"two keys", "GET", append(bearer(who.writer), bearer(who.reader)...), doubled},
		{"the same key twice", "GET", append(bearer(who.writer), bearer(who.writer)...), doubled},
		{"a good key, then nonsense", "GET", append(bearer(who.writer), "Authorization", "x"), doubled},
		{"forged method", "DELETE", append(bearer(who.reader), "X-Forwarded-Method", "GET", "X-Original-Method", "GET", "X-HTTP-Method-Override", "GET"), lacking},
		{"forged path", "DELETE", append(bearer(who.reader), "X-Forwarded-Uri", "/orders/7", "X-Original-URI", "/orders/7", "X-Forwarded-Path", "/orders/7"), lacking},
		{"forged origin", "GET", append(bearer(who.reader), "X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"), 200},
		{"forged origin, too little scope", "DELETE", append(bearer(who.reader), "X-Forwarded-For", "192.0.2.1", "Forwarded", "for=192.0.2.1"), lacking},
	} {
		target := "/orders/7"
		if c.name == "in the query" {
			target += "?access_token=" + key
		}
		answer := s.send(t, c.method, target, nil, c.headers...)
		if answer.StatusCode != c.status || answer.passed != (c.status == 200) {
			t.Errorf("%s: %s, reached the API: %t; want %d", c.name, answer.Status, answer.passed, c.status)
		}
		if challenge := answer.Header.Get("WWW-Authenticate"); answer.StatusCode == 401 && !strings.HasPrefix(challenge, "Bearer") {
			t.Errorf("%s: WWW-Authenticate: %q", c.name, challenge)
		}
		if answer.Header.Get("Location") != "" {
			t.Errorf("%s: a redirect", c.name)
		}
	}
}

func (s *site) identifies(t *testing.T, who cast, e expected) {
	for _, c := range []struct {
		name    string
		issued  keywright.Issued
		scopes  string
		expires string
	}{
		{"permanent", who.writer, "orders:*", "-"},
		{"dated", who.reader, "orders:read", expiry(who.reader, e)},
	} {
		headers := bearer(c.issued)
		for _, name := range gateway.Identity {
			headers = append(headers, name, "forged", strings.ToLower(name), "forged", strings.ToUpper(name), "forged")
		}
		for _, name := range gateway.OtherSpellings() {
			headers = append(headers, name, "forged", strings.ToUpper(name), "forged")
		}
		answer := s.send(t, "GET", "/orders/7?a=b", nil, headers...)
		if answer.StatusCode != http.StatusOK || strings.Contains(answer.body, "forged") {
			t.Errorf("%s: %s\n%s", c.name, answer.Status, answer.body)
		}
		for name, want := range map[string]string{
			"Token": c.issued.Token.ID.String(), "Kind": "account", "Account": "default", "Space": "default",
			"Owner": "admin", "Scopes": c.scopes, "Audience": "shop", "Expires": c.expires,
		} {
			line := "X-Keywright-" + name + ": " + want + "\r\n"
			if strings.Count(answer.body, line) != 1 || strings.Count(answer.body, "X-Keywright-"+name+":") != 1 {
				t.Errorf("%s: the API does not see %q once:\n%s", c.name, line, answer.body)
			}
		}
		if strings.Contains(answer.body, c.issued.APIKey.Reveal()) {
			t.Errorf("%s: the API sees the key", c.name)
		}
	}
}

// expiry is what the API is told of a token's end.
func expiry(of keywright.Issued, e expected) string {
	if e.expires != "" {
		return e.expires
	}
	return of.Token.ExpiresAt.Format(time.RFC3339)
}

func (s *site) canonical(t *testing.T, who cast, e expected) {
	for _, target := range []string{
		"/orders/x/../7", "/orders/../orders/7", "//orders/7", "/orders//7", "/orders/./7", "/orders/%2e%2e/orders/7", "/orders/%37", "/orders%2f7", "/orders%2F7",
		"/orders/7;a=b", "/orders/7%00", "/orders/7%20", "/orders/7%5c", "/ORDERS/7", "/other", "/orders/..%2f..", `/orders\7`, "/orders/7#x", "/_keywright", "/check/caddy",
	} {
		answer := s.send(t, "GET", target, nil, bearer(who.writer)...)
		if answer.passed || answer.StatusCode < 400 || answer.StatusCode >= 500 {
			t.Errorf("%s: %s, reached the API: %t\n%s", target, answer.Status, answer.passed, answer.body)
		}
	}
	answer := s.send(t, "GET", "/orders/caf%C3%A9?x=/../", nil, bearer(who.writer)...)
	want := "GET /orders/caf%C3%A9?x=/../\n"
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.body, want) && !(e.remade && strings.HasPrefix(strings.ToUpper(answer.body), strings.ToUpper(want))) {
		t.Errorf("the path that was judged is not the one the API sees: %s\n%s", answer.Status, answer.body)
	}
}

// mostHead is more than the head of any question; a body of which some came along would be longer.
const mostHead = 64 << 10

func (s *site) keepsBodies(t *testing.T, who cast, _ expected) {
	const size = 10 << 20
	before := s.way.sent.Load()
	answer := s.send(t, "POST", "/orders/7", bytes.Repeat([]byte{'x'}, size), bearer(who.writer)...)
	if answer.StatusCode != http.StatusOK || !strings.Contains(answer.body, fmt.Sprintf("body: %d\n", size)) {
		t.Errorf("%s\n%s", answer.Status, answer.body)
	}
	if got := s.way.sent.Load() - before; got > mostHead {
		t.Errorf("Keywright was sent %d bytes", got)
	}
}

func (s *site) revokes(t *testing.T, _ cast, e expected) {
	for range 10 {
		issued := s.Issue(t, keywright.NewToken{Audience: []string{"shop"}, Scopes: []string{"orders:read"}})
		if got := s.send(t, "GET", "/orders/7", nil, bearer(issued)...); got.StatusCode != http.StatusOK {
			t.Fatalf("before: %s", got.Status)
		}
		if _, err := s.Client.RevokeToken(t.Context(), issued.Token.ID, ""); err != nil {
			t.Fatal(err)
		}
		s.refusedWithin(t, e.stale, bearer(issued))
	}
}

// refusedWithin demands that a request is refused from now on; later, where the proxy is said to remember.
func (s *site) refusedWithin(t *testing.T, stale time.Duration, headers []string) {
	t.Helper()
	for begun := time.Now(); ; <-time.After(10 * time.Millisecond) {
		asked := time.Since(begun)
		got := s.send(t, "GET", "/orders/7", nil, headers...)
		if got.StatusCode == http.StatusUnauthorized && !got.passed {
			return
		}
		if asked >= stale {
			t.Fatalf("after %v: %s, reached the API: %t", asked, got.Status, got.passed)
		}
	}
}

func (s *site) failsClosed(t *testing.T, _ cast, e expected) {
	unknown := e.unknown
	if unknown == nil {
		unknown = []int{500, 502, 503, 504}
	}
	defer s.way.set(open)
	fresh := func() []string { // nothing that the proxy could remember
		return bearer(s.Issue(t, keywright.NewToken{Audience: []string{"shop"}, Scopes: []string{"orders:read"}}))
	}
	for _, state := range []state{broken, down, hung} {
		headers := fresh()
		s.way.set(state)
		answer := s.send(t, "GET", "/orders/7", nil, headers...)
		if answer.passed || !slices.Contains(unknown, answer.StatusCode) {
			t.Errorf("%s: %s, reached the API: %t", state, answer.Status, answer.passed)
		}
		s.way.set(open)
		if got := s.send(t, "GET", "/orders/7", nil, headers...); got.StatusCode != http.StatusOK {
			t.Errorf("after %s: %s", state, got.Status)
		}
	}
	headers := fresh()
	s.way.set(slow)
	if got := s.send(t, "GET", "/orders/7", nil, headers...); got.StatusCode != http.StatusOK {
		t.Errorf("slow: %s", got.Status)
	}
}

// expires moves Keywright's clock, and so comes last.
func (s *site) expires(t *testing.T, who cast, e expected) {
	headers := bearer(who.expiring)
	if got := s.send(t, "GET", "/orders/7", nil, headers...); got.StatusCode != http.StatusOK {
		t.Fatalf("before: %s", got.Status)
	}
	s.ahead.Store(int64(time.Until(*who.expiring.Token.ExpiresAt)))
	s.refusedWithin(t, e.stale, headers)
}
