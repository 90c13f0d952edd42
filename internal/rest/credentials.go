package rest

import (
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/presented"
)

// caller says who asks, as the request presents it; nothing of it is proved yet.
func (s *spoke) caller(r *http.Request) (authority.Caller, error) {
	c, err := presented.Credential(s.Authority.ParseCredential, r)
	if err != nil {
		return authority.Caller{}, err
	}
	caller := s.stranger(r)
	caller.Credential = c
	return caller, nil
}

// known is caller for an operation that somebody must be asking for.
func (s *spoke) known(r *http.Request) (authority.Caller, error) {
	if !presented.Any(r) {
		return authority.Caller{}, keywright.ErrUnauthenticated
	}
	return s.caller(r)
}

// stranger is a caller without a credential.
func (s *spoke) stranger(r *http.Request) authority.Caller {
	return authority.Caller{
		Address:   s.Address(r),
		UserAgent: userAgent(r),
		RequestID: s.RequestID(r),
		Door:      keywright.DoorREST,
	}
}

// userAgent is what the client calls itself, cut to what is worth keeping in an event.
func userAgent(r *http.Request) string {
	const most = 200
	name := r.UserAgent()
	if len(name) > most {
		name = name[:most]
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

// challenge is the WWW-Authenticate header of a refusal (RFC 6750 section 3): it names an error
// only if something was presented.
func challenge(r *http.Request, code string) string {
	const realm = `Bearer realm="keywright"`
	if !presented.Any(r) {
		return realm
	}
	return realm + `, error="` + code + `"`
}
