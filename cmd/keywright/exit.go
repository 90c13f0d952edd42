package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/keywright/keywright"
)

// The exit codes; docs/cli.md and the help text say the same.
const (
	exitOK          = 0
	exitRefused     = 1 // refused or failed; verify: the key is not valid
	exitUsage       = 2 // what was asked cannot be right
	exitNotSignedIn = 3
	exitNotFound    = 4
	exitConflict    = 5 // also: a quota is reached
	exitUnavailable = 6 // no answer, or not now
	exitInterrupted = 130
)

const exitCodesHelp = "Exit codes: 0 done; 1 refused or failed (verify: the key is not valid); 2 wrong usage or an invalid " +
	"request; 3 not signed in; 4 not found; 5 conflict or quota reached; 6 the server is unavailable; 130 interrupted."

// usageError is a command line that cannot be right.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// reported is an outcome that has been told already; only its code is left to say.
type reported struct{ code int }

func (e reported) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitCodes says which error ends with which code; the first that matches counts.
func exitCodes() []struct {
	err  error
	code int
} {
	return []struct {
		err  error
		code int
	}{
		{context.Canceled, exitInterrupted},
		{keywright.ErrUnauthenticated, exitNotSignedIn},
		{keywright.ErrNotFound, exitNotFound},
		{keywright.ErrConflict, exitConflict},
		{keywright.ErrQuota, exitConflict},
		{keywright.ErrUnavailable, exitUnavailable},
		{keywright.ErrThrottled, exitUnavailable},
		{context.DeadlineExceeded, exitUnavailable},
		{keywright.ErrInvalid, exitUsage},
		{keywright.ErrMalformed, exitUsage},
	}
}

// exitCode is the program's answer to a script.
func exitCode(err error) int {
	var told reported
	var usage *usageError
	var parse *kong.ParseError
	var transport *url.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &told):
		return told.code
	case errors.As(err, &usage), errors.As(err, &parse):
		return exitUsage
	}
	for _, e := range exitCodes() {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	if errors.As(err, &transport) {
		return exitUnavailable
	}
	return exitRefused
}

// explain tells a person what went wrong and what to do about it.
func explain(w io.Writer, err error) {
	var told reported
	if err == nil || errors.As(err, &told) {
		return
	}
	var invalid *keywright.InvalidError
	if errors.As(err, &invalid) && len(invalid.Problems) > 0 {
		explainProblems(w, invalid)
	} else {
		fmt.Fprintf(w, "keywright: %s\n", paragraphs(err.Error()))
	}
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(w, "  %s\n", printable(hint))
	}
}

// secretLike finds what may be a key that somebody gave as an argument by mistake; the parser repeats its arguments.
var secretLike = regexp.MustCompile(`[0-9A-Za-z]+_[0-9A-Za-z]{40,}`)

// paragraphs is printable for a text of several lines, without keys.
func paragraphs(s string) string {
	lines := strings.Split(secretLike.ReplaceAllString(s, "(a key)"), "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

func explainProblems(w io.Writer, invalid *keywright.InvalidError) {
	fmt.Fprintln(w, "keywright: the request is not valid; nothing was changed")
	for _, p := range invalid.Problems {
		fmt.Fprintf(w, "  %s: %s\n", printable(strings.TrimPrefix(p.Member, "/")), printable(p.Reason))
	}
}

func hintFor(err error) string {
	var parse *kong.ParseError
	var dial *net.OpError
	var transport *url.Error
	switch {
	case errors.As(err, &parse):
		return `see "keywright --help", or --help after the command`
	case errors.Is(err, keywright.ErrUnauthenticated):
		return "sign in with: keywright login --url URL --username NAME"
	case errors.As(err, &dial) && dial.Op == "dial" && errors.As(err, &transport):
		return fmt.Sprintf("is Keywright running at %s? Start it with: keywright serve", origin(transport.URL))
	}
	return ""
}

// origin is the scheme and host of an address, without path and user.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "that address"
	}
	return u.Scheme + "://" + u.Host
}
