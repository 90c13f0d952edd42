package main

// The scripts in testdata/script are run against the real program: this test binary
// is it, started once more under its name.

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keywright/keywright"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"keywright": main})
}

// What the scripts know beside testscript's own commands:
//
//	serve FLAG...             start a server; sets URL, and PASSWORD (of admin) at a first start; its log is server.log
//	shutdown                  end it by SIGTERM, which must leave exit code 0
//	killserver                end it by SIGKILL
//	http [-u ID:SECRET] [-k KEY] [-h 'NAME: VALUE'] [-d BODY] METHOD PATH
//	                          one request; status, headers and body become the standard output
//	field NAME MEMBER...      set NAME from a member of the JSON that http was answered
//	signin                    set SESSION to one of admin's; events asks with it
//	events SUBJECT ACTION...  these and only these are in the audit trail, oldest first, refusals apart
//	receiver STATUS           start what webhooks are sent to, at $HOOK, which verifies by $SECRET; or have it answer otherwise
//	received TYPE...          these and only these events have come there, signed, each once or more
//	refusals SUBJECT CAUSE... these and only these refusals are in the audit trail, sorted
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Values["state"] = &scriptState{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": cmdServe, "shutdown": cmdShutdown, "killserver": cmdKill, "http": cmdHTTP,
			"field": cmdField, "signin": cmdSignIn, "events": cmdEvents, "refusals": cmdRefusals,
			"receiver": cmdReceiver, "received": cmdReceived,
		},
	})
}

// scriptState is what a script's commands tell each other.
type scriptState struct {
	server   *process
	receiver *receiver
	body     []byte // of the last answer
}

func of(ts *testscript.TestScript) *scriptState { return ts.Value("state").(*scriptState) }

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	log, err := os.OpenFile(ts.MkAbs("server.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	ts.Check(err)
	defer log.Close()
	env := []string{"HOME=" + ts.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	for _, name := range []string{"KEYWRIGHT_ADMIN_PASSWORD", "KEYWRIGHT_MASTER_KEY", "KEYWRIGHT_PREFIX"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	if !slices.Contains(args, "--listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	if !slices.Contains(args, "--data") {
		args = append(args, "--data", ts.MkAbs("data"))
	}
	p, err := startServer(env, log, args...)
	if neg {
		if err == nil {
			_ = p.stop(syscall.SIGKILL)
			ts.Fatalf("the server started")
		}
		fmt.Fprint(ts.Stderr(), ts.ReadFile("server.log"))
		return
	}
	ts.Check(err)
	ts.Defer(func() { _ = p.stop(syscall.SIGKILL) })
	fmt.Fprint(ts.Stdout(), p.greeting)
	ts.Setenv("URL", p.url)
	if p.password != "" {
		ts.Setenv("PASSWORD", p.password)
	}
	of(ts).server = p
}

func cmdShutdown(ts *testscript.TestScript, _ bool, _ []string) {
	if err := of(ts).server.stop(syscall.SIGTERM); err != nil {
		ts.Fatalf("the server ended with %v", err)
	}
}

func cmdKill(ts *testscript.TestScript, _ bool, _ []string) {
	_ = of(ts).server.stop(syscall.SIGKILL)
}

func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("http", flag.ContinueOnError)
	user, key := flags.String("u", "", ""), flags.String("k", "", "")
	body, header := flags.String("d", "", ""), http.Header{}
	flags.Func("h", "", func(line string) error {
		name, value, _ := strings.Cut(line, ": ")
		header.Add(name, value)
		return nil
	})
	ts.Check(flags.Parse(args))
	r, err := http.NewRequest(flags.Arg(0), ts.Getenv("URL")+flags.Arg(1), strings.NewReader(*body))
	ts.Check(err)
	if *body != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	r.Header = header
	if id, secret, ok := strings.Cut(*user, ":"); ok {
		r.SetBasicAuth(id, secret)
	}
	if *key != "" {
		r.Header.Add("Authorization", "Bearer "+*key)
	}
	of(ts).body = do(ts, r, neg)
}

// do sends a request, writes what was answered, and fails unless the status is 2xx; or is not, if neg.
func do(ts *testscript.TestScript, r *http.Request, neg bool) []byte {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "HTTP %d\n", answer.StatusCode)
	ts.Check(answer.Header.Write(ts.Stdout()))
	fmt.Fprintf(ts.Stdout(), "\n%s\n", body)
	if ok := answer.StatusCode < 300; ok == neg {
		ts.Fatalf("HTTP %d: %s", answer.StatusCode, body)
	}
	return body
}

func cmdField(ts *testscript.TestScript, _ bool, args []string) {
	var value any
	ts.Check(json.Unmarshal(of(ts).body, &value))
	for _, member := range args[1:] {
		object, ok := value.(map[string]any)
		if !ok || object[member] == nil {
			ts.Fatalf("no member %s in %s", member, of(ts).body)
		}
		value = object[member]
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

func cmdSignIn(ts *testscript.TestScript, _ bool, _ []string) {
	login, err := json.Marshal(map[string]string{"username": "admin", "password": ts.Getenv("PASSWORD")})
	ts.Check(err)
	r, err := http.NewRequest("POST", ts.Getenv("URL")+"/api/v1/login", bytes.NewReader(login))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/json")
	of(ts).body = do(ts, r, false)
	cmdField(ts, false, []string{"SESSION", "token"})
}

func cmdEvents(ts *testscript.TestScript, _ bool, args []string) {
	var actions []string
	for _, event := range trail(ts, args[0]) {
		if event.Action != "token.refused" {
			actions = append(actions, event.Action)
		}
	}
	if !slices.Equal(actions, args[1:]) {
		ts.Fatalf("events of %s: %v, want %v", args[0], actions, args[1:])
	}
}

// Refusals are noted beside the verification that they come from, and so a moment later.
func cmdRefusals(ts *testscript.TestScript, _ bool, args []string) {
	var causes []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		causes = nil
		for _, event := range trail(ts, args[0]) {
			if event.Action == "token.refused" {
				causes = append(causes, event.Reason)
			}
		}
		if slices.Sort(causes); slices.Equal(causes, args[1:]) {
			return
		}
	}
	ts.Fatalf("refusals of %s: %v, want %v", args[0], causes, args[1:])
}

// trail is what the audit trail says of a subject, oldest first.
func trail(ts *testscript.TestScript, subject string) []keywright.Event {
	client := keywright.NewClient(ts.Getenv("URL"), ts.Getenv("SESSION"))
	page, err := client.Events(context.Background(), keywright.EventQuery{EventFilter: keywright.EventFilter{Subject: subject}, ListQuery: keywright.ListQuery{Limit: 200}})
	ts.Check(err)
	slices.Reverse(page.Items)
	return page.Items
}
