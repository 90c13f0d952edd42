package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keywright/keywright"
)

// TestCommands runs the commands of people and scripts, as the program itself, against a
// server of its own; each script states every event it leaves.
//
// Beside testscript's own commands they have
//
//	start [FLAG…]      run keywright serve on a data directory of the script; $URL becomes its address
//	stop               interrupt it and wait
//	admin              sign in as the first user, in the context "admin"
//	fails CODE COMMAND…  demand that a command ends with this exit code
//	json NAME PATH     set $NAME to a member of the JSON last printed: .token.id, .items.0.label
//	lines FILE LINE…   write a file, to be read on standard input
//	events [@ACCOUNT] [ACTION…]
//	                   demand that exactly these events were left since admin or the last time, oldest first
func TestCommands(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/commands",
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("KEYWRIGHT_ADMIN_PASSWORD", adminPassword)
			env.Values[runKey{}] = &commandRun{seen: map[string]int64{}}
			return writeFiles(env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": startRemote, "stop": stopRemote, "admin": signInAsAdmin, "json": jsonMember, "fails": failsWith, "events": demandEvents, "lines": scriptLines,
		},
		RequireUniqueNames: true,
	})
}

const adminPassword = "correct horse battery staple 42"

// writeFiles lays down what scripts read on standard input: the first user's password, and
// two keys of no instance, one of them mistyped.
func writeFiles(dir string) error {
	id := keywright.ID{15: 1}
	key := keywright.FormatAPIKey(keywright.DefaultPrefix, id, strings.Repeat("a", 43))
	wrong := strings.Replace(key, "aaaa", "aaba", 1)
	var errs []error
	for name, text := range map[string]string{"password": adminPassword + "\n", "good.key": key, "mistyped.key": wrong + "\r\n"} {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return errors.Join(errs...)
}

type runKey struct{}

// commandRun is what a script remembers.
type commandRun struct {
	server *process
	seen   map[string]int64 // by account: the last event demanded
}

func runOf(ts *testscript.TestScript) *commandRun { return ts.Value(runKey{}).(*commandRun) }

// environment is the script's, for a program that is started beside it.
func environment(ts *testscript.TestScript) []string {
	env := os.Environ()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "KEYWRIGHT_ADMIN_PASSWORD"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

func startRemote(ts *testscript.TestScript, neg bool, args []string) {
	run := runOf(ts)
	if neg || run.server != nil {
		ts.Fatalf("start: a server runs already, or ! is given")
	}
	log, err := os.OpenFile(ts.MkAbs("server.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	run.server, err = startServer(environment(ts), log, append([]string{"--data", ts.MkAbs("data"), "--listen", "127.0.0.1:0"}, args...)...)
	if err != nil {
		ts.Fatalf("%v: %s", err, ts.ReadFile("server.log"))
	}
	ts.Setenv("URL", run.server.url)
	ts.Defer(func() { _ = run.end() })
}

func stopRemote(ts *testscript.TestScript, neg bool, _ []string) {
	if err := runOf(ts).end(); neg || err != nil {
		ts.Fatalf("stop: %v: %s", err, ts.ReadFile("server.log"))
	}
}

// end interrupts the server and waits for it.
func (r *commandRun) end() error {
	if r.server == nil {
		return nil
	}
	server := r.server
	r.server = nil
	return server.stop(os.Interrupt)
}

func signInAsAdmin(ts *testscript.TestScript, neg bool, _ []string) {
	cmd := exec.Command("keywright", "login", "--url", ts.Getenv("URL"), "--username", "admin", "--context", "admin")
	cmd.Env = environment(ts)
	cmd.Stdin = strings.NewReader(adminPassword + "\n")
	if out, err := cmd.CombinedOutput(); neg || err != nil {
		ts.Fatalf("admin: %v: %s", err, out)
	}
	newEvents(ts, "default")
}

func failsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("want exit code %s, have %v", args[0], err)
	}
}

func scriptLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: lines FILE LINE…")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(args[1:], "\n")+"\n"), 0o600))
}

func jsonMember(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: json NAME PATH")
	}
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &value))
	for _, step := range strings.Split(strings.TrimPrefix(args[1], "."), ".") {
		value = memberOf(value, step)
	}
	if value == nil {
		ts.Fatalf("json: there is no %s", args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

func memberOf(value any, step string) any {
	switch v := value.(type) {
	case map[string]any:
		return v[step]
	case []any:
		var i int
		if _, err := fmt.Sscan(step, &i); err == nil && i < len(v) {
			return v[i]
		}
	}
	return nil
}

// demandEvents looks at one account; what people's sessions leave belongs to none.
func demandEvents(ts *testscript.TestScript, neg bool, want []string) {
	if neg {
		ts.Fatalf("events cannot be negated")
	}
	account := "default"
	if len(want) > 0 && strings.HasPrefix(want[0], "@") {
		account, want = want[0][1:], want[1:]
	}
	got := []string{}
	for _, e := range newEvents(ts, account) {
		got = append(got, e.Action)
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		ts.Fatalf("events differ (- demanded, + left):\n%s", diff)
	}
}

// newEvents are the account's since the last time, oldest first.
func newEvents(ts *testscript.TestScript, account string) []keywright.Event {
	cmd := exec.Command("keywright", "events", "--json", "--all", "--context", "admin", "--account", account)
	cmd.Env = environment(ts)
	out, err := cmd.Output()
	ts.Check(err)
	var list keywright.Page[keywright.Event]
	ts.Check(json.Unmarshal(out, &list))
	run := runOf(ts)
	fresh := slices.DeleteFunc(list.Items, func(e keywright.Event) bool { return e.Seq <= run.seen[account] })
	slices.Reverse(fresh)
	for _, e := range fresh {
		run.seen[account] = max(run.seen[account], e.Seq)
	}
	return fresh
}
