package server

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/store"
)

// metrics is what Prometheus is told. What is counted anyway is asked for when it scrapes, so that no verification pays for it.
type metrics struct {
	registry *prometheus.Registry
	waits    prometheus.Histogram
	unknown  prometheus.Counter
	webhooks *prometheus.CounterVec
	latency  latency // if anybody can ask
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		waits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "keywright_change_wait_seconds", Help: "How long changes waited until they held everywhere.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3, 5, 10, 60},
		}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "keywright_changes_unconfirmed_total", Help: "Changes that returned before they were known to hold everywhere.",
		}),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keywright_webhook_posts_total", Help: "Attempts to send a webhook, by outcome.",
		}, []string{"outcome"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "keywright_build_info", Help: "1, with the version of the program.",
		ConstLabels: prometheus.Labels{"version": cmp.Or(s.cfg.Version, "dev"), "go_version": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.waits, m.unknown, m.webhooks, build, state{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.cfg.Metrics != "" {
		m.latency = newLatency(m.registry)
	}
	return m
}

// forget is the node's Forget, timed.
func (s *Server) forget(ctx context.Context, done store.Commit) error {
	begin := time.Now()
	err := s.node.Forget(ctx, done)
	s.metrics.waits.Observe(time.Since(begin).Seconds())
	if err != nil {
		s.metrics.unknown.Inc()
	}
	return err
}

// post sends a webhook, counted.
func (s *Server) post(send func(context.Context, authority.Message) authority.Receipt) func(context.Context, authority.Message) authority.Receipt {
	return func(ctx context.Context, m authority.Message) authority.Receipt {
		r := send(ctx, m)
		outcome := "delivered"
		if r.Status/100 != 2 {
			outcome = "failed"
		}
		s.metrics.webhooks.WithLabelValues(outcome).Inc()
		return r
	}
}

// serve answers at an address of its own, on which there is nothing else.
func (m *metrics) serve(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// scrapeTimeout is for what a scrape asks the database.
const scrapeTimeout = 2 * time.Second

// state is what a server knows of itself anyway.
type state struct{ *Server }

func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("keywright_"+name, help, labels, nil)
}

var (
	verifications = described("verifications_total", "Verifications by door and by how they ended.", "door", "reason")
	leased        = described("lease_held", "1 while verifications are answered from memory; on SQLite always.")
	beginnings    = described("lease_beginnings_total", "Leases that were got: one at the start, and one each time after a lease was lost.")
	renewFailures = described("lease_renewal_failures_total", "Renewals of the lease that failed and were tried again.")
	headRevision  = described("revision_head", "The last revision that the database has spoken of.")
	applied       = described("revision_applied", "The last revision that memory has nothing older than.")
	nodesAlive    = described("nodes", "Nodes that hold a lease, as the database says; missing while it does not.")
	followersHeld = described("followers", "Guards that hold a lease of this node.")
	remembered    = described("cache_entries", "What is remembered: tokens, and ids and digests that are not there.", "kind")
	writesWaiting = described("database_writes_waiting", "Writes in line.")
	connections   = described("database_connections_used", "Connections in use, by what for.", "for")
	connectionCap = described("database_connections_most", "Connections at most, by what for.", "for")
)

// Describe sends what Collect may send.
func (state) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		verifications, leased, beginnings, renewFailures, headRevision, applied, nodesAlive, followersHeld, remembered, writesWaiting, connections, connectionCap,
	} {
		to <- d
	}
}

// Collect looks.
func (s state) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for _, a := range s.authority.Attempts() {
		counter(verifications, a.N, cmp.Or(a.Door, "other"), a.Reason.String())
	}
	node := s.node.State()
	held := 0.0
	if node.Leased {
		held = 1
	}
	gauge(leased, held)
	counter(beginnings, node.Beginnings)
	counter(renewFailures, node.Failures)
	gauge(headRevision, float64(node.Head))
	gauge(applied, float64(node.Applied))
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	if n, err := s.node.Nodes(ctx); err == nil {
		gauge(nodesAlive, float64(n))
	}
	gauge(followersHeld, float64(node.Followers))
	gauge(remembered, float64(node.Tokens), "token")
	gauge(remembered, float64(node.Absent), "absent")
	load := s.store.Load()
	gauge(writesWaiting, float64(load.Waiting))
	gauge(connections, float64(load.Finding), "verification")
	gauge(connections, float64(load.Reading), "read")
	gauge(connectionCap, float64(load.Finders), "verification")
	gauge(connectionCap, float64(load.Readers), "read")
}
