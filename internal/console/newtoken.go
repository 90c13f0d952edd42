package console

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// tokenForm is a token as somebody asks for it, or as it is to become.
type tokenForm struct {
	*form
	token     *keywright.Token // that is edited; nil: a new one
	spaces    []string         // in which the person may make tokens
	wide      bool             // it may make tokens of the account too
	policy    keywright.Policy // that a new token has to keep to
	audiences []keywright.Audience
	own       []string     // the reserved scopes that the person has
	allow     []wouldAllow // what the scopes come to
	once      string       // the idempotency key: a form that is sent twice makes one token
	now       time.Time
}

var errNoTokens = fmt.Errorf("%w: your roles let you make no tokens here", keywright.ErrForbidden)

// kinds are those that the person may make.
func (f tokenForm) kinds() []option {
	if !f.wide {
		return []option{{"space", "Space: acts in one space only"}}
	}
	return []option{
		{"account", "Account: acts in the account"},
		{"space", "Space: acts in one space only"},
		{"manager", "Manager: acts at Keywright's own API only"},
	}
}

func (f tokenForm) spaceOptions() []option {
	options := make([]option, len(f.spaces))
	for i, name := range f.spaces {
		options[i] = option{name, name}
	}
	return options
}

// entryGroup is a part of a catalogue under one heading.
type entryGroup struct {
	title   string
	entries []keywright.CatalogueEntry
}

// grouped are a catalogue's entries under their headings, in the order of the catalogue.
func grouped(entries []keywright.CatalogueEntry) []entryGroup {
	var groups []entryGroup
	for _, e := range entries {
		i := slices.IndexFunc(groups, func(g entryGroup) bool { return g.title == e.Group })
		if i < 0 {
			i = len(groups)
			groups = append(groups, entryGroup{title: e.Group})
		}
		groups[i].entries = append(groups[i].entries, e)
	}
	return groups
}

// wouldAllow is what scopes come to at one audience.
type wouldAllow struct {
	audience string
	keywright.Coverage
	open bool // it has no catalogue: any scope is taken as it is
}

func (s *site) newTokenForm(ctx context.Context, v *visit) (answer, error) {
	label, err := s.Authority.SuggestLabel()
	if err != nil {
		return answer{}, err
	}
	f, err := s.newTokenFormFor(ctx, v, newForm(url.Values{"label": {label}, "lifetime": {"default"}, "space": {v.query("space")}, "scopes": {v.query("scopes")}}))
	if err != nil {
		return answer{}, err
	}
	if f.kinds()[0].value == "space" {
		f.values.Set("kind", "space")
	}
	if f.once, err = s.random(); err != nil {
		return answer{}, err
	}
	return show("New token", newTokenPage(v, f)), nil
}

// newTokenFormFor has all that the form shows beside what was filled in.
func (s *site) newTokenFormFor(ctx context.Context, v *visit, filled *form) (tokenForm, error) {
	f := tokenForm{form: filled, now: v.now, wide: v.who.May(tokensWrite), own: v.who.Here.Strings(), once: filled.get("once")}
	spaces, err := s.spaceNames(ctx, v)
	if err != nil {
		return f, err
	}
	f.spaces = slices.DeleteFunc(spaces, func(name string) bool { return !v.who.MayIn(name, tokensWrite) })
	if !f.wide && len(f.spaces) == 0 {
		return f, errNoTokens
	}
	if f.policy, err = s.terms(ctx, v, f); err != nil {
		return f, err
	}
	f.audiences, err = s.catalogues(ctx, v)
	return f, err
}

// terms is the policy where the token is to be.
func (s *site) terms(ctx context.Context, v *visit, f tokenForm) (keywright.Policy, error) {
	space := f.get("space")
	switch {
	case f.token != nil:
		space = f.token.Space
	case f.wide && f.get("kind") != "space":
		space = ""
	case !slices.Contains(f.spaces, space) && len(f.spaces) > 0:
		space = f.spaces[0]
	}
	return s.Authority.Terms(ctx, v.caller, v.account, space)
}

