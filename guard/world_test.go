package guard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/store"
)

// node is a server as far as a guard talks to it, in the same process, so that time can stand still. What is told to
// followers, and how long is waited for them, is not played: it is what servers run.
type node struct {
	followers factcache.Followers

	mu       sync.Mutex
	revision keywright.Revision
	tokens   map[string]*keywright.TokenFacts // by what is presented
	reports  []keywright.UsageReport
	asked    int           // for facts
	hold     chan struct{} // if set, facts that were read wait for it
	down     bool          // polls and questions are not answered, until they are given up
	late     time.Duration // so long polls' answers are on their way
	deaf     chan struct{} // if set, polls stay until it is closed, whoever has given them up
	behind   keywright.Revision
}

var (
	tokenID = keywright.ID{1, 6: 0x70, 8: 0x80, 15: 7}
	epoch   = time.Date(2030, 3, 1, 12, 0, 0, 0, time.UTC)
)

const theKey = "somebody-elses-key"

func newNode() *node {
	n := &node{tokens: map[string]*keywright.TokenFacts{}}
	n.tokens[theKey] = facts("invoices:read")
	n.followers.TellAll(0)
	return n
}

func facts(scopes ...string) *keywright.TokenFacts {
	set, err := keywright.ParseScopes(scopes...)
	if err != nil {
		panic(err)
	}
	return &keywright.TokenFacts{
		ID: tokenID, Kind: keywright.KindAccount, Account: "default", Space: "default", Scopes: set, RenewedAt: epoch,
		Tenant: keywright.TenantFacts{Open: true},
	}
}

// guard is a guard of the node, closed with the test.
func (n *node) guard(t *testing.T, options ...guard.Option) *guard.Guard {
	t.Helper()
	client := keywright.NewClient("http://node", "kw_key")
	client.HTTP = &http.Client{Transport: n}
	g := guard.New(client, append([]guard.Option{guard.WithLog(slog.New(slog.DiscardHandler))}, options...)...)
	t.Cleanup(func() {
		n.set(func() { n.down, n.late = false, 0 })
		if err := g.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (n *node) set(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// change changes what is on file of a credential; nil: it is gone. It returns when the change has.
func (n *node) change(t *testing.T, presented string, to *keywright.TokenFacts) (took time.Duration) {
	t.Helper()
	began := time.Now()
	n.mu.Lock()
	n.revision++
	n.tokens[presented] = to
	revision := n.revision
	n.mu.Unlock()
	n.followers.Tell(revision, []store.Subject{{Kind: store.SubjectToken, ID: "of " + presented}})
	if err := n.followers.Wait(context.Background(), revision); err != nil {
		t.Error(err)
	}
	return time.Since(began)
}

// RoundTrip answers a guard.
func (n *node) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.silent() {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	var answer any
	var err error
	if r.URL.Path == "/api/v1/facts" {
		answer, err = n.facts(r)
	} else {
		answer, err = n.changes(r)
	}
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(bytes.NewReader(text)),
	}, nil
}

func (n *node) silent() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.down
}

func (n *node) facts(r *http.Request) (*keywright.PresentedFacts, error) {
	var q keywright.FactsRequest
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.asked++
	told := &keywright.PresentedFacts{
		Rules: keywright.FactsRules, Revision: n.revision - n.behind, Subjects: []string{"of " + q.Token}, Token: n.tokens[q.Token],
	}
	hold := n.hold
	n.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return told, r.Context().Err()
}

func (n *node) changes(r *http.Request) (*keywright.Changes, error) {
	var report keywright.UsageReport
	if r.Body != nil {
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
			return nil, err
		}
		n.set(func() { n.reports = append(n.reports, report) })
	}
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		return nil, err
	}
	run, err := keywright.ParseID(r.URL.Query().Get("follower"))
	if err != nil {
		return nil, err
	}
	news, err := n.followers.Poll(r.Context(), store.Follower{Run: run}, keywright.Revision(since), time.Time{})
	if err != nil {
		return nil, err
	}
	told := &keywright.Changes{Revision: news.Revision, All: news.All, LeaseMS: news.Lease.Milliseconds(), Reported: report.Number}
	for _, s := range news.Forget {
		told.Forget = append(told.Forget, s.ID)
	}
	n.mu.Lock()
	late, deaf := n.late, n.deaf
	n.mu.Unlock()
	if deaf != nil {
		<-deaf
	}
	select {
	case <-time.After(late):
	case <-r.Context().Done():
	}
	return told, r.Context().Err()
}

func (n *node) questions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}
