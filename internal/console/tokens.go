package console

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *site) routeTokens() {
	s.page("GET "+inAccount+"/tokens", s.tokens)
	s.page("GET "+inAccount+"/tokens/new", s.newTokenForm)
	s.act(inAccount+"/tokens/new", s.newToken)
	s.act(inAccount+"/tokens/bulk", s.bulk)
	s.act(inAccount+"/undo/{revision}", s.undo)
	s.routeToken()
}

// tokenList is a page of tokens, and how they were asked for.
type tokenList struct {
	keywright.Page[keywright.Token]
	form    *form // the search
	sort    string
	keyLike bool // a key was searched for, which was not done
	spaces  []string
}

// The fields of the search, as they are in the URL.
var searchFields = []string{"q", "state", "kind", "space", "owner", "audience", "permanent"}

// tokens lists an account's tokens.
func (s *site) tokens(ctx context.Context, v *visit) (answer, error) {
	list := tokenList{form: newForm(v.r.URL.Query()), sort: cmp.Or(v.query("sort"), "-"+keywright.SortCreated)}
	spaces, err := s.spaceNames(ctx, v)
	if err != nil {
		return answer{}, err
	}
	list.spaces = spaces
	query := keywright.TokenQuery{Sort: list.sort, Cursor: v.query("cursor")}
	filter, keyLike := s.tokenFilter(v, list.form)
	if keyLike { // to where it is in no URL
		return goOn(v.at("/tokens?key=on"), ""), nil
	}
	if list.keyLike = v.query("key") != ""; list.keyLike {
		return show("Tokens", tokensPage(v, list)), nil
	}
	query.TokenFilter = filter
	list.Page, err = s.Authority.Tokens(ctx, v.caller, query)
	if err != nil {
		return answer{}, err
	}
	return show("Tokens", tokensPage(v, list)), nil
}

// tokenFilter reads which tokens are searched for. keyLike says that somebody looks for a key, which belongs in no URL.
func (s *site) tokenFilter(v *visit, f *form) (filter keywright.TokenFilter, keyLike bool) {
	filter = keywright.TokenFilter{
		Account: v.account, Space: f.trimmed("space"), Owner: f.trimmed("owner"), Audience: f.trimmed("audience"),
		State: keywright.State(f.get("state")),
	}
	_ = filter.Kind.UnmarshalText([]byte(f.get("kind"))) // what is no kind limits nothing
	if permanent, err := strconv.ParseBool(f.get("permanent")); err == nil {
		filter.Permanent = &permanent
	}
	asked := f.trimmed("q")
	if strings.HasPrefix(asked, s.Authority.Prefix()+"_") {
		return filter, true
	}
	if number, is := strings.CutPrefix(asked, "#"); is {
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n > 0 {
			filter.Number = n
			return filter, false
		}
	}
	if id, err := keywright.ParseID(strings.ToLower(asked)); err == nil {
		filter.IDs = []keywright.ID{id}
		return filter, false
	}
	filter.Label = asked
	return filter, false
}

// spaceNames are the spaces that the person may see, by name; no more than there is room for in a list to choose from.
func (s *site) spaceNames(ctx context.Context, v *visit) ([]string, error) {
	const most = 200
	page, err := s.Authority.Spaces(ctx, v.caller, v.account, authority.ListQuery{Limit: most})
	names := make([]string, len(page.Items))
	for i, space := range page.Items {
		names[i] = space.Name
	}
	return names, err
}

// filtered reports whether the list is not of all tokens.
func (l tokenList) filtered() bool {
	return slices.ContainsFunc(searchFields, func(name string) bool { return l.form.trimmed(name) != "" })
}

// chosen is a field of a search with its value.
type chosen struct{ name, value string }

// chosenElsewhere are the filters that other pages lead to, for which the list has no field.
func (l tokenList) chosenElsewhere() []chosen {
	var all []chosen
	for _, name := range []string{"owner", "audience"} {
		if value := l.form.trimmed(name); value != "" {
			all = append(all, chosen{name, value})
		}
	}
	return all
}

// without is the URL of the list with one filter less.
func (l tokenList) without(v *visit, name string) string {
	query := searched(l.form)
	query.Del(name)
	query.Set("sort", l.sort)
	return v.at("/tokens?" + query.Encode())
}

// firstToken is where somebody makes a first token, with a scope to begin with.
func (v *visit) firstToken() string { return v.at("/tokens/new?scopes=invoices:read") }

// turned is the order that a column's head leads to.
func (l tokenList) turned(column string) string {
	if l.sort == column {
		return "-" + column
	}
	return column
}

// sortURL is the URL of the list in another order.
func (l tokenList) sortURL(v *visit, column string) string {
	query := searched(l.form)
	query.Set("sort", l.turned(column))
	return v.at("/tokens?" + query.Encode())
}

// searched are the fields of a search that are filled in.
func searched(f *form) url.Values {
	query := url.Values{}
	for _, name := range searchFields {
		if value := f.get(name); value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// listed is the URL of the list of what a form of it searches for.
func (v *visit) listed(f *form) string {
	query := searched(f)
	if len(query) == 0 {
		return v.at("/tokens")
	}
	return v.at("/tokens?" + query.Encode())
}

// ariaSort is how a column is sorted, for screen readers.
func (l tokenList) ariaSort(column string) string {
	switch l.sort {
	case column:
		return "ascending"
	case "-" + column:
		return "descending"
	}
	return "none"
}

// filterOptions are those of the selects above the list.
func stateOptions() []option {
	return []option{{"", "Any state"}, {"active", "Active"}, {"disabled", "Disabled"}, {"expired", "Expired"}, {"revoked", "Revoked"}}
}

func kindOptions() []option {
	return []option{{"", "Any kind"}, {"account", "Account"}, {"space", "Space"}, {"manager", "Manager"}}
}

func (l tokenList) spaceOptions() []option {
	options := []option{{"", "Any space"}}
	for _, name := range l.spaces {
		options = append(options, option{name, name})
	}
	return options
}

func expiryOptions() []option {
	return []option{{"", "Any expiry"}, {"true", "Permanent"}, {"false", "With an expiry"}}
}

// short is the end of an id, enough to know it again: ids begin with the time.
func short(id keywright.ID) string { return "…" + id.String()[28:] }

// mayWrite reports whether the person may change a token.
func (v *visit) mayWrite(t keywright.Token) bool { return v.mayTo(t, tokensWrite) }

// mayTo reports whether the person has a scope where it counts for a token: a space token is its space's matter, any other
// its account's.
func (v *visit) mayTo(t keywright.Token, scope string) bool {
	if t.Kind == keywright.KindSpace {
		return v.who.MayIn(t.Space, scope)
	}
	return v.who.May(scope)
}

// token is the URL of a token's page, or of something below it.
func (v *visit) token(t keywright.Token, below string) string {
	return v.at("/tokens/" + t.ID.String() + below)
}
