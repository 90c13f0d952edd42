package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/server"
)

// serveCmd is the server's configuration. A flag wins over the environment, and that
// over the file. What is secret comes from the environment or a file of its own, never from an
// argument that every process on the machine can read.
type serveCmd struct {
	Config configFile `help:"TOML file with these settings, named as the flags are." placeholder:"FILE" env:"KEYWRIGHT_CONFIG"`

	Data      string        `help:"Directory of the database and the master key." placeholder:"DIR" default:"./keywright-data" env:"KEYWRIGHT_DATA"`
	Database  string        `help:"URL of a PostgreSQL database, which several servers may share. A password in it comes from the environment only. Default: SQLite, in the data directory." placeholder:"URL" env:"KEYWRIGHT_DATABASE"`
	Lease     time.Duration `help:"How long facts may be answered from memory after a PostgreSQL database was last heard of, and so how long a change may wait for a server that is dead; 500ms to 1m." default:"3s" env:"KEYWRIGHT_LEASE"`
	Listen    string        `help:"Address to listen at." placeholder:"HOST:PORT" default:"127.0.0.1:8080" env:"KEYWRIGHT_LISTEN"`
	PublicURL string        `help:"URL under which clients reach this instance; the issuer of its access tokens. Default: made of --listen." aliases:"issuer" placeholder:"URL" env:"KEYWRIGHT_PUBLIC_URL"`
	TLSCert   string        `name:"tls-cert" help:"PEM file of the TLS certificate and its chain; read again when it changes." placeholder:"FILE" env:"KEYWRIGHT_TLS_CERT"`
	TLSKey    string        `name:"tls-key" help:"PEM file of its private key." placeholder:"FILE" env:"KEYWRIGHT_TLS_KEY"`

	MasterKeyFile string `help:"File with the master key. Default: KEYWRIGHT_MASTER_KEY, or master.key in the data directory, made at the first start." placeholder:"FILE" env:"KEYWRIGHT_MASTER_KEY_FILE"`
	AdminEmail    string `help:"E-mail address of the first user. Its password is KEYWRIGHT_ADMIN_PASSWORD, or generated and printed once." default:"admin@localhost" env:"KEYWRIGHT_ADMIN_EMAIL"`

	Prefix       string         `help:"How API keys of this instance begin." default:"kw" env:"KEYWRIGHT_PREFIX"`
	AccessTTL    time.Duration  `name:"access-ttl" help:"Life of an access token." default:"5m" env:"KEYWRIGHT_ACCESS_TTL"`
	TrustedProxy []netip.Prefix `help:"Network of proxies whose X-Forwarded-For is believed; repeatable." placeholder:"CIDR" env:"KEYWRIGHT_TRUSTED_PROXY"`

	Dialects      []string     `help:"Other people's token APIs to speak at their own paths: devo, meerschaum, meshstack, neuroio; 'none' for none. Default: all." placeholder:"NAME" env:"KEYWRIGHT_DIALECTS"`
	Gateways      gatewaysFile `help:"JSON file with the rules of gateways, see docs/gateways.md." placeholder:"FILE" env:"KEYWRIGHT_GATEWAYS"`
	Metrics       string       `help:"Address at which Prometheus finds /metrics, without TLS and for everybody who reaches it, so best 127.0.0.1:9090. Default: none." placeholder:"HOST:PORT" env:"KEYWRIGHT_METRICS"`
	SPOE          string       `name:"spoe" help:"Address to listen at for HAProxy, which asks by a protocol of its own, see docs/gateways.md. Default: none." placeholder:"HOST:PORT" env:"KEYWRIGHT_SPOE"`
	ExtAuthz      string       `help:"Address to listen at for Envoy, which asks by gRPC, see docs/gateways.md. Default: none." placeholder:"HOST:PORT" env:"KEYWRIGHT_EXT_AUTHZ"`
	SSO           ssoFlags     `embed:"" prefix:"sso-"`
	PasswordLogin bool         `help:"Let people sign in by password. Without it, only by single sign-on." default:"true" negatable:"" env:"KEYWRIGHT_PASSWORD_LOGIN"`

	SMTPURL          string `name:"smtp-url" help:"Mail server by which owners are told what is about to happen: smtps://USER@HOST:PORT, or smtp:// with STARTTLS." placeholder:"URL" env:"KEYWRIGHT_SMTP_URL"`
	SMTPFrom         string `name:"smtp-from" help:"Sender of these letters." placeholder:"ADDRESS" env:"KEYWRIGHT_SMTP_FROM"`
	SMTPPasswordFile string `name:"smtp-password-file" help:"File with the password for the mail server. Default: KEYWRIGHT_SMTP_PASSWORD." placeholder:"FILE" env:"KEYWRIGHT_SMTP_PASSWORD_FILE"`

	DrainDelay time.Duration `help:"How long requests are still taken after the server was told to stop, while /readyz says so, for load balancers to notice. Only if /readyz was asked in the last minute." default:"5s" env:"KEYWRIGHT_DRAIN_DELAY"`

	WebhookNetwork []netip.Prefix `help:"Network that webhooks may go to although it is not public, also by http; repeatable." placeholder:"CIDR" env:"KEYWRIGHT_WEBHOOK_NETWORK"`

	LogFormat string `help:"text or json." enum:"text,json" default:"text" env:"KEYWRIGHT_LOG_FORMAT"`
	LogLevel  string `help:"debug, info, warn or error. One line a request is written at info." enum:"debug,info,warn,error" default:"info" env:"KEYWRIGHT_LOG_LEVEL"`
}

