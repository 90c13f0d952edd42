package auditlog

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// Members writes what encoding/json would, whatever is in it.
func TestMembersAreJSON(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,20}`), rapid.SampledFrom([]string{"<b>", `\`, "\x7f", "\u2028"}))
	value := rapid.OneOf(
		text.AsAny(), rapid.Bool().AsAny(), rapid.Int().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(), rapid.Int64().AsAny(),
		rapid.SliceOf(text).AsAny(), rapid.MapOf(text, text).AsAny(), rapid.MapOf(text, text.AsAny()).AsAny(),
		rapid.SampledFrom([]any{nil, []string(nil), map[string]string(nil), map[string]any(nil)}),
	)
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.MapOfN(text, value, 1, 6).Draw(t, "members")
		want, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Members(m)
		if err != nil || got != string(want) {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	})
}

func TestMembersThatJSONCannotWrite(t *testing.T) {
	t.Parallel()
	if text, err := Members(map[string]any{"a": func() {}}); err == nil {
		t.Errorf("a function was written: %s", text)
	}
}
