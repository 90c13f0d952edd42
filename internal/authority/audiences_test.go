package authority

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright"
)

// catalogued registers an audience of acme whose entries are these; "a>b,c" implies b and c, "!a" is for admins only.
func (w *world) catalogued(audience string, entries ...string) {
	w.t.Helper()
	_, err := w.a.SetAudience(w.t.Context(), w.as("ada"), "acme", audience, keywright.NewAudience{Scopes: listed(entries...)})
	w.must(err)
	w.trail()
}

func listed(entries ...string) (list []keywright.CatalogueEntry) {
	for _, text := range entries {
		name, implied, _ := strings.Cut(text, ">")
		e := keywright.CatalogueEntry{Name: strings.TrimPrefix(name, "!"), AdminOnly: strings.HasPrefix(name, "!")}
		if implied != "" {
			e.Implies = strings.Split(implied, ",")
		}
		list = append(list, e)
	}
	return list
}

func TestAudienceLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	req := keywright.NewAudience{Description: " Bills ", Scopes: []keywright.CatalogueEntry{
		{Name: "invoices:read", Description: "Read", Group: "Invoices", Since: "2.1"},
		{Name: "invoices:pay", AdminOnly: true, Implies: []string{"invoices:read", "invoices:pay"}},
	}}
	set, err := w.a.SetAudience(ctx, w.as("ada"), "acme", "billing", req)
	w.must(err)
	if set.Revision == 0 || set.Account != "acme" || set.Description != "Bills" || !slices.Equal(set.Scopes[1].Implies, []string{"invoices:read"}) {
		t.Errorf("set: %+v", set)
	}
	same, err := w.a.SetAudience(ctx, w.as("ada"), "acme", "billing", req)
	if w.must(err); same.Revision != 0 {
		t.Errorf("setting what is set takes revision %d", same.Revision)
	}
	req.Scopes[0].Description = "Read invoices"
	_, err = w.a.SetAudience(ctx, w.as("ada"), "acme", "billing", req)
	w.must(err)
	events := w.events()
	if len(events) != 2 || events[1].Action != "audience.set" || events[1].Subject != "audience:billing" || events[1].Revision == 0 {
		t.Fatalf("events: %+v", events)
	}
	if told, _ := events[1].After["scopes"].(map[string]any); len(told) != 1 || told["invoices:read"] == nil || len(events[1].Before) != 1 {
		t.Errorf("of a change of one entry is told: %v", events[1].After)
	}
	got, err := w.a.Audience(ctx, w.as("rita"), "acme", "billing")
	if w.must(err); got.Scopes[0].Description != "Read invoices" || !got.CreatedAt.Equal(set.CreatedAt) {
		t.Errorf("got: %+v", got)
	}
	w.catalogued("alerts", "alerts:read")
	page, err := w.a.Audiences(ctx, w.as("rita"), "", ListQuery{Limit: 1})
	if w.must(err); len(page.Items) != 1 || page.Items[0].Name != "alerts" || page.Items[0].Entries != 1 || page.Next == "" {
		t.Errorf("first page: %+v", page)
	}
	page, err = w.a.Audiences(ctx, w.as("rita"), "acme", ListQuery{Cursor: page.Next})
	if w.must(err); len(page.Items) != 1 || page.Items[0].Name != "billing" || page.Next != "" {
		t.Errorf("second page: %+v", page)
	}
	revision, err := w.a.DeleteAudience(ctx, w.as("ada"), "acme", "billing")
	if w.must(err); revision == 0 {
		t.Error("a deletion takes no revision")
	}
	_, err = w.a.DeleteAudience(ctx, w.as("ada"), "acme", "billing")
	wantErr(t, err, keywright.ErrNotFound, "audience")
	w.wantTrail("audience.delete")
}

