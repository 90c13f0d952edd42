package clustertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
)

// TestRollingRestart restarts three servers one after the other under load, as a new version is rolled out: not one request fails, of
// verifications, of changes and of a guard, and what is revoked is refused. Then each is killed: none fails but those that were under way at it.
func TestRollingRestart(t *testing.T) {
	if os.Getenv("KEYWRIGHT_TEST_ALL") == "" || testing.Short() {
		t.Skip("builds the program: make test does it")
	}
	t.Setenv("KEYWRIGHT_DRAIN_DELAY", "1s")
	c := newCluster(t, 3, build(t), "")
	b := newBalancer(t, c.nodes)
	r := newRollout(t, c, b)
	for _, n := range b.nodes {
		n.end(syscall.SIGTERM)
		r.back(n)
	}
	if failed := b.taken(); len(failed) > 0 {
		t.Errorf("%d requests failed at servers that were stopped in order: %v", len(failed), failed)
	}
	excused := 0
	for _, n := range b.nodes {
		n.kill()
		gone := time.Now()
		r.back(n)
		failed := b.taken()
		for _, f := range failed {
			if f.node != n || f.connected.After(gone) {
				t.Errorf("it was not under way at the server that was killed: %v", f)
			}
		}
		if excused += len(failed); len(failed) > r.clients {
			t.Errorf("%d requests of %d clients were under way at it", len(failed), r.clients)
		}
	}
	if r.end(); r.lives.Load() == 0 {
		t.Error("void: no token lived")
	}
	t.Logf("%d requests, %d of them under way at servers that were killed; %d tokens made, used and revoked", b.sent.Load(), excused, r.lives.Load())
}

// rollout is the clients of a cluster whose servers come and go. They know of none of them: there is one URL.
type rollout struct {
	t       *testing.T
	b       *balancer
	clients int // requests at once, at most
	lives   atomic.Int64
	stop    context.CancelFunc
	running sync.WaitGroup
}

const (
	verifiers = 4
	changers  = 2
	share     = 30 // requests that a server has answered, for the load to have found it
)

func newRollout(t *testing.T, c *cluster, b *balancer) *rollout {
	t.Helper()
	going, stop := context.WithCancel(context.Background())
	r := &rollout{t: t, b: b, clients: verifiers + changers + 2, stop: stop} // a guard polls, and asks
	t.Cleanup(r.end)
	for range verifiers {
		r.running.Go(func() { r.verify(going, b.client(c.verifier)) })
	}
	for range changers {
		r.running.Go(func() { r.change(going, b.client(c.session), b) })
	}
	r.running.Go(func() { r.guard(going, b.client(c.verifier), c.verifier) })
	for _, n := range b.nodes {
		r.found(n)
	}
	return r
}

// end lets every client finish what it does.
func (r *rollout) end() {
	r.stop()
	r.running.Wait()
}

// back starts a server again and waits until it has its share of the load.
func (r *rollout) back(n *behind) {
	r.t.Helper()
	n.start()
	r.found(n)
}

func (r *rollout) found(n *behind) {
	r.t.Helper()
	answered := n.answered.Load() + share
	for deadline := time.Now().Add(time.Minute); n.answered.Load() < answered; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s is not sent requests", n.name)
		}
	}
}

// verify verifies until it is to end. Whether a request failed the balancer knows; here only an answer can be wrong.
func (r *rollout) verify(going context.Context, c *keywright.Client) {
	for going.Err() == nil {
		if v, err := c.Verify(context.Background(), keywright.VerifyRequest{Scopes: []string{"keywright:tokens:verify"}}); err == nil && !v.Valid {
			r.t.Errorf("a good token was refused: %+v", v)
		}
	}
}

// change has tokens live: made, accepted, revoked, and refused from then on.
func (r *rollout) change(going context.Context, c *keywright.Client, b *balancer) {
	ctx := context.Background()
	for going.Err() == nil {
		issued, err := c.CreateToken(ctx, keywright.NewToken{Scopes: []string{first}}, "")
		if err != nil {
			continue
		}
		holder := b.client(issued.APIKey.Reveal())
		r.expect(holder, true)
		for err = errors.New("not yet"); err != nil; {
			_, err = c.RevokeToken(ctx, issued.Token.ID, "") // which may have to be said again
		}
		r.expect(holder, false)
		r.lives.Add(1)
	}
}

