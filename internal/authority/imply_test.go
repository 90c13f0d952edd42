package authority

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
)

// wantScopes holds what a token was given, and what that implies, against what is wanted; "" for nothing.
func (w *world) wantScopes(id keywright.ID, given, implied string) {
	w.t.Helper()
	got := w.get(id)
	if g, i := strings.Join(got.Scopes.Strings(), " "), strings.Join(got.Implied.Strings(), " "); g != given || i != implied {
		w.t.Errorf("token %d was given %q and has %q with it; want %q and %q", got.Number, g, i, given, implied)
	}
}

// What is implied counts at every door and in every check, and is shown apart.
func TestImpliedAtWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.catalogued(keywright.NoAudience, "a>b", "b>c,a", "c", "open:*>keywright:tokens:read", "key>keywright:tokens:write")
	token := w.issue(w.as("ada"), scopesGranted("a", "open:door"))
	w.wantScopes(token.Token.ID, "a open:door", "b c keywright:tokens:read")
	if events := w.events(); events[0].After["implied"] == nil || fmt.Sprint(events[0].After["scopes"]) != "[a open:door]" {
		t.Errorf("told: %v", events[0].After)
	}
	for scope, want := range map[string]bool{"a": true, "c": true, "key": false, "d": false} {
		if w.usable(token.APIKey, scope) != want {
			t.Errorf("usable for %s: %t", scope, !want)
		}
	}
	if _, err := w.a.Token(ctx, w.by(token), token.Token.ID); err != nil {
		t.Errorf("what is implied opens nothing: %v", err)
	}
	c, err := w.a.ParseCredential(token.APIKey.Reveal())
	w.must(err)
	v, err := w.a.Verify(ctx, c, keywright.Access{})
	heard, _ := v.Token()
	if w.must(err); !slices.Equal(heard.Scopes.Strings(), []string{"a", "b", "c", "keywright:tokens:read", "open:door"}) {
		t.Errorf("a verifier hears of %q", heard.Scopes)
	}
	// A wildcard that covers entries brings nothing with it.
	wild := w.issue(w.as("ada"), scopesGranted("**", "open:*"))
	w.wantScopes(wild.Token.ID, "** open:*", "keywright:tokens:read")
	// Who may not give what is implied may not give what implies it.
	maker := w.issue(w.as("ada"), scopesGranted("**", "keywright:tokens:write"))
	_, err = w.a.Issue(ctx, w.by(maker), scopesGranted("open:door"), "")
	wantErr(t, err, keywright.ErrForbidden, "keywright:tokens:read, which is implied")
	child := w.issue(w.by(maker), scopesGranted("key"))
	w.wantScopes(child.Token.ID, "key", "keywright:tokens:write")
	_, err = w.a.Edit(ctx, w.by(maker), child.Token.ID, keywright.EditToken{Scopes: &[]string{"key", "open:door"}})
	wantErr(t, err, keywright.ErrForbidden, "keywright:tokens:read, which is implied")
	edited, err := w.a.Edit(ctx, w.as("ada"), token.Token.ID, keywright.EditToken{Scopes: &[]string{"b"}})
	w.must(err)
	w.wantScopes(edited.ID, "b", "a c")
}

// A policy's allowed scopes hold for what is implied, too.
func TestImpliedAndPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.catalogued(keywright.NoAudience, "a>b", "b")
	token := w.issue(w.as("ada"), scopesGranted("a"))
	w.policy(func(p *keywright.Policy) { p.AllowedScopes = []string{"a"} })
	_, err := w.a.Issue(t.Context(), w.as("ada"), scopesGranted("a"), "")
	wantErr(t, err, keywright.ErrInvalid, "the policy does not allow b")
	if !w.usable(token.APIKey, "a") || w.usable(token.APIKey, "b") {
		t.Error("the policy does not hold at use")
	}
}

