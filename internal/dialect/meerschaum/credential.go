package meerschaum

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/presented"
)

// keyMark begins an API key as Meerschaum writes it: then comes the base64 of "client id:client secret".
const keyMark = "mrsm-key:"

// apiKey is id and secret in one word, as Meerschaum's clients make it of the two by themselves.
func apiKey(id, secret string) string {
	return keyMark + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// presentedIn is the one parser of the Authorization header. Of any scheme, Basic or Bearer in any case, or none,
// it takes Meerschaum's API key; of Basic and Bearer its base64 alone too; of Bearer, besides, whatever every door
// takes. No header is the zero Credential.
func (s *server) presentedIn(r *http.Request) (keywright.Credential, error) {
	headers := r.Header["Authorization"]
	switch len(headers) {
	case 0:
		return keywright.Credential{}, nil
	case 1:
	default:
		return keywright.Credential{}, presented.ErrRepeated
	}
	if strings.HasPrefix(headers[0], keyMark) {
		return s.pairIn(strings.TrimPrefix(headers[0], keyMark))
	}
	scheme, value, _ := strings.Cut(headers[0], " ")
	value, marked := strings.CutPrefix(strings.TrimLeft(value, " "), keyMark)
	bearer := strings.EqualFold(scheme, "Bearer")
	if !bearer && !strings.EqualFold(scheme, "Basic") {
		return keywright.Credential{}, keywright.ErrMalformedCredential
	}
	credential, err := s.pairIn(value)
	if err != nil && bearer && !marked {
		return s.Authority.ParseCredential(value)
	}
	return credential, err
}

// pairIn reads the base64 of a client id and secret.
func (s *server) pairIn(encoded string) (keywright.Credential, error) {
	plain, err := base64.StdEncoding.Strict().DecodeString(encoded)
	id, secret, ok := strings.Cut(string(plain), ":")
	if err != nil || !ok || strings.ContainsAny(encoded, "\r\n") {
		return keywright.Credential{}, keywright.ErrMalformedCredential
	}
	return s.pair(id, secret)
}

// pair is a client id and secret presented apart. If they cannot be ours, they may be those of a token that a
// Meerschaum server made, which was imported by its API key.
func (s *server) pair(id, secret string) (keywright.Credential, error) {
	credential, err := keywright.IDSecret(id, secret)
	if err == nil {
		return credential, nil
	}
	if _, malformed := keywright.ParseID(id); malformed != nil {
		return keywright.Credential{}, malformed
	}
	return s.Authority.ParseCredential(apiKey(id, secret))
}
