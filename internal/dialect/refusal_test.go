package dialect_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/dialect"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want int
	}{
		{errors.New("something"), 503},
		{fmt.Errorf("%w: %w", keywright.ErrUnavailable, keywright.ErrNotFound), 503},
		{&http.MaxBytesError{Limit: 1}, 413},
		{keywright.ErrMalformedCredential, 401},
		{&keywright.ThrottledError{}, 429},
		{keywright.Invalid("/a", "is wrong"), 400},
		{fmt.Errorf("body is %w", keywright.ErrMalformed), 400},
		{fmt.Errorf("%w: no", keywright.ErrForbidden), 403},
		{keywright.ErrQuota, 409},
	} {
		if got := dialect.Status(test.err); got != test.want {
			t.Errorf("%v: %d, want %d", test.err, got, test.want)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status       int
		err          error
		header, want string
	}{
		{401, keywright.ErrUnauthenticated, "WWW-Authenticate", "Token"},
		{403, keywright.ErrForbidden, "WWW-Authenticate", ""},
		{429, &keywright.ThrottledError{RetryAfter: 1100 * time.Millisecond}, "Retry-After", "2"},
		{429, keywright.ErrThrottled, "Retry-After", "1"},
		{503, errors.New("no database"), "Retry-After", "1"},
	} {
		w := httptest.NewRecorder()
		dialect.Config{}.Refused(w, httptest.NewRequest("GET", "/", nil), test.status, "Token", test.err)
		if got := w.Header().Get(test.header); got != test.want {
			t.Errorf("%d: %s %q, want %q", test.status, test.header, got, test.want)
		}
	}
}
