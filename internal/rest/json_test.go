package rest

// One text, one meaning: what two JSON readers could understand differently is
// refused, by the name of the member, before the authority hears of it.

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/keywright/keywright"
)

// badBodies are bodies that no operation which takes a keywright.NewToken may accept.
var badBodies = map[string]struct {
	body   string
	status int
	member string
}{
	"empty":                    {``, 400, ""},
	"white space":              {" \n", 400, ""},
	"not JSON":                 {`label=x`, 400, ""},
	"cut off":                  {`{"label":"x"`, 400, ""},
	"cut off in a string":      {`{"label":"x`, 400, ""},
	"trailing comma":           {`{"label":"x",}`, 400, ""},
	"comment":                  {`{"label":"x"} // y`, 400, ""},
	"second document":          {`{"label":"x"}{"label":"y"}`, 400, ""},
	"second value":             {`{"label":"x"} 1`, 400, ""},
	"byte order mark":          {"\ufeff" + `{"label":"x"}`, 400, ""},
	"duplicate":                {`{"scopes":["a"],"label":"x","scopes":["b"]}`, 400, "/scopes"},
	"duplicate, escaped":       {`{"scopes":["a"],"\u0073copes":["b"]}`, 400, "/scopes"},
	"duplicate below":          {`{"metadata":{"a":"1","a":"2"}}`, 400, "/metadata/a"},
	"lone high surrogate":      {`{"label":"\ud800"}`, 400, "/label"},
	"lone low surrogate":       {`{"label":"\udc00x"}`, 400, "/label"},
	"surrogates turned around": {`{"label":"\udc00\ud800"}`, 400, "/label"},
	"invalid UTF-8":            {"{\"label\":\"\xff\"}", 400, "/label"},
	"overlong UTF-8":           {"{\"label\":\"\xc0\xaf\"}", 400, "/label"},
	"raw control character":    {"{\"label\":\"\x01\"}", 400, "/label"},
	"raw NUL":                  {"{\"label\":\"\x00\"}", 400, "/label"},
	"nested too deep":          {`{"metadata":` + strings.Repeat(`[`, 20) + strings.Repeat(`]`, 20) + `}`, 400, ""},
	"nested 10^4 deep":         {strings.Repeat(`[`, 10_000), 400, ""},
	"objects 10^4 deep":        {strings.Repeat(`{"a":`, 10_000), 400, ""},
	"not an object":            {`[]`, 422, ""},
	"a string":                 {`"x"`, 422, ""},
	"null":                     {`null`, 422, ""},
	"upper case":               {`{"SCOPES":["a"]}`, 422, "/SCOPES"},
	"long s":                   {`{"ſcopes":["a"]}`, 422, "/ſcopes"},
	"Kelvin sign":              {`{"\u212aind":"space"}`, 422, "/\u212aind"},
	"unknown":                  {`{"colour":"red"}`, 422, "/colour"},
	"unknown, of the token":    {`{"created_at":"2020-01-01T00:00:00Z"}`, 422, "/created_at"},
	"unknown, of the database": {`{"id":"x"}`, 422, "/id"},
	"member null":              {`{"scopes":null}`, 422, "/scopes"},
	"item null":                {`{"scopes":["a",null]}`, 422, "/scopes/1"},
	"value null":               {`{"metadata":{"a":null}}`, 422, "/metadata/a"},
	"NUL":                      {`{"label":"a\u0000b"}`, 422, "/label"},
	"NUL in a name":            {`{"metadata":{"a\u0000b":"c"}}`, 422, "/metadata/a\x00b"},
	"string for list":          {`{"scopes":"a"}`, 422, "/scopes"},
	"list for string":          {`{"label":["a"]}`, 422, "/label"},
	"number for string":        {`{"label":1}`, 422, "/label"},
	"object for string":        {`{"label":{}}`, 422, "/label"},
	"string for number":        {`{"expires_in":"60"}`, 422, "/expires_in"},
	"string for bool":          {`{"recoverable":"true"}`, 422, "/recoverable"},
	"number for bool":          {`{"recoverable":1}`, 422, "/recoverable"},
	"fraction":                 {`{"expires_in":1.5}`, 422, "/expires_in"},
	"exponent":                 {`{"expires_in":1e3}`, 422, "/expires_in"},
	"2^63":                     {`{"expires_in":9223372036854775808}`, 422, "/expires_in"},
	"1e400":                    {`{"expires_in":1e400}`, 422, "/expires_in"},
	"zero lifetime":            {`{"expires_in":0}`, 422, "/expires_in"},
	"minus zero lifetime":      {`{"expires_in":-0}`, 422, "/expires_in"},
	"number in metadata":       {`{"metadata":{"a":1}}`, 422, "/metadata/a"},
	"unknown kind":             {`{"kind":"root"}`, 422, "/kind"},
	"kind in capitals":         {`{"kind":"Space"}`, 422, "/kind"},
	"empty kind":               {`{"kind":""}`, 422, "/kind"},
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range badBodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var token keywright.NewToken
			p, known := translate(decode([]byte(tt.body), &token, nil))
			if !known || p.Status != tt.status || len(p.Problems) != 1 || p.Problems[0].Reason == "" {
				t.Fatalf("%+v", p)
			}
			if got := p.Problems[0].Member; got != tt.member && tt.member != "" {
				t.Errorf("names %q, want %q: %s", got, tt.member, p.Problems[0].Reason)
			}
		})
	}
}

