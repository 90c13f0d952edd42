package oauth

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/presented"
)

// The error codes of RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 8707 section 2 and, for
// what none of them foresees, RFC 6749 section 4.1.2.1.
const (
	invalidRequest     = "invalid_request"
	invalidClient      = "invalid_client"
	unauthorizedClient = "unauthorized_client"
	unsupportedGrant   = "unsupported_grant_type"
	invalidScope       = "invalid_scope"
	invalidTarget      = "invalid_target"
	invalidToken       = "invalid_token"
	insufficientScope  = "insufficient_scope"
	unavailable        = "temporarily_unavailable"
)

// verifyScope is what a caller needs to ask about other tokens than its own.
const verifyScope = "keywright:tokens:verify"

// failure is an answer as RFC 6749 section 5.2 has it.
type failure struct {
	status      int
	code        string
	description string
	challenges  []string      // WWW-Authenticate
	allow       string        // Allow
	retryAfter  time.Duration // Retry-After
}

func (f *failure) Error() string { return f.code + ": " + f.description }

func badRequest(description string) *failure {
	return &failure{status: http.StatusBadRequest, code: invalidRequest, description: description}
}

func notAllowed(allow string) *failure {
	return &failure{status: http.StatusMethodNotAllowed, code: invalidRequest, description: "use " + allow, allow: allow}
}

// translate is where the error tree becomes OAuth. Whatever it does not know is
// an answer that is not known: 503, never a refusal.
func translate(err error, m method) *failure {
	var known *failure
	var invalid *keywright.InvalidError
	var scope *keywright.ScopeError
	var throttled *keywright.ThrottledError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, presented.ErrRepeated):
		return badRequest("there is more than one Authorization header")
	case errors.Is(err, keywright.ErrUnauthenticated), errors.Is(err, keywright.ErrMalformedCredential), errors.Is(err, keywright.ErrMalformedID):
		return unproved(m)
	case errors.Is(err, keywright.ErrForbidden):
		return forbidden(m)
	case errors.As(err, &invalid):
		return invalidParameter(invalid)
	case errors.As(err, &scope):
		return &failure{status: http.StatusBadRequest, code: invalidScope, description: scope.Error()}
	case errors.Is(err, keywright.ErrMalformed):
		return badRequest(err.Error())
	case errors.As(err, &throttled):
		return &failure{status: http.StatusTooManyRequests, code: unavailable, description: "too many attempts", retryAfter: throttled.RetryAfter}
	}
	return &failure{status: http.StatusServiceUnavailable, code: unavailable, description: "the answer is not known now, try again", retryAfter: time.Second}
}

// The challenges of RFC 7617 section 2 and RFC 6750 section 3.
const (
	basicChallenge  = `Basic realm="keywright"`
	bearerChallenge = `Bearer realm="keywright"`
)

// absent is the answer to a caller who presents nothing: how it could, and no error of
// a bearer token that was not there (RFC 6750 section 3.1).
func absent(accept accepted) *failure {
	f := &failure{status: http.StatusUnauthorized, code: invalidClient, description: "client authentication is missing", challenges: []string{basicChallenge}}
	if accept == clientOrBearer {
		f.challenges = append(f.challenges, bearerChallenge)
	}
	return f
}

// unproved is the one answer to every credential that is not usable, for whatever
// cause: unknown, wrong, disabled, expired, revoked, not even well-formed.
func unproved(m method) *failure {
	f := &failure{status: http.StatusUnauthorized, code: invalidClient, description: "client authentication failed", challenges: []string{basicChallenge}}
	if m == methodBearer {
		f.code, f.description = invalidToken, "the bearer token is not usable"
		f.challenges = []string{bearerChallenge + `, error="invalid_token", error_description="` + f.description + `"`}
	}
	return f
}

// forbidden is the answer to a caller who is known and may not do this.
func forbidden(m method) *failure {
	if m == methodBearer {
		return &failure{
			status: http.StatusForbidden, code: insufficientScope, description: "scope " + verifyScope + " is needed",
			challenges: []string{bearerChallenge + `, error="insufficient_scope", scope="` + verifyScope + `"`},
		}
	}
	return &failure{status: http.StatusForbidden, code: unauthorizedClient, description: "the client may not do this"}
}

// invalidParameter names the error after the parameter that is wrong.
func invalidParameter(e *keywright.InvalidError) *failure {
	f := badRequest(e.Error())
	if len(e.Problems) == 0 {
		return f
	}
	member, _, _ := strings.Cut(strings.TrimPrefix(e.Problems[0].Member, "/"), "/")
	f.description = member + ": " + e.Problems[0].Reason
	switch member {
	case "scope", "scopes":
		f.code = invalidScope
	case "resource", "audience":
		f.code = invalidTarget
	}
	return f
}

// refuse answers with an error.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, m method, err error) {
	f := translate(err, m)
	if f.status == http.StatusServiceUnavailable {
		s.log().ErrorContext(r.Context(), "oauth: answer not known", "error", err, "request_id", s.requestID(r))
	}
	h := w.Header()
	for _, challenge := range f.challenges {
		h.Add("WWW-Authenticate", challenge)
	}
	if f.allow != "" {
		h.Set("Allow", f.allow)
	}
	if f.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.retryAfter.Seconds()))))
	}
	body := newObject()
	body.text("error", f.code)
	body.text("error_description", printable(f.description))
	writeJSON(w, f.status, body.end())
}

// printable keeps to the characters that RFC 6749 section 5.2 allows in an error_description,
// whatever a request had in it, and to a length that can be read.
func printable(s string) string {
	const longest = 300
	allowed := strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r > '~' || r == '\\':
			return '?'
		}
		return r
	}, s)
	return allowed[:min(len(allowed), longest)]
}
