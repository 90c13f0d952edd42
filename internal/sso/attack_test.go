package sso_test

// What must not sign anybody in.

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/sso/ssotest"
)

func withLiar(t *testing.T) (*house, *liar) {
	t.Helper()
	l := newLiar(t)
	l.lies(nil)
	return open(t, freeAddress(t), l.URL), l
}

func TestLies(t *testing.T) {
	t.Parallel()
	claim := func(name string, value any) func(*liar) {
		return func(l *liar) { l.claims = map[string]any{name: value} }
	}
	answer := func(name, value string) func(*liar) {
		return func(l *liar) { l.answer = func(q url.Values) { q.Set(name, value) } }
	}
	status := func(status int, body string) func(*liar) {
		return func(l *liar) {
			l.token = func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}
		}
	}
	h, l := withLiar(t)
	for _, tt := range []struct {
		name string
		lie  func(*liar)
		says string
	}{
		{"another nonce", claim("nonce", "x"), "another sign-in"},
		{"no nonce", claim("nonce", nil), "another sign-in"},
		{"another issuer", claim("iss", "https://evil.example"), "cannot be believed"},
		{"the issuer with a slash", func(l *liar) { l.claims = map[string]any{"iss": l.URL + "/"} }, "cannot be believed"},
		{"another audience", claim("aud", "another client"), "cannot be believed"},
		{"no audience", claim("aud", nil), "cannot be believed"},
		{"more audiences, nobody authorized", claim("aud", []string{ssotest.ClientID, "another"}), "another party"},
		{"another party authorized", claim("azp", "another"), "another party"},
		{"expired", claim("exp", time.Now().Add(-time.Second).Unix()), "cannot be believed"},
		{"no expiry", claim("exp", nil), "cannot be believed"},
		{"not yet", claim("nbf", time.Now().Add(time.Hour).Unix()), "cannot be believed"},
		{"another access token", claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "is not the ID token's"},
		{"no subject", claim("sub", ""), "no usable subject"},
		{"a subject on two lines", claim("sub", "a\nb"), "no usable subject"},
		{"groups that are no names", claim("groups", []int{1}), "no list of names"},
		{"groups in an object", claim("groups", map[string]bool{"platform": true}), "no list of names"},
		{"not signed", func(l *liar) { l.sign = unsigned }, "cannot be believed"},
		{"signed with the client's secret", func(l *liar) { l.sign = withClientSecret }, "cannot be believed"},
		{"signed with the public key", func(l *liar) { l.sign = l.withPublicKey }, "cannot be believed"},
		{"signed with another key", func(l *liar) { l.sign = withOtherKey }, "cannot be believed"},
		{"altered", func(l *liar) { l.sign = l.altered }, "cannot be believed"},
		{"no ID token", status(200, `{"access_token":"at","token_type":"Bearer"}`), "cannot be believed"},
		{"UserInfo of somebody else", func(l *liar) {
			l.claims = map[string]any{"groups": nil}
			l.info = map[string]any{"sub": "s-root", "groups": []string{"platform"}}
		}, "somebody else"},
		{"an answer of another provider", answer("iss", "https://evil.example"), "another provider's"},
		{"a code that it does not know", answer("code", "x"), "sign in again"},
		{"no code", answer("code", ""), "nobody"},
		{"an error", answer("error", "login_required"), "nobody"},
		{"an error with a message for people", func(l *liar) {
			l.answer = func(q url.Values) {
				q.Set("error", "access_denied")
				q.Set("error_description", "call 555 and tell your password")
			}
		}, "nobody"},
		{"it is not well", status(500, "oops"), "temporarily_unavailable"},
		{"it does not know this client", status(401, `{"error":"invalid_client"}`), "temporarily_unavailable"},
		{"it writes no JSON", status(200, "hello"), "temporarily_unavailable"},
	} {
		l.lies(tt.lie)
		_, err := h.signIn(ssotest.NewBrowser(t))
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "555") {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
	if got := h.events("ada"); got != nil {
		t.Errorf("events: %v", got)
	}
	l.lies(nil)
	_, err := h.signIn(ssotest.NewBrowser(t))
	must(t, err)
}

