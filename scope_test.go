package keywright_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
)

func scope(t testing.TB, s string) keywright.Scope {
	t.Helper()
	parsed, err := keywright.ParseScope(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func scopes(t testing.TB, list ...string) keywright.Scopes {
	t.Helper()
	parsed, err := keywright.ParseScopes(list...)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestParseScope(t *testing.T) {
	t.Parallel()
	for _, row := range scopeVectors() {
		parsed, err := keywright.ParseScope(row.Scope)
		var malformed *keywright.ScopeError
		switch {
		case row.Position == nil:
			if err != nil || parsed.String() != row.Scope {
				t.Errorf("%q: %q, %v", row.Scope, parsed, err)
			}
		case !errors.As(err, &malformed) || !errors.Is(err, keywright.ErrMalformed):
			t.Errorf("%q: error %v, want a *ScopeError that is ErrMalformed", row.Scope, err)
		case malformed.Pos != *row.Position || malformed.Problem == "" || parsed != (keywright.Scope{}):
			t.Errorf("%q: %v, want position %d", row.Scope, err, *row.Position)
		}
	}
}

// The error about a scope of a megabyte must not itself be one.
func TestScopeErrorIsShort(t *testing.T) {
	t.Parallel()
	_, err := keywright.ParseScope(strings.Repeat("a", 1<<20))
	if err == nil || len(err.Error()) > 400 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

func TestCoversAndContains(t *testing.T) {
	t.Parallel()
	for _, row := range containmentVectors() {
		outer, inner := scope(t, row.Outer), scope(t, row.Inner)
		if got := outer.Contains(inner); got != row.Contains {
			t.Errorf("%s contains %s: %t, want %t", outer, inner, got, row.Contains)
		}
		if got := outer.Covers(inner); got != row.Contains {
			t.Errorf("%s covers %s: %t, want %t", outer, inner, got, row.Contains)
		}
	}
}

func TestZeroScope(t *testing.T) {
	t.Parallel()
	var zero keywright.Scope
	for _, s := range []string{"*", "**", "a", "keywright:**", "table://**"} {
		if one := scope(t, s); zero.Covers(one) || zero.Contains(one) || one.Covers(zero) || one.Contains(zero) {
			t.Errorf("the zero scope and %s: one covers the other", s)
		}
	}
	if zero.Covers(zero) || zero.Contains(zero) || zero.Reserved() {
		t.Error("the zero scope covers itself or is reserved")
	}
	if _, ok := scopes(t, "*").Contains(keywright.Scopes{zero}); ok {
		t.Error("* contains the zero scope")
	}
}

func TestReserved(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"keywright": true, "keywright:tokens:read": true, "keywright:**": true,
		"keywrights": false, "*": false, "*:tokens:read": false, "a:keywright": false,
		"Keywright:tokens": false, "keywright://tokens": false, "keywright.tokens": false,
	} {
		if got := scope(t, s).Reserved(); got != want {
			t.Errorf("%s reserved: %t, want %t", s, got, want)
		}
	}
}

// patterns of up to n parts over the given texts and dividers.
func patterns(start string, texts []string, dividers string, n int) []string {
	var all, last []string
	for _, text := range texts {
		last = append(last, start+text)
	}
	for range n {
		all = append(all, last...)
		var next []string
		for _, s := range last {
			for _, d := range dividers {
				for _, text := range texts {
					next = append(next, s+string(d)+text)
				}
			}
		}
		last = next
	}
	return all
}

// TestContainsIsExact holds Covers, Contains and Overlaps against brute force: every
// pattern of three parts against every other, by what each covers of all scopes of up to
// six parts, which is longer than any scope that could tell two such patterns apart.
func TestContainsIsExact(t *testing.T) {
	t.Parallel()
	for _, world := range []struct {
		name, start, dividers    string
		patternTexts, scopeTexts []string
		elsewhere                string // what only * and ** alone cover
	}{
		{"words", "", ":", []string{"a", "keywright", "*", "**"}, []string{"a", "keywright", "x"}, "t://a"},
		{"URIs", "t://", "./", []string{"a", "*", "**"}, []string{"a", "x"}, "u://a"},
	} {
		t.Run(world.name, func(t *testing.T) {
			t.Parallel()
			concrete := append(patterns(world.start, world.scopeTexts, world.dividers, 6), world.elsewhere)
			list := patterns(world.start, world.patternTexts, world.dividers, 3)
			covered := make([][]bool, len(list))
			for i, p := range list {
				covered[i] = coveredBy(t, p, concrete)
			}
			for i, outer := range list {
				for j, inner := range list {
					want := included(covered[j], covered[i])
					if got := scope(t, outer).Contains(scope(t, inner)); got != want {
						t.Errorf("%s contains %s: %t, want %t", outer, inner, got, want)
					}
					want = common(covered[j], covered[i])
					if got := scope(t, outer).Overlaps(scope(t, inner)); got != want {
						t.Errorf("%s overlaps %s: %t, want %t", outer, inner, got, want)
					}
				}
			}
		})
	}
}

// coveredBy says by brute force which scopes a pattern covers, and checks that Covers says so too.
func coveredBy(t testing.TB, pattern string, concrete []string) []bool {
	t.Helper()
	p := scope(t, pattern)
	covered := make([]bool, len(concrete))
	for i, s := range concrete {
		covered[i] = bruteCovers(pattern, s)
		if got := p.Covers(scope(t, s)); got != covered[i] {
			t.Fatalf("%s covers %s: %t, want %t", pattern, s, got, covered[i])
		}
	}
	return covered
}

func included(a, b []bool) bool {
	for i := range a {
		if a[i] && !b[i] {
			return false
		}
	}
	return true
}

func common(a, b []bool) bool {
	for i := range a {
		if a[i] && b[i] {
			return true
		}
	}
	return false
}

// bruteCovers is the grammar's definition, written to be read and not to be fast.
func bruteCovers(pattern, scope string) bool {
	reserved := func(s string) bool { return s == "keywright" || strings.HasPrefix(s, "keywright:") }
	if reserved(pattern) != reserved(scope) {
		return false
	}
	if pattern == "*" || pattern == "**" {
		return true
	}
	patternScheme, patternParts := bruteParts(pattern)
	scopeScheme, scopeParts := bruteParts(scope)
	return patternScheme == scopeScheme && bruteMatch(patternParts, scopeParts)
}

// bruteParts returns the scheme and the parts, each with the divider before it.
func bruteParts(s string) (scheme string, parts []string) {
	dividers, rest := ":", s
	if before, after, ok := strings.Cut(s, "://"); ok {
		scheme, dividers, rest = before, "./", after
	}
	for current := ""; ; {
		if i := strings.IndexAny(rest, dividers); i >= 0 {
			parts = append(parts, current+rest[:i])
			current, rest = rest[i:i+1], rest[i+1:]
			continue
		}
		return scheme, append(parts, current+rest)
	}
}

func bruteMatch(pattern, scope []string) bool {
	if len(pattern) == 0 {
		return len(scope) == 0
	}
	want := strings.TrimLeft(pattern[0], ":./")
	if want == "**" {
		return bruteMatch(pattern[1:], scope) || len(scope) > 0 && bruteMatch(pattern, scope[1:])
	}
	if len(scope) == 0 {
		return false
	}
	have := strings.TrimLeft(scope[0], ":./")
	first := have == scope[0]
	sameDivider := first || scope[0][0] == pattern[0][0]
	return sameDivider && (want == "*" || want == have) && bruteMatch(pattern[1:], scope[1:])
}

// anyPattern draws a URI pattern or a word pattern of up to n parts.
func anyPattern(n int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		start, dividers := "", []string{":"}
		if rapid.Bool().Draw(t, "uri") {
			start, dividers = "t://", []string{".", "/"}
		}
		texts := rapid.SampledFrom([]string{"a", "b", "*", "**", "**"})
		s := start + texts.Draw(t, "part")
		for range rapid.IntRange(0, n-1).Draw(t, "more") {
			s += rapid.SampledFrom(dividers).Draw(t, "divider") + texts.Draw(t, "part")
		}
		return s
	})
}

// drawCovered draws a scope that the pattern covers, by filling its wildcards.
func drawCovered(t *rapid.T, pattern string) string {
	texts := rapid.SampledFrom([]string{"a", "b", "x", "y"})
	scheme, parts := bruteParts(pattern)
	dividers := []string{":"}
	if scheme != "" {
		scheme, dividers = scheme+"://", []string{".", "/"}
	}
	var filled []string
	for _, p := range parts {
		switch strings.TrimLeft(p, ":./") {
		case "**":
			for range rapid.IntRange(0, 3).Draw(t, "run") {
				filled = append(filled, rapid.SampledFrom(dividers).Draw(t, "divider")+texts.Draw(t, "text"))
			}
		case "*":
			filled = append(filled, strings.TrimSuffix(p, "*")+texts.Draw(t, "text"))
		default:
			filled = append(filled, p)
		}
	}
	return scheme + strings.TrimLeft(strings.Join(filled, ""), ":./")
}

// What an outer pattern contains it covers, scope by scope, for patterns too
// long to be tried out one and all.
func TestContainsImpliesCovers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		outer, inner := anyPattern(8).Draw(t, "outer"), anyPattern(8).Draw(t, "inner")
		o, i := mustScope(outer), mustScope(inner)
		contains := o.Contains(i)
		if !o.Contains(o) {
			t.Fatalf("%s does not contain itself", outer)
		}
		for range 20 {
			s := drawCovered(t, inner)
			concrete, err := keywright.ParseScope(s)
			if err != nil {
				continue // every ** swallowed nothing
			}
			covered := o.Covers(concrete)
			if !i.Covers(concrete) || covered != bruteCovers(outer, s) || contains && !covered {
				t.Fatalf("%s (contains %s: %t) covers %s: %t", outer, inner, contains, s, covered)
			}
		}
	})
}

