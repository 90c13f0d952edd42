// Package pgtest runs PostgreSQL servers for tests and measurements, from the programs that are installed: there is no imitation of
// one. Where they are not installed, the test is skipped.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Superuser is who tests connect as, without a password.
const Superuser = "keywright"

// New returns the URL of a new, empty database on a server that all tests of the program share.
func New(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		missing(t, err)
	}
	return s.New(t)
}

// shared starts the server at its first use. It ends with the program.
var shared = sync.OnceValues(func() (*Server, error) { return start("fsync=off", "full_page_writes=off") })

// Start runs a server for one test alone, which may stop and kill it.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := start(settings...)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		if err := s.End(); err != nil {
			t.Errorf("PostgreSQL: %v", err)
		}
	})
	return s
}

// Run runs a server for who is no test. End it.
func Run(settings ...string) (*Server, error) { return start(settings...) }

// ErrNotInstalled says that there is no PostgreSQL to run.
var ErrNotInstalled = errors.New("PostgreSQL is not installed: apt-get install postgresql, or make test, which does so")

func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNotInstalled) && os.Getenv("KEYWRIGHT_TEST_ALL") == "" {
		t.Skip(err)
	}
	t.Fatal(err)
}

// Server is a running PostgreSQL server.
type Server struct {
	dir      string // of data, socket and log
	settings []string
	keeper   *exec.Cmd // its end is the end of dir
	alive    *os.File  // closed, the keeper ends
	server   *exec.Cmd
}

var databases atomic.Int64

// New makes an empty database and returns its URL. Its collation is a language's where the server can have one, so
// that what relies on the order of bytes is found out.
func (s *Server) New(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	return s.URL(name)
}

// URL is how to connect to a database of the server.
func (s *Server) URL(database string) string {
	query := url.Values{"host": {s.dir}}
	return "postgres://" + Superuser + "@/" + database + "?" + query.Encode()
}

// Exec runs a statement in a database.
func (s *Server) Exec(t testing.TB, database, statement string) {
	t.Helper()
	Exec(t, s.URL(database), statement)
}

// Exec runs a statement in the database of a URL.
func Exec(t testing.TB, url, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Query returns the one text that a query in the database of a URL answers with.
func Query(t testing.TB, url, query string) (text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if err := c.QueryRow(ctx, query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}

// program finds one of PostgreSQL's programs: Debian keeps them off the PATH.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return "", ErrNotInstalled
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return found[0], nil
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

func start(settings ...string) (*Server, error) {
	if _, err := program("initdb"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, settings: settings}
	if err := errors.Join(own(dir), s.keep()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.init(); err != nil {
		return nil, errors.Join(err, s.End())
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.End())
	}
	return s, nil
}

const keeping = `read gone
if pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null); then
	kill -QUIT "$pid"
	for i in $(seq 200); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
fi
rm -rf "$1"`

// keep runs a shell that removes the directory when this program has ended, however it ends; a server
// that is still there ends before it.
func (s *Server) keep() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	s.keeper = exec.Command("sh", "-c", keeping, "sh", s.dir)
	s.keeper.Stdin = read
	s.alive = write
	s.keeper.SysProcAttr = apart()
	return s.keeper.Start()
}

// End ends the server and removes what it has kept.
func (s *Server) End() error {
	s.Kill()
	return errors.Join(s.alive.Close(), s.keeper.Wait())
}

func (s *Server) init() error {
	path, err := program("initdb")
	if err != nil {
		return err
	}
	args := []string{"--pgdata", filepath.Join(s.dir, "data"), "--username", Superuser, "--auth", "trust", "--encoding", "UTF8", "--no-sync"}
	if help, err := exec.Command(path, "--help").Output(); err == nil && strings.Contains(string(help), "--icu-locale") {
		args = append(args, "--locale-provider", "icu", "--icu-locale", "en-US", "--locale", "C.UTF-8")
	}
	c := exec.Command(path, args...)
	c.SysProcAttr = unprivileged()
	c.Dir = s.dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// Start runs the server after Stop or Kill and waits until it answers.
func (s *Server) Start() error {
	path, err := program("postgres")
	if err != nil {
		return err
	}
	args := []string{"-D", filepath.Join(s.dir, "data"), "-k", s.dir}
	for _, setting := range append([]string{"listen_addresses=", "max_connections=300", "autovacuum_naptime=5s"}, s.settings...) {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.server = exec.Command(path, args...)
	s.server.Stdout, s.server.Stderr = log, log
	s.server.SysProcAttr = unprivileged()
	s.server.Dir = s.dir
	if err := s.server.Start(); err != nil {
		return err
	}
	return s.await()
}

func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-ctx.Done():
			said, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL does not answer: %w: %s", err, said)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends the server as a crash does.
func (s *Server) Kill() { s.signal(crash) }

// Stop ends it at once but in order: every connection is told.
func (s *Server) Stop() { s.signal(fast) }

func (s *Server) signal(how os.Signal) {
	if s.server == nil {
		return
	}
	_ = s.server.Process.Signal(how)
	_ = s.server.Wait()
	s.server = nil
	_ = os.Remove(filepath.Join(s.dir, "data", "postmaster.pid")) // its number may be another's by now
}

// own gives the directory to who the server runs as: it refuses to run as root.
func own(dir string) error {
	uid, gid, err := nobody()
	if err != nil || os.Getuid() != 0 {
		return err
	}
	return os.Chown(dir, uid, gid)
}

// nobody is whom a server started by root runs as.
func nobody() (uid, gid int, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, lookup := user.Lookup(name)
		if lookup != nil {
			err = lookup
			continue
		}
		if uid, err = strconv.Atoi(u.Uid); err == nil {
			gid, err = strconv.Atoi(u.Gid)
		}
		return uid, gid, err
	}
	return 0, 0, err
}
