package presented_test

// Bearer and Basic as RFC 6750 section 2.1 and RFC 6749 section 2.3.1 have them: the scheme in any
// case, several spaces, no second header, nothing from the URL.

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/presented"
)

func TestCredentialBearer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		headers []string
		parsed  string // what the parser is given; empty: it is not called
		err     error
	}{
		"none":                 {nil, "", nil},
		"bearer":               {[]string{"Bearer abc"}, "abc", nil},
		"upper case":           {[]string{"BEARER abc"}, "abc", nil},
		"mixed case":           {[]string{"bEaReR abc"}, "abc", nil},
		"several spaces":       {[]string{"Bearer    abc"}, "abc", nil},
		"two in one":           {[]string{"Bearer abc, Bearer def"}, "abc, Bearer def", nil},
		"two headers":          {[]string{"Bearer abc", "Bearer abc"}, "", presented.ErrRepeated},
		"two, one empty":       {[]string{"", "Bearer abc"}, "", presented.ErrRepeated},
		"Meerschaum's":         {[]string{"Bearer mrsm-key:YTpi"}, "mrsm-key:YTpi", nil},
		"Meerschaum's, basic":  {[]string{"bAsic mrsm-key:YTpi"}, "mrsm-key:YTpi", nil},
		"Meerschaum's, bare":   {[]string{"mrsm-key:YTpi"}, "mrsm-key:YTpi", nil},
		"Meerschaum's, digest": {[]string{"Digest mrsm-key:YTpi"}, "", keywright.ErrMalformedCredential},
		"other scheme":         {[]string{"Digest abc"}, "", keywright.ErrMalformedCredential},
		"no scheme":            {[]string{"abc"}, "", keywright.ErrMalformedCredential},
		"empty":                {[]string{""}, "", keywright.ErrMalformedCredential},
		"tab for space":        {[]string{"Bearer\tabc"}, "", keywright.ErrMalformedCredential},
		"basic, no base64":     {[]string{"Basic abc:def"}, "", keywright.ErrMalformedCredential},
		"basic, no colon":      {[]string{"Basic YWJj"}, "", keywright.ErrMalformedCredential},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got string
			parse := func(s string) (keywright.Credential, error) { got = s; return keywright.Credential{}, nil }
			r := httptest.NewRequest(http.MethodGet, "/?access_token=stolen", nil)
			r.Header["Authorization"] = tt.headers
			_, err := presented.Credential(parse, r)
			if got != tt.parsed || !errors.Is(err, tt.err) {
				t.Errorf("parsed %q, error %v; want %q, %v", got, err, tt.parsed, tt.err)
			}
			if presented.Any(r) != (len(tt.headers) > 0) {
				t.Errorf("Any = %v with %d headers", presented.Any(r), len(tt.headers))
			}
		})
	}
}

func TestBasic(t *testing.T) {
	t.Parallel()
	encode := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, tt := range map[string]struct {
		header, id, secret string
		ok                 bool
	}{
		"plain":                  {encode("cli:secret"), "cli", "secret", true},
		"form-encoded":           {encode("cli%3Aent:a%2Bb+c"), "cli:ent", "a+b c", true},
		"colon in the secret":    {encode("cli:a:b"), "cli", "a:b", true},
		"empty secret":           {encode("cli:"), "cli", "", true},
		"scheme in any case":     {"bAsIc Y2xpOnM=", "cli", "s", true},
		"several spaces":         {"Basic   Y2xpOnM=", "cli", "s", true},
		"no padding":             {"Basic Y2xpOnM", "", "", false},
		"trailing bits not zero": {"Basic Y2xpOnN=", "", "", false},
		"newline inside":         {"Basic Y2xp\nOnM=", "", "", false},
		"half an escape":         {encode("cli:a%2"), "", "", false},
		"bearer":                 {"Bearer Y2xpOnM=", "", "", false},
		"empty":                  {"", "", "", false},
	} {
		id, secret, ok := presented.Basic(tt.header)
		if id != tt.id || secret != tt.secret || ok != tt.ok {
			t.Errorf("%s: got %q %q %v", name, id, secret, ok)
		}
	}
}

// FuzzBasic: what RFC 6749 has a client write is read back, and what is read has one spelling of its base64.
func FuzzBasic(f *testing.F) {
	f.Add("Basic Y2xpOnM=", "cli", "s")
	f.Add("basic  Y2xpOnM", "a+b", "c:d%")
	f.Add("Basic \n", "", "\x00\xff")
	f.Fuzz(func(t *testing.T, header, id, secret string) {
		if _, _, ok := presented.Basic(header); ok {
			_, encoded, _ := strings.Cut(header, " ")
			encoded = strings.TrimLeft(encoded, " ")
			plain, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil || base64.StdEncoding.EncodeToString(plain) != encoded {
				t.Errorf("%q was accepted as a second spelling", header)
			}
		}
		written := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
		gotID, gotSecret, ok := presented.Basic("Basic " + base64.StdEncoding.EncodeToString([]byte(written)))
		if !ok || gotID != id || gotSecret != secret {
			t.Errorf("wrote %q %q, read %q %q %v", id, secret, gotID, gotSecret, ok)
		}
	})
}
