package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("anything"), exitRefused},
		{keywright.ErrForbidden, exitRefused},
		{reported{exitRefused}, exitRefused},
		{usagef("no"), exitUsage},
		{keywright.Invalid("/label", "too long"), exitUsage},
		{keywright.ErrMalformedID, exitUsage},
		{keywright.ErrUnauthenticated, exitNotSignedIn},
		{keywright.ErrNotFound, exitNotFound},
		{keywright.ErrConflict, exitConflict},
		{keywright.ErrQuota, exitConflict},
		{keywright.ErrUnavailable, exitUnavailable},
		{&keywright.ThrottledError{RetryAfter: time.Minute}, exitUnavailable},
		{fmt.Errorf("%w: %w", keywright.ErrUnavailable, context.Canceled), exitInterrupted},
		{fmt.Errorf("%w: %w", keywright.ErrUnavailable, context.DeadlineExceeded), exitUnavailable},
		{&keywright.AnswerError{Status: 404, Cause: keywright.ErrNotFound}, exitNotFound},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%v: exit code %d, want %d", tt.err, got, tt.want)
		}
	}
}

// The kinds of mistake a parser can see end with code 2 and show the way to help.
func TestWrongUsage(t *testing.T) {
	t.Parallel()
	key := "kw_" + strings.Repeat("0", 22+43+6)
	for _, args := range []string{
		"",
		"tokn",
		"token",
		"token create --label",
		"token create --kind robot",
		"token create --permanent --temporary",
		"token create --permanent --expires 3d",
		"token edit",
		"token edit x --scope a --no-scopes",
		"token bulk",
		"token bulk enable --state active",
		"token list --sort size",
		"account policy --max-tokens many",
		"user create ada",
		"user grant ada --role king",
		"completion tcsh",
		"verify " + key,
		"login --password geheim",
	} {
		p := newPerson(t, false, "")
		code := p.keywright(t, strings.Fields(args)...)
		if said := p.err.String(); code != exitUsage || !strings.Contains(said, "--help") || strings.Contains(said, key) {
			t.Errorf("%q: exit code %d: %s", args, code, said)
		}
	}
}

func TestWhatAnErrorSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		says string
	}{
		{&keywright.InvalidError{Problems: []keywright.Problem{{Member: "/scopes/0", Reason: "has an empty part"}, {Member: "/label", Reason: "is too long"}}},
			"keywright: the request is not valid; nothing was changed\n  scopes/0: has an empty part\n  label: is too long\n"},
		{keywright.ErrUnauthenticated, "keywright: credentials are missing or not usable\n  sign in with: keywright login --url URL --username NAME\n"},
		{errors.New("bell \a and\x1b[2J more"), "keywright: bell � and�[2J more\n"},
		{errors.New("two\nlines"), "keywright: two\nlines\n"},
		{reported{1}, ""},
		{nil, ""},
	} {
		var b strings.Builder
		explain(&b, tt.err)
		if b.String() != tt.says {
			t.Errorf("%v: %q", tt.err, b.String())
		}
	}
}

// remoteAt is a person who is signed in at address.
func remoteAt(t *testing.T, address string) *person {
	t.Helper()
	p := newPerson(t, false, "")
	p.setenv("KEYWRIGHT_URL", address, "KEYWRIGHT_TOKEN", "kw_presented")
	return p
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := remoteAt(t, "http://"+l.Addr().String())
	code := p.keywright(t, "token", "list")
	if code != exitUnavailable || !strings.Contains(p.err.String(), "Start it with: keywright serve") {
		t.Errorf("exit code %d: %s", code, p.err.String())
	}
}

// A server, or who sits in front of it, cannot send the key or a password on to another place.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached <- r.Header.Get("Authorization")
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		front := httptest.NewServer(http.RedirectHandler(other.URL, status))
		p := remoteAt(t, front.URL)
		if code := p.keywright(t, "token", "list"); code != exitRefused || !strings.Contains(p.err.String(), "redirects to") {
			t.Errorf("%d: exit code %d: %s", status, code, p.err.String())
		}
		login := newPerson(t, false, "geheim\n")
		if code := login.keywright(t, "login", "--url", front.URL, "--username", "ada"); code != exitRefused {
			t.Errorf("%d: login: exit code %d: %s", status, code, login.err.String())
		}
		front.Close()
	}
	select {
	case presented := <-reached:
		t.Errorf("the other place was asked, with Authorization %q", presented)
	default:
	}
}

func TestSomethingElseAnswers(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<html>welcome</html>")
	}))
	defer page.Close()
	p := remoteAt(t, page.URL)
	if code := p.keywright(t, "whoami"); code != exitRefused || !strings.Contains(p.err.String(), "is it the address of a Keywright?") {
		t.Errorf("exit code %d: %s", code, p.err.String())
	}
}

func TestInterruptedQuestion(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	p := newPerson(t, true, "")
	p.ReadPassword = func(ctx context.Context) (string, error) {
		interrupt()
		<-ctx.Done()
		return "", ctx.Err()
	}
	args := []string{"login", "--url", "http://127.0.0.1:1", "--username", "ada"}
	if code := execute(ctx, args, stdio{p.Stdin, p.Stdout, p.Stderr}, p.host); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, p.err.String())
	}
}
