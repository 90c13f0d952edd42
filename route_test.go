package keywright_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
)

func TestCanonicalPath(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{
		"/", "/a", "/a/", "/a/b", "/a/b.json", "/A-_.~!$&'()*+,=:@", "/caf%C3%A9", "/%22quoted%22", "/..a/b..", "/...", "/%7Bx%7D",
	} {
		if !keywright.CanonicalPath(sent) {
			t.Errorf("%s can be read in one way only, and is refused", sent)
		}
	}
	for _, sent := range []string{
		"", "a", "*", "//", "//a", "/a//b", "/a//", "/.", "/..", "/a/./b", "/a/../b", "/a/..", `/a\b`, "/a;b=c/d", "/a;", "/a#b", "/a?b",
		"/a b", "/a\tb", "/a\x00", "/a\x7f", "/é", "/\xff", "/%2e%2e/a", "/%2E", "/a%2Fb", "/a%2fb", "/a%5Cb", "/a%00", "/a%0A", "/a%20b", "/a%25b",
		"/a%3Bb", "/a%23", "/a%3F", "/%61", "/%7E", "/caf%c3%a9", "/caf%C3", "/%FF", "/%", "/%4", "/%GG", "/%u0041", "/{id}", "/a|b", "/a^b", "/a\"b", "/a<b",
		"http://x/a",
	} {
		if keywright.CanonicalPath(sent) {
			t.Errorf("%q can be read in more than one way, and is accepted", sent)
		}
	}
}

// A path that is canonical is what everybody makes of it: cleaning and decoding once or twice change nothing that counts.
func TestCanonicalPathIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sent := "/" + strings.Join(rapid.SliceOfN(rapid.StringMatching(`([a-zA-Z0-9;.:%\\#?é~+-]|%[0-9A-Fa-f]{2}){0,6}`), 1, 4).Draw(t, "parts"), "/")
		if !keywright.CanonicalPath(sent) {
			return
		}
		u, err := url.ParseRequestURI(sent)
		if err != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q is no path: %v", sent, err)
		}
		if cleaned := path.Clean(u.Path); cleaned != strings.TrimSuffix(u.Path, "/") && u.Path != "/" {
			t.Fatalf("%q becomes %q when it is cleaned", sent, cleaned)
		}
		if strings.Count(u.Path, "/") != strings.Count(sent, "/") || strings.ContainsAny(u.Path, "\\;%#?\x00") {
			t.Fatalf("%q decodes to %q", sent, u.Path)
		}
	})
}

func TestPathPattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"/", []string{"/"}, []string{"/a", "/a/"}},
		{"/orders", []string{"/orders"}, []string{"/", "/orders/", "/orders/7", "/Orders", "/order"}},
		{"/orders/", []string{"/orders/"}, []string{"/orders", "/orders/7"}},
		{"/orders/{id}", []string{"/orders/7", "/orders/caf%C3%A9"}, []string{"/orders", "/orders/", "/orders/7/", "/orders/7/8"}},
		{"/orders/{id}/items", []string{"/orders/7/items"}, []string{"/orders/items", "/orders/7", "/orders/7/items/", "/orders//items"}},
		{"/files/{rest...}", []string{"/files", "/files/", "/files/a", "/files/a/b/"}, []string{"/file", "/filesystem", "/", "/Files/a"}},
		{"/{rest...}", []string{"/", "/a", "/a/b"}, nil},
		{"/{a}/{b}", []string{"/x/y"}, []string{"/x", "/x/", "/x/y/z"}},
	} {
		p, err := keywright.ParsePathPattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for _, path := range c.yes {
			if !p.Matches(path) {
				t.Errorf("%s is not about %s", p, path)
			}
		}
		for _, path := range c.no {
			if p.Matches(path) {
				t.Errorf("%s is about %s", p, path)
			}
		}
	}
}

func TestPathPatternMalformed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "orders", "//", "/a//b", "/a/../b", "/{rest...}/b", "/{a-b}", "/{ }", "/a{b}", "/{}", "/a;b", "/a?b", "/%2e", "/é", "/*"} {
		if p, err := keywright.ParsePathPattern(text); !errors.Is(err, keywright.ErrMalformed) {
			t.Errorf("%q is read as %q: %v", text, p, err)
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	var routes keywright.Routes
	if err := json.Unmarshal([]byte(`[
		{"path": "/orders/special", "scopes": ["orders:special"]},
		{"methods": ["GET", "HEAD"], "path": "/orders/{id}", "audience": "shop", "scopes": ["orders:read"]},
		{"path": "/orders/{rest...}", "audience": "shop", "scopes": ["orders:write"]}]`), &routes); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, scope string }{
		{"GET", "/orders/7", "orders:read"},
		{"DELETE", "/orders/7", "orders:write"},
		{"GET", "/orders/special", "orders:special"},
		{"GET", "/orders", "orders:write"},
		{"get", "/orders/7", "orders:write"}, // methods are told apart by case (RFC 9110 section 9.1)
		{"GET", "/orders/%37", ""},
		{"GET", "/orders//7", ""},
		{"GET", "/customers", ""},
		{"GET", "", ""},
	} {
		found, ok := routes.Find(c.method, c.path)
		if ok != (c.scope != "") || ok && found.Scopes[0].String() != c.scope {
			t.Errorf("%s %s: %v, %v; want %q", c.method, c.path, found.Scopes, ok, c.scope)
		}
	}
	if _, ok := keywright.Routes(nil).Find("GET", "/"); ok {
		t.Error("where there is no rule, something passes")
	}
	if _, ok := (keywright.Routes{{}}).Find("GET", "/"); ok {
		t.Error("the zero rule is about something")
	}
}

func FuzzPathPattern(f *testing.F) {
	f.Add("/a/{b}/{c...}", "/a/x/y/z")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		p, err := keywright.ParsePathPattern(pattern)
		if err != nil {
			return
		}
		if p.Matches(path) && !strings.HasPrefix(path, "/") {
			t.Errorf("%q is about %q", pattern, path)
		}
	})
}
