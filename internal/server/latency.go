package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keywright/keywright/internal/gateway"
)

// answerBuckets are seconds. A verification from memory takes some microseconds, one that reads the database some hundred, a change
// some milliseconds; what takes longer waits for something.
var answerBuckets = []float64{5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2, 5e-2, .25, 1}

// latency is how long the doors took to answer that programs wait at. It is looked up once for all which number is added to, so that a
// verification pays two looks at the clock and four additions. Its zero value measures nothing.
type latency struct {
	verify, batch, introspect, check, envoy, haproxy, facts, token, read, change *timed
}

func newLatency(registry *prometheus.Registry) latency {
	all := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "keywright_answer_seconds", Help: "How long answers took, by door and result.", Buckets: answerBuckets,
	}, []string{"door", "result"})
	registry.MustRegister(all)
	door := func(name string) *timed {
		return &timed{all.WithLabelValues(name, "answered"), all.WithLabelValues(name, "refused"), all.WithLabelValues(name, "failed")}
	}
	return latency{
		verify: door("verify"), batch: door("verify_batch"), introspect: door("introspect"), check: door("check"), envoy: door("ext_authz"), haproxy: door("spoe"),
		facts: door("facts"), token: door("token"), read: door("read"), change: door("change"),
	}
}

// of is the door that a request came to which has been answered; nil for those that nobody measures: pages for people, the dialects, and
// where the answer is waited for on purpose.
func (l *latency) of(r *http.Request) *timed {
	switch path := r.URL.Path; {
	case r.Pattern == gateway.Pattern:
		return l.check
	case path == "/oauth2/introspect":
		return l.introspect
	case path == "/oauth2/token":
		return l.token
	case path == "/api/v1/verify":
		return l.verify
	case path == "/api/v1/verify/batch":
		return l.batch
	case path == "/api/v1/facts":
		return l.facts
	case path == "/api/v1/changes" || !strings.HasPrefix(path, "/api/v1/"):
		return nil
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return l.read
	}
	return l.change
}

// timed is one door's. It may be nil.
type timed struct{ answered, refused, failed prometheus.Observer }

// took notes one answer by its status, as HTTP has it.
func (t *timed) took(status int, d time.Duration) {
	switch {
	case t == nil:
	case status < 400:
		t.answered.Observe(d.Seconds())
	case status < 500:
		t.refused.Observe(d.Seconds())
	default:
		t.failed.Observe(d.Seconds())
	}
}