func mustScope(s string) keywright.Scope {
	parsed, err := keywright.ParseScope(s)
	if err != nil {
		panic(err)
	}
	return parsed
}

// Authority never widens: what Narrow leaves is within both.
func TestNarrowNeverWidens(t *testing.T) {
	t.Parallel()
	set := rapid.SliceOfN(anyPattern(4), 0, 5)
	rapid.Check(t, func(t *rapid.T) {
		a, err := keywright.ParseScopes(set.Draw(t, "scopes")...)
		b, err2 := keywright.ParseScopes(set.Draw(t, "limit")...)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		both := a.Narrow(b)
		if missing, ok := a.Contains(both); !ok {
			t.Fatalf("%v narrowed to %v is %v, which has %s too much for the first", a, b, both, missing)
		}
		if missing, ok := b.Contains(both); !ok {
			t.Fatalf("%v narrowed to %v is %v, which has %s too much for the second", a, b, both, missing)
		}
		if again := b.Narrow(a); !slices.Equal(both, again) {
			t.Fatalf("%v and %v narrow to %v or %v, by who is first", a, b, both, again)
		}
	})
}

func TestWithAndWithout(t *testing.T) {
	t.Parallel()
	a, b := scopes(t, "a", "b:*"), scopes(t, "b:*", "b:c")
	if got := a.With(b).Strings(); !slices.Equal(got, []string{"a", "b:*", "b:c"}) {
		t.Errorf("with: %v", got)
	}
	if got := a.With(b).Without(a).Strings(); !slices.Equal(got, []string{"b:c"}) {
		t.Errorf("without: %v", got)
	}
	if got := a.Without(a); got != nil {
		t.Errorf("without itself: %v", got)
	}
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ scopes, limit, want []string }{
		{nil, []string{"*"}, nil},
		{[]string{"a:*"}, nil, nil},
		{[]string{"a:*"}, []string{"a:b"}, []string{"a:b"}},
		{[]string{"a:b"}, []string{"a:*"}, []string{"a:b"}},
		{[]string{"a:b", "c"}, []string{"**"}, []string{"a:b", "c"}},
		{[]string{"**"}, []string{"keywright:tokens:read"}, nil},
		{[]string{"a"}, []string{"b"}, nil},
	} {
		got := scopes(t, row.scopes...).Narrow(scopes(t, row.limit...))
		if !slices.Equal(got.Strings(), append([]string{}, row.want...)) {
			t.Errorf("%v narrowed to %v: %v, want %v", row.scopes, row.limit, got, row.want)
		}
	}
}

func TestScopesAsJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`null`: `[]`, `[]`: `[]`, `["b","a","b"]`: `["a","b"]`, `["t://a/b.c"]`: `["t://a/b.c"]`,
	} {
		set := keywright.Scopes{mustScope("left-over")}
		if err := json.Unmarshal([]byte(in), &set); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if got, err := json.Marshal(set); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`"a"`, `{"a":1}`, `[1]`, `["a b"]`, `[null]`, `["a\u0000"]`, `["\ud800"]`, `true`} {
		set := keywright.Scopes{mustScope("kept")}
		if err := json.Unmarshal([]byte(in), &set); err == nil || set.Strings()[0] != "kept" {
			t.Errorf("%s: %v, %v; want an error and no change", in, set, err)
		}
	}
}

func TestTooManyScopes(t *testing.T) {
	t.Parallel()
	if _, err := keywright.ParseScopes(make([]string, 100_000)...); !errors.Is(err, keywright.ErrInvalid) {
		t.Errorf("100000 scopes: %v", err)
	}
}

func TestCoversDoesNotAllocate(t *testing.T) {
	set := scopes(t, "invoices:*", "table://**.test", "a:**:b:**:c")
	for _, s := range []string{"invoices:read", "table://my.app.test", "a:x:y:b:z:c", "nothing:of:this"} {
		asked := scope(t, s)
		if n := testing.AllocsPerRun(100, func() { set.Covers(asked) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

// The walk must not blow up on patterns made for it.
func TestContainsIsQuickOnHardPatterns(t *testing.T) {
	t.Parallel()
	half := strings.Repeat(".**.*/*", 10)
	outer, inner := scope(t, "t://**"+half+"/a"), scope(t, "t://**"+half+".**")
	if outer.Contains(inner) || !inner.Contains(outer) || !outer.Overlaps(inner) || inner.Overlaps(scope(t, "t://a.b")) {
		t.Error("wrong answer")
	}
}

func FuzzParseScope(f *testing.F) {
	for _, row := range scopeVectors() {
		f.Add(row.Scope)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := keywright.ParseScope(s)
		if err != nil {
			var malformed *keywright.ScopeError
			if !errors.As(err, &malformed) || malformed.Pos < 0 || malformed.Pos > len(s) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if parsed.String() != s || !parsed.Contains(parsed) || len(s) > 255 {
			t.Errorf("%q: read as %q", s, parsed)
		}
		quoted, _ := json.Marshal([]string{s})
		if got, _ := json.Marshal(keywright.Scopes{parsed}); string(got) != string(quoted) {
			t.Errorf("%q: written as %s", s, got)
		}
		for _, c := range []byte(s) { // RFC 6749 section 3.3: scope-token
			if c <= ' ' || c == '"' || c == '\\' || c > '~' {
				t.Errorf("%q holds %q", s, c)
			}
		}
	})
}

func BenchmarkCovers(b *testing.B) {
	set := scopes(b, "invoices:*", "orders:**", "table://my.app.**", "table://**.test")
	for _, s := range []string{"invoices:read", "orders:eu:read:all", "table://your.app.test", "nothing:of:this"} {
		asked := scope(b, s)
		b.Run(strings.NewReplacer("/", "_", ":", "_").Replace(s), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Covers(asked)
			}
		})
	}
}

func BenchmarkContains(b *testing.B) {
	outer, inner := scope(b, "table://*.**"), scope(b, "table://my.**.test.*")
	b.ReportAllocs()
	for b.Loop() {
		outer.Contains(inner)
	}
}
