package console

import (
	"strings"
	"unicode/utf8"
)

// describes are the ids of what is said about a field.
func describes(f *form, name, help string) string {
	var about []string
	if f.problem(name) != "" {
		about = append(about, "wrong-"+name)
	}
	if help != "" {
		about = append(about, "help-"+name)
	}
	return strings.Join(about, " ")
}

func joined(texts []string) string { return strings.Join(texts, ", ") }

// initial is the first letter of a name.
func initial(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return "–"
	}
	return strings.ToUpper(string(r))
}
