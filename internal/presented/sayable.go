package presented

import (
	"regexp"
	"strings"
)

// keyLike is a run of characters as long as the secret of an API key or a part of a JWT.
var keyLike = regexp.MustCompile(`[A-Za-z0-9_-]{40,}`)

// Sayable is text for an answer. Messages may quote what was sent (a scope, a member's name), and somebody may
// have put an API key there: what is long enough to be a secret is not said back, nor what is not UTF-8.
func Sayable(text string) string {
	const most = 1000
	text = keyLike.ReplaceAllString(text, "[withheld]")
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
