package server

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"
)

func TestReady(t *testing.T) {
	t.Parallel()
	now, pings := time.Now(), 0
	var down error
	h := &health{stopping: make(chan struct{}), now: func() time.Time { return now }, ping: func(context.Context) error { pings++; return down }}
	ask := func() int {
		w := httptest.NewRecorder()
		h.ready(w, httptest.NewRequest("GET", "/readyz", nil))
		return w.Code
	}
	if got := ask(); got != 200 {
		t.Errorf("a database that answers: %d", got)
	}
	down = errors.New("disk full")
	if got := ask(); got != 200 || pings != 1 {
		t.Errorf("within the second: %d after %d pings", got, pings)
	}
	now = now.Add(readyFor)
	if got := ask(); got != 503 {
		t.Errorf("a database that does not answer: %d", got)
	}
	down, now = nil, now.Add(readyFor)
	if got := ask(); got != 200 {
		t.Errorf("a database that answers again: %d", got)
	}
	close(h.stopping)
	if got := ask(); got != 503 {
		t.Errorf("while stopping: %d", got)
	}
}

// One watcher that hangs up must not make the others hear that the database is down.
func TestReadyAskedByOneWhoHangsUp(t *testing.T) {
	t.Parallel()
	h := &health{now: time.Now, ping: func(ctx context.Context) error { return ctx.Err() }}
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	w := httptest.NewRecorder()
	h.ready(w, httptest.NewRequest("GET", "/readyz", nil).WithContext(ctx))
	if w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}