// ssoFlags are the settings of single sign-on.
type ssoFlags struct {
	Issuer           string   `help:"Provider of OpenID Connect through which people sign in, as it writes itself." placeholder:"URL" env:"KEYWRIGHT_SSO_ISSUER"`
	ClientID         string   `help:"Client id of this instance at the provider. Its secret is KEYWRIGHT_SSO_CLIENT_SECRET, or lies in a file." placeholder:"ID" env:"KEYWRIGHT_SSO_CLIENT_ID"`
	ClientSecretFile string   `help:"File with the client's secret." placeholder:"FILE" env:"KEYWRIGHT_SSO_CLIENT_SECRET_FILE"`
	Scope            []string `help:"Scope to ask the provider for; repeatable. Default: openid, profile, email." env:"KEYWRIGHT_SSO_SCOPE"`
	GroupsClaim      string   `help:"Claim that names the groups of a person." placeholder:"NAME" default:"groups" env:"KEYWRIGHT_SSO_GROUPS_CLAIM"`
	Role             []string `help:"Role that a group gives: GROUP=operator, GROUP=ROLE@ACCOUNT or GROUP=ROLE@ACCOUNT/SPACE; repeatable, or divided by semicolons." placeholder:"GROUP=ROLE" sep:";" env:"KEYWRIGHT_SSO_ROLE"`
	Create           bool     `help:"Make users of people whose groups give a role." default:"true" negatable:"" env:"KEYWRIGHT_SSO_CREATE"`
}

func (c *serveCmd) singleSignOn() server.SSO {
	return server.SSO{
		Issuer:           c.SSO.Issuer,
		ClientID:         c.SSO.ClientID,
		ClientSecret:     takeFromEnvironment("KEYWRIGHT_SSO_CLIENT_SECRET"),
		ClientSecretFile: c.SSO.ClientSecretFile,
		Scopes:           c.SSO.Scope,
		GroupsClaim:      c.SSO.GroupsClaim,
		Roles:            c.SSO.Role,
		KnownOnly:        !c.SSO.Create,
		NoPasswords:      !c.PasswordLogin,
	}
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, std stdio) error {
	collectLess()
	log := newServerLog(std.Err, c.LogFormat, c.LogLevel)
	defer log.flush()
	database, err := databaseURL("--database", c.Database)
	if err != nil {
		return err
	}
	config := c.config(log.Logger)
	config.Database = database
	s, err := server.Open(ctx, config)
	if err != nil {
		return err
	}
	c.greet(std, s.Opened)
	c.warn(log.Logger, s)
	return errors.Join(s.Serve(ctx), s.Close())
}

