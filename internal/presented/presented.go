// Package presented takes a credential out of a request's Authorization header:
// the one place where every door reads it, so that a token means the same at all.
package presented

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/keywright/keywright"
)

// ErrRepeated says that a request has more than one Authorization header. No
// door picks one of them: a proxy in front may have judged the other.
var ErrRepeated = fmt.Errorf("request is %w: more than one Authorization header", keywright.ErrMalformed)

// Any reports whether the request presents something, usable or not. A
// challenge names an error only then (RFC 6750 section 3.1).
func Any(r *http.Request) bool { return len(r.Header["Authorization"]) > 0 }

// MeerschaumKey begins an API key as Meerschaum's clients write it, also behind
// Basic and without any scheme.
const MeerschaumKey = "mrsm-key:"

// Credential reads the Authorization header: Bearer (RFC 6750 section 2.1) with
// what parse reads, or Basic with a client id and secret (RFC 6749 section
// 2.3.1), or an API key in Meerschaum's spelling in each of its forms. Without the header it is the zero Credential, which proves nothing.
// A scheme that is neither, and anything else unreadable, is
// keywright.ErrMalformedCredential. Credentials in the URL are never looked at.
func Credential(parse func(string) (keywright.Credential, error), r *http.Request) (keywright.Credential, error) {
	return FromHeader(parse, r.Header)
}

// FromHeader is Credential for a header that came some other way than with an HTTP request.
func FromHeader(parse func(string) (keywright.Credential, error), h http.Header) (keywright.Credential, error) {
	headers := h["Authorization"]
	switch len(headers) {
	case 0:
		return keywright.Credential{}, nil
	case 1:
	default:
		return keywright.Credential{}, ErrRepeated
	}
	scheme, rest := split(headers[0])
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return parse(rest)
	case strings.HasPrefix(headers[0], MeerschaumKey):
		return parse(headers[0])
	case strings.EqualFold(scheme, "Basic") && strings.HasPrefix(rest, MeerschaumKey):
		return parse(rest)
	case strings.EqualFold(scheme, "Basic"):
		id, secret, ok := Basic(headers[0])
		if !ok {
			return keywright.Credential{}, keywright.ErrMalformedCredential
		}
		return keywright.IDSecret(id, secret)
	}
	return keywright.Credential{}, keywright.ErrMalformedCredential
}

// UserAgent is a client's name for itself as it may go into the audit trail: what has a run of characters as long as the secret of
// an API key or a part of an access token is withheld.
func UserAgent(text string) string {
	const long = 40
	run := 0
	for i := 0; i < len(text) && run < long; i++ {
		c := text[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' {
			run++
		} else {
			run = 0
		}
	}
	if run >= long {
		return "(withheld: it looks like a key)"
	}
	return text
}

// Basic reads the value of an Authorization header of scheme Basic. Both halves
// are form-decoded, as RFC 6749 section 2.3.1 has clients encode them; net/http's
// BasicAuth leaves them as they are. ok is false for another scheme and for
// base64 that is not in the one canonical spelling.
func Basic(header string) (id, secret string, ok bool) {
	scheme, encoded := split(header)
	if !strings.EqualFold(scheme, "Basic") || strings.ContainsAny(encoded, "\r\n") {
		return "", "", false
	}
	plain, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	left, right, found := strings.Cut(string(plain), ":")
	if !found {
		return "", "", false
	}
	id, errID := url.QueryUnescape(left)
	secret, errSecret := url.QueryUnescape(right)
	if errID != nil || errSecret != nil {
		return "", "", false
	}
	return id, secret, true
}

// split parts the scheme from what follows it, by one or more spaces.
func split(header string) (scheme, rest string) {
	scheme, rest, _ = strings.Cut(header, " ")
	return scheme, strings.TrimLeft(rest, " ")
}
