package server

import (
	"strings"
	"unicode/utf8"
)

// cleanPath reports whether a path has one meaning only, so that what is routed,
// what is decided about and what is logged are the same. net/http's mux answers others by
// a redirect, which makes a client send its credentials again. path is decoded, escaped as
// it was sent.
func cleanPath(path, escaped string) bool {
	if path == "" || path[0] != '/' || !utf8.ValidString(path) {
		return false
	}
	for i := range len(path) {
		if c := path[i]; c < ' ' || c == 0x7f || c == '\\' {
			return false
		}
	}
	return !dotted(path) && !hidesSlash(escaped)
}

// dotted reports whether a part of the path is empty, "." or "..".
func dotted(path string) bool {
	for rest, more := path[1:], path != "/"; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if part == "." || part == ".." || part == "" && more {
			return true
		}
	}
	return false
}

// hidesSlash reports whether decoding makes a part of the path contain a slash or a percent
// sign, which the next one to decode would read otherwise.
func hidesSlash(escaped string) bool {
	for {
		_, after, found := strings.Cut(escaped, "%")
		if !found {
			return false
		}
		if len(after) >= 2 && after[0] == '2' && strings.IndexByte("fF5", after[1]) >= 0 {
			return true
		}
		escaped = after
	}
}
