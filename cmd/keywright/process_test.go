package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// process is a server that runs as a program of its own.
type process struct {
	*exec.Cmd
	out      io.Reader
	url      string
	password string // of admin; empty but at a first start that made one
	greeting string // all that it said before it was ready
}

var readyLine = regexp.MustCompile(`^Keywright is ready at (\S+)`)

// launch starts this test binary as `keywright serve`.
func launch(env []string, log io.Writer, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{Cmd: &exec.Cmd{Path: self, Args: append([]string{"keywright", "serve"}, args...), Env: env, Stderr: log}}
	if p.out, err = p.StdoutPipe(); err != nil {
		return nil, err
	}
	return p, p.Start()
}

// startServer launches a server and waits until it says where it is.
func startServer(env []string, log io.Writer, args ...string) (*process, error) {
	p, err := launch(env, log, args...)
	if err != nil {
		return nil, err
	}
	if !p.read(bufio.NewScanner(p.out)) {
		return nil, fmt.Errorf("the server did not start: %w", p.Wait())
	}
	go func() { _, _ = io.Copy(io.Discard, p.out) }()
	return p, nil
}

// read reads the greeting, which at a first start ends with the next command to type and later
// is a single line.
func (p *process) read(lines *bufio.Scanner) (ready bool) {
	for lines.Scan() {
		line := lines.Text()
		p.greeting += line + "\n"
		if found := readyLine.FindStringSubmatch(line); found != nil {
			p.url = found[1]
		}
		if password, ok := strings.CutPrefix(line, "  Password    "); ok && !strings.Contains(password, " ") {
			p.password = password
		}
		if strings.Contains(line, "token create") || strings.Contains(line, "(data in ") {
			return true
		}
	}
	return false
}

// stop signals the process and waits for its end.
func (p *process) stop(signal os.Signal) error {
	if err := p.Process.Signal(signal); err != nil {
		return err
	}
	return p.Wait()
}
