package main

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
)

const oldKey = "legacy-key-that-must-not-be-told"

func told(lines iter.Seq[importLine]) (got []string, tokens []keywright.ImportToken) {
	for line := range lines {
		if line.err != nil {
			got = append(got, fmt.Sprintf("%d: %s", line.number, line.err))
			continue
		}
		got = append(got, fmt.Sprintf("%d", line.number))
		tokens = append(tokens, line.token)
	}
	return got, tokens
}

func TestImportJSONLines(t *testing.T) {
	t.Parallel()
	file := strings.Join([]string{
		`{"key":"` + oldKey + `","label":"a","scopes":["invoices:read"]}`,
		``,
		`{"key":"` + oldKey + `","lable":"b"}`,
		`{"key":"` + oldKey + `","key":"twice"}`,
		`{"key":"` + oldKey + `","expires_in":"` + oldKey + `"}`,
		`{"key":"` + oldKey,
		`"` + oldKey + `"`,
		`{"kind":"` + oldKey + `"}`,
		`{"key":"` + strings.Repeat("x", maxLine) + `"}`,
		"  {\"sha256\":\"00\",\"kind\":\"space\"}\r",
		`{"key":"last line without its end"}`,
	}, "\n")
	got, tokens := told(importJSON(strings.NewReader(file)))
	want := []string{
		"1",
		`3: there is no member "lable"`,
		`4: member "key" stands there twice`,
		`5: member "/expires_in" cannot be a string like this`,
		`6: is no JSON from byte 40 on`,
		`7: member "" cannot be a string like this`,
		`8: member "/kind" cannot be a string like this`,
		`9: is longer than 262144 bytes`,
		"10",
		"11",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(strings.Join(got, "\n"), oldKey) {
		t.Error("a report repeats a key")
	}
	if len(tokens) != 3 || tokens[0].Key != oldKey || tokens[1].Kind != keywright.KindSpace || tokens[0].Scopes[0] != "invoices:read" {
		t.Errorf("tokens: %+v", tokens)
	}
}

func TestImportCSV(t *testing.T) {
	t.Parallel()
	file := "\ufeffkey,Label,scopes,kind,expires_in,recoverable,metadata.team\n" +
		oldKey + ",a,invoices:read invoices:write,account,3600,true,billing\n" +
		"other,,,,,,\n" +
		oldKey + ",b\n" +
		oldKey + ",c,,robot,,,\n" +
		oldKey + ",d,,,soon,,\n" +
		oldKey + ",e,,,,perhaps,\n" +
		"a\"b,f,,,,,\n" +
		"\"two\nlines\",g,,,,,\n"
	lines, err := importCSV(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	got, tokens := told(lines)
	want := []string{
		"2", "3",
		"4: has 2 columns, the heading has 7",
		"5: kind: want account, space or manager",
		"6: expires_in: want a whole number of seconds",
		"7: recoverable: want true or false",
		"8: is not CSV: a quote is out of place",
		"9",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	first := keywright.ImportToken{Key: oldKey, NewToken: keywright.NewToken{
		Label: "a", Kind: keywright.KindAccount, Scopes: []string{"invoices:read", "invoices:write"},
		ExpiresIn: 3600, Recoverable: true, Metadata: map[string]string{"team": "billing"},
	}}
	if diff := cmp.Diff(first, tokens[0]); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(tokens[1].Scopes, nil) || tokens[2].Key != "two\nlines" {
		t.Errorf("tokens: %+v", tokens[1:])
	}
}

func TestImportCSVHeadings(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{"", oldKey + ",x", "key,key", "key,metadata.", "key,password", "\"key"} {
		_, err := importCSV(strings.NewReader(heading + "\n"))
		if exitCode(err) != exitUsage {
			t.Errorf("%q: %v", heading, err)
		}
		if err != nil && strings.Contains(err.Error(), oldKey) {
			t.Errorf("the message repeats the file: %v", err)
		}
	}
}

// Whatever the file, lines are numbered upwards and the reports repeat nothing of a key.
func FuzzImportLines(f *testing.F) {
	f.Add("key,label\nk,l\n")
	f.Add("{\"key\":\"k\"}\n\n{")
	f.Add("key\n\"a\nb\"\n\"")
	f.Fuzz(func(t *testing.T, file string) {
		ascending(t, importJSON(strings.NewReader(file)))
		if lines, err := importCSV(strings.NewReader(file)); err == nil {
			ascending(t, lines)
		}
	})
}

func ascending(t *testing.T, lines iter.Seq[importLine]) {
	last := 0
	for line := range lines {
		if line.number <= last {
			t.Fatalf("line %d comes after line %d", line.number, last)
		}
		last = line.number
	}
}
