// Keywright issues API tokens, verifies them and revokes them: the server, and
// the commands of the people who run it and use it.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/keywright/keywright"
)

// cli is the command line. Each command is a struct with a Run method; each noun has a file of its own.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Migrate migrateCmd `cmd:"" help:"Move a data directory's database to PostgreSQL."`

	Login   loginCmd   `cmd:"" group:"Signing in" help:"Sign in to an instance."`
	Logout  logoutCmd  `cmd:"" group:"Signing in" help:"Sign out."`
	Context contextCmd `cmd:"" group:"Signing in" help:"The instances you work with."`
	Whoami  whoamiCmd  `cmd:"" group:"Signing in" help:"Say who the server takes you for."`

	Token    tokenCmd    `cmd:"" group:"Tokens" aliases:"tokens" help:"Issue and manage tokens."`
	Verify   verifyCmd   `cmd:"" group:"Tokens" help:"Ask whether a key is valid; the key comes on standard input."`
	Report   reportCmd   `cmd:"" group:"Tokens" help:"Which tokens and scopes are used, and which are not."`
	Register registerCmd `cmd:"" group:"Tokens" help:"The token commands with the verb in front."`
	Show     showCmd     `cmd:"" group:"Tokens" help:"Likewise."`
	Edit     editCmd     `cmd:"" group:"Tokens" help:"Likewise."`
	Delete   deleteCmd   `cmd:"" group:"Tokens" help:"Likewise."`

	Account  accountCmd  `cmd:"" group:"Tenants" help:"Accounts and their policies."`
	Space    spaceCmd    `cmd:"" group:"Tenants" help:"The spaces of an account."`
	Audience audienceCmd `cmd:"" group:"Tenants" help:"The APIs that tokens are for, and the scopes they know."`
	Gateway  gatewayCmd  `cmd:"" group:"Tenants" help:"The rules by which proxies ask."`
	User     userCmd     `cmd:"" group:"Tenants" help:"People and their roles."`
	Events   eventsCmd   `cmd:"" group:"Tenants" help:"The audit trail."`
	Audit    auditCmd    `cmd:"" group:"Tenants" help:"The audit trail as evidence: export, checkpoints, verification."`

	Webhook webhookCmd `cmd:"" group:"Tenants" aliases:"webhooks" help:"Have events sent to a URL."`

	Node nodeCmd `cmd:"" group:"The instance" aliases:"nodes" help:"The servers of the instance."`

	Completion completionCmd `cmd:"" group:"This program" help:"Print a script that completes commands in your shell."`
	Version    versionCmd    `cmd:"" group:"This program" help:"Print the version."`
}

// stdio is where a command reads and writes.
type stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run executes one command line over std and returns the exit code.
func run(ctx context.Context, args []string, std stdio) int {
	return execute(ctx, args, std, newHost(std))
}

// execute is run on a given host.
func execute(ctx context.Context, args []string, std stdio, h *host) int {
	h.effect = keywright.Effect{}
	exited := -1 // set by --help and the like, which end the program from inside the parser
	parser := newParser(std, func(code int) { exited = code },
		kong.BindTo(h.effect.In(ctx), (*context.Context)(nil)), kong.Bind(std, h))
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err == nil {
		err = command.Run()
	}
	explain(h.Stderr, err)
	return exitCode(err)
}

func newParser(std stdio, exit func(int), bindings ...kong.Option) *kong.Kong {
	parser, err := kong.New(&cli{}, append([]kong.Option{
		kong.Name("keywright"),
		kong.Description("Issues API tokens, verifies them at memory speed and revokes them before the call returns.\n\n" + exitCodesHelp),
		kong.Writers(std.Out, std.Err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	}, bindings...)...)
	if err != nil {
		panic(errors.Join(errors.New("the struct cli is wrong: a mistake in this program"), err))
	}
	return parser
}
