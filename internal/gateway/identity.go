package gateway

import (
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
)

// Identity is the headers that say who a request is from. Every answer that lets one pass has all of them: what a
// proxy is told to copy and does not find, it may leave as the client sent it.
var Identity = [...]string{
	"X-Keywright-Token", // its id
	"X-Keywright-Kind",
	"X-Keywright-Account",
	"X-Keywright-Space",
	"X-Keywright-Owner",
	"X-Keywright-Scopes", // with spaces between
	"X-Keywright-Audience",
	"X-Keywright-Expires", // RFC 3339
}

// none stands where there is no value: some proxies drop an empty header, and then the client's own gets through.
const none = "-"

// Identify returns the values of Identity for a token, none of them empty.
func Identify(t *keywright.VerifiedToken) (values [len(Identity)]string) {
	values = [...]string{
		t.ID.String(), t.Kind.String(), t.Account, t.Space, visible(t.Owner), join(t.Scopes.Strings()), join(t.Audience), "",
	}
	if t.ExpiresAt != nil {
		values[len(values)-1] = t.ExpiresAt.Format(time.RFC3339)
	}
	for i := range values {
		if values[i] == "" {
			values[i] = none
		}
	}
	return values
}

// OtherSpellings are those of the Identity headers that CGI, WSGI and their like take for the same ones: with an underscore
// in place of one hyphen or more.
func OtherSpellings() []string {
	var all []string
	for _, name := range Identity {
		spelt := []string{""}
		for i, part := range strings.Split(name, "-") {
			var longer []string
			for _, s := range spelt {
				if i == 0 {
					longer = append(longer, part)
				} else {
					longer = append(longer, s+"-"+part, s+"_"+part)
				}
			}
			spelt = longer
		}
		all = append(all, spelt[1:]...) // the first is the name itself
	}
	return all
}

func join(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return strings.Join(list, " ")
}

// visible is a text as it can stand in a header: bytes that are not visible ASCII percent-encoded, and "%" too.
func visible(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] > ' ' && s[i] <= '~' && s[i] != '%'
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		}
	}
	return b.String()
}
