package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// person is somebody at a terminal, or a script, with answers prepared.
type person struct {
	*host
	out, err  bytes.Buffer
	passwords []string // what is typed without echo
}

// newPerson sits at a terminal if terminal is true; typed is what comes on standard input.
func newPerson(t *testing.T, terminal bool, typed string) *person {
	t.Helper()
	p := &person{}
	p.host = &host{
		Stdin:       bufio.NewReader(strings.NewReader(typed)),
		Stdout:      &p.out,
		Stderr:      &p.err,
		InTerminal:  terminal,
		OutTerminal: terminal,
		ErrTerminal: terminal,
		Getenv:      func(string) string { return "" },
		ConfigDir:   filepath.Join(t.TempDir(), "keywright"),
		Now:         time.Now,
		ReadPassword: func(context.Context) (string, error) {
			typed := p.passwords[0]
			p.passwords = p.passwords[1:]
			return typed, nil
		},
	}
	return p
}

// setenv replaces the environment.
func (p *person) setenv(pairs ...string) {
	p.Getenv = func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// keywright runs one command line.
func (p *person) keywright(t *testing.T, args ...string) int {
	t.Helper()
	return execute(t.Context(), args, stdio{p.Stdin, p.Stdout, p.Stderr}, p.host)
}

func (p *person) remember(t *testing.T, name string, c savedContext) {
	t.Helper()
	err := p.changeContexts(func(saved *savedContexts) error {
		saved.Current = name
		saved.Contexts[name] = c
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestContextsFileIsTheOwnersAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}
	p := newPerson(t, false, "")
	p.remember(t, "here", savedContext{URL: defaultURL, Username: "ada", Session: "kws_x", ExpiresAt: time.Now().Add(time.Hour)})
	path, _ := p.contextsPath()
	for file, want := range map[string]os.FileMode{path: 0o600, path + ".lock": 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v (%v)", file, info.Mode().Perm(), want, err)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		p.err.Reset()
		if code := p.keywright(t, "whoami"); code != exitRefused || !strings.Contains(p.err.String(), "chmod 600 "+path) {
			t.Errorf("mode %v: exit code %d, %s", mode, code, p.err.String())
		}
	}
}

func TestContextsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	p := newPerson(t, false, "")
	path, _ := p.contextsPath()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := p.keywright(t, "context"); code != exitRefused || !strings.Contains(p.err.String(), "cannot be read") {
		t.Errorf("exit code %d, %s", code, p.err.String())
	}
}

func TestLoginsAtOnceLoseNone(t *testing.T) {
	t.Parallel()
	p := newPerson(t, false, "")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { p.remember(t, string(rune('a'+i)), savedContext{URL: defaultURL}) })
	}
	all.Wait()
	if saved, err := p.loadContexts(); err != nil || len(saved.Contexts) != 20 {
		t.Errorf("%d contexts are left, %v", len(saved.Contexts), err)
	}
}

func TestContextCommands(t *testing.T) {
	t.Parallel()
	p := newPerson(t, false, "")
	later := time.Now().Add(time.Hour)
	p.remember(t, "b", savedContext{URL: "https://b.example", Username: "bob"})
	p.remember(t, "a", savedContext{URL: "https://a.example", Username: "ada", Session: "kws_verysecret", ExpiresAt: later})
	for _, step := range []struct {
		args string
		code int
		says string
	}{
		{"context", 0, "signed out"},
		{"context list --json", 0, `"name":"a","current":true`},
		{"context use b", 0, ""},
		{"context use c", exitUsage, `no context "c"`},
		{"context list --json", 0, `"name":"b","current":true`},
		{"context remove a", exitUsage, "keywright logout --context a"},
		{"context remove b", 0, ""},
		{"whoami", exitNotSignedIn, "keywright login"},
	} {
		p.out.Reset()
		p.err.Reset()
		code := p.keywright(t, strings.Fields(step.args)...)
		if said := p.out.String() + p.err.String(); code != step.code || !strings.Contains(said, step.says) || strings.Contains(said, "kws_") {
			t.Errorf("%s: exit code %d: %s", step.args, code, said)
		}
	}
}

// A session or key goes to the server it is for and to no other.
func TestWhichInstanceIsMeant(t *testing.T) {
	t.Parallel()
	type want struct {
		code int
		url  string
	}
	for _, tt := range []struct {
		name string
		args remote
		env  []string
		want want
	}{
		{"the current context", remote{}, nil, want{url: "https://saved.example"}},
		{"both variables", remote{}, []string{"KEYWRIGHT_URL", "https://env.example", "KEYWRIGHT_TOKEN", "kw_x"}, want{url: "https://env.example"}},
		{"the flag before variables", remote{Context: "saved"}, []string{"KEYWRIGHT_URL", "https://env.example", "KEYWRIGHT_TOKEN", "kw_x"}, want{url: "https://saved.example"}},
		{"an address alone", remote{}, []string{"KEYWRIGHT_URL", "https://env.example"}, want{code: exitNotSignedIn}},
		{"a key alone", remote{}, []string{"KEYWRIGHT_TOKEN", "kw_x"}, want{code: exitUsage}},
		{"an unknown context", remote{Context: "other"}, nil, want{code: exitUsage}},
		{"an address with a password", remote{}, []string{"KEYWRIGHT_URL", "https://a:b@env.example", "KEYWRIGHT_TOKEN", "kw_x"}, want{code: exitUsage}},
		{"no web address", remote{}, []string{"KEYWRIGHT_URL", "env.example", "KEYWRIGHT_TOKEN", "kw_x"}, want{code: exitUsage}},
	} {
		p := newPerson(t, false, "")
		p.remember(t, "saved", savedContext{URL: "https://saved.example", Session: "kws_x"})
		p.setenv(tt.env...)
		client, err := tt.args.dial(p.host)
		if exitCode(err) != tt.want.code || err == nil && client.BaseURL != tt.want.url {
			t.Errorf("%s: %v, %v", tt.name, client, err)
		}
	}
}

func TestConfigDirFollowsXDG(t *testing.T) {
	t.Parallel()
	absolute := t.TempDir()
	if got := configDir(func(string) string { return absolute }); got != filepath.Join(absolute, "keywright") {
		t.Error(got)
	}
	if got := configDir(func(string) string { return "relative" }); strings.HasPrefix(got, "relative") {
		t.Error("a relative XDG_CONFIG_HOME counts:", got)
	}
}
