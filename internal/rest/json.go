package rest

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/keywright/keywright"
)

// Limits of a request's body.
const (
	bodyLimit      = 64 << 10
	batchLimit     = 4 << 20 // of a batch or an import
	catalogueLimit = 1 << 20
	batchItems     = 1000
	depthLimit     = 16
)

// answerOptions writes nil lists and maps as empty ones, members in one order, and leaves out a zero
// number that is marked omitempty, as the document says. A number that is kept as its text, as in an event, is
// written as that.
var answerOptions = json.JoinOptions(
	json.Deterministic(true),
	jsonv1.OmitEmptyWithLegacySemantics(true),
	json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, n stdjson.Number) error {
		return e.WriteValue(jsontext.Value(n))
	})),
)

// malformedError says where a body is not JSON that can have one meaning only.
type malformedError struct{ keywright.Problem }

func malformed(member, reason string, args ...any) error {
	return &malformedError{keywright.Problem{Member: member, Reason: fmt.Sprintf(reason, args...)}}
}

func (e *malformedError) Error() string {
	return fmt.Sprintf("body is %s: %s: %s", keywright.ErrMalformed, e.Member, e.Reason)
}

// Is makes errors.Is(err, keywright.ErrMalformed) true.
func (e *malformedError) Is(target error) bool { return target == keywright.ErrMalformed }

// readBody reads a JSON body of at most limit bytes into buf. An empty one is nil without an error.
func readBody(buf []byte, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, max(512, len(buf)))
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, &http.MaxBytesError{Limit: limit}
		case err == io.EOF && len(buf) == 0:
			return nil, nil
		case err == io.EOF:
			return buf, declaredJSON(r)
		case err != nil:
			return nil, broken(err)
		}
	}
}

// broken says why a body could not be read: it was too long for somebody before us, or it broke off.
func broken(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	return malformed("", "it was not received whole")
}

// declaredJSON demands the content type that a page of another origin cannot send without being asked
// first, and the one character set JSON has.
func declaredJSON(r *http.Request) error {
	declared := r.Header["Content-Type"]
	if len(declared) == 1 && declared[0] == "application/json" {
		return nil
	}
	if len(declared) != 1 {
		return errMediaType
	}
	kind, parameters, err := mime.ParseMediaType(declared[0])
	charset, has := parameters["charset"]
	if err != nil || kind != "application/json" || has && !strings.EqualFold(charset, "utf-8") {
		return errMediaType
	}
	return nil
}

// decode reads one JSON document into v: names once and spelt exactly, none
// unknown, none of those required missing, no null, no NUL, nothing after the end.
func decode(data []byte, v any, required []string) error {
	names, err := survey(data)
	if err != nil {
		return explain(err)
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		return explain(err)
	}
	var missing []keywright.Problem
	for _, name := range required {
		if !slices.Contains(names, name) {
			missing = append(missing, keywright.Problem{Member: "/" + name, Reason: "is missing"})
		}
	}
	if missing != nil {
		return &keywright.InvalidError{Problems: missing}
	}
	return nil
}

// survey walks a document once for what its Go value could not tell
// afterwards, and returns the names of its members.
func survey(data []byte) (names []string, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		if d.StackDepth() > depthLimit {
			return nil, malformed("", "it is nested deeper than %d levels", depthLimit)
		}
		if err := sound(d, token); err != nil {
			return nil, err
		}
		if kind, n := d.StackIndex(d.StackDepth()); d.StackDepth() == 1 && kind == '{' && n%2 == 1 {
			names = append(names, token.String())
		}
		if d.StackDepth() == 0 {
			return names, nil
		}
	}
}

// sound refuses a value that no member of this API can have.
func sound(d *jsontext.Decoder, token jsontext.Token) error {
	switch token.Kind() {
	case 'n':
		return keywright.Invalid(string(d.StackPointer()), "is null: leave the member out, or give it a value")
	case '"':
		if strings.ContainsRune(token.String(), 0) {
			return keywright.Invalid(string(d.StackPointer()), "contains a NUL character")
		}
	case '0':
		// A number that is 0 cannot be told from a missing one afterwards.
		if strings.HasSuffix(string(d.StackPointer()), "/expires_in") && strings.Trim(token.String(), "-0") == "" {
			return keywright.Invalid(string(d.StackPointer()), "is 0: a lifetime is at least 1 second")
		}
	}
	return nil
}

// explain turns the decoder's error into ours: malformed if the text is not
// JSON with one meaning, invalid if a member is not what it should be.
func explain(err error) error {
	if bad, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return malformed(string(bad.JSONPointer), "%s", reason(bad.Err))
	}
	bad, ok := errors.AsType[*json.SemanticError](err)
	switch {
	case !ok && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)):
		return malformed("", "it ends too early")
	case !ok:
		return err
	case errors.Is(bad.Err, json.ErrUnknownName):
		return keywright.Invalid(string(bad.JSONPointer), "is not a member here; names are spelt exactly")
	case bad.Err != nil && bad.JSONKind == '"' && errors.Is(bad.Err, keywright.ErrMalformed):
		return keywright.Invalid(string(bad.JSONPointer), "%s", bad.Err)
	}
	return keywright.Invalid(string(bad.JSONPointer), "must be %s", wanted(bad.GoType))
}

// reason is the decoder's reason without its package's name.
func reason(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return strings.TrimPrefix(err.Error(), "jsontext: ")
}

// wanted says in JSON's words what a Go type is written as.
func wanted(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "something else"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "an integer of at most 64 bits"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()) {
			return "a string"
		}
		return "an object"
	}
	return "a string"
}
