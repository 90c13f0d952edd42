package meerschaum

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/presented"
)

// failure is an answer of the shape {"detail": ...}: a sentence, or what is wrong with which members.
type failure struct {
	Detail any `json:"detail"`

	status int
	retry  time.Duration
}

func (f *failure) Error() string { return http.StatusText(f.status) }

func fail(status int, detail string) *failure { return &failure{Detail: detail, status: status} }

// fault is what is wrong with one member, as pydantic says it.
type fault struct {
	Type  string `json:"type"`
	Loc   []any  `json:"loc"`
	Msg   string `json:"msg"`
	Input any    `json:"input"`
}

func unprocessable(faults ...fault) *failure {
	return &failure{Detail: faults, status: http.StatusUnprocessableEntity}
}

// refuseStatus answers what no operation is asked about.
func refuseStatus(w http.ResponseWriter, _ *http.Request, status int) {
	write(w, status, fail(status, http.StatusText(status)))
}

// refuse answers with an error. It is where the error tree becomes Meerschaum's.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := translate(err)
	switch f.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		s.Logger().ErrorContext(r.Context(), "request not answered", "request_id", r.Header.Get("X-Request-Id"), slog.Any("error", err))
	}
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(f.retry.Seconds())))))
	}
	write(w, f.status, f)
}

func translate(err error) *failure {
	if known, ok := errors.AsType[*failure](err); ok {
		return known
	}
	if invalid, ok := errors.AsType[*keywright.InvalidError](err); ok {
		return faults(invalid)
	}
	if throttled, ok := errors.AsType[*keywright.ThrottledError](err); ok {
		return &failure{Detail: "Too many attempts", status: http.StatusTooManyRequests, retry: throttled.RetryAfter}
	}
	switch {
	case errors.Is(err, authority.ErrNotOwn):
		return fail(http.StatusForbidden, "Cannot edit another user's token.")
	case errors.Is(err, keywright.ErrForbidden):
		return fail(http.StatusForbidden, presented.Sayable(err.Error()))
	case errors.Is(err, keywright.ErrNotFound):
		return fail(http.StatusNotFound, "Token does not exist.")
	case errors.Is(err, keywright.ErrConflict), errors.Is(err, keywright.ErrQuota):
		return fail(http.StatusConflict, presented.Sayable(err.Error()))
	case errors.Is(err, presented.ErrRepeated):
		return fail(http.StatusBadRequest, "There is more than one Authorization header.")
	case errors.Is(err, keywright.ErrUnauthenticated), errors.Is(err, keywright.ErrMalformedCredential), errors.Is(err, keywright.ErrMalformedID):
		return fail(http.StatusUnauthorized, "Invalid credentials")
	}
	return &failure{Detail: "The answer is not known now: try again.", status: http.StatusServiceUnavailable, retry: time.Second}
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

// write answers with JSON.
func write(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body, json.FormatNilSliceAsNull(false))
	if err != nil {
		panic(err) // only text that is not UTF-8, of which nothing here is made
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // an error here is the client's going away
}
