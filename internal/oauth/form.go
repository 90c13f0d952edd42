package oauth

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	formType      = "application/x-www-form-urlencoded"
	maxForm       = 64 << 10 // bytes
	maxParameters = 128
)

// form is a body of type application/x-www-form-urlencoded, in the order it was
// sent. It is read here and not by net/http, which merges the URL's query into
// the body, takes the first of several values and passes over what it cannot decode.
type form []parameter

type parameter struct{ name, value string }

// get returns a parameter; one without a value counts as omitted (RFC 6749 section 3.2).
func (f form) get(name string) string {
	for _, p := range f {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// all returns the values of a parameter that may repeat, the empty ones left out.
func (f form) all(name string) []string {
	var values []string
	for _, p := range f {
		if p.name == name && p.value != "" {
			values = append(values, p.value)
		}
	}
	return values
}

// repeatable reports whether a parameter may be sent more than once: RFC 8707
// section 2 lets resource, RFC 8693 section 2.1 audience. No other may (RFC 6749 section 3.2).
func repeatable(name string) bool { return name == "resource" || name == "audience" }

// readForm reads the body of a request.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	if err := checkType(r.Header); err != nil {
		return nil, err
	}
	body, err := readBody(http.MaxBytesReader(w, r.Body, maxForm), r.ContentLength)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, &failure{status: http.StatusRequestEntityTooLarge, code: invalidRequest, description: "the body is larger than 64 KiB"}
	}
	if err != nil {
		return nil, badRequest("the body could not be read to its end")
	}
	return parseForm(body)
}

// readBody reads all of r, at once if the length was announced truly.
func readBody(r io.Reader, length int64) (string, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(length, 0), maxForm)) + bytes.MinRead)
	_, err := b.ReadFrom(r)
	return b.String(), err
}

// checkType refuses every body that is not a plain form.
func checkType(h http.Header) error {
	types := h["Content-Type"]
	if len(types) == 1 && types[0] == formType && len(h["Content-Encoding"]) == 0 {
		return nil
	}
	wrong := &failure{status: http.StatusUnsupportedMediaType, code: invalidRequest, description: "the body must be of type " + formType}
	if len(types) != 1 || len(h["Content-Encoding"]) > 0 {
		return wrong
	}
	kind, parameters, err := mime.ParseMediaType(types[0])
	charset := parameters["charset"]
	if err != nil || kind != formType || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return wrong
	}
	return nil
}

// parseForm reads a form: every escape whole, every value UTF-8, no parameter twice.
func parseForm(body string) (form, error) {
	f := make(form, 0, 8)
	for field := range strings.SplitSeq(body, "&") {
		if field == "" {
			continue
		}
		p, err := parseParameter(field)
		if err != nil {
			return nil, err
		}
		if !repeatable(p.name) && slices.ContainsFunc(f, func(q parameter) bool { return q.name == p.name }) {
			return nil, badRequest("parameter " + p.name + " is repeated")
		}
		if f = append(f, p); len(f) > maxParameters {
			return nil, badRequest("there are too many parameters")
		}
	}
	return f, nil
}

func parseParameter(field string) (parameter, error) {
	name, value, _ := strings.Cut(field, "=")
	var err, errValue error
	name, err = url.QueryUnescape(name)
	value, errValue = url.QueryUnescape(value)
	switch {
	case err != nil || errValue != nil:
		return parameter{}, badRequest("the body holds a percent sign that begins no escape")
	case !utf8.ValidString(name) || !utf8.ValidString(value):
		return parameter{}, badRequest("the body holds bytes that are not UTF-8")
	}
	return parameter{name, value}, nil
}

// inBodyOnly are the parameters that a URL must never carry: URLs are kept in logs.
var inBodyOnly = []string{
	"client_id", "client_secret", "client_assertion", "grant_type",
	"subject_token", "actor_token", "token", "username", "password", "code", "refresh_token",
}

// checkURL refuses credentials and grants in the query. Whatever else is there is not looked at.
func checkURL(rawQuery string) error {
	if rawQuery == "" {
		return nil
	}
	query, _ := url.ParseQuery(rawQuery) // what it cannot read nobody reads
	for _, name := range inBodyOnly {
		if query.Has(name) {
			return badRequest("parameter " + name + " belongs in the body, not in the URL")
		}
	}
	return nil
}