// TestMixUp: a provider that names itself in its answers is not believed without its name (RFC 9207 section 2.4).
func TestMixUp(t *testing.T) {
	t.Parallel()
	h, l := withLiar(t)
	l.naming = true
	_, err := h.signIn(ssotest.NewBrowser(t))
	must(t, err)
	l.lies(func(l *liar) { l.answer = func(q url.Values) { q.Del("iss") } })
	if _, err := h.signIn(ssotest.NewBrowser(t)); err == nil || !strings.Contains(err.Error(), "another provider's") {
		t.Errorf("without its name: %v", err)
	}
}

// TestCallback: an answer counts in the browser that asked, for what was asked last.
func TestCallback(t *testing.T) {
	t.Parallel()
	h, l := withLiar(t)
	var kept url.Values
	l.lies(func(l *liar) {
		l.answer = func(q url.Values) {
			kept = url.Values{"code": {q.Get("code")}, "state": {q.Get("state")}}
			q.Set("state", "wrong")
		}
	})
	asked := ssotest.NewBrowser(t)
	if _, status, _ := h.visit(asked, h.loginURL()); status != http.StatusBadRequest {
		t.Errorf("a wrong state: %d", status)
	}
	if _, status, _ := h.visit(asked, h.URL+"/sso/callback?"+kept.Encode()); status != http.StatusBadRequest {
		t.Errorf("the right one after it: %d", status)
	}
	h.visit(asked, h.loginURL())
	if _, status, _ := h.visit(ssotest.NewBrowser(t), h.URL+"/sso/callback?"+kept.Encode()); status != http.StatusBadRequest {
		t.Errorf("in another browser: %d", status)
	}
}

var alone = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// TestWhatLeaves: what the provider is asked, and what the browser is given to keep.
func TestWhatLeaves(t *testing.T) {
	t.Parallel()
	h, _ := withLiar(t)
	res, err := alone.Get(h.loginURL())
	must(t, err)
	defer res.Body.Close()
	if len(res.Cookies()) != 1 {
		t.Fatalf("cookies: %v", res.Cookies())
	}
	c := res.Cookies()[0]
	if c.Name != "keywright-sso" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != 600 || c.Secure || c.Domain != "" {
		t.Errorf("cookie %+v", c)
	}
	q := mustURL(t, res.Header.Get("Location")).Query()
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("nonce")) != 43 || len(q.Get("state")) != 43 ||
		q.Get("redirect_uri") != h.URL+"/sso/callback" || q.Get("scope") != "openid profile email" || q.Get("response_type") != "code" {
		t.Errorf("the provider is asked %v", q)
	}
}

// TestSecureCookie: with TLS, no other host can set the cookie, and it goes nowhere without.
func TestSecureCookie(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	h := open(t, freeAddress(t), l.URL, func(c *server.Config) { c.PublicURL = "https://keys.example.com/below" })
	res, err := alone.Get(strings.Replace(h.loginURL(), "/sso/", "/below/sso/", 1))
	must(t, err)
	defer res.Body.Close()
	if c := res.Cookies(); len(c) != 1 || c[0].Name != "__Host-keywright-sso" || !c[0].Secure || c[0].Path != "/" || c[0].Domain != "" {
		t.Errorf("cookies %+v", c)
	}
	if got := mustURL(t, res.Header.Get("Location")).Query().Get("redirect_uri"); got != "https://keys.example.com/below/sso/callback" {
		t.Errorf("the provider sends the browser to %s", got)
	}
}

