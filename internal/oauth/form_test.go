package oauth

// The form as RFC 6749 section 3.2 has it: no parameter twice, empty is omitted, unknown is ignored; and
// nothing of it from the URL.

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseForm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body    string
		want    map[string][]string // nil: refused
		message string
	}{
		"empty":                    {"", map[string][]string{}, ""},
		"two":                      {"a=1&b=2", map[string][]string{"a": {"1"}, "b": {"2"}}, ""},
		"escapes":                  {"a%2Bb=c+d%26", map[string][]string{"a+b": {"c d&"}}, ""},
		"empty value is omitted":   {"a=&b", map[string][]string{"a": nil, "b": nil}, ""},
		"empty fields":             {"&&a=1&", map[string][]string{"a": {"1"}}, ""},
		"semicolon is a character": {"a=1;b=2", map[string][]string{"a": {"1;b=2"}}, ""},
		"equals sign in a value":   {"a=b=c", map[string][]string{"a": {"b=c"}}, ""},
		"resource repeats":         {"resource=x&resource=y", map[string][]string{"resource": {"x", "y"}}, ""},
		"audience repeats":         {"audience=x&audience=", map[string][]string{"audience": {"x"}}, ""},
		"repeated":                 {"a=1&a=1", nil, "parameter a is repeated"},
		"repeated, one escaped":    {"a=1&%61=2", nil, "parameter a is repeated"},
		"repeated, one empty":      {"scope=&scope=x", nil, "parameter scope is repeated"},
		"half an escape":           {"a=%2", nil, "begins no escape"},
		"no hexadecimal":           {"%zz=1", nil, "begins no escape"},
		"not UTF-8":                {"a=%C0%AE", nil, "not UTF-8"},
		"raw bytes not UTF-8":      {"a=\xff", nil, "not UTF-8"},
		"too many":                 {strings.Repeat("resource=x&", maxParameters+1), nil, "too many"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := parseForm(tt.body)
			if tt.want == nil {
				requireBadRequest(t, err, tt.message)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, values := range tt.want {
				if got := f.all(name); !slices.Equal(got, values) || len(values) > 0 && f.get(name) != values[0] {
					t.Errorf("%s = %q, want %q", name, got, values)
				}
			}
		})
	}
}

func requireBadRequest(t *testing.T, err error, message string) {
	t.Helper()
	var f *failure
	if !errors.As(err, &f) || f.code != invalidRequest || !strings.Contains(f.description, message) {
		t.Errorf("error %v, want invalid_request with %q", err, message)
	}
}

func TestReadFormType(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		types, encoding []string
		status          int // 0: read
	}{
		"form":               {[]string{formType}, nil, 0},
		"with charset":       {[]string{formType + "; charset=UTF-8"}, nil, 0},
		"in another case":    {[]string{"Application/X-WWW-Form-Urlencoded"}, nil, 0},
		"none":               {nil, nil, http.StatusUnsupportedMediaType},
		"JSON":               {[]string{"application/json"}, nil, http.StatusUnsupportedMediaType},
		"multipart":          {[]string{"multipart/form-data; boundary=x"}, nil, http.StatusUnsupportedMediaType},
		"another charset":    {[]string{formType + "; charset=utf-16"}, nil, http.StatusUnsupportedMediaType},
		"two types":          {[]string{formType, "application/json"}, nil, http.StatusUnsupportedMediaType},
		"malformed":          {[]string{formType + "; charset"}, nil, http.StatusUnsupportedMediaType},
		"compressed":         {[]string{formType}, []string{"gzip"}, http.StatusUnsupportedMediaType},
		"beginning like one": {[]string{formType + "2"}, nil, http.StatusUnsupportedMediaType},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a=1"))
		r.Header["Content-Type"], r.Header["Content-Encoding"] = tt.types, tt.encoding
		f, err := readForm(httptest.NewRecorder(), r)
		var refused *failure
		switch {
		case tt.status == 0 && (err != nil || f.get("a") != "1"):
			t.Errorf("%s: %v, %v; want it read", name, f, err)
		case tt.status != 0 && (!errors.As(err, &refused) || refused.status != tt.status):
			t.Errorf("%s: error %v, want status %d", name, err, tt.status)
		}
	}
}

// An endless body is not read past its bound, announced or not.
func TestReadFormBound(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{-1, 1 << 30} {
		endless := &counting{}
		r := httptest.NewRequest(http.MethodPost, "/", endless)
		r.Header.Set("Content-Type", formType)
		r.ContentLength = length
		_, err := readForm(httptest.NewRecorder(), r)
		var refused *failure
		if !errors.As(err, &refused) || refused.status != http.StatusRequestEntityTooLarge {
			t.Errorf("error %v, want 413", err)
		}
		if endless.read > 2*maxForm {
			t.Errorf("%d bytes were read of a body that may have %d", endless.read, maxForm)
		}
	}
}

type counting struct{ read int }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	c.read += len(p)
	return len(p), nil
}

func TestReadFormCutOff(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("a=1"), failing{}))
	r.Header.Set("Content-Type", formType)
	_, err := readForm(httptest.NewRecorder(), r)
	requireBadRequest(t, err, "could not be read")
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for query, refused := range map[string]bool{
		"":                                false,
		"foo=1":                           false,
		"access_token=x":                  false, // never looked at, RFC 9700 section 4.3.2
		"client_secret=x":                 true,
		"client_id=x":                     true,
		"grant_type=client_credentials":   true,
		"%67rant_type=client_credentials": true,
		"foo=1&token=x":                   true,
		"subject_token=":                  true,
		"%zz&token=x":                     true,
	} {
		if err := checkURL(query); (err != nil) != refused {
			t.Errorf("%q: %v", query, err)
		}
	}
}

// FuzzParseForm: what is accepted is what net/url reads, each name once, all of it UTF-8; and what is
// refused is refused with an answer.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{
		"grant_type=client_credentials&scope=a+b", "a=%2", "a=1&a=2", "resource=x&resource=y", "&=&", "a;b=1", "%C0%AE=1", "a=\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := parseForm(body)
		if err != nil {
			requireBadRequest(t, err, "")
			return
		}
		reference, err := url.ParseQuery(strings.ReplaceAll(body, ";", "%3B"))
		if err != nil {
			t.Fatalf("%q was accepted, net/url says %v", body, err)
		}
		for _, p := range got {
			if !slices.Contains(reference[p.name], p.value) {
				t.Errorf("%q: %s is %q, net/url reads %q", body, p.name, p.value, reference[p.name])
			}
			if len(reference[p.name]) > 1 && !repeatable(p.name) {
				t.Errorf("%q: %s is there %d times", body, p.name, len(reference[p.name]))
			}
			if !utf8.ValidString(p.name) || !utf8.ValidString(p.value) {
				t.Errorf("%q is not UTF-8", p)
			}
		}
	})
}
