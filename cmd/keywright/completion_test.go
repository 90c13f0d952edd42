package main

import (
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func script(t *testing.T, shell string) string {
	t.Helper()
	p := newPerson(t, false, "")
	if code := p.keywright(t, "completion", shell); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.err.String())
	}
	return p.out.String()
}

// commandLeaves are the commands that help shows and that do something.
func commandLeaves() []*kong.Node {
	return newParser(stdio{nil, io.Discard, io.Discard}, func(int) {}).Model.Leaves(true)
}

func shownCommands() []string {
	var paths []string
	for _, leaf := range commandLeaves() {
		paths = append(paths, commandPath(leaf))
	}
	return paths
}

func TestCompletionKnowsEveryCommand(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		text := script(t, shell)
		for _, path := range shownCommands() {
			if !strings.Contains(text, path) {
				t.Errorf("%s completion does not know %q", shell, path)
			}
		}
		if strings.Contains(text, "\x00") || !strings.Contains(text, "keywright") {
			t.Errorf("%s: strange script", shell)
		}
	}
}

// The shells that are installed take their script, and bash offers what it should.
func TestCompletionScriptsAreTaken(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		check := exec.Command(path, "-n")
		check.Stdin = strings.NewReader(script(t, shell))
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v: %s", shell, err, out)
		}
	}
}

func TestBashOffers(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	for _, tt := range []struct {
		typed []string // the last is under the cursor
		want  []string
		never []string
	}{
		{[]string{"keywright", "to"}, []string{"token"}, []string{"login"}},
		{[]string{"keywright", ""}, []string{"serve", "login", "verify", "events"}, []string{"rotate"}},
		{[]string{"keywright", "token", ""}, []string{"create", "rotate", "bulk"}, []string{"login"}},
		{[]string{"keywright", "token", "create", "--sc"}, []string{"--scope"}, []string{"--scopes"}},
		{[]string{"keywright", "token", "create", "--kind", ""}, []string{"account", "space", "manager"}, []string{"--kind"}},
		{[]string{"keywright", "token", "list", "--json", "--st"}, []string{"--state"}, nil},
		{[]string{"keywright", "token", "bulk", ""}, []string{"disable", "revoke", "delete", "--dry-run"}, nil},
		{[]string{"keywright", "completion", ""}, []string{"bash", "zsh", "fish"}, nil},
		{[]string{"keywright", "register", "token", "--lab"}, []string{"--label"}, nil},
	} {
		got := bashOffers(t, bash, tt.typed)
		for _, w := range tt.want {
			if !slices.Contains(got, w) {
				t.Errorf("%q: %q is not offered: %q", tt.typed, w, got)
			}
		}
		for _, w := range tt.never {
			if slices.Contains(got, w) {
				t.Errorf("%q: %q is offered", tt.typed, w)
			}
		}
	}
}

func bashOffers(t *testing.T, bash string, typed []string) []string {
	t.Helper()
	test := script(t, "bash") + "\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($#-1)); _keywright; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
	out, err := exec.Command(bash, append([]string{"-c", test, "bash"}, typed...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Fields(string(out))
}
