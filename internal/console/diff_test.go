package console

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	before := map[string]any{
		"max_lifetime": json.Number("7776000"), "label": "ci", "scopes": []any{"a", "b"}, "expires_at": nil, "max_tokens": json.Number("-1"),
		"entries": map[string]any{"x": map[string]any{"group": "G"}},
	}
	after := map[string]any{
		"max_lifetime": json.Number("86400"), "label": "<b>", "scopes": []any{"b", "c"}, "expires_at": "2030-01-31T12:00:00Z", "max_tokens": json.Number("12000"),
		"entries": map[string]any{"y": map[string]any{"admin_only": true}},
	}
	want := []difference{
		{member: "entries › x › group", label: "Entries › x › group", was: "G", is: "none", had: true},
		{member: "entries › y › admin_only", label: "Entries › y › admin only", was: "none", is: "yes", has: true},
		{member: "expires_at", label: "Expires", was: "none", is: "31 January 2030, 12:00:00 UTC", had: true, has: true},
		{member: "label", label: "Label", was: "ci", is: "<b>", had: true, has: true},
		{member: "max_lifetime", label: "Longest lifetime", was: "90 days", is: "1 day", had: true, has: true},
		{member: "max_tokens", label: "Tokens at most", was: "no limit", is: "12\u202F000", had: true, has: true},
		{member: "scopes", label: "Scopes", items: []item{{"a", "gone"}, {"b", "kept"}, {"c", "new"}}, had: true, has: true},
	}
	if diff := cmp.Diff(want, differences(before, after), cmp.AllowUnexported(difference{}, item{})); diff != "" {
		t.Error(diff)
	}
	if got := differences(nil, nil); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestActionWords(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{"token.create": "Token created", "role.grant": "Role given", "token.some_day": "Token: some day", "": ""} {
		if got := actionWords(action); got != want {
			t.Errorf("%s: %q, want %q", action, got, want)
		}
	}
	for text, want := range map[string]party{
		"user:ada": {"user", "ada", "ada", "/people/ada"},
		"token:01a201a4-ee2d-7339-9daa-92978f83a948": {"token", "01a201a4-ee2d-7339-9daa-92978f83a948", "token …83a948", "/tokens/01a201a4-ee2d-7339-9daa-92978f83a948"},
		"system": {"system", "", "Keywright", ""},
	} {
		if diff := cmp.Diff(want, partyOf(text), cmp.AllowUnexported(party{})); diff != "" {
			t.Error(diff)
		}
	}
}
