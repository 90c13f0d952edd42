package keywright

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of one scope, and of a list of them.
const (
	maxScopeBytes = 255
	maxScopeParts = 32
	maxScopes     = 1000
)

// schemeEnd divides the scheme of a URI from its parts.
const schemeEnd = "://"

// reservedPart begins the scopes that guard Keywright's own management API.
const reservedPart = "keywright"

// Scope names something a token may do, or, with wildcards, a set of such
// things: a word path (invoices:read) or a URI (table://my.app.test). It is
// made by ParseScope; the zero Scope covers nothing and is covered by nothing.
type Scope struct {
	text  string
	parts uint8 // where the parts begin in text: after the scheme, or 0 in a word path
	wild  bool  // it has wildcards
}

// ParseScope reads one scope. An error is a *ScopeError with the scope and the
// position (in bytes) that is wrong.
//
// A word path is parts divided by ':'; a URI is a scheme, "://", and parts
// divided by '.' or '/'. The part "*" stands for exactly one part, "**" for any
// number of parts, also none. The scope "*" (or "**") covers every scope but the reserved
// ones, which begin with the part "keywright" and are covered only by patterns that
// begin with it too.
//
// A divider belongs to the part after it, and "**" swallows both: table://my.app.**
// covers table://my.app and table://my.app/test, table://my.app.* covers neither.
// A word part is made of letters, digits and ._~@+- (ASCII); a part of a URI of
// letters, digits and _~@+-. A scope has at most 255 bytes and 32 parts.
func ParseScope(s string) (Scope, error) {
	if pos, problem := scopeProblem(s); problem != "" {
		return Scope{}, &ScopeError{Scope: s[:min(len(s), maxScopeBytes)], Pos: pos, Problem: problem}
	}
	scope := Scope{text: s, wild: strings.IndexByte(s, '*') >= 0}
	if i := strings.Index(s, schemeEnd); i >= 0 {
		scope.parts = uint8(i + len(schemeEnd))
	}
	return scope, nil
}

// scopeProblem says what is wrong with s and where; no problem is "".
func scopeProblem(s string) (pos int, problem string) {
	if len(s) > maxScopeBytes {
		return maxScopeBytes, fmt.Sprintf("a scope has at most %d bytes", maxScopeBytes)
	}
	scheme := strings.Index(s, schemeEnd)
	if scheme < 0 {
		return partsProblem(s, 0, ":", "._~@+-")
	}
	if pos, problem := schemeProblem(s[:scheme]); problem != "" {
		return pos, problem
	}
	return partsProblem(s, scheme+len(schemeEnd), "./", "_~@+-")
}

func schemeProblem(scheme string) (pos int, problem string) {
	for i := range len(scheme) {
		c := scheme[i]
		if 'a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || strings.IndexByte("+.-", c) >= 0) {
			continue
		}
		return i, "a scheme is written in lower-case letters, then also digits and +.-, without wildcards"
	}
	if scheme == "" {
		return 0, "the scheme before :// is empty"
	}
	return 0, ""
}

func partsProblem(s string, start int, dividers, marks string) (pos int, problem string) {
	for count := 1; ; count++ {
		if count > maxScopeParts {
			return start, fmt.Sprintf("a scope has at most %d parts", maxScopeParts)
		}
		end := strings.IndexAny(s[start:], dividers)
		if end < 0 {
			return partProblem(s[start:], start, marks)
		}
		if pos, problem := partProblem(s[start:start+end], start, marks); problem != "" {
			return pos, problem
		}
		start += end + 1
	}
}

func partProblem(part string, start int, marks string) (pos int, problem string) {
	if part == "" {
		return start, "a part is empty"
	}
	if part == "*" || part == "**" {
		return start, ""
	}
	for i := range len(part) {
		switch c := part[i]; {
		case isAlphanumeric(c) || strings.IndexByte(marks, c) >= 0:
		case c == '*':
			return start + i, "* and ** stand for whole parts only"
		default:
			r, _ := utf8.DecodeRuneInString(part[i:])
			return start + i, fmt.Sprintf("character %q is not allowed here", r)
		}
	}
	return start, ""
}

// String is the scope as it was written.
func (s Scope) String() string { return s.text }

// Clone is the scope in memory of its own: what ParseScope returns shares that of what it read.
func (s Scope) Clone() Scope {
	s.text = strings.Clone(s.text)
	return s
}

// MarshalText writes String.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Scope) UnmarshalText(text []byte) (err error) {
	*s, err = ParseScope(string(text))
	return err
}

// Reserved reports whether the scope guards Keywright's own management API.
func (s Scope) Reserved() bool {
	rest, ok := strings.CutPrefix(s.text, reservedPart)
	return ok && s.parts == 0 && (rest == "" || rest[0] == ':')
}