func TestDecodeReads(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]keywright.NewToken{
		`{}`:                       {},
		` { "label" : "x" } `:      {Label: "x"},
		`{"kind":"space"}`:         {Kind: keywright.KindSpace},
		`{"label":"\ud83d\ude00"}`: {Label: "😀"},
		`{"scopes":[]}`:            {Scopes: []string{}},
		`{"expires_in":60}`:        {ExpiresIn: 60},
	} {
		var got keywright.NewToken
		if err := decode([]byte(body), &got, nil); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestDecodeNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	var in login
	p, _ := translate(decode([]byte(`{"password":"x"}`), &in, []string{"username", "password"}))
	if p.Status != 422 || len(p.Problems) != 1 || p.Problems[0].Member != "/username" {
		t.Errorf("%+v", p)
	}
}

func TestReadBody(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		types  []string
		body   io.Reader
		status int
	}{
		"json":                 {[]string{"application/json"}, strings.NewReader(`{}`), 0},
		"upper case":           {[]string{"Application/JSON"}, strings.NewReader(`{}`), 0},
		"utf-8":                {[]string{"application/json; charset=UTF-8"}, strings.NewReader(`{}`), 0},
		"no body":              {nil, http.NoBody, 0},
		"at the limit":         {[]string{"application/json"}, strings.NewReader(strings.Repeat(" ", 100)), 0},
		"none":                 {nil, strings.NewReader(`{}`), 415},
		"empty":                {[]string{""}, strings.NewReader(`{}`), 415},
		"text":                 {[]string{"text/plain"}, strings.NewReader(`{}`), 415},
		"form":                 {[]string{"application/x-www-form-urlencoded"}, strings.NewReader(`{}`), 415},
		"multipart":            {[]string{"multipart/form-data; boundary=x"}, strings.NewReader(`{}`), 415},
		"json by another name": {[]string{"application/vnd.api+json"}, strings.NewReader(`{}`), 415},
		"latin":                {[]string{"application/json; charset=iso-8859-1"}, strings.NewReader(`{}`), 415},
		"two":                  {[]string{"application/json", "text/plain"}, strings.NewReader(`{}`), 415},
		"two in one":           {[]string{"application/json, text/plain"}, strings.NewReader(`{}`), 415},
		"too long":             {[]string{"application/json"}, strings.NewReader(strings.Repeat(" ", 101)), 413},
		"too long, chunked":    {[]string{"application/json"}, io.MultiReader(strings.NewReader(strings.Repeat(" ", 101))), 413},
		"endless":              {[]string{"application/json"}, endless{}, 413},
		"broken off":           {[]string{"application/json"}, io.MultiReader(strings.NewReader(`{`), failing{}), 400},
		"too long for another": {[]string{"application/json"}, failing{&http.MaxBytesError{Limit: 1}}, 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", tt.body)
			r.Header["Content-Type"] = tt.types
			_, err := readBody(nil, r, 100)
			if tt.status == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if p, known := translate(err); !known || p.Status != tt.status {
				t.Errorf("%+v, want %d", p, tt.status)
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, errors.New("connection reset")
}

// FuzzDecode: whatever comes, the answer is a value or a clear 4xx.
func FuzzDecode(f *testing.F) {
	for _, seed := range badBodies {
		f.Add([]byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var token keywright.NewToken
		err := decode(data, &token, nil)
		if err == nil {
			return
		}
		p, known := translate(err)
		if !known || p.Status < 400 || p.Status > 499 || p.finished().Detail == "" {
			t.Errorf("%q: %+v from %v", data, p, err)
		}
	})
}
