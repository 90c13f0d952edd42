package dialect

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright"
)

// statuses says which status an error is: the first row that matches wins.
var statuses = []struct {
	is     error
	status int
}{
	{keywright.ErrUnavailable, http.StatusServiceUnavailable},
	{keywright.ErrUnauthenticated, http.StatusUnauthorized},
	{keywright.ErrMalformedCredential, http.StatusUnauthorized},
	{keywright.ErrThrottled, http.StatusTooManyRequests},
	{keywright.ErrForbidden, http.StatusForbidden},
	{keywright.ErrNotFound, http.StatusNotFound},
	{keywright.ErrConflict, http.StatusConflict},
	{keywright.ErrQuota, http.StatusConflict},
	{keywright.ErrInvalid, http.StatusBadRequest},
	{keywright.ErrMalformed, http.StatusBadRequest},
}

// Status is that of an error, for a dialect that has no other for it. What is none of the error tree is an answer that is
// not known: 503.
func Status(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	for _, row := range statuses {
		if errors.Is(err, row.is) {
			return row.status
		}
	}
	return http.StatusServiceUnavailable
}

// Refused sets the headers of a refusal, with the challenge of a 401, and logs the cause of an answer that is not known.
func (c Config) Refused(w http.ResponseWriter, r *http.Request, status int, challenge string, err error) {
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", challenge)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(wait(err)))
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
		c.Logger().ErrorContext(r.Context(), "request not answered", "request_id", r.Header.Get("X-Request-Id"), slog.Any("error", err))
	}
}

// wait is after how many seconds to try again, at least one.
func wait(err error) int {
	if t, ok := errors.AsType[*keywright.ThrottledError](err); ok {
		return max(1, int(math.Ceil(t.RetryAfter.Seconds())))
	}
	return 1
}

// JSON answers with what is all UTF-8.
func JSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // an error here is the client's going away
}
