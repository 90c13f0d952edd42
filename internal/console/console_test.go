package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := newPerson(t, s.URL)

	at := p.get("/console/accounts?x=1")
	if at.url.Path != "/console/sign-in" || at.url.Query().Get("next") != "/console/accounts?x=1" {
		t.Fatalf("a stranger is at %s", at.url)
	}
	at = p.post("/console/sign-in", "username", "admin", "password", "wrong", "next", "/console/accounts")
	if at.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong password: %s", at.Status)
	}
	at.mustSay(t, "do not match", `value="admin"`)
	if strings.Contains(at.body, `value="wrong"`) {
		t.Error("the page says the password back")
	}
	at = p.post("/console/sign-in", "username", "nobody", "password", "wrong")
	at.mustSay(t, "do not match")

	at = p.post("/console/sign-in", "username", "admin", "password", keywrighttest.AdminPassword, "next", "/console/accounts")
	if at.url.Path != "/console/accounts" {
		t.Fatalf("after signing in: %s", at.url)
	}
	at.mustSay(t, "default")
	if cookie := p.cookie("keywright-session"); strings.Contains(cookie, "kws_") {
		t.Error("the session lies open in the cookie")
	}

	old := p.cookie("keywright-session")
	at = p.post("/console/sign-out")
	at.mustSay(t, "signed out")
	if at = p.get("/console/accounts"); at.url.Path != "/console/sign-in" {
		t.Errorf("after signing out: %s", at.url)
	}
	// The session itself has ended, not just the cookie.
	r, err := http.NewRequest(http.MethodGet, s.URL+"/console/accounts", nil)
	must(t, err)
	r.AddCookie(&http.Cookie{Name: "keywright-session", Value: old})
	if at := newPerson(t, s.URL).do(r); at.url.Path != "/console/sign-in" {
		t.Errorf("a kept cookie after signing out: %s", at.url)
	}
}

func (p *person) cookie(name string) string {
	r, err := http.NewRequest(http.MethodGet, p.base, nil)
	must(p.t, err)
	for _, c := range p.http.Jar.Cookies(r.URL) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func TestNextStaysInTheConsole(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	for _, next := range []string{"https://evil.example/", "//evil.example", "/console//evil.example", `/console/\evil`, "/api/v1/whoami", "javascript:alert(1)", ""} {
		p := newPerson(t, s.URL)
		at := p.post("/console/sign-in", "username", "admin", "password", keywrighttest.AdminPassword, "next", next)
		if !strings.HasPrefix(at.url.String(), s.URL+"/console/a/default/") {
			t.Errorf("next=%q leads to %s", next, at.url)
		}
	}
}

// clock is a server's, which a test moves.
type clock struct{ past atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.past.Load())) }
func (c *clock) pass(d time.Duration) { c.past.Add(int64(d)) }

func TestSessionsThatAreNotUsedEnd(t *testing.T) {
	t.Parallel()
	var c clock
	s := keywrighttest.New(t, keywrighttest.WithClock(c.now))
	p := operator(t, s)
	for range 3 { // each visit begins the hour anew
		c.pass(50 * time.Minute)
		if at := p.get("/console/accounts"); at.url.Path != "/console/accounts" {
			t.Fatalf("after 50 minutes: %s", at.url)
		}
	}
	c.pass(61 * time.Minute)
	p.get("/console/accounts").mustSay(t, "Sign in")
}

func TestBusySessionsEndToo(t *testing.T) {
	t.Parallel()
	var c clock
	p := operator(t, keywrighttest.New(t, keywrighttest.WithClock(c.now)))
	for range 16 {
		c.pass(50 * time.Minute)
		p.get("/console/accounts")
	}
	p.get("/console/accounts").mustSay(t, "Sign in")
}

func TestNothingFromOtherSites(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	for name, headers := range map[string]map[string]string{
		"by Sec-Fetch-Site": {"Sec-Fetch-Site": "cross-site"},
		"by a sibling":      {"Sec-Fetch-Site": "same-site"},
		"by Origin":         {"Origin": "https://evil.example"},
		"by no origin":      {"Origin": "null"},
	} {
		r, err := http.NewRequest(http.MethodPost, s.URL+"/console/sign-out", nil)
		must(t, err)
		for header, value := range headers {
			r.Header.Set(header, value)
		}
		if at := p.do(r); at.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, at.Status)
		}
	}
	if at := p.get("/console/accounts"); at.url.Path != "/console/accounts" {
		t.Error("another site has signed the person out")
	}
}

