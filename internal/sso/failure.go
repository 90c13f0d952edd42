package sso

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"github.com/keywright/keywright"
)

// refusal is what the provider, or what it sent, has against a sign-in.
type refusal struct{ why string }

func (r *refusal) Error() string { return r.why }

// Is makes errors.Is(err, keywright.ErrForbidden) true.
func (r *refusal) Is(target error) bool { return target == keywright.ErrForbidden }

const notNow = "the provider of single sign-on does not answer, or not as it should: try again, or sign in by password"

// failure says to the program why there is no session, in the words of RFC 6749 section 4.1.2.1.
func failure(err error) url.Values {
	code, why := "temporarily_unavailable", notNow
	var refused *refusal
	switch {
	case errors.Is(err, keywright.ErrUnavailable):
	case errors.As(err, &refused):
		code, why = "access_denied", refused.why // and not what it wraps, which is for the log
	case errors.Is(err, keywright.ErrForbidden), errors.Is(err, keywright.ErrConflict):
		code, why = "access_denied", err.Error()
	}
	return url.Values{"error": {code}, "error_description": {why}}
}

// tell says to the person in the browser what went wrong, where it is not known that a program waits for it.
func (d *Door) tell(w http.ResponseWriter, r *http.Request, err error) {
	status, why := http.StatusServiceUnavailable, notNow
	var throttled *keywright.ThrottledError
	switch {
	case errors.As(err, &throttled):
		status, why = http.StatusTooManyRequests, throttled.Error()
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(throttled.RetryAfter.Seconds()))))
	case errors.Is(err, keywright.ErrInvalid):
		status, why = http.StatusBadRequest, err.Error()
	default:
		d.Log.LogAttrs(r.Context(), slog.LevelError, "single sign-on not answered", slog.String("request_id", d.RequestID(r)), slog.Any("error", err))
		w.Header().Set("Retry-After", "5")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("Keywright: " + why + "\n")) // an error here is the client's going away
}
