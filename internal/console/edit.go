package console

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/keywright/keywright"
)

// errUnchanged says that nothing was to be changed.
var errUnchanged = errors.New("nothing was changed")

// editForm is the page on which a token is edited.
func (s *site) editForm(ctx context.Context, v *visit) (answer, error) {
	t, err := s.tokenOf(ctx, v)
	if err != nil {
		return answer{}, err
	}
	f, err := s.editFormFor(ctx, v, t, newForm(filledIn(t)))
	if err != nil {
		return answer{}, err
	}
	return show("Edit "+t.Label, editPage(v, f)), nil
}

func (s *site) editFormFor(ctx context.Context, v *visit, t keywright.Token, filled *form) (tokenForm, error) {
	f := tokenForm{form: filled, token: &t, now: v.now, wide: v.who.May(tokensWrite), own: v.who.Here.Strings()}
	if !v.mayWrite(t) {
		return f, fmt.Errorf("%w: your roles do not let you change this token", keywright.ErrForbidden)
	}
	var err error
	if f.policy, err = s.terms(ctx, v, f); err == nil {
		f.audiences, err = s.catalogues(ctx, v)
	}
	return f, err
}

// edit changes what is not as it was.
func (s *site) edit(ctx context.Context, v *visit) (answer, error) {
	filled, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	t, err := s.tokenOf(ctx, v)
	if err != nil {
		return answer{}, err
	}
	f, err := s.editFormFor(ctx, v, t, filled)
	if err != nil {
		return answer{}, err
	}
	if f.get("do") == "check" {
		err := s.checkScopes(ctx, v, &f)
		return show("Edit "+t.Label, editPage(v, f)), err
	}
	req, err := f.changes()
	if err == nil {
		_, err = s.Authority.Edit(ctx, v.caller, t.ID, req)
	}
	switch {
	case errors.Is(err, errUnchanged):
		return goOn(v.token(t, ""), "Nothing was changed."), nil
	case err != nil && f.take(err, "allowed_cidrs", "networks", "expires_at", "lifetime", "expires_in", "lifetime"):
		return show("Edit "+t.Label, editPage(v, f)).with(statusOf(err)), nil
	case err != nil:
		return answer{}, err
	}
	return goOn(v.token(t, ""), "Saved. What was taken away is refused everywhere from now on."), nil
}

// keep is the lifetime of a token whose expiry is left alone.
const keep = "keep"

// filledIn is the form as the token stands.
func filledIn(t keywright.Token) url.Values {
	view := tokenView{Token: t}
	var metadata []string
	for _, name := range view.metadataNames() {
		metadata = append(metadata, name+"="+t.Metadata[name])
	}
	return url.Values{
		"label": {t.Label}, "scopes": {strings.Join(t.Scopes.Strings(), "\n")}, "audience": t.Audience,
		"networks": {strings.Join(view.networks(), "\n")}, "metadata": {strings.Join(metadata, "\n")}, "lifetime": {keep},
	}
}

// changes are what the form has that the token has not: what is sent back as it was is no change, and renews nothing.
func (f tokenForm) changes() (keywright.EditToken, error) {
	var req keywright.EditToken
	metadata := map[string]string{}
	if err := f.readMetadata(&metadata); err != nil {
		return req, err
	}
	if label := f.trimmed("label"); label != f.token.Label {
		req.Label = &label
	}
	if !maps.Equal(metadata, f.token.Metadata) {
		req.Metadata = &metadata
	}
	req.Scopes = changed(f.scopes(), f.token.Scopes.Strings())
	req.Audience = changed(f.audience(), f.token.Audience)
	req.AllowedCIDRs = changed(f.words("networks"), tokenView{Token: *f.token}.networks())
	f.newLifetime(&req)
	if req == (keywright.EditToken{}) {
		return req, errUnchanged
	}
	return req, nil
}

func (f tokenForm) newLifetime(req *keywright.EditToken) {
	switch f.get("lifetime") {
	case keep, "":
		return
	case "default":
		name := keywright.LifetimeDefault
		req.Lifetime = &name
		return
	}
	name, at, in := f.lifetime()
	switch {
	case name != "":
		req.Lifetime = &name
	case at != "":
		req.ExpiresAt = &at
	default:
		req.ExpiresIn = &in
	}
}

// changed is a list that is not as it was; nil for one that is, in whatever order.
func changed(now, before []string) *[]string {
	now, before = slices.Sorted(slices.Values(now)), slices.Sorted(slices.Values(before))
	if slices.Equal(now, before) {
		return nil
	}
	return &now
}