// TestReplay: a cookie that was kept is good for its own state only, whose code the provider takes once.
func TestReplay(t *testing.T) {
	t.Parallel()
	h, _ := withLiar(t)
	get := func(address string, cookies []*http.Cookie) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		must(t, err)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		res, err := alone.Do(r)
		must(t, err)
		_ = res.Body.Close()
		return res
	}
	begun := get(h.loginURL(), nil)
	answered := get(begun.Header.Get("Location"), nil)
	first := get(answered.Header.Get("Location"), begun.Cookies())
	if !strings.HasPrefix(first.Header.Get("Location"), local+"?code=") {
		t.Fatalf("%d %s", first.StatusCode, first.Header.Get("Location"))
	}
	if dropped := first.Cookies(); len(dropped) != 1 || dropped[0].MaxAge != -1 {
		t.Errorf("the cookie stays: %v", dropped)
	}
	second := get(answered.Header.Get("Location"), begun.Cookies())
	if !strings.HasPrefix(second.Header.Get("Location"), local+"?error=access_denied") {
		t.Errorf("again: %d %s", second.StatusCode, second.Header.Get("Location"))
	}
	tampered := *begun.Cookies()[0]
	tampered.Value = "A" + tampered.Value[1:]
	for name, cookies := range map[string][]*http.Cookie{
		"no cookie": nil, "an altered one": {&tampered}, "two": append(begun.Cookies(), begun.Cookies()...),
		"not base64": {{Name: begun.Cookies()[0].Name, Value: "%"}}, "empty": {{Name: begun.Cookies()[0].Name}},
	} {
		if res := get(answered.Header.Get("Location"), cookies); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

// TestCode: what the program gets is good once, for a minute, with its verifier, and for nothing else.
func TestCode(t *testing.T) {
	t.Parallel()
	h, _ := withLiar(t)
	answer, _, _ := h.visit(ssotest.NewBrowser(t), h.loginURL())
	code := answer.Get("code")
	for name, tt := range map[string][2]string{
		"another verifier": {code, verifier + "x"}, "no verifier": {code, ""}, "the challenge": {code, challengeOf(verifier)},
		"no code": {"", verifier}, "another code": {strings.Replace(code, code[30:34], "0000", 1), verifier},
	} {
		if _, err := h.fetch(tt[0], tt[1]); !errors.Is(err, keywright.ErrInvalid) || strings.Contains(err.Error(), code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keywright.NewClient(h.URL, code).Whoami(t.Context()); !errors.Is(err, keywright.ErrUnauthenticated) {
		t.Errorf("as a credential: %v", err)
	}
	_, err := h.fetch(code, verifier)
	must(t, err)
	if _, err := h.fetch(code, verifier); !errors.Is(err, keywright.ErrInvalid) {
		t.Errorf("again: %v", err)
	}
}

// TestReturnAddress: a code goes to this machine and nowhere else.
func TestReturnAddress(t *testing.T) {
	t.Parallel()
	h, _ := withLiar(t)
	ask := func(change func(url.Values)) int {
		q := mustURL(t, h.loginURL()).Query()
		change(q)
		res, err := alone.Get(h.URL + "/sso/login?" + q.Encode())
		must(t, err)
		_ = res.Body.Close()
		return res.StatusCode
	}
	for _, address := range []string{"http://127.0.0.1:1/", "http://[::1]:65535/a/b"} {
		if status := ask(func(q url.Values) { q.Set("redirect_uri", address) }); status != http.StatusSeeOther {
			t.Errorf("%s: %d", address, status)
		}
	}
	for _, address := range []string{
		"", "/", "//evil.example/", "https://evil.example/", "http://evil.example:80/", "http://localhost:80/", "https://127.0.0.1:443/",
		"http://127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:1", "http://127.0.0.1:65536/", "http://127.0.0.1:1.evil.example/",
		"http://127.0.0.1:1@evil.example/", "http://evil@127.0.0.1:1/", `http://127.0.0.1:1\@evil.example/`, "http://127.0.0.1.evil.example:1/",
		"http://127.0.0.2:1/", "http://0.0.0.0:1/", "http://127.1:1/", "http://2130706433:1/", "http://0x7f000001:1/", "http://0177.0.0.1:1/",
		"http://[::ffff:127.0.0.1]:1/", "http://[0:0:0:0:0:0:0:1]:1/", "http://[::]:1/", "http://[::1%25lo]:1/", "http://127.0.0.1:01/",
		"http://127.0.0.1:1/?next=https://evil.example", "http://127.0.0.1:1/#x", "http://127.0.0.1:1/%0d%0aSet-Cookie:x", "HTTP://127.0.0.1:1/",
		" http://127.0.0.1:1/", "http://127.0.0.1:1/\r\n", "javascript:alert(1)", "data:text/html,x", "http:127.0.0.1:1/", "http:///127.0.0.1:1/",
		"http://127.0.0.1:1/" + strings.Repeat("a", 200),
	} {
		if status := ask(func(q url.Values) { q.Set("redirect_uri", address) }); status != http.StatusBadRequest {
			t.Errorf("%q: %d", address, status)
		}
	}
	for name, change := range map[string]func(url.Values){
		"two addresses":    func(q url.Values) { q.Add("redirect_uri", "https://evil.example") },
		"no challenge":     func(q url.Values) { q.Del("code_challenge") },
		"a short one":      func(q url.Values) { q.Set("code_challenge", "short") },
		"a plain one":      func(q url.Values) { q.Set("code_challenge_method", "plain") },
		"no state":         func(q url.Values) { q.Del("state") },
		"a state of lines": func(q url.Values) { q.Set("state", "a\r\nb") },
		"a long state":     func(q url.Values) { q.Set("state", strings.Repeat("a", 129)) },
	} {
		if status := ask(change); status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// TestGuessing: an address from which too much has failed is told to wait.
func TestGuessing(t *testing.T) {
	t.Parallel()
	h, l := withLiar(t)
	l.lies(func(l *liar) { l.sign = unsigned })
	for range 40 {
		jar, err := cookiejar.New(nil)
		must(t, err)
		if _, status, _ := h.visit(&http.Client{Jar: jar}, h.loginURL()); status == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("forty lies, and still heard")
}

// TestGroupsChange: the roles of groups are those of the groups named last; those given by hand stay; and they act in
// no session that was begun by password.
func TestGroupsChange(t *testing.T) {
	t.Parallel()
	h, l := withLiar(t)
	groups := func(names ...string) *keywright.Client {
		t.Helper()
		l.lies(func(l *liar) { l.claims = map[string]any{"groups": append([]string{}, names...)} })
		c, err := h.signIn(ssotest.NewBrowser(t))
		must(t, err)
		return c
	}
	first := groups("devs", "platform")
	_, err := h.Client.GrantRole(t.Context(), "default", "ada", keywright.Role{Name: "reader", Space: "default"})
	must(t, err)
	_, err = h.Client.GrantRole(t.Context(), "default", "ada", keywright.Role{Name: "manager", Space: "default"}) // what a group gives too
	must(t, err)
	must(t, first.ChangePassword(t.Context(), keywright.PasswordChange{New: keywright.NewSecret("a long enough word")}))
	roles := func(c *keywright.Client) (all []string) {
		t.Helper()
		self, err := c.Whoami(t.Context())
		must(t, err)
		for _, r := range self.Roles {
			all = append(all, r.Name)
		}
		return all
	}
	if diff := cmp.Diff([]string{"operator", "manager", "reader"}, roles(first)); diff != "" {
		t.Errorf("with both groups:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"manager", "reader"}, roles(h.SignIn(t, "ada", "a long enough word"))); diff != "" {
		t.Errorf("by password:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"manager", "reader"}, roles(groups())); diff != "" {
		t.Errorf("without groups:\n%s", diff)
	}
	if _, err := first.Operators(t.Context(), keywright.ListQuery{}); !errors.Is(err, keywright.ErrForbidden) {
		t.Errorf("the session of before: %v", err)
	}
	want := []string{
		"user.create", "user.link", "role.grant", "role.grant", "session.offer", "session.begin", "role.grant", "role.grant", "user.password",
		"session.begin", "role.drop", "session.offer", "session.begin",
	}
	if diff := cmp.Diff(want, h.events("ada")); diff != "" {
		t.Errorf("events:\n%s", diff)
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	must(t, err)
	return u
}