// A catalogue that changes changes what tokens may, in its revision: they and what they made lose and gain.
func TestCatalogueChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	set := func(entries ...string) []keywright.Event {
		_, err := w.a.SetAudience(ctx, w.as("ada"), "acme", "http", keywright.NewAudience{Scopes: listed(entries...)})
		w.must(err)
		return w.events()
	}
	set("a>b", "b", "c")
	parent := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"a", "c", "keywright:tokens:write"}, Audience: []string{"http", "keywright"}})
	w.pass(time.Second)
	child := w.issue(w.by(parent), keywright.NewToken{Scopes: []string{"b"}, Audience: []string{"http"}})
	likewise := w.issue(w.by(parent), keywright.NewToken{Scopes: []string{"a"}, Audience: []string{"http"}})
	stranger := w.issue(w.as("ada"), scopesGranted("a"))
	revoked := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"a"}, Audience: []string{"http"}})
	_, err := w.a.Revoke(ctx, w.as("ada"), revoked.Token.ID, "")
	w.must(err)
	w.trail()
	w.pass(time.Second)

	events := set("a>c", "b", "c")
	for _, e := range events {
		if e.Revision != events[0].Revision || e.Revision == 0 {
			t.Errorf("%s has revision %d, the first %d", e.Action, e.Revision, events[0].Revision)
		}
	}
	var told []string
	for _, e := range events {
		told = append(told, strings.TrimSpace(e.Action+" "+e.Reason))
	}
	if want := []string{"audience.set", "token.edit catalogue changed", "token.edit parent narrowed", "token.edit parent narrowed", "token.edit catalogue changed"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	w.wantScopes(parent.Token.ID, "a c keywright:tokens:write", "")
	w.wantScopes(child.Token.ID, "", "")
	w.wantScopes(likewise.Token.ID, "a", "c")
	w.wantScopes(stranger.Token.ID, "a", "")
	w.wantScopes(revoked.Token.ID, "a", "b")

	_, err = w.a.DeleteAudience(ctx, w.as("ada"), "acme", "http")
	w.must(err)
	w.wantScopes(likewise.Token.ID, "a", "")
	w.wantScopes(parent.Token.ID, "a c keywright:tokens:write", "")
	if told := w.trail(); !slices.Equal(told, []string{"audience.delete", "token.edit catalogue changed"}) {
		t.Errorf("told %q", told)
	}
}

// A catalogue gives nobody what the one who changes it could not, nor a token what its parent has not.
func TestCatalogueWidensNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	set := func(c Caller, entries ...string) error {
		_, err := w.a.SetAudience(ctx, c, "acme", keywright.NoAudience, keywright.NewAudience{Scopes: listed(append(entries, "b", "x:**")...)})
		return err
	}
	wantErr(t, set(w.as("ada"), "a>keywright:accounts:write"), keywright.ErrForbidden, "keywright:accounts:write")
	wantErr(t, set(w.as("root"), "z>keywright:accounts:write"), nil, "")
	wantErr(t, set(w.as("ada"), "z>keywright:accounts:write", "a"), nil, "") // it is not new

	keeper := w.issue(w.as("ada"), scopesGranted("a", "b", "keywright:policy:write"))
	wantErr(t, set(w.by(keeper), "a>keywright:tokens:write"), keywright.ErrForbidden, "keywright:tokens:write")
	wantErr(t, set(w.by(keeper), "a>c"), keywright.ErrForbidden, "the scope c")
	wantErr(t, set(w.by(keeper), "a>b"), nil, "")
	dated := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"x:d", "b"}, Lifetime: "permanent"})
	other := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"x:d"}, Lifetime: "permanent"})
	w.trail()
	wantErr(t, set(w.by(keeper), "a>b", "x:d>b"), keywright.ErrForbidden, fmt.Sprintf("token %d would have more", other.Token.Number))
	w.wantScopes(dated.Token.ID, "b x:d", "")
	w.wantTrail()

	parent := w.issue(w.as("ada"), scopesGranted("**", "keywright:tokens:write"))
	w.pass(time.Second)
	child := w.issue(w.by(parent), scopesGranted("x:d", "x:e"))
	wantErr(t, set(w.as("ada"), "x:d>keywright:tokens:read,keywright:tokens:write"), nil, "")
	w.wantScopes(child.Token.ID, "x:d x:e", "keywright:tokens:write")
	_, err := w.a.Edit(ctx, w.by(parent), child.Token.ID, keywright.EditToken{Scopes: &[]string{"x:d"}})
	wantErr(t, err, nil, "")
	w.wantScopes(child.Token.ID, "x:d", "keywright:tokens:write")
}

