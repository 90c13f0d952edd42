package oauth

import (
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/presented"
)

// method is how a caller authenticates. The zero method is not at all.
type method uint8

const (
	methodNone   method = iota
	methodBasic         // client_secret_basic: id and secret in the Authorization header
	methodPost          // client_secret_post: id and secret in the body
	methodBearer        // an API key or an access token in the Authorization header
)

// accepted says by which methods an endpoint can be called.
type accepted uint8

const (
	clientOnly      accepted = iota // as a client: Basic or body
	clientOrBearer                  // or by a token of its own
	clientOrSubject                 // or, in a token exchange, not at all: the subject token speaks for itself
)

// authenticate takes the caller's credential out of the request (RFC 6749
// section 2.3.1, RFC 6750 section 2.1). No more than one method may be used, the
// same credentials twice included: a proxy could have judged the other one.
func (s *Server) authenticate(r *http.Request, f form, accept accepted) (method, keywright.Credential, error) {
	secret, assertion := f.get("client_secret"), f.get("client_assertion")
	header := presented.Any(r)
	switch {
	case header && secret != "" || header && assertion != "" || secret != "" && assertion != "":
		return methodNone, keywright.Credential{}, badRequest("the client authenticates by more than one method")
	case header:
		return s.fromHeader(r, f.get("client_id"), accept)
	case secret != "":
		c, err := keywright.IDSecret(f.get("client_id"), secret)
		return methodPost, c, err
	case accept == clientOrSubject && f.get("grant_type") == grantTokenExchange:
		return methodNone, keywright.Credential{}, nil
	}
	return methodNone, keywright.Credential{}, absent(accept)
}

func (s *Server) fromHeader(r *http.Request, clientID string, accept accepted) (method, keywright.Credential, error) {
	m := methodBasic
	if accept == clientOrBearer && isBearer(r) {
		m = methodBearer
	}
	c, err := presented.Credential(s.Authority.ParseCredential, r)
	if err != nil {
		return m, keywright.Credential{}, err
	}
	if m == methodBasic && c.Form() != keywright.FormIDSecret {
		return m, keywright.Credential{}, keywright.ErrMalformedCredential
	}
	if m == methodBasic && clientID != "" && clientID != c.ID().String() {
		return m, keywright.Credential{}, badRequest("client_id in the body is not the client that authenticates")
	}
	return m, c, nil
}

func isBearer(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer")
}
