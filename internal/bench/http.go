package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/keywright/keywright"
)

// door is one request that is measured against a floor.
type door struct {
	name        string
	path        string
	contentType string
	body        string
	authorize   string
	floor       string // bare, sign or, for a door that is asked without a body, head
	target      float64
}

// doors measures the HTTP doors, warm, against their floors.
func doors(ctx context.Context, w io.Writer, p plan) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("needs wrk: apt-get install wrk")
	}
	ours, err := startKeywright(ctx, p.dir)
	if err != nil {
		return err
	}
	defer ours.stop()
	floor, err := startFloor(ctx)
	if err != nil {
		return err
	}
	defer floor.stop()
	list, err := prepare(ctx, ours.url)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n## HTTP doors, warm, against a handler that reads and writes bodies of the same size\n\n")
	fmt.Fprintf(w, "`/check` is asked by GET with its key in a header, and answers in headers: so does its floor, without ours.\n")
	fmt.Fprintf(w, "Server on one processor, wrk on the other, 16 keep-alive connections.\n\n")
	fmt.Fprintf(w, "| door | requests/s | floor | ratio %% | target %% | p50 | p99 |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, d := range list {
		if err := measureDoor(ctx, w, p, d, ours.url, floor.url); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

func measureDoor(ctx context.Context, w io.Writer, p plan, d door, ours, floor string) error {
	size, err := answerSize(ctx, ours, d)
	if err != nil {
		return err
	}
	base := d
	base.path = fmt.Sprintf("/%s/%d", d.floor, size)
	var a, b series
	var last load
	for range p.rounds {
		f, err := wrk(ctx, p, floor, base)
		if err != nil {
			return err
		}
		o, err := wrk(ctx, p, ours, d)
		if err != nil {
			return err
		}
		a, b, last = append(a, o.rate), append(b, f.rate), o
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s | >= %.0f | %s | %s |\n", d.name, a, b, ratios(a, b), d.target, last.p50, last.p99)
	return nil
}

// server is a running process.
type server struct {
	url string
	cmd *exec.Cmd
}

func (s server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

const adminPassword = "bench-password-of-this-run-only"

func startKeywright(ctx context.Context, dir string, flags ...string) (server, error) {
	program := filepath.Join(dir, "keywright")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/keywright").CombinedOutput(); err != nil {
		return server{}, fmt.Errorf("build: %w: %s", err, out)
	}
	listen, err := freePort()
	if err != nil {
		return server{}, err
	}
	cmd := pinned(ctx, "0", program, append([]string{"serve", "--data", filepath.Join(dir, "data"), "--listen", listen}, flags...)...)
	cmd.Env = append(os.Environ(), "KEYWRIGHT_ADMIN_PASSWORD="+adminPassword)
	return start(ctx, cmd, listen)
}

func startFloor(ctx context.Context) (server, error) {
	self, err := os.Executable()
	if err != nil {
		return server{}, err
	}
	listen, err := freePort()
	if err != nil {
		return server{}, err
	}
	return start(ctx, pinned(ctx, "0", self, "floor", listen), listen)
}

// start starts a server and waits until it takes connections.
func start(ctx context.Context, cmd *exec.Cmd, listen string) (server, error) {
	said, err := os.CreateTemp("", "keywright-bench-*.log") // a file: copying the lines would take time from wrk
	if err != nil {
		return server{}, err
	}
	defer os.Remove(said.Name())
	defer said.Close()
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		return server{}, err
	}
	for range 200 {
		if conn, err := net.DialTimeout("tcp", listen, time.Second); err == nil {
			conn.Close()
			return server{"http://" + listen, cmd}, nil
		}
		select {
		case <-ctx.Done():
			return server{}, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	_ = cmd.Process.Kill()
	log, _ := os.ReadFile(said.Name())
	return server{}, fmt.Errorf("%s did not listen on %s: %s", cmd.Path, listen, log)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// prepare makes the tokens that are presented, and the requests.
func prepare(ctx context.Context, base string) ([]door, error) {
	key, id, secret, err := makeToken(ctx, base, "invoices:read")
	if err != nil {
		return nil, err
	}
	caller, _, _, err := makeToken(ctx, base, "keywright:tokens:verify")
	if err != nil {
		return nil, err
	}
	access, err := accessToken(ctx, base, id, secret)
	if err != nil {
		return nil, err
	}
	const form = "application/x-www-form-urlencoded"
	bearer := "Bearer " + caller
	body, err := json.Marshal(keywright.VerifyRequest{Token: key, Scopes: []string{"invoices:read"}})
	if err != nil {
		return nil, err
	}
	viaAccess, err := json.Marshal(keywright.VerifyRequest{Token: access, Scopes: []string{"invoices:read"}})
	if err != nil {
		return nil, err
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	return []door{
		{"POST /api/v1/verify, API key", "/api/v1/verify", "application/json", string(body), bearer, "bare", 85},
		{"POST /api/v1/verify, own key", "/api/v1/verify", "application/json", `{"scopes":["invoices:read"]}`, "Bearer " + key, "bare", 85},
		{"POST /api/v1/verify, access token", "/api/v1/verify", "application/json", string(viaAccess), bearer, "bare", 75},
		{"introspection, API key", "/oauth2/introspect", form, "token=" + key, bearer, "bare", 75},
		{"introspection, access token", "/oauth2/introspect", form, "token=" + access, bearer, "bare", 75},
		{"/check, API key", "/check/nginx/scope/invoices:read", "", "", "Bearer " + key, "head", 90},
		{"/check, access token", "/check/nginx/scope/invoices:read", "", "", "Bearer " + access, "head", 90},
		{"token endpoint (floor: signs only)", "/oauth2/token", form, "grant_type=client_credentials", basic, "sign", 60},
	}, nil
}

func makeToken(ctx context.Context, base, scope string) (key, id, secret string, err error) {
	var session struct {
		Token string `json:"token"`
	}
	login := fmt.Sprintf(`{"username":"admin","password":%q}`, adminPassword)
	if err := post(ctx, base+"/api/v1/login", "application/json", "", login, &session); err != nil {
		return "", "", "", err
	}
	var issued struct {
		APIKey string `json:"api_key"`
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	request := fmt.Sprintf(`{"label":"bench","scopes":[%q]}`, scope)
	err = post(ctx, base+"/api/v1/tokens", "application/json", "Bearer "+session.Token, request, &issued)
	return issued.APIKey, issued.ID, issued.Secret, err
}

func accessToken(ctx context.Context, base, id, secret string) (string, error) {
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	err := post(ctx, base+"/oauth2/token", "application/x-www-form-urlencoded", "", form.Encode(), &granted)
	return granted.AccessToken, err
}

func post(ctx context.Context, to, contentType, authorize, body string, into any) error {
	raw, err := send(ctx, to, contentType, authorize, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// method is GET where there is no body.
func method(body string) string {
	if body == "" {
		return http.MethodGet
	}
	return http.MethodPost
}

func send(ctx context.Context, to, contentType, authorize, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method(body), to, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	if authorize != "" {
		req.Header.Set("Authorization", authorize)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, resp.Status, raw)
	}
	return raw, err
}

func answerSize(ctx context.Context, base string, d door) (int, error) {
	raw, err := send(ctx, base+d.path, d.contentType, d.authorize, d.body)
	return len(raw), err
}

// load is what wrk measured.
type load struct {
	rate     float64
	p50, p99 string
}

var (
	rateLine = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	p50Line  = regexp.MustCompile(`(?m)^\s+50%\s+(\S+)`)
	p99Line  = regexp.MustCompile(`(?m)^\s+99%\s+(\S+)`)
	badLine  = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

func wrk(ctx context.Context, p plan, base string, d door) (load, error) {
	script := filepath.Join(p.dir, "request.lua")
	text := fmt.Sprintf("wrk.method='%s'\nwrk.headers['Authorization']=%s\n", method(d.body), luaString(d.authorize))
	if d.body != "" {
		text += fmt.Sprintf("wrk.body=%s\nwrk.headers['Content-Type']=%s\n", luaString(d.body), luaString(d.contentType))
	}
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return load{}, err
	}
	out, err := pinned(ctx, "1", "wrk", "-t1", "-c16", "--latency", "-d"+strconv.Itoa(p.seconds)+"s", "-s", script, base+d.path).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if bad := badLine.Find(out); bad != nil {
		return load{}, fmt.Errorf("wrk: %s", bad)
	}
	first := func(re *regexp.Regexp) string {
		if m := re.FindSubmatch(out); m != nil {
			return string(m[1])
		}
		return ""
	}
	rate, err := strconv.ParseFloat(first(rateLine), 64)
	return load{rate, first(p50Line), first(p99Line)}, err
}

func luaString(s string) string { return "[==[" + s + "]==]" }
