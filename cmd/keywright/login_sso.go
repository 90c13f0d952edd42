package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/keywright/keywright"
)

// ssoPatience is how long a person may take in the browser.
const ssoPatience = 10 * time.Minute

// bySSO signs a person in through the browser (RFC 8252): the server sends it back to an address of this machine
// with a code, which without the verifier, that never leaves this program, is good for nothing.
func (c *loginCmd) bySSO(ctx context.Context, h *host, client *keywright.Client) (keywright.Session, error) {
	ways, err := client.SignInWays(ctx)
	if err != nil {
		return keywright.Session{}, err
	}
	if !ways.SSO {
		return keywright.Session{}, usagef("%s has no single sign-on: leave --sso out", origin(c.URL))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, ssoPatience, fmt.Errorf("nobody has signed in within %s", ssoPatience))
	defer cancel()
	back, err := listenForCode()
	if err != nil {
		return keywright.Session{}, err
	}
	defer back.close()
	verifier := rand.Text() + rand.Text()
	c.sendBrowser(h, back.authorization(c.URL, verifier))
	code, err := back.wait(ctx)
	if err != nil {
		return keywright.Session{}, err
	}
	return client.LoginBySSO(ctx, code, keywright.NewSecret(verifier))
}

// sendBrowser says where to go, and goes there if there is a browser.
func (c *loginCmd) sendBrowser(h *host, address string) {
	fmt.Fprintf(h.Stderr, "Sign in here, on this machine:\n\n  %s\n\n", address)
	if !c.NoBrowser {
		_ = h.OpenURL(address) // the person has the address
	}
}

// openURL has the browser of the person who sits here open an address. It does not wait.
func openURL(getenv func(string) string) func(string) error {
	return func(address string) error {
		program := []string{"xdg-open"}
		switch runtime.GOOS {
		case "darwin":
			program = []string{"open"}
		case "windows":
			program = []string{"rundll32", "url.dll,FileProtocolHandler"}
		}
		if named := getenv("BROWSER"); named != "" {
			program = []string{named}
		}
		cmd := exec.Command(program[0], append(program[1:], address)...)
		if err := cmd.Start(); err != nil {
			return err
		}
		go func() { _ = cmd.Wait() }()
		return nil
	}
}

// codeListener takes the one answer that the server sends the browser back with.
type codeListener struct {
	server *http.Server
	local  string // where the browser comes back to
	state  string
	got    chan url.Values
}

func listenForCode() (*codeListener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &codeListener{local: "http://" + listener.Addr().String() + "/", state: rand.Text(), got: make(chan url.Values, 1)}
	l.server = &http.Server{Handler: l, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = l.server.Serve(listener) }()
	return l, nil
}

// authorization is the address at which the person signs in.
func (l *codeListener) authorization(instance, verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"redirect_uri":          {l.local},
		"state":                 {l.state},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"},
	}
	return strings.TrimSuffix(instance, "/") + "/sso/login?" + query.Encode()
}

// ServeHTTP takes an answer with our state, the first only: anybody on this machine can send one.
func (l *codeListener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	answer := r.URL.Query()
	if r.Method != http.MethodGet || r.URL.Path != "/" || answer.Get("state") != l.state {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	select {
	case l.got <- answer:
		_, _ = io.WriteString(w, "Go back to the command line: it says what came of it. This window can be closed.\n")
	default:
		w.WriteHeader(http.StatusConflict)
	}
}

func (l *codeListener) wait(ctx context.Context) (keywright.Secret, error) {
	select {
	case <-ctx.Done():
		if context.Cause(ctx) != ctx.Err() {
			return keywright.Secret{}, context.Cause(ctx)
		}
		return keywright.Secret{}, interrupted{}
	case answer := <-l.got:
		why := printable(answer.Get("error_description"))
		switch failed := answer.Get("error"); failed {
		case "":
			return keywright.NewSecret(answer.Get("code")), nil
		case "temporarily_unavailable":
			return keywright.Secret{}, fmt.Errorf("%w: %s", keywright.ErrUnavailable, why)
		default:
			return keywright.Secret{}, fmt.Errorf("%s: %w", cmp.Or(why, printable(failed)), keywright.ErrUnauthenticated)
		}
	}
}

// close waits until the browser has been answered.
func (l *codeListener) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.server.Shutdown(ctx)
}