// Whoever has a part in the account reads its audiences; who may set its policy changes them.
func TestAudienceRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.catalogued("billing", "a:b")
	token := func(scopes ...string) Caller { return w.by(w.issue(w.as("ada"), scopesGranted(scopes...))) }
	bare, keeper := token("a:b"), token("keywright:policy:write")
	spaces := w.by(w.issue(w.as("ada"), keywright.NewToken{Space: "lab", Scopes: []string{"keywright:policy:write"}}))
	for name, row := range map[string]struct {
		caller      Caller
		read, write error
	}{
		"operator":               {w.as("root"), nil, nil},
		"admin":                  {w.as("ada"), nil, nil},
		"auditor":                {w.as("audi"), nil, keywright.ErrForbidden},
		"owner of a space":       {w.as("olga"), nil, keywright.ErrForbidden},
		"reader of a space":      {w.as("rita"), nil, keywright.ErrForbidden},
		"another's admin":        {w.as("otto"), keywright.ErrNotFound, keywright.ErrNotFound},
		"token":                  {bare, nil, keywright.ErrForbidden},
		"token that may":         {keeper, nil, nil},
		"space token that could": {spaces, nil, keywright.ErrForbidden},
		"nobody":                 {Caller{}, keywright.ErrUnauthenticated, keywright.ErrUnauthenticated},
	} {
		ctx := t.Context()
		_, err := w.a.Audience(ctx, row.caller, "acme", "billing")
		wantErr(t, err, row.read, "")
		_, err = w.a.Audiences(ctx, row.caller, "acme", ListQuery{})
		wantErr(t, err, row.read, "")
		_, err = w.a.Covered(ctx, row.caller, "acme", "billing", []string{"a:b"})
		wantErr(t, err, row.read, "")
		_, err = w.a.SetAudience(ctx, row.caller, "acme", "of-"+strings.Fields(name)[0], keywright.NewAudience{})
		wantErr(t, err, row.write, "")
		_, err = w.a.AdoptCatalogue(ctx, row.caller, "acme", "devo")
		wantErr(t, err, row.write, "")
		_, err = w.a.DeleteAudience(ctx, row.caller, "acme", "nothing")
		if row.write == nil {
			row.write = keywright.ErrNotFound
		}
		wantErr(t, err, row.write, "")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func patternsNumbered(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("s:%d:*", i))
	}
	return list
}

func TestAudienceRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trail()
	many := make([]keywright.CatalogueEntry, maxEntries+1)
	for name, row := range map[string]struct {
		audience string
		req      keywright.NewAudience
		part     string
	}{
		"our own":             {"keywright", keywright.NewAudience{}, "this API itself"},
		"no name":             {"a b", keywright.NewAudience{}, "must be a name"},
		"another name":        {"billing", keywright.NewAudience{Name: "bills"}, "/name: is not billing"},
		"a control character": {"billing", keywright.NewAudience{Description: "a\x00"}, "/description"},
		"no scope":            {"billing", keywright.NewAudience{Scopes: listed("a b")}, "/scopes/0/name: scope \"a b\": at position 1"},
		"an empty scope":      {"billing", keywright.NewAudience{Scopes: listed("")}, "/scopes/0/name"},
		"twice":               {"billing", keywright.NewAudience{Scopes: listed("a", "b", "a")}, "/scopes/2/name: \"a\" is there more than once"},
		"reserved":            {"billing", keywright.NewAudience{Scopes: listed("keywright:tokens:read")}, "/scopes/0/name"},
		"implies no scope":    {"billing", keywright.NewAudience{Scopes: listed("a>b c")}, "/scopes/0/implies/0"},
		"implies no guard":    {"billing", keywright.NewAudience{Scopes: listed("a>keywright:bogus")}, "/scopes/0/implies/0"},
		"implies too many":    {"billing", keywright.NewAudience{Scopes: listed("a>" + strings.Repeat("b,", maxImplies) + "c")}, "/scopes/0/implies: has 33"},
		"too many patterns":   {"billing", keywright.NewAudience{Scopes: listed(patternsNumbered(maxPatterns + 1)...)}, "/scopes: has more than 100 patterns"},
		"too many":            {"billing", keywright.NewAudience{Scopes: many}, "/scopes: has 1001"},
	} {
		_, err := w.a.SetAudience(t.Context(), w.as("ada"), "acme", row.audience, row.req)
		if wantErr(t, err, keywright.ErrInvalid, row.part); t.Failed() {
			t.Fatal(name)
		}
	}
	_, err := w.a.AdoptCatalogue(t.Context(), w.as("ada"), "acme", "nothing")
	wantErr(t, err, keywright.ErrNotFound, "catalogue")
	w.wantTrail()
}

