package rest

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright"
)

// What an API knows, by the SDK's client over HTTP.

func TestAudiences(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	_, err := admin.CreateAccount(ctx, "acme", "")
	must(t, err)
	set, err := admin.SetAudience(ctx, "acme", "billing", keywright.NewAudience{
		Name: "billing", Description: "Bills", Scopes: []keywright.CatalogueEntry{
			{Name: "invoices:read", Description: "Read them", Group: "Invoices", Since: "2"},
			{Name: "invoices:pay", AdminOnly: true, Implies: []string{"invoices:read", "keywright:tokens:read"}},
		},
	})
	if must(t, err); set.Name != "billing" || set.Revision == 0 || len(set.Scopes) != 2 {
		t.Errorf("%+v", set)
	}
	_, err = admin.SetAudience(ctx, "acme", keywright.NoAudience, keywright.NewAudience{})
	must(t, err)
	page, err := admin.Audiences(ctx, "acme", keywright.ListQuery{Limit: 1})
	if must(t, err); len(page.Items) != 1 || page.Items[0].Name != keywright.NoAudience || page.Next == "" {
		t.Errorf("%+v", page)
	}
	got, err := admin.Audience(ctx, "acme", "billing")
	if must(t, err); got.Scopes[1].Implies[0] != "invoices:read" || !got.Scopes[1].AdminOnly {
		t.Errorf("%+v", got)
	}
	wish := keywright.NewToken{Account: "acme", Audience: []string{"billing"}, Scopes: []string{"invoices:pay"}}
	token, err := admin.CreateToken(ctx, wish, "")
	if must(t, err); strings.Join(token.Token.Implied.Strings(), " ") != "invoices:read keywright:tokens:read" || len(token.Token.Scopes) != 1 {
		t.Errorf("%+v", token.Token)
	}
	wish.Scopes = []string{"invoice:pay"}
	_, err = admin.CreateToken(ctx, wish, "")
	wantStatus(t, err, http.StatusUnprocessableEntity)
	if invalid, ok := errors.AsType[*keywright.InvalidError](err); !ok || invalid.Problems[0] != (keywright.Problem{
		Member: "/scopes/0", Reason: `unknown scope "invoice:pay" for audience "billing"; did you mean "invoices:pay"?`,
	}) {
		t.Errorf("%v", err)
	}
	attempt := keywright.VerifyRequest{Token: token.APIKey.Reveal(), Audience: "billing", Scopes: []string{"invoices:read"}}
	if v, err := admin.Verify(ctx, attempt); err != nil || !v.Valid || len(v.Token.Scopes) != 3 {
		t.Errorf("what is implied: %+v, %v", v, err)
	}
	covered, err := admin.Covered(ctx, "acme", "billing", "invoices:*")
	if must(t, err); len(covered.Entries) != 2 || !covered.Entries[0].Whole || len(covered.Unknown) != 0 {
		t.Errorf("%+v", covered)
	}
	_, err = admin.DeleteAudience(ctx, "acme", "billing")
	must(t, err)
	if v, err := admin.Verify(ctx, attempt); err != nil || v.Reason != keywright.InsufficientScope {
		t.Errorf("what is implied no longer: %+v, %v", v, err)
	}
	_, err = admin.Audience(ctx, "acme", "billing")
	wantStatus(t, err, http.StatusNotFound)
	if left, err := admin.Token(ctx, token.Token.ID); err != nil || len(left.Implied) != 0 || len(left.Scopes) != 1 {
		t.Errorf("%+v, %v", left, err)
	}
	_, err = admin.SetAudience(ctx, "acme", "keywright", keywright.NewAudience{})
	wantStatus(t, err, http.StatusUnprocessableEntity)
	_, err = admin.SetAudience(ctx, "acme", "billing", keywright.NewAudience{Name: "other"})
	wantStatus(t, err, http.StatusUnprocessableEntity)
}

func TestCatalogues(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	all, err := admin.Catalogues(ctx)
	if must(t, err); len(all) != 3 || all[0].Name != "devo" || len(all[0].Audiences) != 5 {
		t.Errorf("%+v", all)
	}
	_, err = in.client("").Catalogues(ctx)
	wantStatus(t, err, http.StatusUnauthorized)
	for _, c := range all {
		for range 2 {
			adopted, err := admin.AdoptCatalogue(ctx, "default", c.Name)
			if must(t, err); len(adopted) != len(c.Audiences) {
				t.Errorf("%s: %+v", c.Name, adopted)
			}
		}
	}
	_, err = admin.AdoptCatalogue(ctx, "default", "nothing")
	wantStatus(t, err, http.StatusNotFound)
	_, err = admin.AdoptCatalogue(ctx, "nobody", "devo")
	wantStatus(t, err, http.StatusNotFound)
}
