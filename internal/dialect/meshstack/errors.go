package meshstack

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/dialect"
	"github.com/keywright/keywright/internal/presented"
)

// failure is an answer of the shape {"errorCode":…,"message":…}.
type failure struct {
	Code    string `json:"errorCode"`
	Message string `json:"message"`

	status int
}

func (f *failure) Error() string { return f.Message }

func fail(status int, message string, args ...any) *failure {
	if len(args) > 0 {
		message = fmt.Sprintf(message, args...)
	}
	return &failure{Code: strings.ReplaceAll(http.StatusText(status), " ", ""), Message: presented.Sayable(message), status: status}
}

func bad(message string, args ...any) *failure { return fail(http.StatusBadRequest, message, args...) }

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

// translate is where the error tree becomes meshStack's.
func translate(err error) *failure {
	if known, ok := errors.AsType[*failure](err); ok {
		return known
	}
	if invalid, ok := errors.AsType[*keywright.InvalidError](err); ok {
		return bad("%s", faults(invalid))
	}
	switch status := dialect.Status(err); status {
	case http.StatusUnauthorized:
		return fail(status, "The credentials are missing or not usable")
	case http.StatusServiceUnavailable:
		return fail(status, "The answer is not known now: try again")
	case http.StatusRequestEntityTooLarge:
		return fail(status, "The body is too large")
	case http.StatusTooManyRequests:
		return fail(status, "Too many attempts")
	default:
		return fail(status, err.Error())
	}
}

// members are the names by which a request has what the authority found something wrong with.
var members = strings.NewReplacer(
	"/label", "spec.displayName",
	"/scopes/", "spec.permissions.",
	"/scopes", "spec.permissions",
	"/expires_at", "spec.expiresAt",
	"/lifetime", "spec.expiresAt",
	"/space", "metadata.ownedByWorkspace",
)

func faults(invalid *keywright.InvalidError) string {
	var all []string
	for _, p := range invalid.Problems {
		all = append(all, members.Replace(p.Member)+": "+p.Reason)
	}
	return strings.Join(all, "; ")
}
