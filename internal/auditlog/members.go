package auditlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Members is the one way to write what an event says of a thing before or after a change: JSON as
// encoding/json writes it (names sorted, no spaces, <, > and & escaped), "" if there is nothing.
func Members(m map[string]any) (string, error) {
	if len(m) == 0 {
		return "", nil
	}
	text, err := appendValue(make([]byte, 0, 384), m)
	if err == nil && bytes.Contains(text, []byte(`\ufffd`)) {
		// Text that was not UTF-8 is written in a spelling that it loses when it is read.
		if m, err = ParseMembers(string(text)); err == nil {
			text, err = appendValue(text[:0], m)
		}
	}
	if err != nil {
		return "", fmt.Errorf("write an event's members: %w", err)
	}
	return string(text), nil
}

// appendValue appends what json.Marshal returns. Reflection took a twelfth of adding a token in bulk, so what most
// members are is written here.
func appendValue(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case string:
		return appendText(b, v)
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case []string:
		if v != nil {
			return appendTexts(b, v)
		}
	case map[string]any:
		if v != nil {
			return appendObject(b, v, appendValue)
		}
	case map[string]string:
		if v != nil {
			return appendObject(b, v, appendText)
		}
	}
	text, err := json.Marshal(value)
	return append(b, text...), err
}

func appendObject[V any](b []byte, m map[string]V, appendOne func([]byte, V) ([]byte, error)) (_ []byte, err error) {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendText(b, name); err != nil {
			return b, err
		}
		if b, err = appendOne(append(b, ':'), m[name]); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendTexts(b []byte, texts []string) (_ []byte, err error) {
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendText(b, text); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func appendText(b []byte, text string) ([]byte, error) {
	if !plain(text) {
		quoted, err := json.Marshal(text)
		return append(b, quoted...), err
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"'), nil
}

// plain reports whether JSON writes a text as it stands.
func plain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}
