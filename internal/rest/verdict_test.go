package rest

// The verdict that is written by hand is the verdict as the document has it.

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func TestTokenIsWrittenAsItsTypeIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		token := keywright.VerifiedToken{
			ID:       keywright.ID{1, 2, byte(rapid.IntRange(0, 255).Draw(t, "id"))},
			Label:    rapid.String().Draw(t, "label"),
			Kind:     rapid.SampledFrom([]keywright.Kind{keywright.KindAccount, keywright.KindSpace, keywright.KindManager}).Draw(t, "kind"),
			Account:  rapid.StringMatching(`[a-z]{1,5}(@[a-z]{1,5})?`).Draw(t, "account"),
			Space:    "default",
			Owner:    rapid.String().Draw(t, "owner"),
			Audience: rapid.SliceOf(rapid.String()).Draw(t, "audience"),
			Metadata: rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "metadata"),
		}
		token.Scopes, _ = keywright.ParseScopes(rapid.SampledFrom([][]string{nil, {"a:b"}, {"a:*", "table://my.**"}}).Draw(t, "scopes")...)
		if rapid.Bool().Draw(t, "expires") {
			at := time.UnixMicro(rapid.Int64Range(0, 250_000_000_000_000_000).Draw(t, "at")).UTC()
			token.ExpiresAt = &at
		}
		want, err := json.Marshal(token, answerOptions)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(appendToken(nil, &token))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRefusalsAreWritten(t *testing.T) {
	t.Parallel()
	scope, err := keywright.ParseScope("invoices:read")
	if err != nil {
		t.Fatal(err)
	}
	for want, decision := range map[string]keywright.Decision{
		`{"valid":false,"reason":"undecided"}`:                                    {},
		`{"valid":false,"reason":"invalid"}`:                                      {Reason: keywright.Unproved},
		`{"valid":false,"reason":"insufficient_scope","missing":"invoices:read"}`: {Reason: keywright.InsufficientScope, Missing: scope},
		`{"valid":false,"reason":"insufficient_scope"}`:                           {Reason: keywright.InsufficientScope},
	} {
		if got := string(appendVerdict(nil, &authority.Verdict{Decision: decision})); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