// A token for an audience that has a catalogue gets only scopes that are known there.
func TestScopesAreKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.catalogued("billing", "invoices:read", "invoices:pay", "table://my.**")
	w.catalogued("alerts", "alerts:read")
	w.catalogued("empty")
	w.catalogued(keywright.NoAudience, "pipes:read")
	for _, row := range []struct {
		scopes, audience string
		refused          string
	}{
		{"invoices:read invoices:pay", "billing", ""},
		{"invoices:*", "billing", ""},
		{"** *", "billing", ""},
		{"table://my.app table://my.** table://**", "billing", ""},
		{"table://your.app", "billing", `scopes/0: unknown scope "table://your.app" for audience "billing"`},
		{"invoices:read invoice:read", "billing", `/scopes/1: unknown scope "invoice:read" for audience "billing"; did you mean "invoices:read"?`},
		{"Invoices:Raed", "billing", `did you mean "invoices:read"?`},
		{"things:*", "billing", `unknown scope "things:*"`},
		{"keywright:tokens:read", "billing", ""},
		{"alerts:read invoices:read", "alerts billing", ""},
		{"alerts:raed", "alerts billing", `for the audiences ["alerts" "billing"]; did you mean "alerts:read"?`},
		{"anything", "billing unregistered", ""},
		{"anything", "empty", ""},
		{"anything", "unregistered", ""},
		{"anything", "billing keywright", `unknown scope "anything" for audience "billing"`},
		{"anything", "keywright", ""},
		{"pipes:read", "", ""},
		{"pipes:write", "", `unknown scope "pipes:write" for tokens without an audience`},
	} {
		req := keywright.NewToken{Scopes: strings.Fields(row.scopes), Audience: strings.Fields(row.audience)}
		_, err := w.a.Issue(t.Context(), w.as("ada"), req, "")
		_, err2 := w.a.IssueBatch(t.Context(), w.as("ada"), []keywright.NewToken{req}, "")
		_, err3 := w.a.Import(t.Context(), w.as("ada"), keywright.ImportToken{NewToken: req, Key: "foreign-key-" + w.id().String()})
		for _, err := range []error{err, err2, err3} {
			if row.refused == "" {
				wantErr(t, err, nil, "")
			} else {
				wantErr(t, err, keywright.ErrInvalid, row.refused)
			}
		}
		if t.Failed() {
			t.Fatalf("%s for %s", row.scopes, row.audience)
		}
	}
	_, err := w.a.IssueBatch(t.Context(), w.as("ada"), []keywright.NewToken{{Scopes: []string{"pipes:read"}}, {Scopes: []string{"pipe:read"}}}, "")
	wantErr(t, err, keywright.ErrInvalid, `/1/scopes/0: unknown scope "pipe:read"`)
	otto, err := w.a.Issue(t.Context(), w.as("otto"), scopesGranted("pipes:write"), "")
	if wantErr(t, err, nil, ""); otto.Token.Account != "other" {
		t.Errorf("another account is held to the catalogue: %+v", otto.Token)
	}
}

