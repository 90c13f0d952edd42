package clustertest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/store/pgtest"
)

const (
	password = "correct horse battery staple"
	lease    = time.Second
	patience = 15 * time.Second // of a client
)

// cluster is some servers on one database, each behind a proxy.
type cluster struct {
	t        testing.TB
	database *pgtest.Server
	nodes    []*node
	program  string // the real one; empty: this one, with a bug
	bug      factcache.Fault
	breath   time.Duration       // of those who verify
	session  string              // of the operator
	verifier string              // a key that may verify
	lags     []*keywright.Client // of two nodes, for who is some way off
	ways     []*proxy            // that those take
}

// node is one server.
type node struct {
	c      *cluster
	name   string
	data   string
	listen string
	proxy  *proxy
	http   *http.Client
	log    *os.File
	mu     sync.Mutex
	cmd    *exec.Cmd
	down   atomic.Bool // killed or stopped, or no changes are asked of it: one under way would keep all others from theirs
}

// newCluster starts a database and n servers.
func newCluster(t testing.TB, n int, program string, bug factcache.Fault) *cluster {
	t.Helper()
	c := &cluster{t: t, database: pgtest.Start(t, "fsync=off", "full_page_writes=off"), program: program, bug: bug, breath: breath}
	direct, err := url.Parse(c.database.New(t))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(direct.Query().Get("host"), ".s.PGSQL.5432")
	dir := t.TempDir()
	for i := range n {
		p := newProxy(t, "unix", socket)
		url := fmt.Sprintf("postgres://%s@%s%s?sslmode=disable", pgtest.Superuser, p.listener.Addr(), direct.Path)
		c.nodes = append(c.nodes, c.newNode(fmt.Sprintf("node %d", i+1), filepath.Join(dir, fmt.Sprint(i)), url, p))
	}
	c.prepare()
	return c
}

func (c *cluster) newNode(name, data, database string, p *proxy) *node {
	c.t.Helper()
	log, err := os.Create(data + ".log")
	if err != nil {
		c.t.Fatal(err)
	}
	n := &node{c: c, name: name, data: data, listen: freeAddress(c.t), proxy: p, log: log}
	n.http = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext}}
	if err := os.WriteFile(data+".url", []byte(database), 0o600); err != nil {
		c.t.Fatal(err)
	}
	n.start()
	c.t.Cleanup(func() {
		n.kill()
		if c.t.Failed() {
			said, _ := os.ReadFile(data + ".log")
			c.t.Logf("%s said:\n%s", name, tail(said))
		}
		log.Close()
	})
	return n
}

func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

const asServer = "KEYWRIGHT_CLUSTERTEST_SERVER"

// command is the server's process: the real program, or this one with a bug.
func (n *node) command() *exec.Cmd {
	database, err := os.ReadFile(n.data + ".url")
	if err != nil {
		n.c.t.Fatal(err)
	}
	env := append(os.Environ(), "KEYWRIGHT_ADMIN_PASSWORD="+password, "KEYWRIGHT_DATABASE="+string(database))
	if first := n.c.keyFile(); first != filepath.Join(n.data, "master.key") {
		env = append(env, "KEYWRIGHT_MASTER_KEY_FILE="+first)
	}
	if n.c.bug == "" {
		cmd := exec.Command(n.c.program, "serve", "--data", n.data, "--listen", n.listen, "--lease", lease.String(),
			"--public-url", "http://cluster.test", "--dialects", "none", "--log-level", "warn")
		cmd.Env = env
		return cmd
	}
	self, err := os.Executable()
	if err != nil {
		n.c.t.Fatal(err)
	}
	cmd := exec.Command(self, n.data, n.listen)
	cmd.Env = append(env, asServer+"="+string(n.c.bug))
	return cmd
}

func (c *cluster) keyFile() string {
	if len(c.nodes) == 0 {
		return ""
	}
	return filepath.Join(c.nodes[0].data, "master.key")
}