func (r *rollout) expect(holder *keywright.Client, valid bool) {
	for range len(r.b.nodes) {
		if v, err := holder.Verify(context.Background(), keywright.VerifyRequest{Scopes: []string{first}}); err == nil && v.Valid != valid {
			r.t.Errorf("a token that is good (%t): %+v", valid, v)
		}
	}
}

// guard decides in the process, whoever it follows.
func (r *rollout) guard(going context.Context, c *keywright.Client, key string) {
	g := guard.New(c)
	for going.Err() == nil {
		if v, err := g.Verify(going, key, keywright.Access{}); going.Err() == nil && (err != nil || v.Decision.Reason != keywright.Allowed) {
			r.t.Errorf("a guard: %v, %v", v.Decision, err)
		}
		pause(going, time.Millisecond)
	}
	if err := g.Close(context.Background()); err != nil {
		r.t.Errorf("a guard that ends: %v", err)
	}
}

// balancer sends requests to servers that are ready, as any does: it asks each whether it is, and takes the next where no connection can be
// made. It never sends again what was sent.
type balancer struct {
	nodes []*behind
	http  *http.Client
	next  atomic.Int64
	sent  atomic.Int64

	mu     sync.Mutex
	failed []failure
}

// behind is a server behind it.
type behind struct {
	*node
	ready    atomic.Bool
	answered atomic.Int64
}

// failure is a request that got no answer, or one that says that it can not be given.
type failure struct {
	node      *behind
	request   string
	connected time.Time
	err       error
}

func (f failure) String() string {
	return fmt.Sprintf("%s at %s, connected at %s: %v", f.request, f.node.name, f.connected.Format(time.TimeOnly), f.err)
}

// dialled is a connection that knows when it was made.
type dialled struct {
	net.Conn
	at time.Time
}

const lookEvery = 5 * time.Millisecond

func newBalancer(t *testing.T, nodes []*node) *balancer {
	t.Helper()
	dialer := &net.Dialer{Timeout: time.Second}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		return dialled{c, time.Now()}, err
	}
	b := &balancer{http: &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64}}}
	going, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	t.Cleanup(func() {
		stop()
		watching.Wait()
	})
	for _, n := range nodes {
		one := &behind{node: n}
		b.nodes = append(b.nodes, one)
		watching.Go(func() { one.watch(going) })
	}
	return b
}

// watch asks a server whether it is ready.
func (n *behind) watch(going context.Context) {
	for going.Err() == nil {
		res, err := n.http.Get("http://" + n.listen + "/readyz")
		n.ready.Store(err == nil && res.StatusCode == http.StatusOK)
		if err == nil {
			res.Body.Close()
		}
		pause(going, lookEvery)
	}
}

// client is one of the cluster's, whoever answers.
func (b *balancer) client(credential string) *keywright.Client {
	c := keywright.NewClient("http://cluster.test", credential)
	c.HTTP = &http.Client{Transport: b, Timeout: patience}
	return c
}

// RoundTrip sends one request to one server.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		n, err := b.pick(r.Context())
		if err != nil {
			return nil, err
		}
		f := failure{node: n, request: r.Method + " " + r.URL.Path}
		sent := r.Clone(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(got httptrace.GotConnInfo) { f.connected = got.Conn.(dialled).at },
		}))
		sent.URL.Host = n.listen
		if r.GetBody != nil {
			if sent.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		res, err := b.http.Transport.RoundTrip(sent)
		if f.connected.IsZero() && r.Context().Err() == nil { // nothing was sent
			n.ready.Store(false)
			continue
		}
		b.sent.Add(1)
		b.judge(r.Context(), f, res, err)
		return res, err
	}
}

// pick is the next server that is ready.
func (b *balancer) pick(ctx context.Context) (*behind, error) {
	for ctx.Err() == nil {
		for range b.nodes {
			if n := b.nodes[int(b.next.Add(1))%len(b.nodes)]; n.ready.Load() {
				return n, nil
			}
		}
		pause(ctx, lookEvery)
	}
	return nil, ctx.Err()
}

// judge notes a failure. A poll that a server ends because it stops is none: the guard is to go elsewhere.
func (b *balancer) judge(ctx context.Context, f failure, res *http.Response, err error) {
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		f.err = err
		f.node.ready.Store(false)
	case res.StatusCode >= 500 && res.Request.URL.Path != "/api/v1/changes":
		f.err = errors.New(res.Status)
	default:
		f.node.answered.Add(1)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = append(b.failed, f)
}

// taken is what failed since it was asked before.
func (b *balancer) taken() []failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	failed := b.failed
	b.failed = nil
	return failed
}
