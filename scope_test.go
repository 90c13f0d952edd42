package keywright_test

import (
	"testing"

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

func TestContains(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		outer, inner string
		want         bool
	}{
		{"invoices:read", "invoices:read", true},
		{"invoices:read", "invoices:write", false},
		{"invoices:read", "invoices", false},
		{"invoices:*", "invoices:read", true},
		{"invoices:*", "invoices", false},
		{"invoices:*", "invoices:read:all", false},
		{"invoices:**", "invoices:read:all", true},
		{"invoices:**", "invoices", true},
		{"invoices:**", "invoices:**", true},
		{"invoices:*", "invoices:**", false},
		{"**:read", "invoices:read", true},
		{"**:read", "read", true},
		{"**:a:**:b", "x:a:b:a:y:b", true},
		{"**:a:**:b", "x:b:y:a", false},
		{"table://*.**", "table://my.app.*", true},
		{"table://*.**", "table://**", true},
		{"table://my.app.**", "table://my.app", true},
		{"table://my.app.**", "table://my.app/x", true},
		{"table://my.app.*", "table://my.app/x", false},
		{"table://my.*", "table://my.app.test", false},
		{"table://**.b", "table://b", true},
		{"table://**.b", "table://a.b", true},
		{"table://**.b", "table://a/b", false},
		{"table://**", "level://admin", false},
		{"table://**", "table", false},
		{"**", "table://a.b", true},
		{"*", "table://a.**", true},
		{"*", "**", true},
		{"**", "*", true},
		{"**:**", "*", false},
		{"**:**", "**:a", true},
		{"*", "keywright:tokens:read", false},
		{"**", "keywright:**", false},
		{"*:tokens:read", "keywright:tokens:read", false},
		{"keywright:**", "keywright:tokens:read", true},
		{"keywright:*:read", "keywright:tokens:read", true},
		{"keywright:**", "keywright", true},
		{"keywright:**", "invoices:read", false},
		{"*", "keywright://x", true},
		{"*", "keywrights:x", true},
		{"*:**:keywright", "**:keywright", true}, // keywright alone is reserved: **:keywright does not cover it
		{"*:*:**:keywright", "**:keywright", false},
	} {
		if got := scope(t, row.outer).Contains(scope(t, row.inner)); got != row.want {
			t.Errorf("%s contains %s: %t, want %t", row.outer, row.inner, got, row.want)
		}
	}
}