// collectLess has the garbage collector run a quarter as often unless GOGC says
// otherwise: what a server keeps is small, and at Go's default it would collect after every few
// megabytes, which took a quarter of all verifications a second.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

func (c *serveCmd) config(log *slog.Logger) server.Config {
	return server.Config{
		Data:             c.Data,
		Lease:            c.Lease,
		Listen:           c.Listen,
		PublicURL:        c.PublicURL,
		TLSCert:          c.TLSCert,
		TLSKey:           c.TLSKey,
		MasterKey:        takeFromEnvironment("KEYWRIGHT_MASTER_KEY"),
		MasterKeyFile:    c.MasterKeyFile,
		AdminEmail:       c.AdminEmail,
		AdminPassword:    takeFromEnvironment("KEYWRIGHT_ADMIN_PASSWORD"),
		Prefix:           c.Prefix,
		AccessTTL:        c.AccessTTL,
		TrustedProxies:   c.TrustedProxy,
		SSO:              c.singleSignOn(),
		Dialects:         c.Dialects,
		Gateways:         c.Gateways.rules,
		Metrics:          c.Metrics,
		SPOE:             c.SPOE,
		ExtAuthz:         c.ExtAuthz,
		DrainDelay:       c.DrainDelay,
		WebhookNetworks:  c.WebhookNetwork,
		SMTPURL:          c.SMTPURL,
		SMTPFrom:         c.SMTPFrom,
		SMTPPassword:     takeFromEnvironment("KEYWRIGHT_SMTP_PASSWORD"),
		SMTPPasswordFile: c.SMTPPasswordFile,
		Version:          version(),
		Log:              log,
	}
}

// takeFromEnvironment reads a secret and removes it, so that no process started
// from here inherits it and nothing that prints the environment shows it.
func takeFromEnvironment(name string) keywright.Secret {
	value := os.Getenv(name)
	_ = os.Unsetenv(name)
	return keywright.NewSecret(value)
}

// greet tells the person who started it where everything is; at a first start, the
// password too, which is kept nowhere.
func (c *serveCmd) greet(std stdio, opened server.Opened) {
	if !opened.FirstStart.Created {
		fmt.Fprintf(std.Out, "Keywright is ready at %s (data in %s)\n", opened.URL, cmp.Or(opened.Database, opened.Data))
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Keywright is ready at %s\n\n", opened.URL)
	fmt.Fprintf(&b, "  Data        %s\n", opened.Data)
	if opened.Database != "" {
		fmt.Fprintf(&b, "  Database    %s\n", opened.Database)
	}
	if opened.MasterKeyFile != "" {
		fmt.Fprintf(&b, "  Master key  %s\n              Back it up apart from the data: one is of no use without the other.\n", opened.MasterKeyFile)
	}
	fmt.Fprintf(&b, "  Username    %s\n", opened.FirstStart.Username)
	if password := opened.FirstStart.Generated.Reveal(); password != "" {
		fmt.Fprintf(&b, "  Password    %s\n              It is shown this once.\n", password)
	} else {
		fmt.Fprintf(&b, "  Password    as given by KEYWRIGHT_ADMIN_PASSWORD\n")
	}
	program := programName()
	fmt.Fprintf(&b, "\nNext, in another terminal:\n\n  %s login --url %s --username %s\n  %s token create --label first --scope invoices:read\n\n",
		program, opened.URL, opened.FirstStart.Username, program)
	_, _ = fmt.Fprint(std.Out, b.String())
}

// programName is what to type to run this program again as it was run now.
func programName() string {
	if path, err := os.Executable(); err == nil && strings.Contains(path, "go-build") {
		return "go run ./cmd/keywright"
	}
	return "keywright"
}

// warn says what is open to others and should not be.
func (c *serveCmd) warn(log *slog.Logger, s *server.Server) {
	address, err := netip.ParseAddrPort(s.Addr().String())
	if err == nil && address.Addr().IsLoopback() || strings.HasPrefix(s.Opened.URL, "https://") {
		return
	}
	log.Warn("listening for other machines without TLS: keys and passwords travel in clear; give --tls-cert and --tls-key, "+
		"or put a proxy with TLS before it and say so with --public-url https://…", "address", s.Addr().String())
}
