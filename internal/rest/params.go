package rest

import (
	"encoding"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright"
)

// parameter is a value in the path, the query or a header of a request for an
// In: how the document shows it and where it goes.
type parameter[In any] struct {
	name     string
	in       string // path, query, header
	doc      string
	schema   *huma.Schema
	set      func(in *In, value string) error // the error says what would be right
	required bool                             // of a query parameter; a path always has its own
	many     bool                             // it may be there more than once, and is set once for each
}

// must is the parameter as one that may not be left out.
func (p parameter[In]) must() parameter[In] {
	p.required = true
	return p
}

// pathID is the {id} of a path. What is not the one spelling of an id is not found.
func pathID[In any](at func(*In) *keywright.ID) parameter[In] {
	return parameter[In]{name: "id", in: "path", doc: "The token's id", schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"},
		set: func(in *In, value string) (err error) {
			*at(in), err = keywright.ParseID(value)
			return err
		}}
}

// pathName is the name of an account or user in a path. What cannot be one is not found.
func pathName[In any](name, doc string, at func(*In) *string) parameter[In] {
	return parameter[In]{name: name, in: "path", doc: doc, schema: &huma.Schema{Type: huma.TypeString},
		set: func(in *In, value string) error {
			*at(in) = value
			if value == "" || len(value) > 255 || strings.ContainsFunc(value, notInName) {
				return keywright.ErrNotFound
			}
			return nil
		}}
}

func notInName(c rune) bool {
	letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	return !letter && !strings.ContainsRune("@._+-", c)
}

// text is a query parameter that is a string.
func text[In any](name, doc string, at func(*In) *string) parameter[In] {
	return parameter[In]{name: name, in: "query", doc: doc, schema: &huma.Schema{Type: huma.TypeString},
		set: func(in *In, value string) error {
			*at(in) = value
			return nil
		}}
}

// textual is a query parameter that reads itself.
func textual[In any](name, doc string, schema *huma.Schema, at func(*In) encoding.TextUnmarshaler) parameter[In] {
	return parameter[In]{name: name, in: "query", doc: doc, schema: schema,
		set: func(in *In, value string) error { return at(in).UnmarshalText([]byte(value)) }}
}

// idList is a query parameter that is there once for each id.
func idList[In any](name, doc string, at func(*In) *[]keywright.ID) parameter[In] {
	schema := &huma.Schema{Type: huma.TypeArray, Items: idSchema{}.Schema(nil)}
	return parameter[In]{name: name, in: "query", doc: doc, schema: schema, many: true,
		set: func(in *In, value string) error {
			id, err := keywright.ParseID(value)
			*at(in) = append(*at(in), id)
			return err
		}}
}

// oneOf is a query parameter that is one of a few words.
func oneOf[In any](name, doc string, words []string, at func(*In) *string) parameter[In] {
	return parameter[In]{name: name, in: "query", doc: doc, schema: enumOf(words...),
		set: func(in *In, value string) error {
			if !slices.Contains(words, value) {
				return keywright.Invalid(name, "must be one of %s", strings.Join(words, ", "))
			}
			*at(in) = value
			return nil
		}}
}

// flag is a query parameter that is true or false.
func flag[In any](name, doc string, at func(*In) **bool) parameter[In] {
	return parameter[In]{name: name, in: "query", doc: doc, schema: &huma.Schema{Type: huma.TypeBoolean},
		set: func(in *In, value string) error {
			if value != "true" && value != "false" {
				return keywright.Invalid(name, "must be true or false")
			}
			set := value == "true"
			*at(in) = &set
			return nil
		}}
}

// instant is a query parameter that is a time.
func instant[In any](name, doc string, at func(*In) *time.Time) parameter[In] {
	return parameter[In]{name: name, in: "query", doc: doc, schema: &huma.Schema{Type: huma.TypeString, Format: "date-time"},
		set: func(in *In, value string) error {
			t, err := time.Parse(time.RFC3339, value)
			if err != nil || t.IsZero() {
				return keywright.Invalid(name, "must be a time such as 2030-01-31T12:00:00Z (RFC 3339)")
			}
			*at(in) = t
			return nil
		}}
}

