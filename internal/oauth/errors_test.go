package oauth

// One translation for all: what OAuth names (RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 8707 section 2), and 503 for
// what nobody foresaw.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/presented"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		method method
		status int
		code   string
	}{
		"unproved by Basic":        {keywright.ErrUnauthenticated, methodBasic, 401, invalidClient},
		"unproved in the body":     {keywright.ErrUnauthenticated, methodPost, 401, invalidClient},
		"unproved by Bearer":       {keywright.ErrUnauthenticated, methodBearer, 401, invalidToken},
		"malformed credential":     {keywright.ErrMalformedCredential, methodBasic, 401, invalidClient},
		"malformed id":             {fmt.Errorf("x: %w", keywright.ErrMalformedID), methodPost, 401, invalidClient},
		"two headers":              {presented.ErrRepeated, methodBasic, 400, invalidRequest},
		"forbidden by Basic":       {keywright.ErrForbidden, methodBasic, 403, unauthorizedClient},
		"forbidden by Bearer":      {keywright.ErrForbidden, methodBearer, 403, insufficientScope},
		"scope beyond":             {keywright.Invalid("scope", "x"), methodBasic, 400, invalidScope},
		"scope beyond, by pointer": {keywright.Invalid("/scopes/0", "x"), methodBasic, 400, invalidScope},
		"scope malformed":          {fmt.Errorf("x: %w", &keywright.ScopeError{Scope: "a\"", Pos: 1}), methodBasic, 400, invalidScope},
		"target":                   {keywright.Invalid("resource", "x"), methodBasic, 400, invalidTarget},
		"audience":                 {keywright.Invalid("audience", "x"), methodBasic, 400, invalidTarget},
		"subject token":            {keywright.Invalid("subject_token", "x"), methodBasic, 400, invalidRequest},
		"invalid without a word":   {&keywright.InvalidError{}, methodBasic, 400, invalidRequest},
		"malformed otherwise":      {keywright.ErrMalformedCursor, methodBasic, 400, invalidRequest},
		"throttled":                {&keywright.ThrottledError{RetryAfter: time.Minute}, methodBasic, 429, unavailable},
		"store down":               {fmt.Errorf("x: %w", keywright.ErrUnavailable), methodBearer, 503, unavailable},
		"gone away":                {context.Canceled, methodBasic, 503, unavailable},
		"not foreseen":             {errors.New("surprise"), methodBasic, 503, unavailable},
	} {
		f := translate(tt.err, tt.method)
		if f.status != tt.status || f.code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", name, f.status, f.code, tt.status, tt.code)
		}
		if (f.status == 401) != (len(f.challenges) > 0 && f.status != 403) {
			t.Errorf("%s: %d with challenges %q", name, f.status, f.challenges)
		}
		if f.status == 503 && (strings.Contains(f.description, "surprise") || f.retryAfter <= 0) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestRefuseRetryAfter(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{time.Millisecond: "1", time.Second: "1", 1500 * time.Millisecond: "2"} {
		w := httptest.NewRecorder()
		new(Server).refuse(w, httptest.NewRequest(http.MethodPost, "/", nil), methodBasic, &keywright.ThrottledError{RetryAfter: wait})
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("after %s: Retry-After %q, want %q", wait, got, want)
		}
	}
}

// RFC 6749 section 5.2: an error_description has only %x20-21, %x23-5B and %x5D-7E,
// whatever the offending input held.
func TestDescriptionIsPrintable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		input := string(rapid.SliceOf(rapid.Byte()).Draw(t, "input"))
		got := printable(input)
		if strings.ContainsFunc(got, func(r rune) bool { return r < 0x20 || r == 0x22 || r == 0x5c || r > 0x7e }) {
			t.Fatalf("%q became %q", input, got)
		}
	})
}

// What is written by appending is what encoding/json reads.
func TestObject(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, audience := rapid.String().Draw(t, "text"), rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "audience")
		at := time.Unix(rapid.Int64Range(1, 1<<33).Draw(t, "at"), 0)
		o := newObject()
		o.text("text", text)
		o.instant("at", at)
		o.instant("never", time.Time{})
		o.audience(audience)
		var got struct {
			Text  string
			At    int64
			Never *int64
			Aud   json.RawMessage
		}
		if err := json.Unmarshal(o.end(), &got); err != nil {
			t.Fatalf("%s: %v", o.end(), err)
		}
		if got.Text != text || got.At != at.Unix() || got.Never != nil || len(audience) > 1 != bytes.HasPrefix(got.Aud, []byte("[")) {
			t.Fatalf("%s from %q %v %q", o.end(), text, at, audience)
		}
	})
}
