package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/keywright/keywright"
)

// output is the choice every command that answers has.
type output struct {
	JSON bool `help:"Print JSON on one line, for scripts."`
}

// print writes answer as JSON if that is asked for, else as people writes it.
func (o output) print(h *host, answer any, people func(io.Writer)) error {
	defer h.warnPending()
	if !o.JSON {
		people(h.Stdout)
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(answer); err != nil {
		return err
	}
	line, err := h.withEffect(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(h.Stdout, "%s\n", line)
	return err
}

// The colours of a terminal; each sequence has the same length, so that the columns of a table
// stay aligned when every cell of a column has one.
const (
	plainColour  = "\x1b[39m"
	redColour    = "\x1b[31m"
	greenColour  = "\x1b[32m"
	yellowColour = "\x1b[33m"
	endColour    = "\x1b[0m"
)

// colours reports whether the answer may be coloured (no-color.org).
func (h *host) colours() bool { return h.OutTerminal && h.Getenv("NO_COLOR") == "" }

func (h *host) paint(colour, s string) string {
	if !h.colours() {
		return s
	}
	return colour + s + endColour
}

func (h *host) paintState(s keywright.State) string {
	colour := redColour
	switch s {
	case keywright.StateActive:
		colour = greenColour
	case keywright.StateDisabled:
		colour = yellowColour
	}
	return h.paint(colour, string(s))
}

// table writes rows under a heading in aligned columns. The cells are printable already.
func table(w io.Writer, heading []string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
}

// fields writes names and values, aligned, and leaves out what is empty.
func fields(w io.Writer, pairs ...string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(t, "%s:\t%s\n", pairs[i], pairs[i+1])
		}
	}
	t.Flush()
}

// printable replaces what could move a terminal's cursor or turn its writing
// direction: text of other people is shown, never executed.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return '�'
	}, s)
}

// short cuts s to n characters, for a column.
func short(s string, n int) string {
	s = printable(s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// orDash shows that there is nothing, where an empty cell would look like a mistake.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// list joins strings for a cell.
func list(items []string) string { return strings.Join(items, " ") }

// instant writes a time for people: to the second, UTC.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func instantOr(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return instant(*t)
}

// ago says how long ago t was, roughly.
func ago(now time.Time, t *time.Time) string {
	if t == nil {
		return "never"
	}
	d := now.Sub(*t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