// What a token has it keeps; what it is given anew must be known.
func TestEditIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"old:one", "old:two"}, Audience: []string{"billing", "later"}}).Token
	w.catalogued("billing", "invoices:read")
	w.catalogued("later", "later:read")
	edit := func(req keywright.EditToken) error {
		_, err := w.a.Edit(t.Context(), w.as("ada"), token.ID, req)
		return err
	}
	wantErr(t, edit(keywright.EditToken{Label: ptr("x")}), nil, "")
	wantErr(t, edit(keywright.EditToken{Scopes: &[]string{"old:one", "invoices:read"}}), nil, "")
	wantErr(t, edit(keywright.EditToken{Scopes: &[]string{"old:one", "old:two"}}), keywright.ErrInvalid, `/scopes/1: unknown scope "old:two"`)
	wantErr(t, edit(keywright.EditToken{Audience: &[]string{"billing"}}), nil, "")
	wantErr(t, edit(keywright.EditToken{Audience: &[]string{"billing", "later"}}), keywright.ErrInvalid, `/audience: unknown scope "old:one"`)
	wantErr(t, edit(keywright.EditToken{Scopes: &[]string{"later:read"}, Audience: &[]string{"later"}}), nil, "")
}

// What is for admins only is given by them, or by a token that has it; a pattern is no way around that.
func TestAdminOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	before := w.issue(w.as("olga"), keywright.NewToken{Space: "lab", Scopes: []string{"**"}})
	w.catalogued(keywright.NoAudience, "projects:read", "!projects:drop", "table://**", "!table://admin.**", "careful>projects:drop")
	give := func(c Caller, scopes ...string) error {
		_, err := w.a.Issue(ctx, c, keywright.NewToken{Space: "lab", Scopes: scopes}, "")
		return err
	}
	for _, scope := range []string{"projects:drop", "projects:*", "*", "**", "table://**", "table://*.secret", "table://admin.x", "careful"} {
		wantErr(t, give(w.as("olga"), "projects:read", scope), keywright.ErrForbidden, "only an admin may give the scope")
		wantErr(t, give(w.as("ada"), "projects:read", scope), nil, "")
		if t.Failed() {
			t.Fatal(scope)
		}
	}
	for _, scope := range []string{"projects:read", "table://my.**", "keywright:tokens:write"} {
		wantErr(t, give(w.as("olga"), scope), nil, "")
	}
	minted := w.issue(w.as("ada"), keywright.NewToken{Space: "lab", Scopes: []string{"projects:drop", "keywright:tokens:write"}, Recoverable: false})
	wantErr(t, give(w.by(minted), "projects:drop"), nil, "")
	// Nor by what somebody else was given: a new secret of it is all that it may.
	_, err := w.a.Rotate(ctx, w.as("olga"), minted.Token.ID, nil, "")
	wantErr(t, err, keywright.ErrForbidden, "projects:drop")
	_, err = w.a.Edit(ctx, w.as("olga"), minted.Token.ID, keywright.EditToken{ExpiresIn: ptr(int64(1e8))})
	wantErr(t, err, keywright.ErrForbidden, "projects:drop")
	_, err = w.a.Disable(ctx, w.as("olga"), minted.Token.ID)
	wantErr(t, err, nil, "")
	_, err = w.a.Enable(ctx, w.as("olga"), minted.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "projects:drop")
	_, err = w.a.Edit(ctx, w.as("olga"), before.Token.ID, keywright.EditToken{Label: ptr("still mine")})
	wantErr(t, err, nil, "")
	if !w.usable(before.APIKey, "projects:drop") {
		t.Error("a token lost by a catalogue what it was given before")
	}
}