// What a parent loses its descendants lose, also where it is implied by what they keep.
func TestNarrowedImplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.catalogued(keywright.NoAudience, "x:y>b", "b", "x:**")
	parent := w.issue(w.as("ada"), scopesGranted("x:*", "b", "keywright:tokens:write"))
	w.pass(time.Second)
	child := w.issue(w.by(parent), scopesGranted("x:y", "x:z"))
	w.wantScopes(child.Token.ID, "x:y x:z", "b")
	narrow := func(scopes ...string) {
		_, err := w.a.Edit(t.Context(), w.as("ada"), parent.Token.ID, keywright.EditToken{Scopes: &scopes})
		w.must(err)
	}
	narrow("x:*", "keywright:tokens:write")
	w.wantScopes(child.Token.ID, "x:y x:z", "")
	narrow("x:*", "b", "keywright:tokens:write")
	narrow("x:z", "keywright:tokens:write")
	w.wantScopes(child.Token.ID, "x:z", "")
}

// Nothing grows beyond its bound.
func TestImpliedIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var entries []string
	for i := range mostImplied + 1 {
		entries = append(entries, fmt.Sprintf("s:%d>s:%d", i, i+1))
	}
	token := w.issue(w.as("ada"), scopesGranted("s:0"))
	_, err := w.a.SetAudience(t.Context(), w.as("ada"), "acme", keywright.NoAudience, keywright.NewAudience{Scopes: listed(entries...)})
	wantErr(t, err, keywright.ErrInvalid, "what token 1 has would imply more than 256")
	w.wantScopes(token.Token.ID, "s:0", "")
	_, err = w.a.Revoke(t.Context(), w.as("ada"), token.Token.ID, "")
	w.must(err)
	w.catalogued(keywright.NoAudience, entries...)
	_, err = w.a.Issue(t.Context(), w.as("ada"), scopesGranted("s:0"), "")
	wantErr(t, err, keywright.ErrInvalid, "/scopes: imply more than 256")
	long := w.issue(w.as("ada"), scopesGranted("s:1"))
	if n := len(w.get(long.Token.ID).Implied); n != mostImplied {
		t.Errorf("%d are implied", n)
	}
}

// What is implied is the same by whatever order it is reached, never given twice, and complete: nothing more comes with it.
func TestImpliedIsClosed(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d:*", "d:e", "d:f"}
	rapid.Check(t, func(rt *rapid.T) {
		var c entries
		for _, name := range someOf(rt, "entries", names...) {
			c = append(c, entry{name: scopes(name)[0], implies: scopes(someOf(rt, "implied", names...)...)})
		}
		given := scopes(someOf(rt, "given", names...)...)
		implied := lexicon{catalogues: []entries{c}}.implied(given)
		slices.Reverse(c)
		if again := (lexicon{catalogues: []entries{c}}).implied(given); !slices.Equal(again, implied) {
			rt.Fatalf("implied %v or %v, by the order", implied, again)
		}
		if twice := both(given, implied); len(twice) > 0 {
			rt.Fatalf("given and implied: %v", twice)
		}
		if more := (lexicon{catalogues: []entries{c}}).implied(given.With(implied)); len(more) > 0 {
			rt.Fatalf("%v come with what is implied", more)
		}
	})
}
