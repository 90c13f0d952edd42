package devo

import (
	"errors"
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/dialect"
	"github.com/keywright/keywright/internal/presented"
)

// failure is an answer of the shape {"error":{"code":…,"message":…}}.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Message }

func fail(code int, message string) *failure { return &failure{Code: code, Message: message} }

var (
	errNoCredential = fail(http.StatusUnauthorized, "Authorization header is missing")
	errNoBody       = fail(http.StatusBadRequest, "Required request body is missing")
)

// unreadable is what is wrong with a body's JSON.
func unreadable(reason string) *failure {
	return fail(http.StatusBadRequest, "JSON parse error: "+reason)
}

// required is what is wrong with a value that a request must have.
func required(member string) *failure {
	return fail(http.StatusBadRequest, "Invalid required value: "+member)
}

// answers are the messages for what the authority finds wrong with a member of a token.
var answers = map[string]string{
	"scopes":     "Request has invalid scopes required",
	"audience":   "Request has invalid audiences required",
	"owner":      "Invalid required value: user",
	"label":      "Invalid required value: name",
	"expires_at": "Invalid value: expiration",
}

// invalid names the first thing that is wrong with a request.
func invalid(e *keywright.InvalidError) *failure {
	if len(e.Problems) == 0 {
		return fail(http.StatusBadRequest, "Bad request")
	}
	p := e.Problems[0]
	member, _, _ := strings.Cut(strings.TrimPrefix(p.Member, "/"), "/")
	if member == "account" {
		return errDomain
	}
	if message, ok := answers[member]; ok {
		return fail(http.StatusBadRequest, message+": "+p.Reason)
	}
	return fail(http.StatusBadRequest, "Bad request: "+member+": "+p.Reason)
}

// errDomain is the answer to who has no say in the account of the path, whether there is one or not.
var errDomain = fail(http.StatusForbidden, "The token has no access to this domain")

// inDomain says of an error at the account itself that it is the wrong one.
func inDomain(err error) error {
	if errors.Is(err, keywright.ErrNotFound) {
		return errDomain
	}
	return err
}

// translate is where the error tree becomes Devo's.
func translate(err error) *failure {
	if known, ok := errors.AsType[*failure](err); ok {
		return known
	}
	if bad, ok := errors.AsType[*keywright.InvalidError](err); ok {
		return invalid(bad)
	}
	status := dialect.Status(err)
	switch {
	case errors.Is(err, presented.ErrRepeated):
		return fail(status, "The request has more than one token")
	case status == http.StatusBadRequest:
		return unreadable(err.Error())
	case status == http.StatusForbidden, status == http.StatusConflict:
		return fail(status, err.Error())
	}
	return fail(status, sentences[status])
}

// sentences are what is said for whatever cause.
var sentences = map[int]string{
	http.StatusUnauthorized:          "The token is not valid",
	http.StatusNotFound:              "Token not found",
	http.StatusRequestEntityTooLarge: "The request body is too large",
	http.StatusTooManyRequests:       "Too many attempts",
	http.StatusServiceUnavailable:    "The answer is not known now: try again",
}

// refuse answers with an error.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := translate(err)
	s.Refused(w, r, f.Code, "Bearer", err)
	say(w, f)
}

// refuseStatus answers what no operation is asked about.
func (s *server) refuseStatus(w http.ResponseWriter, r *http.Request, status int) {
	s.correlate(w, r)
	say(w, fail(status, http.StatusText(status)))
}

// say answers with a refusal. Nothing that was sent is said back if it could be a secret.
func say(w http.ResponseWriter, f *failure) {
	dialect.JSON(w, f.Code, map[string]failure{"error": {f.Code, presented.Sayable(f.Message)}})
}
