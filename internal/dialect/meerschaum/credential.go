package meerschaum

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/presented"
)

// apiKey is id and secret in one word, as Meerschaum's clients make it of the two by themselves.
func apiKey(id, secret string) string {
	return presented.MeerschaumKey + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// pair is a client id and secret presented apart: of a token of ours, or of one that a Meerschaum server made and that
// was imported by its API key.
func (s *server) pair(id, secret string) (keywright.Credential, error) {
	return s.Authority.ParseCredential(apiKey(id, secret))
}

// presentedIn takes the credential out of the Authorization header: as every door does, and besides what follows
// "mrsm-key:" in an API key by itself, behind Basic and Bearer.
func (s *server) presentedIn(r *http.Request) (keywright.Credential, error) {
	return presented.Credential(func(value string) (keywright.Credential, error) {
		if isPair(value) {
			value = presented.MeerschaumKey + value
		}
		return s.Authority.ParseCredential(value)
	}, bearing(r))
}

// bearing is a request that shows a pair behind Bearer: what Basic means by it elsewhere, form-encoded halves,
// Meerschaum's clients do not.
func bearing(r *http.Request) *http.Request {
	headers := r.Header["Authorization"]
	if len(headers) != 1 {
		return r
	}
	scheme, value, _ := strings.Cut(headers[0], " ")
	if value = strings.TrimLeft(value, " "); !strings.EqualFold(scheme, "Basic") || !isPair(value) {
		return r
	}
	return &http.Request{Header: http.Header{"Authorization": {"Bearer " + value}}}
}

// isPair reports whether text is the base64 of a client id and a secret.
func isPair(text string) bool {
	plain, err := base64.StdEncoding.Strict().DecodeString(text)
	id, _, found := strings.Cut(string(plain), ":")
	_, malformed := keywright.ParseID(id)
	return err == nil && found && malformed == nil
}
