package keywright

// Scope names something a token may do, or, with wildcards, a set of such
// things: a word path (invoices:read) or a URI (table://my.app.test). It is
// made by ParseScope; the zero Scope covers nothing and is covered by nothing.
type Scope struct{ text string }

// ParseScope reads one scope. An error is a *ScopeError with the scope and the
// position (in bytes) that is wrong.
//
// A word path is parts divided by ':'; a URI is a scheme, "://", and parts
// divided by '.' or '/'. The part "*" stands for exactly one part, "**" for any
// number of parts, also none. The scope "*" (or "**") covers every scope but the reserved
// ones, which begin with the part "keywright" and are covered only by patterns that
// begin with it too.
func ParseScope(s string) (Scope, error) { panic("unwritten") }

// String is the scope as it was written.
func (s Scope) String() string { return s.text }

// MarshalText writes String.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Scope) UnmarshalText(text []byte) (err error) {
	*s, err = ParseScope(string(text))
	return err
}

// Reserved reports whether the scope guards Keywright's own management API.
func (s Scope) Reserved() bool { panic("unwritten") }

// Covers reports whether the pattern s covers the concrete scope; it is
// containment of a scope without wildcards, and does not allocate.
func (s Scope) Covers(scope Scope) bool { panic("unwritten") }

// Contains reports, exactly, whether everything that t covers is covered by s.
func (s Scope) Contains(t Scope) bool { panic("unwritten") }

// Scopes is a set of scopes, sorted, without repeats. Nil is the empty set and
// means no access.
type Scopes []Scope

// ParseScopes reads a set; order and repeats do not matter.
func ParseScopes(list ...string) (Scopes, error) { panic("unwritten") }

// Covers reports whether some member covers the scope.
func (s Scopes) Covers(scope Scope) bool { panic("unwritten") }

// Contains reports whether every member of t is contained in a member of s; if
// not, missing is the first that is not.
func (s Scopes) Contains(t Scopes) (missing Scope, ok bool) { panic("unwritten") }

// Narrow returns the members of s that limit contains, and the members of limit that s
// contains: never wider than either, and exact wherever one of two members
// contains the other.
func (s Scopes) Narrow(limit Scopes) Scopes { panic("unwritten") }

// Strings returns the scopes as text, never nil.
func (s Scopes) Strings() []string { panic("unwritten") }