// Covers reports whether the pattern s covers the concrete scope; it is
// containment of a scope without wildcards, and does not allocate.
func (s Scope) Covers(scope Scope) bool {
	if scope.wild {
		return s.Contains(scope)
	}
	if s.text == scope.text {
		return s.text != ""
	}
	return s.comparable(scope) && (s.everything() || matches(s.path(), scope.path()))
}

// Contains reports, exactly, whether everything that t covers is covered by s.
func (s Scope) Contains(t Scope) bool {
	switch {
	case !t.wild:
		return s.Covers(t)
	case !s.wild || !s.comparable(t):
		return false
	case s.everything() || s.text == t.text:
		return true
	case t.everything():
		return false
	}
	return containment(s.path(), t.path())
}

// Overlaps reports, exactly, whether there is a scope that both s and t cover.
func (s Scope) Overlaps(t Scope) bool {
	switch {
	case !t.wild:
		return s.Covers(t)
	case !s.wild:
		return t.Covers(s)
	case !s.comparable(t) && !t.comparable(s):
		return false
	case s.everything() || t.everything():
		return true
	}
	return meet(s.path(), t.path())
}

func (s Scope) everything() bool { return s.text == "*" || s.text == "**" }

// comparable reports whether both are of the same sort: reserved or not, and,
// unless s is everything, words or URIs of one scheme.
func (s Scope) comparable(t Scope) bool {
	if s.text == "" || t.text == "" || s.Reserved() != t.Reserved() {
		return false
	}
	return s.everything() || s.text[:s.parts] == t.text[:t.parts]
}

// Scopes is a set of scopes, sorted, without repeats. Nil is the empty set and
// means no access.
type Scopes []Scope

// ParseScopes reads a set of at most 1000; order and repeats do not matter.
func ParseScopes(list ...string) (Scopes, error) {
	if len(list) > maxScopes {
		return nil, Invalid("scopes", "%d scopes; want at most %d", len(list), maxScopes)
	}
	scopes := make(Scopes, 0, len(list))
	for _, text := range list {
		scope, err := ParseScope(text)
		if err != nil {
			return nil, err
		}
		scopes = append(scopes, scope)
	}
	return scopes.normal(), nil
}

// normal sorts s in place and drops repeats; the empty set is nil.
func (s Scopes) normal() Scopes {
	if len(s) == 0 {
		return nil
	}
	slices.SortFunc(s, func(a, b Scope) int { return cmp.Compare(a.text, b.text) })
	return slices.Compact(s)
}

// Covers reports whether some member covers the scope.
func (s Scopes) Covers(scope Scope) bool {
	for _, member := range s {
		if member.Covers(scope) {
			return true
		}
	}
	return false
}

// Contains reports whether every member of t is contained in a member of s; if
// not, missing is the first that is not.
func (s Scopes) Contains(t Scopes) (missing Scope, ok bool) {
	for _, scope := range t {
		if !s.containsOne(scope) {
			return scope, false
		}
	}
	return Scope{}, true
}

func (s Scopes) containsOne(scope Scope) bool {
	return slices.ContainsFunc(s, func(member Scope) bool { return member.Contains(scope) })
}

// Narrow returns the members of s that limit contains, and the members of limit that s
// contains: never wider than either, and exact wherever one of two members
// contains the other.
func (s Scopes) Narrow(limit Scopes) Scopes {
	var both Scopes
	for _, scope := range s {
		if limit.containsOne(scope) {
			both = append(both, scope)
		}
	}
	for _, scope := range limit {
		if s.containsOne(scope) {
			both = append(both, scope)
		}
	}
	return both.normal()
}

// With returns both sets as one.
func (s Scopes) With(t Scopes) Scopes { return slices.Concat(s, t).normal() }

// Without returns the members of s that are not members of t. It compares what is written, not what it covers.
func (s Scopes) Without(t Scopes) Scopes {
	return slices.DeleteFunc(slices.Clone(s), func(scope Scope) bool { return slices.Contains(t, scope) }).normal()
}

// Strings returns the scopes as text, never nil.
func (s Scopes) Strings() []string {
	list := make([]string, len(s))
	for i, scope := range s {
		list[i] = scope.text
	}
	return list
}

// MarshalJSON writes an array, [] for the empty set. No character of a scope needs escaping.
func (s Scopes) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, scope := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), scope.text...), '"')
	}
	return append(b, ']'), nil
}

// UnmarshalJSON reads an array of scopes as ParseScopes does. null is the empty
// set, and means no access as [] does.
func (s *Scopes) UnmarshalJSON(data []byte) error {
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("scopes are %w: want an array of strings", ErrMalformed)
	}
	parsed, err := ParseScopes(list...)
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}
