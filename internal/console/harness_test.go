package console_test

// The tests below are people with browsers that have no JavaScript, at a real server; package browser has those with one.

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/keywright/keywright/keywrighttest"
)

// person is somebody with a browser.
type person struct {
	t    *testing.T
	base string
	http *http.Client
}

// page is what the browser shows.
type page struct {
	*http.Response
	url  *url.URL
	body string
}

func newPerson(t *testing.T, base string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &person{t, base, &http.Client{Jar: jar}}
}

// operator is the first user, signed in.
func operator(t *testing.T, s *keywrighttest.Server) *person {
	t.Helper()
	return signedIn(t, s, keywrighttest.AdminUsername, keywrighttest.AdminPassword)
}

func signedIn(t *testing.T, s *keywrighttest.Server, username, password string) *person {
	t.Helper()
	p := newPerson(t, s.URL)
	if at := p.post("/console/sign-in", "username", username, "password", password); at.StatusCode != http.StatusOK {
		t.Fatalf("sign in as %s: %s", username, at.Status)
	}
	return p
}

func (p *person) get(path string) page {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.base+path, nil)
	must(p.t, err)
	r.Header.Set("Accept", "text/html")
	return p.do(r)
}

// post sends a form of names and values in turn.
func (p *person) post(path string, form ...string) page {
	p.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.base+path, strings.NewReader(values.Encode()))
	must(p.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return p.do(r)
}

func (p *person) do(r *http.Request) page {
	p.t.Helper()
	res, err := p.http.Do(r)
	must(p.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(p.t, err)
	checkHeaders(p.t, res)
	return page{res, res.Request.URL, string(body)}
}

// checkHeaders holds every answer of the console against what all must have.
func checkHeaders(t *testing.T, res *http.Response) {
	t.Helper()
	if !strings.Contains(res.Request.URL.Path, "/console/") {
		return
	}
	policy := res.Header.Get("Content-Security-Policy")
	for _, rule := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"} {
		if !strings.Contains(policy, rule) {
			t.Errorf("%s: the content security policy lacks %s: %s", res.Request.URL, rule, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("%s: %s", res.Request.URL, policy)
	}
	if !strings.Contains(res.Request.URL.Path, "/static/") && res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: Cache-Control: %s", res.Request.URL, res.Header.Get("Cache-Control"))
	}
}

var (
	tags   = regexp.MustCompile(`<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// text is what a page says.
func (p page) text() string {
	_, main, _ := strings.Cut(p.body, "<main")
	return spaces.ReplaceAllString(tags.ReplaceAllString("<main"+main, " "), " ")
}

func (p page) mustSay(t *testing.T, wanted ...string) {
	t.Helper()
	for _, text := range wanted {
		if !strings.Contains(p.body, text) && !strings.Contains(p.text(), text) {
			t.Errorf("%s %s does not say %q:\n%s", p.Status, p.url, text, p.text())
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
