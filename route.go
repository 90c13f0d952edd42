package keywright

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Route is one rule of a gateway: which requests it is about, and what they need.
type Route struct {
	Methods  []string    `json:"methods,omitempty" doc:"HTTP methods; none: every method"`
	Path     PathPattern `json:"path" doc:"Such as /orders, /orders/{id} or /files/{rest...}"`
	Audience string      `json:"audience,omitempty" doc:"For which API the token must be; none: for no API in particular"`
	Space    string      `json:"space,omitempty" doc:"Whose data it is; none: not asked"`
	Scopes   Scopes      `json:"scopes,omitempty" doc:"Each must be covered"`
}

// Routes are the rules of a gateway, in order.
type Routes []Route

// Find returns the first rule about a request. A path that is not canonical, and a request that no rule
// is about, has none: it must be refused.
func (routes Routes) Find(method, path string) (Route, bool) {
	if !CanonicalPath(path) {
		return Route{}, false
	}
	for _, r := range routes {
		if (len(r.Methods) == 0 || slices.Contains(r.Methods, method)) && r.Path.Matches(path) {
			return r, true
		}
	}
	return Route{}, false
}

// CanonicalPath reports whether a request's path, as it was sent and without its query, can be read in one way only: by the
// gateway, by us and by the application behind. It begins with a slash; none of its parts is empty but the last, "." or "..";
// it has no backslash, no semicolon (which some servers cut parts off at), no "#", "?", space, control character or raw
// byte beyond ASCII; and what is percent-encoded had to be (RFC 3986 section 6.2.2): UTF-8, with upper-case digits,
// and neither a control character nor anything of the characters named.
func CanonicalPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for rest, more := path[1:], path != "/"; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if part == "." || part == ".." || part == "" && more || !canonicalPart(part) {
			return false
		}
	}
	return true
}

// canonicalPart: pchar of RFC 3986 section 3.3 without the semicolon.
func canonicalPart(part string) bool {
	decoded := make([]byte, 0, len(part))
	for i := 0; i < len(part); i++ {
		c := part[i]
		switch {
		case c == '%':
			b, ok := encodedByte(part[i:])
			if !ok {
				return false
			}
			decoded = append(decoded, b)
			i += 2
		case unreserved(c) || strings.IndexByte("!$&'()*+,=:@", c) >= 0:
			decoded = append(decoded, c)
		default:
			return false
		}
	}
	return utf8.Valid(decoded)
}

// encodedByte is the byte at the beginning of s that is percent-encoded and may be.
func encodedByte(s string) (b byte, ok bool) {
	if len(s) < 3 {
		return 0, false
	}
	const digits = "0123456789ABCDEF"
	high, low := strings.IndexByte(digits, s[1]), strings.IndexByte(digits, s[2])
	if high < 0 || low < 0 {
		return 0, false
	}
	b = byte(high<<4 | low)
	return b, b > ' ' && b != 0x7f && !unreserved(b) && strings.IndexByte(`/\;%#?.`, b) < 0
}

func unreserved(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// PathPattern says which paths a rule is about. A part {name} stands for exactly one part that is not empty, {name...} at
// the end for whatever follows, also nothing; every other part stands for itself, letter case and all. The zero
// PathPattern matches nothing.
type PathPattern struct{ text string }

// ParsePathPattern reads a pattern.
func ParsePathPattern(text string) (PathPattern, error) {
	if text == "" || text[0] != '/' {
		return PathPattern{}, fmt.Errorf("path pattern %q is %w: it must begin with a slash", text, ErrMalformed)
	}
	parts := strings.Split(text[1:], "/")
	for i, part := range parts {
		if err := checkPatternPart(part, i == len(parts)-1); err != nil {
			return PathPattern{}, fmt.Errorf("path pattern %q is %w: %w", text, ErrMalformed, err)
		}
	}
	return PathPattern{text}, nil
}

func checkPatternPart(part string, last bool) error {
	name, wild := wildcard(part)
	rest := strings.HasSuffix(name, "...")
	switch {
	case wild && strings.Trim(strings.TrimSuffix(name, "..."), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "":
		return fmt.Errorf("the name in %q must be of letters, digits and _", part)
	case wild && rest && !last:
		return fmt.Errorf("%q may only be the last part", part)
	case strings.Trim(part, "*") == "" && part != "":
		return fmt.Errorf("%q is no wildcard here: write {name} for one part, {rest...} for all that follow", part)
	case !wild && (part == "" && !last || part != "" && !CanonicalPath("/"+part)):
		return fmt.Errorf("no canonical path has the part %q", part)
	}
	return nil
}

func wildcard(part string) (name string, ok bool) {
	if len(part) < 3 || part[0] != '{' || part[len(part)-1] != '}' {
		return "", false
	}
	return part[1 : len(part)-1], true
}

// Matches reports whether the pattern is about a canonical path.
func (p PathPattern) Matches(path string) bool {
	if p.text == "" || path == "" || path[0] != '/' {
		return false
	}
	pattern, rest := p.text[1:], path[1:]
	for {
		want, wants, more := strings.Cut(pattern, "/")
		name, wild := wildcard(want)
		if wild && strings.HasSuffix(name, "...") {
			return true
		}
		part, after, parts := strings.Cut(rest, "/")
		if wild && part == "" || !wild && part != want {
			return false
		}
		if !more || !parts {
			return more == parts || more && !parts && openEnded(wants)
		}
		pattern, rest = wants, after
	}
}

// openEnded: /files matches /files/{rest...}, of which nothing is left.
func openEnded(pattern string) bool {
	name, wild := wildcard(pattern)
	return wild && strings.HasSuffix(name, "...")
}

// String is the pattern as it was written.
func (p PathPattern) String() string { return p.text }

// MarshalText writes String.
func (p PathPattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// UnmarshalText reads what MarshalText writes.
func (p *PathPattern) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePathPattern(string(text))
	return err
}