func TestAdoptCatalogue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.catalogued(keywright.NoAudience, "mine:read", "pipes:read>mine:read")
	adopt := func(name string) []keywright.Audience {
		adopted, err := w.a.AdoptCatalogue(ctx, w.as("ada"), "acme", name)
		w.must(err)
		return adopted
	}
	if audiences := adopt("devo"); len(audiences) != 5 || audiences[0].Name != "aggregations" || audiences[0].Revision == 0 {
		t.Errorf("devo: %+v", audiences)
	}
	adopt("meerschaum")
	w.wantTrail("audience.adopt", "audience.adopt", "audience.adopt", "audience.adopt", "audience.adopt", "audience.adopt")
	both := adopt("meshstack")[0]
	if n := len(both.Scopes); n != 1+22+136 || both.Scopes[0].Name != "mine:read" || len(both.Scopes[1].Implies) != 0 {
		t.Errorf("of all three there are %d entries, first %+v", n, both.Scopes[:2])
	}
	w.wantTrail("audience.adopt")
	for _, name := range []string{"devo", "meerschaum", "meshstack"} {
		if again := adopt(name); again[0].Revision != 0 {
			t.Errorf("%s again takes revision %d", name, again[0].Revision)
		}
	}
	w.wantTrail()
	all, err := w.a.Catalogues(ctx, w.as("rita"))
	if wantErr(t, err, nil, ""); len(all) != 3 {
		t.Errorf("%d catalogues", len(all))
	}
	_, err = w.a.Catalogues(ctx, Caller{})
	wantErr(t, err, keywright.ErrUnauthenticated, "")
	key := w.issue(w.as("ada"), scopesGranted("pipes:read", "PROJECT_LIST", "APIKEY_SAVE"))
	if _, err := w.a.Issue(ctx, w.by(key), scopesGranted("PROJECT_LIST"), ""); err != nil {
		t.Errorf("a key with APIKEY_SAVE makes none: %v", err)
	}
	_, err = w.a.Issue(ctx, w.by(key), scopesGranted("PROJECT_SAVE"), "")
	wantErr(t, err, keywright.ErrForbidden, "PROJECT_SAVE")
	_, err = w.a.Issue(ctx, w.as("ada"), scopesGranted("PROJECT_LISTE"), "")
	wantErr(t, err, keywright.ErrInvalid, `did you mean "PROJECT_LIST"?`)
}

func TestCovered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.catalogued("billing", "invoices:read", "invoices:pay>ledger:write,keywright:audit:read", "ledger:write", "ledger:read", "table://**")
	c, err := w.a.Covered(t.Context(), w.as("rita"), "acme", "billing", []string{"invoices:*", "invoices:pay", "table://my", "ledgre:read"})
	w.must(err)
	var told []string
	for _, e := range c.Entries {
		how := e.Name + " by " + e.By
		if !e.Whole {
			how += " in part"
		}
		if e.Implied {
			how += " implied"
		}
		told = append(told, how)
	}
	want := []string{"invoices:read by invoices:*", "invoices:pay by invoices:*", "ledger:write by ledger:write implied", "table://** by table://my in part"}
	if !slices.Equal(told, want) {
		t.Errorf("covered %q, want %q", told, want)
	}
	if implied := c.Implied.Strings(); !slices.Equal(implied, []string{"keywright:audit:read", "ledger:write"}) {
		t.Errorf("implied %q", implied)
	}
	if want := (keywright.UnknownScope{Scope: "ledgre:read", Nearest: "ledger:read"}); len(c.Unknown) != 1 || c.Unknown[0] != want {
		t.Errorf("unknown %+v", c.Unknown)
	}
	_, err = w.a.Covered(t.Context(), w.as("rita"), "acme", "billing", []string{"a b"})
	wantErr(t, err, keywright.ErrInvalid, "/scopes/0")
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "ABC", 0}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"abc", "acb", 1}, {"abc", "", 3},
		{"invoice:read", "invoices:read", 1}, {"raed", "read", 1}, {"kitten", "sitting", 3}, {"abcdefghijk", "zyxwvutsrqp", 9},
	} {
		if got := distance(row.a, row.b, 9); got != row.want || distance(row.b, row.a, 9) != got {
			t.Errorf("%q and %q: %d, want %d", row.a, row.b, got, row.want)
		}
	}
}
