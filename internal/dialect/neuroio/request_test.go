package neuroio

import (
	"net/http"
	"slices"
	"testing"
	"unicode/utf8"
)

// every is a request that may say anything that one may say.
var every = shape{
	texts:    []string{"username", "password", "limit", "offset"},
	flags:    []string{"permanent", "is_active"},
	required: []string{"username"},
}

// FuzzBody: whatever is sent, as JSON or as a form, says what it may and in its type, or is a 400.
func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"permanent":true,"username":"a"}`))
	f.Add([]byte("username=a&is_active=false&limit=20"))
	f.Add([]byte("is_active=%ff&is_active=1"))
	f.Add([]byte(`{"username":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func() (values, error){
			func() (values, error) { return every.object(data) },
			func() (values, error) { return every.form(string(data)) },
		} {
			got, err := read()
			if err == nil {
				err = every.complete(got)
			}
			if err == nil {
				_, err = got.page()
			}
			if err != nil {
				if f := translate(err); f.status != http.StatusBadRequest || f.Message == "" {
					t.Fatalf("%q: %d %s", data, f.status, f.Message)
				}
				continue
			}
			if got.texts["username"] == "" {
				t.Fatalf("%q leaves out what it must say", data)
			}
			for name, text := range got.texts {
				if !slices.Contains(every.texts, name) || !utf8.ValidString(text) {
					t.Fatalf("%q says %q: %q", data, name, text)
				}
			}
			for name := range got.flags {
				if !slices.Contains(every.flags, name) {
					t.Fatalf("%q says %q", data, name)
				}
			}
		}
	})
}

func TestPage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		texts map[string]string
		want  page
		ok    bool
	}{
		{nil, page{0, 20}, true},
		{map[string]string{"limit": "1000", "offset": "2147483647"}, page{1<<31 - 1, 1000}, true},
		{map[string]string{"limit": ""}, page{}, false},
		{map[string]string{"offset": "2147483648"}, page{}, false},
		{map[string]string{"offset": "99999999999999999999"}, page{}, false},
	} {
		got, err := values{texts: test.texts}.page()
		if (err == nil) != test.ok || test.ok && got != test.want {
			t.Errorf("%v: %+v, %v", test.texts, got, err)
		}
	}
}
