package dialect_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/dialect"
)

func TestBody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body    io.Reader
		want    string
		tooLong bool
		err     error
	}{
		"none":          {strings.NewReader(""), "", false, nil},
		"at the limit":  {strings.NewReader("12345678"), "12345678", false, nil},
		"beyond":        {strings.NewReader("123456789"), "", true, nil},
		"unannounced":   {iotest.OneByteReader(strings.NewReader("123456789")), "", true, nil},
		"refused above": {iotest.ErrReader(&http.MaxBytesError{Limit: 3}), "", true, nil},
		"broken off":    {iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("1234"))), "", false, keywright.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := dialect.Body(httptest.NewRequest("POST", "/", test.body), 8)
			_, tooLong := errors.AsType[*http.MaxBytesError](err)
			if string(got) != test.want || tooLong != test.tooLong || test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                   "ends too early",
		"\n \t":              "ends too early",
		`{"a":`:              "ends too early",
		`null`:               "want an object",
		`[]`:                 "want an object",
		`"a"`:                "want an object",
		`{"a":1}{}`:          "after top-level value",
		`{"a":1,"a":2}`:      `member "a" is there twice`,
		`{"a":1,"\u0061":2}`: `member "a" is there twice`,
		`{'a':1}`:            "invalid character",
		"{\"a\":\"\xff\"}":   "invalid UTF-8",
		strings.Repeat(`{"a":`, 20000) + strings.Repeat("}", 20000): "",
	} {
		_, err := dialect.Object([]byte(text))
		if !errors.Is(err, keywright.ErrMalformed) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "json") {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	members, err := dialect.Object([]byte("\n{\"a\":\"b\\u0063\",\"A\":[1]}\n"))
	if err != nil || len(members) != 2 {
		t.Fatalf("%v, %v", members, err)
	}
	if s, ok := dialect.Text(members["a"]); s != "bc" || !ok {
		t.Errorf("%q, %t", s, ok)
	}
	for _, other := range []jsontext.Value{members["A"], nil, jsontext.Value("null"), jsontext.Value("1")} {
		if s, ok := dialect.Text(other); s != "" || ok {
			t.Errorf("%s is the text %q", other, s)
		}
	}
}

func FuzzObject(f *testing.F) {
	f.Add([]byte("\n{\"name\":\"a\",\"n\":null}"))
	f.Add([]byte(`{"a":"\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := dialect.Object(data)
		if err != nil {
			if !errors.Is(err, keywright.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		for name, value := range members {
			s, ok := dialect.Text(value)
			if !utf8.ValidString(name) || !utf8.ValidString(s) || ok != bytes.HasPrefix(bytes.TrimSpace(value), []byte(`"`)) {
				t.Fatalf("%q: %q, %t", name, s, ok)
			}
		}
	})
}
