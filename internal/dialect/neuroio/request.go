package neuroio

import (
	"bytes"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/dialect"
)

// values are what a request says, in a body or a query: texts, and what is true or false. What it does not say is not there.
type values struct {
	texts map[string]string
	flags map[string]bool
}

// flag is a value that a request may leave out; nil if it did.
func (v values) flag(name string) *bool {
	if set, ok := v.flags[name]; ok {
		return &set
	}
	return nil
}

// shape is what a request may say.
type shape struct {
	texts, flags []string
	required     []string
}

// body reads a body: JSON, or a form where it is declared to be one. No body says nothing.
func (want shape) body(r *http.Request) (values, error) {
	data, err := dialect.Body(r, bodyLimit)
	if err != nil {
		return values{}, err
	}
	var got values
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		got, err = want.form(string(data))
	} else {
		got, err = want.object(data)
	}
	if err != nil {
		return values{}, err
	}
	return got, want.complete(got)
}

// query reads the query of a URL.
func (want shape) query(r *http.Request) (values, error) { return want.form(r.URL.RawQuery) }

func (want shape) object(data []byte) (values, error) {
	got := values{map[string]string{}, map[string]bool{}}
	if len(bytes.TrimSpace(data)) == 0 {
		return got, nil
	}
	members, err := dialect.Object(data)
	if err != nil {
		return got, err
	}
	var fields []field
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if problem := want.set(got, name, members[name]); problem != "" {
			fields = append(fields, wrong(name, problem))
		}
	}
	return got, refusedFields(fields)
}

// set keeps a member's value, or says what is wrong with it.
func (want shape) set(got values, name string, value jsontext.Value) (problem string) {
	switch {
	case slices.Contains(want.texts, name):
		text, ok := dialect.Text(value)
		if got.texts[name] = text; !ok {
			return "Must be a string."
		}
	case slices.Contains(want.flags, name):
		kind := value.Kind()
		if got.flags[name] = kind == 't'; kind != 't' && kind != 'f' {
			return "Must be true or false."
		}
	default:
		return "There is no such field here."
	}
	return ""
}

func (want shape) form(text string) (values, error) {
	got := values{map[string]string{}, map[string]bool{}}
	pairs, err := url.ParseQuery(text)
	if err != nil {
		return got, fmt.Errorf("%w: an escape is broken", keywright.ErrMalformed)
	}
	var fields []field
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		if problem := want.setText(got, name, pairs[name]); problem != "" {
			fields = append(fields, wrong(name, problem))
		}
	}
	return got, refusedFields(fields)
}

// setText is set for what was written as text. One client writes False for false.
func (want shape) setText(got values, name string, given []string) (problem string) {
	text := given[0]
	switch {
	case len(given) > 1:
		return "Is given more than once."
	case !utf8.ValidString(text):
		return "Must be UTF-8 text."
	case slices.Contains(want.texts, name):
		got.texts[name] = text
	case slices.Contains(want.flags, name):
		if got.flags[name] = strings.EqualFold(text, "true"); !got.flags[name] && !strings.EqualFold(text, "false") {
			return "Must be true or false."
		}
	default:
		return "There is no such field here."
	}
	return ""
}

// complete refuses a request that leaves out what it must say.
func (want shape) complete(got values) error {
	var fields []field
	for _, name := range want.required {
		_, isFlag := got.flags[name]
		if got.texts[name] == "" && !isFlag {
			fields = append(fields, wrong(name, "This field is required."))
		}
	}
	return refusedFields(fields)
}

func refusedFields(fields []field) error {
	if len(fields) == 0 {
		return nil
	}
	return unacceptable(fields...)
}

// page is which part of a list is asked for.
type page struct{ offset, limit int }

const (
	defaultLimit = 20
	maxLimit     = 1000
)

// page reads limit and offset.
func (v values) page() (page, error) {
	var fields []field
	number := func(name string, otherwise, least, most int) int {
		text, ok := v.texts[name]
		if !ok {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			fields = append(fields, wrong(name, fmt.Sprintf("Must be a number from %d to %d.", least, most)))
		}
		return n
	}
	p := page{offset: number("offset", 0, 0, 1<<31-1), limit: number("limit", defaultLimit, 1, maxLimit)}
	return p, refusedFields(fields)
}
