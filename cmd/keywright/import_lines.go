package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright"
)

// importLine is one line of an import: what it asks for or why it cannot be read.
type importLine struct {
	number int
	size   int
	token  keywright.ImportToken
	err    error
}

// importJSON yields the tokens of a file of JSON Lines.
func importJSON(r io.Reader) iter.Seq[importLine] {
	return func(yield func(importLine) bool) {
		for line, err := range jsonLines(r) {
			in := importLine{number: line.number, size: len(line.text), err: err}
			if err == nil {
				in.err = decodeStrictly(line.text, &in.token)
			}
			if !yield(in) {
				return
			}
		}
	}
}

// importColumns are the columns a CSV file can have, beside metadata.NAME.
func importColumns() map[string]func(*keywright.ImportToken, string) error {
	type token = keywright.ImportToken
	text := func(member func(*token) *string) func(*token, string) error {
		return func(t *token, s string) error { *member(t) = s; return nil }
	}
	words := func(member func(*token) *[]string) func(*token, string) error {
		return func(t *token, s string) error { *member(t) = strings.Fields(s); return nil }
	}
	return map[string]func(*token, string) error{
		"key":           text(func(t *token) *string { return &t.Key }),
		"sha256":        text(func(t *token) *string { return &t.SHA256 }),
		"label":         text(func(t *token) *string { return &t.Label }),
		"account":       text(func(t *token) *string { return &t.Account }),
		"space":         text(func(t *token) *string { return &t.Space }),
		"owner":         text(func(t *token) *string { return &t.Owner }),
		"lifetime":      text(func(t *token) *string { return &t.Lifetime }),
		"expires_at":    text(func(t *token) *string { return &t.ExpiresAt }),
		"not_before":    text(func(t *token) *string { return &t.NotBefore }),
		"scopes":        words(func(t *token) *[]string { return &t.Scopes }),
		"audience":      words(func(t *token) *[]string { return &t.Audience }),
		"allowed_cidrs": words(func(t *token) *[]string { return &t.AllowedCIDRs }),
		"kind":          importKind,
		"expires_in":    importSeconds,
		"recoverable":   importRecoverable,
	}
}

func importKind(t *keywright.ImportToken, s string) error {
	if t.Kind.UnmarshalText([]byte(s)) != nil {
		return errors.New("kind: want account, space or manager")
	}
	return nil
}

func importSeconds(t *keywright.ImportToken, s string) (err error) {
	if t.ExpiresIn, err = strconv.ParseInt(s, 10, 64); err != nil {
		return errors.New("expires_in: want a whole number of seconds")
	}
	return nil
}

func importRecoverable(t *keywright.ImportToken, s string) (err error) {
	if t.Recoverable, err = strconv.ParseBool(s); err != nil {
		return errors.New("recoverable: want true or false")
	}
	return nil
}

// importCSV yields the tokens of a CSV file whose first row names the columns.
func importCSV(r io.Reader) (iter.Seq[importLine], error) {
	rows := csv.NewReader(withoutMark(r))
	rows.FieldsPerRecord = -1
	rows.ReuseRecord = true
	heading, err := rows.Read()
	if err != nil {
		return nil, usagef("the CSV has no readable heading")
	}
	setters, err := importHeading(heading)
	if err != nil {
		return nil, err
	}
	return func(yield func(importLine) bool) {
		for {
			row, err := rows.Read()
			if errors.Is(err, io.EOF) || !yield(importRow(rows, setters, row, err)) || err != nil && !isCSVError(err) {
				return
			}
		}
	}, nil
}

// withoutMark drops the byte order mark that spreadsheets put first.
func withoutMark(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if mark, _ := b.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = b.Discard(3)
	}
	return b
}

func isCSVError(err error) bool {
	var parse *csv.ParseError
	return errors.As(err, &parse)
}

// importHeading finds what each column sets. An unknown name is not repeated: in a file
// without a heading it would be a key.
func importHeading(heading []string) ([]func(*keywright.ImportToken, string) error, error) {
	known := importColumns()
	setters := make([]func(*keywright.ImportToken, string) error, len(heading))
	var seen []string
	for i, cell := range heading {
		column := strings.ToLower(strings.TrimSpace(cell))
		set, ok := known[column]
		if key, found := strings.CutPrefix(column, "metadata."); found && key != "" {
			set, ok = importMetadata(key), true
		}
		if !ok || slices.Contains(seen, column) {
			return nil, usagef("the first row must name the columns, each once, out of key, sha256, label, kind, account, space, owner, scopes, audience, "+
				"allowed_cidrs, metadata.NAME, lifetime, expires_at, expires_in, not_before, recoverable: column %d does not", i+1)
		}
		seen = append(seen, column)
		setters[i] = set
	}
	return setters, nil
}

func importMetadata(key string) func(*keywright.ImportToken, string) error {
	return func(t *keywright.ImportToken, value string) error {
		if t.Metadata == nil {
			t.Metadata = map[string]string{}
		}
		t.Metadata[key] = value
		return nil
	}
}

// importRow reads one row; an empty cell says nothing.
func importRow(rows *csv.Reader, setters []func(*keywright.ImportToken, string) error, row []string, err error) importLine {
	var in importLine
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return importLine{number: parse.StartLine, err: errors.New("is not CSV: a quote is out of place")}
	case err != nil:
		return importLine{err: err}
	}
	in.number, _ = rows.FieldPos(0)
	if len(row) != len(setters) {
		in.err = fmt.Errorf("has %d columns, the heading has %d", len(row), len(setters))
		return in
	}
	for i, cell := range row {
		in.size += len(cell) + len(`"allowed_cidrs":"",`)
		if cell != "" && in.err == nil {
			in.err = setters[i](&in.token, cell)
		}
	}
	return in
}
