package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/keywright/keywright"
)

// formLimit is the most that is read of a form.
const formLimit = 256 << 10

// form is what a person has filled in, and what is wrong with it.
type form struct {
	values   url.Values
	problems map[string]string // by the field's name
	general  string            // what is wrong with no field in particular
}

// newForm is a form that nobody has filled in yet.
func newForm(values url.Values) *form { return &form{values: values, problems: map[string]string{}} }

// readForm reads the body of a POST, and nothing of the URL.
func readForm(v *visit) (*form, error) {
	v.r.Body = http.MaxBytesReader(nil, v.r.Body, formLimit)
	if err := v.r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, err
		}
		return nil, fmt.Errorf("form is %w", keywright.ErrMalformed)
	}
	return newForm(v.r.PostForm), nil
}

// get is a field's value; of several the first.
func (f *form) get(name string) string { return f.values.Get(name) }

// trimmed is a field's value without the space around it.
func (f *form) trimmed(name string) string { return strings.TrimSpace(f.get(name)) }

// has reports whether a box is ticked.
func (f *form) has(name string) bool { return f.values.Has(name) }

// chosen reports whether one of the values of a field is this one.
func (f *form) chosen(name, value string) bool {
	for _, v := range f.values[name] {
		if v == value {
			return true
		}
	}
	return false
}

// words are the parts of a field that has several, on lines or between spaces or commas.
func (f *form) words(name string) []string {
	return strings.FieldsFunc(f.get(name), func(r rune) bool { return r == ' ' || r == '\n' || r == '\r' || r == '\t' || r == ',' })
}

// problem is what is wrong with a field.
func (f *form) problem(name string) string { return f.problems[name] }

// take keeps what an error says of the request, to be shown beside its fields; ok is false for an error that says nothing of
// it. A field has the name of the request's member; fields that are called otherwise are told by as, member and field in turn.
func (f *form) take(err error, as ...string) (ok bool) {
	if invalid, is := errors.AsType[*keywright.InvalidError](err); is {
		for _, p := range invalid.Problems {
			f.note(p, as)
		}
		return true
	}
	for _, own := range []error{keywright.ErrConflict, keywright.ErrQuota, keywright.ErrForbidden, keywright.ErrMalformed} {
		if errors.Is(err, own) {
			f.general = sentence(err)
			return true
		}
	}
	return false
}

func (f *form) note(p keywright.Problem, as []string) {
	member := strings.TrimPrefix(p.Member, "/")
	name, below, _ := strings.Cut(member, "/")
	for i := 0; i+1 < len(as); i += 2 {
		if as[i] == name {
			name = as[i+1]
		}
	}
	reason := sentence(errors.New(p.Reason))
	if name == "" {
		f.general = strings.TrimSpace(f.general + " " + reason)
		return
	}
	if below != "" && strings.Trim(below, "0123456789") != "" { // the key of a map, not the place in a list
		reason = below + ": " + reason
	}
	f.problems[name] = strings.TrimSpace(f.problems[name] + " " + reason)
}