// number is a query parameter that is an integer, least or more.
func number[In any](name, doc string, least int64, at func(*In) *int64) parameter[In] {
	minimum := float64(least)
	schema := &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &minimum}
	return parameter[In]{name: name, in: "query", doc: doc, schema: schema,
		set: func(in *In, value string) error {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < least || value != strconv.FormatInt(n, 10) {
				return keywright.Invalid(name, "must be an integer from %d on", least)
			}
			*at(in) = n
			return nil
		}}
}

// limit is how long a page may be.
func limit[In any](at func(*In) *int) parameter[In] {
	least, most := 1.0, 200.0
	schema := &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most, Default: 50}
	return parameter[In]{name: "limit", in: "query", doc: "How many items the page has at most", schema: schema,
		set: func(in *In, value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 200 || value != strconv.Itoa(n) {
				return keywright.Invalid("limit", "must be an integer from 1 to 200")
			}
			*at(in) = n
			return nil
		}}
}

// cursor is where a page begins.
func cursor[In any](at func(*In) *string) parameter[In] {
	return text("cursor", "From the page before, with the same filters; left out for the first page", at)
}

// idempotencyKey is the header that makes a change safe to send again.
func idempotencyKey[In any](at func(*In) *string) parameter[In] {
	least, most := 8, 255
	schema := &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most, Pattern: "^[!-~]+$"}
	doc := "Chosen by the client, once for each change: a request that is sent again within an hour gets the first answer"
	return parameter[In]{name: "Idempotency-Key", in: "header", doc: doc, schema: schema,
		set: func(in *In, value string) error {
			if len(value) < least || len(value) > most || strings.ContainsFunc(value, notVisible) {
				return keywright.Invalid("Idempotency-Key", "must be 8 to 255 visible ASCII characters")
			}
			*at(in) = value
			return nil
		}}
}

func notVisible(c rune) bool { return c < '!' || c > '~' }

// bind sets every parameter that the request has. A wrong part of the path is
// keywright.ErrNotFound; whatever is wrong with the others is told at once.
func bind[In any](in *In, params []parameter[In], r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return keywright.Invalid("query", "is not well escaped")
	}
	var problems []keywright.Problem
	for _, p := range params {
		switch p.in {
		case "path":
			if p.set(in, r.PathValue(p.name)) != nil {
				return keywright.ErrNotFound
			}
		case "query":
			problems = append(problems, p.take(in, query[p.name])...)
			delete(query, p.name)
		case "header":
			problems = append(problems, p.take(in, r.Header.Values(p.name))...)
		}
	}
	for name := range query {
		problems = append(problems, keywright.Problem{Member: name, Reason: "is not a parameter here"})
	}
	if problems != nil {
		slices.SortFunc(problems, func(a, b keywright.Problem) int { return strings.Compare(a.Member, b.Member) })
		return &keywright.InvalidError{Problems: problems}
	}
	return nil
}

// take sets a parameter of the query or a header.
func (p parameter[In]) take(in *In, values []string) []keywright.Problem {
	var why string
	switch {
	case len(values) == 0 && !p.required:
		return nil
	case len(values) == 0:
		why = "is missing"
	case len(values) > 1 && !p.many:
		why = "is there more than once"
	case slices.Contains(values, ""):
		why = "is empty: leave it out, or give it a value"
	case slices.ContainsFunc(values, unclean):
		why = "contains a control character or is not UTF-8"
	}
	if why != "" {
		return []keywright.Problem{{Member: p.name, Reason: why}}
	}
	for _, value := range values {
		if err := p.set(in, value); err != nil {
			return because(p.name, err)
		}
	}
	return nil
}

func unclean(value string) bool {
	return !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl)
}

// because lists why a parameter was refused.
func because(name string, err error) []keywright.Problem {
	if listed := members(err); listed != nil {
		return listed
	}
	return []keywright.Problem{{Member: name, Reason: err.Error()}}
}
