package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/keywright/keywright"
)

// maxSecretLine is the most that is read of a secret on standard input: more
// than the longest credential there is.
const maxSecretLine = 8192

// host is what a command sees of the machine it runs on. Commands touch the
// outside by nothing else, so that a test can be their terminal.
type host struct {
	Stdin          *bufio.Reader
	Stdout, Stderr io.Writer
	InTerminal     bool // somebody can answer a question
	OutTerminal    bool // somebody reads the answer
	ErrTerminal    bool // somebody watches the progress
	Getenv         func(string) string
	ConfigDir      string                                // where contexts.json lies
	ReadPassword   func(context.Context) (string, error) // one line of the terminal, without echo
	OpenURL        func(string) error                    // in the person's browser
	Now            func() time.Time

	effect keywright.Effect // of the last change of the command
}

// newHost is the machine the program was started on, talking over std.
func newHost(std stdio) *host {
	return &host{
		Stdin:        bufio.NewReader(std.In),
		Stdout:       std.Out,
		Stderr:       std.Err,
		InTerminal:   isTerminal(std.In),
		OutTerminal:  isTerminal(std.Out),
		ErrTerminal:  isTerminal(std.Err),
		Getenv:       os.Getenv,
		ConfigDir:    configDir(os.Getenv),
		ReadPassword: readPassword,
		OpenURL:      openURL(os.Getenv),
		Now:          time.Now,
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// readPassword reads a line of the terminal without echo. When ctx ends it gives up and has the terminal echo again.
func readPassword(ctx context.Context) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	line, err := unlessDone(ctx, func() (string, error) {
		b, err := term.ReadPassword(fd)
		return string(b), err
	})
	if ctx.Err() != nil {
		_ = term.Restore(fd, before)
	}
	return line, err
}

// unlessDone waits for read or the end of ctx: a person who interrupts a question is not made to answer it first.
func unlessDone(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := read()
		got <- answer{line, err}
	}()
	select {
	case a := <-got:
		return a.line, a.err
	case <-ctx.Done():
		return "", interrupted{}
	}
}

// interrupted is context.Canceled in words for the person who did it.
type interrupted struct{}

func (interrupted) Error() string { return "interrupted" }

// Is makes errors.Is(err, context.Canceled) true.
func (interrupted) Is(target error) bool { return target == context.Canceled }

// configDir follows the XDG base directory specification: a relative
// XDG_CONFIG_HOME is ignored.
func configDir(getenv func(string) string) string {
	if dir := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "keywright")
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "keywright")
}

// ask puts a question to the person at the terminal and returns the line
// answered; without a person the answer is empty.
func (h *host) ask(ctx context.Context, question string) (string, error) {
	if !h.InTerminal {
		return "", nil
	}
	fmt.Fprintf(h.Stderr, "%s: ", question)
	line, err := unlessDone(ctx, h.readLine)
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// secret reads one secret: from the terminal without echo or, with nobody
// there or if told so, the next line of standard input.
func (h *host) secret(ctx context.Context, what string, fromStdin bool) (string, error) {
	s, err := h.readSecret(ctx, what, fromStdin)
	if err != nil {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	if s == "" {
		return "", usagef("no %s was given", what)
	}
	return s, nil
}

func (h *host) readSecret(ctx context.Context, what string, fromStdin bool) (string, error) {
	if fromStdin || !h.InTerminal {
		return unlessDone(ctx, h.readLine)
	}
	fmt.Fprintf(h.Stderr, "%s: ", what)
	s, err := h.ReadPassword(ctx)
	fmt.Fprintln(h.Stderr)
	return s, err
}

// newSecret reads a secret that is being chosen: twice, if a person types it blindly.
func (h *host) newSecret(ctx context.Context, what string, fromStdin bool) (string, error) {
	first, err := h.secret(ctx, what, fromStdin)
	if err != nil || fromStdin || !h.InTerminal {
		return first, err
	}
	second, err := h.secret(ctx, what+" again", false)
	if err == nil && first != second {
		return "", usagef("the two are not the same; nothing was changed")
	}
	return first, err
}

// readLine returns the next line without its end; at the end of input, what is left.
func (h *host) readLine() (string, error) {
	var b strings.Builder
	for b.Len() <= maxSecretLine {
		c, err := h.Stdin.ReadByte()
		if errors.Is(err, io.EOF) || err == nil && c == '\n' {
			return strings.TrimSuffix(b.String(), "\r"), nil
		}
		if err != nil {
			return "", err
		}
		b.WriteByte(c)
	}
	return "", usagef("the line is longer than %d bytes", maxSecretLine)
}

// confirm returns nil if yes was given or the person at the terminal says so. With nobody there it refuses: what
// cannot be undone is not done by default.
func (h *host) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return ctx.Err()
	}
	if !h.InTerminal {
		return usagef("%s — nobody is there to confirm it: say --yes", question)
	}
	answer, err := h.ask(ctx, question+" [y/N]")
	if err != nil {
		return err
	}
	if a := strings.ToLower(answer); a != "y" && a != "yes" {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}
