package server

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// health answers who watches the process and who sends it traffic.
type health struct {
	ping     func(context.Context) error
	now      func() time.Time
	stopping chan struct{} // closed when the server is told to stop
	asked    atomic.Int64  // when it was asked last whether requests may be sent here, in Unix nanoseconds; 0: never

	mu      sync.Mutex // one ping at a time, whoever asks
	checked time.Time
	last    error
}

// watchedFor is how long somebody who asked whether requests may be sent here counts as asking regularly.
const watchedFor = time.Minute

// watched reports whether somebody asks regularly, who sends requests elsewhere once it hears no.
func (h *health) watched() bool { return time.Now().UnixNano()-h.asked.Load() < int64(watchedFor) }

// stops reports whether the server was told to stop.
func (h *health) stops() bool {
	select {
	case <-h.stopping:
		return true
	default:
		return false
	}
}

// The database is asked at most once in this time: the doors are open to everybody.
const readyFor = time.Second

// live answers that the process runs.
func (h *health) live(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// ready answers whether requests may be sent here: the database answers and takes
// writes, and the server is not about to stop.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	h.asked.Store(time.Now().UnixNano())
	switch {
	case h.stops():
		plain(w, http.StatusServiceUnavailable, "stopping")
	case h.check(r.Context()) != nil:
		plain(w, http.StatusServiceUnavailable, "the database does not answer or takes no writes")
	default:
		plain(w, http.StatusOK, "ready")
	}
}

func (h *health) check(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.now(); h.checked.IsZero() || now.Sub(h.checked) >= readyFor {
		// One who hangs up must not make the others hear that the database is down.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		h.last, h.checked = h.ping(ctx), now
	}
	return h.last
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
