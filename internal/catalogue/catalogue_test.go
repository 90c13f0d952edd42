package catalogue_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/catalogue"
)

func TestAll(t *testing.T) {
	t.Parallel()
	all, err := catalogue.All()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
		if c.Description == "" || len(c.Audiences) == 0 {
			t.Errorf("%s says too little", c.Name)
		}
		for _, a := range c.Audiences {
			checkAudience(t, c.Name, a)
		}
	}
	if want := []string{"devo", "meerschaum", "meshstack"}; !slices.Equal(names, want) {
		t.Errorf("catalogues %q, want %q", names, want)
	}
	if _, err := catalogue.Find("nobody"); !errors.Is(err, keywright.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

// checkAudience: every name is a scope, is there once, and says to a person what it is.
func checkAudience(t *testing.T, of string, a keywright.NewAudience) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range a.Scopes {
		if _, err := keywright.ParseScope(e.Name); err != nil || seen[e.Name] || e.Description == "" || e.Group == "" {
			t.Errorf("%s, %s: %+v: %v", of, a.Name, e, err)
		}
		seen[e.Name] = true
		if _, err := keywright.ParseScopes(e.Implies...); err != nil {
			t.Errorf("%s, %s: %v", of, e.Name, err)
		}
	}
	if a.Name == "" || a.Description == "" || len(a.Scopes) == 0 {
		t.Errorf("%s, %s: says too little", of, a.Name)
	}
}

func find(t *testing.T, name string) keywright.Catalogue {
	t.Helper()
	c, err := catalogue.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDevo(t *testing.T) {
	t.Parallel()
	var audiences []string
	for _, a := range find(t, "devo").Audiences {
		audiences = append(audiences, a.Name)
	}
	if want := []string{"aggregations", "alerts", "apiv2", "apiv2-admin", "http"}; !slices.Equal(audiences, want) {
		t.Errorf("audiences %q, want %q", audiences, want)
	}
}

func TestMeerschaum(t *testing.T) {
	t.Parallel()
	audiences := find(t, "meerschaum").Audiences
	if len(audiences) != 1 || audiences[0].Name != keywright.NoAudience || len(audiences[0].Scopes) != 22 {
		t.Errorf("%+v", audiences)
	}
}

// Of meshStack's permissions those of every workspace are the admin's, and those of API keys open this API's tokens.
func TestMeshStack(t *testing.T) {
	t.Parallel()
	for _, e := range find(t, "meshstack").Audiences[0].Scopes {
		if e.AdminOnly != strings.HasPrefix(e.Name, "ADM_") {
			t.Errorf("%s: admin only %t", e.Name, e.AdminOnly)
		}
		var want []string
		switch strings.TrimPrefix(e.Name, "ADM_") {
		case "APIKEY_LIST":
			want = []string{"keywright:tokens:read"}
		case "APIKEY_SAVE", "APIKEY_DELETE":
			want = []string{"keywright:tokens:write"}
		}
		if !slices.Equal(e.Implies, want) {
			t.Errorf("%s implies %q, want %q", e.Name, e.Implies, want)
		}
	}
}