func TestOthersSeeNothing(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	_, err := s.Client.CreateAccount(t.Context(), "other", "Other")
	must(t, err)
	_, err = s.Client.CreateUser(t.Context(), "other", keywright.NewUser{
		Username: "eve", Email: "eve@example.com", Password: keywright.NewSecret("a long enough password"), Role: keywright.Role{Name: "admin"},
	})
	must(t, err)
	eve := signedIn(t, s, "eve", "a long enough password")
	eve.get("/console/").mustSay(t, "admin of the account other")
	absent := eve.get("/console/a/absent/")
	foreign := eve.get("/console/a/default/")
	if foreign.StatusCode != http.StatusNotFound || absent.StatusCode != http.StatusNotFound {
		t.Errorf("another's account: %s; none: %s", foreign.Status, absent.Status)
	}
	if a, b := unnamed(foreign.text(), "default"), unnamed(absent.text(), "absent"); a != b {
		t.Errorf("another's account and none differ:\n%s\n%s", a, b)
	}
}

var requestIDs = regexp.MustCompile(`Request\s+\S+`)

func unnamed(text, name string) string {
	return requestIDs.ReplaceAllString(strings.ReplaceAll(text, name, "NAME"), "Request")
}

func TestTheRootIsForBrowsersOnly(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := newPerson(t, s.URL)
	if at := p.get("/"); at.url.Path != "/console/sign-in" {
		t.Errorf("a browser at the root is at %s", at.url)
	}
	r, err := http.NewRequest(http.MethodGet, s.URL+"/", nil)
	must(t, err)
	r.Header.Set("Accept", "application/json")
	if at := p.do(r); at.StatusCode != http.StatusNotFound {
		t.Errorf("a program at the root: %s", at.Status)
	}
}

func TestErrorsArePages(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	p := operator(t, s)
	for path, want := range map[string]int{
		"/console/none":                 http.StatusNotFound,
		"/console/a/No_such/":           http.StatusNotFound,
		"/console/accounts?cursor=gone": http.StatusBadRequest,
		"/console/static/none.css":      http.StatusNotFound,
		"/console/sign-in/return":       http.StatusBadRequest,
		"/console/sign-in/provider":     http.StatusNotFound,
	} {
		at := p.get(path)
		if at.StatusCode != want || !strings.Contains(at.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s, %s; want %d", path, at.Status, at.Header.Get("Content-Type"), want)
		}
	}
}

var linked = regexp.MustCompile(`(?:href|src)="([^"]*/static/[^"]+)"`)

func TestStaticFilesAreKeptForGood(t *testing.T) {
	t.Parallel()
	p := newPerson(t, keywrighttest.New(t).URL)
	files := linked.FindAllStringSubmatch(p.get("/console/sign-in").body, -1)
	if len(files) != 3 {
		t.Fatalf("the page links %v", files)
	}
	for _, file := range files {
		at := p.get(file[1])
		if at.StatusCode != http.StatusOK || !strings.Contains(at.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s, Cache-Control: %s", file[1], at.Status, at.Header.Get("Cache-Control"))
		}
	}
}

func TestBelowAPath(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t, keywrighttest.WithPublicURL("https://example.com/keys"))
	p := newPerson(t, s.URL)
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{"/console/", "/keys/console/"} {
		if to := p.get(path).Header.Get("Location"); !strings.HasPrefix(to, "/keys/console/sign-in?") {
			t.Errorf("%s leads to %s", path, to)
		}
	}
	at := p.get("/keys/console/sign-in")
	at.mustSay(t, `action="/keys/console/sign-in"`, `href="/keys/console/static/`)
	if at.Header.Get("Strict-Transport-Security") == "" {
		t.Error("with https there is no HSTS")
	}
	at = p.post("/keys/console/sign-in", "username", "admin", "password", keywrighttest.AdminPassword)
	cookie := at.Header.Get("Set-Cookie")
	for _, attribute := range []string{"__Host-keywright-session=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, attribute) {
			t.Errorf("the cookie lacks %s", attribute)
		}
	}
}

func TestTheme(t *testing.T) {
	t.Parallel()
	p := operator(t, keywrighttest.New(t))
	p.get("/console/accounts").mustSay(t, `data-theme="system"`)
	at := p.post("/console/theme", "theme", "dark", "next", "/console/accounts")
	if at.url.Path != "/console/accounts" {
		t.Errorf("after the theme: %s", at.url)
	}
	at.mustSay(t, `data-theme="dark"`)
	p.post("/console/theme", "theme", "<script>", "next", "/console/accounts").mustSay(t, `data-theme="dark"`)
}
