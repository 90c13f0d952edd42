package neuroio

import (
	"errors"
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/dialect"
	"github.com/keywright/keywright/internal/presented"
)

// failure is the answer to everything that is refused.
type failure struct {
	Codes   []int   `json:"error_codes"`
	Message string  `json:"message"`
	Fields  []field `json:"fields"`

	status int
}

// field is what is wrong with one member of a request.
type field struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Code    int    `json:"error_code"`
}

func (f *failure) Error() string { return f.Message }

func fail(status int, message string) *failure {
	return &failure{Codes: []int{status}, Message: message, status: status}
}

// badLogin is NeuroIO's own number for a wrong password.
const badLogin = 602

var (
	errNoCredential = fail(http.StatusUnauthorized, "Authentication credentials were not provided.")
	errLogin        = &failure{Codes: []int{badLogin}, Message: "Username and password do not match.", status: http.StatusUnauthorized}
)

// unacceptable says what is wrong with members of a request.
func unacceptable(fields ...field) *failure {
	f := fail(http.StatusBadRequest, "Validation error.")
	f.Fields = fields
	return f
}

func wrong(name, message string) field { return field{name, message, http.StatusBadRequest} }

// names are this dialect's for members that the authority finds something wrong with.
var names = map[string]string{
	"new_password": "password",
	"lifetime":     "permanent",
	"expires_at":   "permanent",
}

// unacceptableTo is what the authority found wrong.
func unacceptableTo(e *keywright.InvalidError) *failure {
	var fields []field
	for _, p := range e.Problems {
		member, _, _ := strings.Cut(strings.TrimPrefix(p.Member, "/"), "/")
		if name, ok := names[member]; ok {
			member = name
		}
		fields = append(fields, wrong(member, p.Reason))
	}
	return unacceptable(fields...)
}

// translate is where the error tree becomes NeuroIO's, which has no 409.
func translate(err error) *failure {
	if known, ok := errors.AsType[*failure](err); ok {
		return known
	}
	if bad, ok := errors.AsType[*keywright.InvalidError](err); ok {
		return unacceptableTo(bad)
	}
	status := dialect.Status(err)
	switch {
	case errors.Is(err, presented.ErrRepeated):
		return fail(status, "There is more than one token.")
	case status == http.StatusConflict:
		return fail(http.StatusBadRequest, err.Error())
	case status == http.StatusBadRequest, status == http.StatusForbidden:
		return fail(status, err.Error())
	}
	return fail(status, sentences[status])
}

// sentences are what is said for whatever cause.
var sentences = map[int]string{
	http.StatusUnauthorized:          "Invalid token.",
	http.StatusNotFound:              "Not found.",
	http.StatusRequestEntityTooLarge: "The request body is too large.",
	http.StatusTooManyRequests:       "Too many attempts.",
	http.StatusServiceUnavailable:    "The answer is not known now: try again.",
}

// refuse answers with an error.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := translate(err)
	s.Refused(w, r, f.status, "Token", err)
	say(w, f)
}

// refuseStatus answers what no operation is asked about.
func refuseStatus(w http.ResponseWriter, _ *http.Request, status int) {
	say(w, fail(status, http.StatusText(status)+"."))
}

// say answers with a refusal. Nothing that was sent is said back if it could be a secret.
func say(w http.ResponseWriter, f *failure) {
	said := *f
	said.Message, said.Fields = presented.Sayable(f.Message), make([]field, len(f.Fields))
	for i, one := range f.Fields {
		said.Fields[i] = field{presented.Sayable(one.Name), presented.Sayable(one.Message), one.Code}
	}
	dialect.JSON(w, f.status, said)
}
