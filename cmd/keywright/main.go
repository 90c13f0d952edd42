// Keywright issues API tokens, verifies them and revokes them: the server, and
// the commands of the people who run it and use it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. Each command is a struct with a Run method in a file of its own.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// stdio is where a command reads and writes.
type stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code: 0 done, 1 failed, 2 not
// understood.
func run(ctx context.Context, args []string, std stdio) int {
	exited := -1 // set by --help and the like, which end the program from inside the parser
	parser, err := kong.New(&cli{},
		kong.Name("keywright"),
		kong.Description("Issues API tokens, verifies them at memory speed and revokes them before the call returns."),
		kong.Writers(std.Out, std.Err),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		panic(err) // the struct above is wrong: a mistake in this program
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err == nil {
		err = command.Run()
	}
	return report(err, std.Err)
}

// report says what went wrong, and how that is said to a script.
func report(err error, w io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(w, "keywright:", err)
	if usage := (*kong.ParseError)(nil); errors.As(err, &usage) {
		return 2
	}
	return 1
}

type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(std stdio) error {
	_, err := fmt.Fprintln(std.Out, "keywright", version())
	return err
}

// version is the module's, or the commit's that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
