package meerschaum

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright/internal/dialect"
)

// members are those of a JSON object, and what was found wrong with them. Unknown ones are let be.
type members struct {
	values map[string]jsontext.Value
	faults []fault
}

// readMembers reads a JSON object. No body is nil.
func readMembers(r *http.Request) (*members, error) {
	body, err := dialect.Body(r, bodyLimit)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	m := &members{}
	err = json.Unmarshal(body, &m.values)
	switch _, otherType := errors.AsType[*json.SemanticError](err); {
	case err == nil && m.values != nil:
		return m, nil
	case err == nil || otherType:
		return nil, unprocessable(fault{"model_attributes_type", []any{"body"}, "Input should be a valid dictionary or object to extract fields from", nil})
	}
	at := int64(0)
	if bad, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = bad.ByteOffset
	}
	return nil, unprocessable(fault{"json_invalid", []any{"body", at}, "JSON decode error", nil})
}

// err is what was found wrong, all at once.
func (m *members) err() error {
	if len(m.faults) == 0 {
		return nil
	}
	return unprocessable(m.faults...)
}

func (m *members) wrong(name, kind, message string) {
	m.faults = append(m.faults, fault{kind, []any{"body", name}, message, nil})
}

// required notes that a member is not there.
func (m *members) required(name string) {
	if _, ok := m.values[name]; !ok {
		m.faults = append(m.faults, fault{"missing", []any{"body", name}, "Field required", nil})
	}
}

// has reports whether a member is there and not null.
func (m *members) has(name string) bool {
	value, ok := m.values[name]
	return ok && value.Kind() != 'n'
}

func (m *members) text(name string) (string, bool) { return dialect.Text(m.values[name]) }

// label is a string; nil where there is none.
func (m *members) label() *string {
	if !m.has("label") {
		return nil
	}
	text, ok := m.text("label")
	if !ok {
		m.wrong("label", "string_type", "Input should be a valid string")
		return nil
	}
	return &text
}

// scopes is a list of strings; nil where the member is missing. null is none, as the empty list is.
func (m *members) scopes() *[]string {
	value, ok := m.values["scopes"]
	if !ok {
		return nil
	}
	list := []string{}
	if err := json.Unmarshal(value, &list); err != nil {
		m.wrong("scopes", "list_type", "Input should be a valid list of strings")
		return nil
	}
	return &list
}

// valid is a boolean; nil where there is none.
func (m *members) valid() *bool {
	if _, ok := m.values["is_valid"]; !ok {
		return nil
	}
	var valid bool
	if err := json.Unmarshal(m.values["is_valid"], &valid); err != nil || !m.has("is_valid") {
		m.wrong("is_valid", "bool_type", "Input should be a valid boolean")
		return nil
	}
	return &valid
}

// instant is a time as the authority reads it; empty where there is none.
func (m *members) instant(name string) string {
	if !m.has(name) {
		return ""
	}
	text, _ := m.text(name)
	at, ok := readTime(text)
	if !ok {
		m.wrong(name, "datetime_from_date_parsing", "Input should be a valid datetime or date")
	}
	return at
}

// readTime reads ISO 8601 as Python writes it, in UTC where it names no zone; a date is left as it is, and so means
// through that day.
func readTime(text string) (string, bool) {
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return text, true
	}
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC().Format(time.RFC3339Nano), true
		}
	}
	return "", false
}

// writeTime is an instant as Meerschaum's server writes it; nil is never.
func writeTime(at *time.Time) *string {
	if at == nil {
		return nil
	}
	layout := "2006-01-02T15:04:05Z"
	if at.Nanosecond() != 0 {
		layout = "2006-01-02T15:04:05.000000Z"
	}
	text := at.UTC().Format(layout)
	return &text
}
