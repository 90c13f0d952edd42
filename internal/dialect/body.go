package dialect

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright"
)

// Body reads a request's body, whatever it is declared to be. One of more than limit bytes is a *http.MaxBytesError.
func Body(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if int64(len(data)) > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("body is %w: it was not received whole", keywright.ErrMalformed)
	}
	return data, nil
}

// Object reads one JSON object, with the values of its members as they stand. Anything else is
// keywright.ErrMalformed, as is an object that has a member twice.
func Object(data []byte) (map[string]jsontext.Value, error) {
	var members map[string]jsontext.Value
	err := json.Unmarshal(data, &members)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: it ends too early", keywright.ErrMalformed)
	}
	bad, ok := errors.AsType[*jsontext.SyntacticError](err)
	if ok && errors.Is(bad.Err, jsontext.ErrDuplicateName) {
		return nil, fmt.Errorf("%w: member %q is there twice", keywright.ErrMalformed, bad.JSONPointer.LastToken())
	}
	if ok {
		return nil, fmt.Errorf("%w: %s", keywright.ErrMalformed, strings.TrimPrefix(bad.Err.Error(), "jsontext: "))
	}
	if err != nil || members == nil {
		return nil, fmt.Errorf("%w: want an object", keywright.ErrMalformed)
	}
	return members, nil
}

// Text is the text that a JSON string holds; ok is false for any other value.
func Text(v jsontext.Value) (s string, ok bool) {
	if v.Kind() != '"' {
		return "", false
	}
	text, err := jsontext.AppendUnquote(nil, v)
	return string(text), err == nil
}
