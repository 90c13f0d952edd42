//go:build unix

package keywright_test

// The README's commands are what a stranger types first, so they are run as they stand there: all
// that is replaced is the address and where the program is written to.

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestREADME(t *testing.T) {
	t.Parallel()
	needs(t, "sh", "sed", "curl", "go")
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of commands, want 2", len(blocks))
	}
	run, test := commands(blocks[0][1])
	if test != "make test" {
		t.Errorf("the second command is %q", test)
	}
	dir := t.TempDir()
	address := freeAddress(t)
	password := serveAsREADME(t, run, dir, address)

	script := strings.NewReplacer(
		"127.0.0.1:8080", address,
		"go build ./cmd/keywright", "go build -o "+filepath.Join(dir, "keywright")+" ./cmd/keywright",
		"./keywright", filepath.Join(dir, "keywright"),
	).Replace(blocks[1][1])
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
	cmd.Stdin = strings.NewReader(password + "\n") // without a terminal, login takes it from here
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	first, second := bytes.Index(out, []byte(`"valid":true`)), bytes.Index(out, []byte(`"reason":"revoked"`))
	if first < 0 || second < first {
		t.Errorf("the answers are not what the README says:\n%s", out)
	}
}

// needs skips the test where a program is missing, but not in `make test`, which has seen to it.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("KEYWRIGHT_TEST_ALL") == "" {
			t.Skipf("there is no %s here", program)
		}
	}
}

// commands are the two lines of the first block, without their comments.
func commands(block string) (run, test string) {
	lines := slices.Collect(strings.Lines(block))
	for i, line := range lines {
		line, _, _ = strings.Cut(line, "#")
		lines[i] = strings.TrimSpace(line)
	}
	if len(lines) != 2 {
		return "", ""
	}
	return lines[0], lines[1]
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serveAsREADME runs the command that starts a server, until the test ends, and returns the password it prints.
func serveAsREADME(t *testing.T, command, dir, address string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", "-c", "exec "+command)
	cmd.Env = append(os.Environ(), "KEYWRIGHT_LISTEN="+address, "KEYWRIGHT_DATA="+filepath.Join(dir, "data"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a terminal does: Ctrl-C reaches `go run` and the server
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 30 * time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if password, ok := strings.CutPrefix(lines.Text(), "  Password "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return strings.TrimSpace(password)
		}
	}
	stop()
	_ = cmd.Wait()
	t.Fatalf("%s: %s", command, said.String())
	return ""
}
