package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store/pgtest"
)

// TestSharedDatabase moves a server from SQLite to PostgreSQL, and runs a second one beside it: the keys from before
// are good at both, and what is revoked at one is refused at the other as soon as the call has returned.
func TestSharedDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	env := []string{"KEYWRIGHT_ADMIN_PASSWORD=" + killPassword}
	onPostgres := append(env, databaseVariable+"="+database)

	alone := serveOn(t, env, first)
	kept := create(t, signIn(t, alone))
	if out, err := migrateTo(t, database, first); err == nil || !strings.Contains(out, "in use") {
		t.Errorf("beside a running server: %v: %s", err, out)
	}
	if err := alone.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if out, err := migrateTo(t, database, first); err != nil || !strings.Contains(out, "events was verified") {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := migrateTo(t, database, first); exitOf(err) != exitConflict || !strings.Contains(out, "not empty") {
		t.Errorf("a second time: %v: %s", err, out)
	}

	a := serveOn(t, onPostgres, first)
	var log bytes.Buffer
	if p, err := startServer(onPostgres, &log, "--listen", "127.0.0.1:0", "--data", second); err == nil {
		_ = p.stop(syscall.SIGKILL)
		t.Error("a server without the master key started")
	} else if !strings.Contains(log.String(), "master key file") || strings.Contains(log.String(), "goose") {
		t.Errorf("without the master key: %s", log.String())
	}
	b := serveOn(t, onPostgres, second, "--master-key-file", filepath.Join(first, "master.key"))
	here, there := signIn(t, a), signIn(t, b)
	for i := range 20 {
		issued := kept
		if i > 0 {
			issued = create(t, here)
		}
		if v := verdict(t, there, issued.APIKey); !v.Valid {
			t.Fatalf("before: %+v", v)
		}
		if _, err := here.RevokeToken(t.Context(), issued.Token.ID, ""); err != nil {
			t.Fatal(err)
		}
		if v := verdict(t, there, issued.APIKey); v.Valid {
			t.Fatalf("after: %+v", v)
		}
		here, there = there, here
	}
	_ = a.stop(syscall.SIGKILL)
	create(t, signIn(t, b))
	if out, err := command(t, append(os.Environ(), databaseVariable+"="+database), "audit", "verify", "--database", "-"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestPasswordInArgument: a password that every process can read is refused, without saying it again.
func TestPasswordInArgument(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://ada:s3cret@db/keys", "postgres://db/keys?password=s3cret", "host=db password=s3cret"} {
		for _, args := range [][]string{{"serve", "--data", t.TempDir(), "--database", url}, {"migrate", "--from", t.TempDir(), "--to", url}, {"audit", "verify", "--database", url}} {
			out, err := command(t, nil, args...)
			if exitOf(err) != exitUsage || !strings.Contains(out, databaseVariable) || strings.Contains(out, "s3cret") {
				t.Errorf("%s: %v: %s", args, err, out)
			}
		}
	}
}

func serveOn(t *testing.T, env []string, data string, more ...string) *process {
	t.Helper()
	var log bytes.Buffer
	p, err := startServer(env, &log, append([]string{"--listen", "127.0.0.1:0", "--data", data, "--log-level", "warn"}, more...)...)
	if err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	t.Cleanup(func() { _ = p.stop(syscall.SIGKILL) })
	return p
}

func signIn(t *testing.T, p *process) *keywright.Client {
	t.Helper()
	session, err := keywright.NewClient(p.url, "").Login(t.Context(), "admin", keywright.NewSecret(killPassword))
	if err != nil {
		t.Fatal(err)
	}
	return keywright.NewClient(p.url, session.Token.Reveal())
}

func create(t *testing.T, client *keywright.Client) keywright.Issued {
	t.Helper()
	issued, err := client.CreateToken(t.Context(), keywright.NewToken{Scopes: []string{"a"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

func verdict(t *testing.T, client *keywright.Client, key keywright.Secret) keywright.Verification {
	t.Helper()
	v, err := client.Verify(t.Context(), keywright.VerifyRequest{Token: key.Reveal(), Scopes: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func migrateTo(t *testing.T, database, data string) (string, error) {
	t.Helper()
	return command(t, append(os.Environ(), databaseVariable+"="+database), "migrate", "--from", data, "--to", "-")
}

// command runs this program as a process of its own.
func command(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &exec.Cmd{Path: self, Args: append([]string{"keywright"}, args...), Env: env}
	out, err := c.CombinedOutput()
	return string(out), err
}

func exitOf(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}