// catalogues are the account's audiences with the scopes that they know.
func (s *site) catalogues(ctx context.Context, v *visit) ([]keywright.Audience, error) {
	const most = 50
	page, err := s.Authority.Audiences(ctx, v.caller, v.account, authority.ListQuery{Limit: most})
	if err != nil {
		return nil, err
	}
	all := make([]keywright.Audience, len(page.Items))
	for i, summary := range page.Items {
		if all[i], err = s.Authority.Audience(ctx, v.caller, v.account, summary.Name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// newToken makes the token, or says what it would be allowed.
func (s *site) newToken(ctx context.Context, v *visit) (answer, error) {
	filled, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	f, err := s.newTokenFormFor(ctx, v, filled)
	if err != nil {
		return answer{}, err
	}
	if f.get("do") == "check" {
		err := s.checkScopes(ctx, v, &f)
		return show("New token", newTokenPage(v, f)), err
	}
	return s.issue(ctx, v, f)
}

func (s *site) issue(ctx context.Context, v *visit, f tokenForm) (answer, error) {
	req := f.asked(v.account)
	begun := v.now
	var issued keywright.Issued
	err := f.readMetadata(&req.Metadata)
	if err == nil {
		issued, err = s.Authority.Issue(ctx, v.caller, req, f.once)
	}
	if err != nil {
		if f.take(err, "allowed_cidrs", "networks", "expires_at", "lifetime", "expires_in", "lifetime", "not_before", "not_before") {
			_ = s.checkScopes(ctx, v, &f) // beside what is wrong, which is what counts
			return show("New token", newTokenPage(v, f)).with(statusOf(err)), nil
		}
		return answer{}, err
	}
	if issued.Token.CreatedAt.Before(begun.Truncate(time.Microsecond)) { // the form was sent again
		return goOn(v.token(issued.Token, ""), "This token was made already, and its credentials were shown then. If they are lost, rotate it."), nil
	}
	return s.credentials(v, issued, "Token created"), nil
}

// asked is the token that the form asks for.
func (f tokenForm) asked(account string) keywright.NewToken {
	req := keywright.NewToken{
		Label: f.trimmed("label"), Account: account, Owner: f.trimmed("owner"), Scopes: f.scopes(), Audience: f.audience(),
		AllowedCIDRs: f.words("networks"), NotBefore: f.trimmed("not_before"), Recoverable: f.has("recoverable"),
	}
	_ = req.Kind.UnmarshalText([]byte(f.get("kind"))) // none: as the authority has it
	if req.Kind == keywright.KindSpace {
		req.Space = f.get("space")
	}
	req.Lifetime, req.ExpiresAt, req.ExpiresIn = f.lifetime()
	return req
}

// scopes are those ticked and those written.
func (f tokenForm) scopes() []string {
	all := append(slices.Clone(f.values["scope"]), f.words("scopes")...)
	slices.Sort(all)
	return slices.Compact(all)
}

// audience are those ticked and those written.
func (f tokenForm) audience() []string {
	return append(slices.Clone(f.values["audience"]), f.words("audiences")...)
}

// checkScopes finds out what the scopes would allow.
func (s *site) checkScopes(ctx context.Context, v *visit, f *tokenForm) error {
	audience := f.audience()
	if len(audience) == 0 {
		audience = []string{keywright.NoAudience}
	}
	for _, name := range audience {
		c, err := s.Authority.Covered(ctx, v.caller, v.account, name, f.scopes())
		at := wouldAllow{audience: name, Coverage: c}
		switch {
		case errors.Is(err, keywright.ErrNotFound):
			at.open = true
			if _, err := keywright.ParseScopes(f.scopes()...); err != nil {
				f.problems["scopes"] = sentence(err)
				return nil
			}
		case err != nil && f.take(err):
			return nil
		case err != nil:
			return err
		}
		f.allow = append(f.allow, at)
	}
	return nil
}

// errMetadata says how metadata is written.
var errMetadata = keywright.Invalid("/metadata", "write each as name=value, one on a line")

// readMetadata reads name=value, one on a line.
func (f tokenForm) readMetadata(into *map[string]string) error {
	for _, text := range strings.Split(f.get("metadata"), "\n") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		name, value, ok := strings.Cut(text, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return errMetadata
		}
		if *into == nil {
			*into = map[string]string{}
		}
		(*into)[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return nil
}

// namedAudiences are those that can be ticked.
func (f tokenForm) namedAudiences() []keywright.Audience {
	return slices.DeleteFunc(slices.Clone(f.audiences), func(a keywright.Audience) bool { return a.Name == keywright.NoAudience })
}

// hasMore reports whether something was filled in, or is wrong, in the part that is closed at first.
func (f tokenForm) hasMore() bool {
	return slices.ContainsFunc([]string{"networks", "not_before", "metadata", "owner", "recoverable"}, func(name string) bool {
		return f.trimmed(name) != "" || f.problem(name) != ""
	})
}

// hasOwn reports whether a scope of our own API is ticked.
func (f tokenForm) hasOwn() bool {
	return slices.ContainsFunc(f.own, func(name string) bool { return f.chosen("scope", name) })
}
