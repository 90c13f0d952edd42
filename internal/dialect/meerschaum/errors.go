package meerschaum

import (
	"errors"
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/dialect"
	"github.com/keywright/keywright/internal/presented"
)

// failure is an answer of the shape {"detail": ...}: a sentence, or what is wrong with which members.
type failure struct {
	Detail any `json:"detail"`

	status int
}

func (f *failure) Error() string { return http.StatusText(f.status) }

func fail(status int, detail string) *failure { return &failure{Detail: detail, status: status} }

// fault is what is wrong with one member, as pydantic says it; but the input is never said back, which may be a secret in
// the wrong place.
type fault struct {
	Type  string `json:"type"`
	Loc   []any  `json:"loc"`
	Msg   string `json:"msg"`
	Input any    `json:"input"` // nil
}

func unprocessable(faults ...fault) *failure {
	return &failure{Detail: faults, status: http.StatusUnprocessableEntity}
}

// refuseStatus answers what no operation is asked about.
func refuseStatus(w http.ResponseWriter, _ *http.Request, status int) {
	dialect.JSON(w, status, fail(status, http.StatusText(status)))
}

// refuse answers with an error.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := translate(err)
	s.Refused(w, r, f.status, "Bearer", err)
	dialect.JSON(w, f.status, f)
}

// translate is where the error tree becomes Meerschaum's.
func translate(err error) *failure {
	if known, ok := errors.AsType[*failure](err); ok {
		return known
	}
	if invalid, ok := errors.AsType[*keywright.InvalidError](err); ok {
		return faults(invalid)
	}
	status := dialect.Status(err)
	switch {
	case errors.Is(err, authority.ErrNotOwn):
		return fail(status, "Cannot edit another user's token.")
	case status == http.StatusUnauthorized:
		return fail(status, "Invalid credentials")
	case status == http.StatusNotFound:
		return fail(status, "Token does not exist.")
	case status == http.StatusTooManyRequests:
		return fail(status, "Too many attempts")
	case status == http.StatusRequestEntityTooLarge:
		return fail(status, http.StatusText(status))
	case status == http.StatusServiceUnavailable:
		return fail(status, "The answer is not known now: try again.")
	}
	return fail(status, presented.Sayable(err.Error()))
}

// faults says what the authority found wrong with which members.
func faults(invalid *keywright.InvalidError) *failure {
	var all []fault
	for _, p := range invalid.Problems {
		loc := []any{"body"}
		for part := range strings.SplitSeq(strings.Trim(p.Member, "/"), "/") {
			switch part {
			case "lifetime", "expires_at":
				part = "expiration"
			}
			loc = append(loc, part)
		}
		all = append(all, fault{"value_error", loc, "Value error, " + presented.Sayable(p.Reason), nil})
	}
	return unprocessable(all...)
}