// TestMain is, asked for it, a server with a bug. No flag or setting of the real program plants one.
func TestMain(m *testing.M) {
	bug, ok := os.LookupEnv(asServer)
	if !ok {
		os.Exit(m.Run())
	}
	if err := serve(factcache.Fault(bug), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(bug factcache.Fault, data, listen string) error {
	s, err := server.Open(context.Background(), server.Config{
		Data: data, Listen: listen, Database: keywright.NewSecret(os.Getenv("KEYWRIGHT_DATABASE")), MasterKeyFile: os.Getenv("KEYWRIGHT_MASTER_KEY_FILE"),
		AdminPassword: keywright.NewSecret(password), PublicURL: "http://cluster.test", Dialects: []string{"none"}, Lease: lease, Fault: bug,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	fmt.Printf("Keywright is ready at %s (data in %s)\n", s.Opened.URL, data)
	return errors.Join(s.Serve(context.Background()), s.Close())
}

var ready = regexp.MustCompile(`^Keywright is ready at `)

// start starts the server and waits until it says that it is ready.
func (n *node) start() {
	n.c.t.Helper()
	cmd := n.command()
	cmd.Stderr = n.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		n.c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.c.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !ready.MatchString(lines.Text()) {
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	n.mu.Lock()
	n.cmd = cmd
	n.mu.Unlock()
	n.down.Store(false)
}

// signal sends the process a signal.
func (n *node) signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(s)
	}
}

// kill ends the process as a crash does.
func (n *node) kill() { n.end(syscall.SIGKILL) }

// end has the process end, and waits.
func (n *node) end(s syscall.Signal) {
	n.down.Store(true)
	n.signal(s)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		_ = n.cmd.Wait()
		n.cmd = nil
	}
}

// client presents a credential to the node.
func (n *node) client(credential string) *keywright.Client {
	c := keywright.NewClient("http://"+n.listen, credential)
	c.HTTP = n.http
	return c
}

// exchange gets an access token for an API key; empty if that fails.
func (n *node) exchange(ctx context.Context, of keywright.Issued) string {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {of.Token.ID.String()}, "client_secret": {of.ClientSecret.Reveal()}}
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+n.listen+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return ""
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := n.http.Do(req)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if json.NewDecoder(res.Body).Decode(&got) != nil {
		return ""
	}
	return got.AccessToken
}

// admin is the operator's client.
func (n *node) admin() *keywright.Client { return n.client(n.c.session) }

// prepare signs the operator in, and makes the key of those who verify.
func (c *cluster) prepare() {
	c.t.Helper()
	ctx := c.t.Context()
	session, err := c.nodes[0].client("").Login(ctx, "admin", keywright.NewSecret(password))
	if err != nil {
		c.t.Fatal(err)
	}
	c.session = session.Token.Reveal()
	issued, err := c.nodes[0].admin().CreateToken(ctx, keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}}, "")
	if err != nil {
		c.t.Fatal(err)
	}
	c.verifier = issued.APIKey.Reveal()
	if c.nodes[0].exchange(ctx, issued) == "" {
		c.t.Fatal("there is no access token to be had")
	}
	for _, n := range c.nodes[:2] {
		p := newProxy(c.t, "tcp", n.listen)
		p.set(someWayOff)
		far := n.client(c.verifier)
		far.BaseURL = "http://" + p.listener.Addr().String()
		c.lags, c.ways = append(c.lags, far), append(c.ways, p)
	}
}

// door is where a token may be verified.
type door struct {
	name string
	ask  func(ctx context.Context, key, scope string) answer
}

// doors are all of the cluster: its servers, and APIs that decide by themselves, each following another server from some way off. The guards
// of those end with ctx.
func (c *cluster) doors(ctx context.Context) (list []door) {
	for _, n := range c.nodes {
		list = append(list, door{n.name, n.ask})
	}
	for i := range c.lags {
		g := guard.New(c.lags[i])
		context.AfterFunc(ctx, func() {
			ending, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = g.Close(ending)
		})
		list = append(list, door{fmt.Sprintf("guard %d", i+1), func(ctx context.Context, key, scope string) answer { return ask(ctx, g, key, scope) }})
	}
	return list
}

// ask asks a guard.
func ask(ctx context.Context, g *guard.Guard, key, scope string) answer {
	scopes, err := keywright.ParseScopes(scope)
	if err != nil {
		return silence
	}
	v, err := g.Verify(ctx, key, keywright.Access{Scopes: scopes})
	if err != nil {
		return silence
	}
	return answered(v.Decision.Reason)
}

// ask asks the node.
func (n *node) ask(ctx context.Context, key, scope string) answer {
	body, _ := json.Marshal(keywright.VerifyRequest{Token: key, Scopes: []string{scope}})
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+n.listen+"/api/v1/verify", strings.NewReader(string(body)))
	if err != nil {
		return silence
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+n.c.verifier)
	res, err := n.http.Do(req)
	if err != nil {
		return silence
	}
	defer res.Body.Close()
	var v keywright.Verification
	if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&v) != nil {
		return silence
	}
	return answered(v.Reason)
}

func answered(r keywright.Reason) answer {
	switch r {
	case keywright.Allowed:
		return yes
	case keywright.Revoked:
		return noRevoked
	case keywright.Disabled:
		return noDisabled
	case keywright.InsufficientScope:
		return noScope
	case keywright.Unproved:
		return noInvalid
	case keywright.Undecided:
		return silence
	}
	return noOther
}
