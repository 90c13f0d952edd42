package main

// Flags win over the environment, the environment over the file, the file over what is
// built in; and what nobody has defined is refused rather than not set.

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

func parseServe(t *testing.T, args ...string) (serveCmd, error) {
	t.Helper()
	var commands struct {
		Serve serveCmd `cmd:""`
		Other struct {
			Label string
		} `cmd:""`
	}
	parser, err := kong.New(&commands, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) { t.Error("exited") }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append([]string{"serve"}, args...))
	return commands.Serve, err
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keywright.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	for name, tt := range map[string]struct {
		file, env, flag string
		want            string
	}{
		"nothing":              {want: "127.0.0.1:8080"},
		"file":                 {file: "file:1", want: "file:1"},
		"environment":          {env: "env:1", want: "env:1"},
		"flag":                 {flag: "flag:1", want: "flag:1"},
		"environment, file":    {file: "file:1", env: "env:1", want: "env:1"},
		"flag, file":           {file: "file:1", flag: "flag:1", want: "flag:1"},
		"flag, environment":    {env: "env:1", flag: "flag:1", want: "flag:1"},
		"all":                  {file: "file:1", env: "env:1", flag: "flag:1", want: "flag:1"},
		"flag as the built in": {file: "file:1", env: "env:1", flag: "127.0.0.1:8080", want: "127.0.0.1:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			var args []string
			if tt.file != "" {
				args = append(args, "--config", writeConfig(t, `listen = "`+tt.file+`"`))
			}
			if tt.env != "" {
				t.Setenv("KEYWRIGHT_LISTEN", tt.env)
			}
			if tt.flag != "" {
				args = append(args, "--listen", tt.flag)
			}
			got, err := parseServe(t, args...)
			if err != nil || got.Listen != tt.want {
				t.Errorf("%q, %v; want %q", got.Listen, err, tt.want)
			}
		})
	}
}

func TestConfigFile(t *testing.T) {
	t.Setenv("KEYWRIGHT_CONFIG", writeConfig(t, `
		data = "/var/lib/keywright"
		public-url = "https://keys.example.com"
		tls-cert = "cert.pem"
		access-ttl = "90s"
		trusted-proxy = ["10.0.0.0/8", "fd00::/8"]
		log-format = "json"
		dialects = ["devo", "meshstack"]
		sso-role = ["cn=a,dc=b=operator", "a;b=admin@acme"]
		sso-create = false
	`))
	got, err := parseServe(t)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"cn=a,dc=b=operator", "a;b=admin@acme"}; !slices.Equal(got.SSO.Role, want) || got.SSO.Create || !got.PasswordLogin {
		t.Errorf("%+v", got.SSO)
	}
	if got.Data != "/var/lib/keywright" || got.PublicURL != "https://keys.example.com" || got.TLSCert != "cert.pem" ||
		got.AccessTTL != 90*time.Second || len(got.TrustedProxy) != 2 || got.LogFormat != "json" || len(got.Dialects) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestDialectsByFlagAndEnvironment(t *testing.T) {
	t.Setenv("KEYWRIGHT_DIALECTS", "devo,meshstack")
	if got, err := parseServe(t); err != nil || !slices.Equal(got.Dialects, []string{"devo", "meshstack"}) {
		t.Errorf("%q, %v", got.Dialects, err)
	}
	if got, err := parseServe(t, "--dialects", "none"); err != nil || !slices.Equal(got.Dialects, []string{"none"}) {
		t.Errorf("%q, %v", got.Dialects, err)
	}
}

// Names of groups have commas in them, so the environment divides roles otherwise.
func TestRolesFromTheEnvironment(t *testing.T) {
	t.Setenv("KEYWRIGHT_SSO_ROLE", `cn=a,dc=b=operator;c\;d=admin@acme`)
	got, err := parseServe(t, "--no-password-login")
	if want := []string{"cn=a,dc=b=operator", "c;d=admin@acme"}; err != nil || !slices.Equal(got.SSO.Role, want) || got.PasswordLogin {
		t.Errorf("%q, %v", got.SSO.Role, err)
	}
}

func TestConfigRefused(t *testing.T) {
	for name, tt := range map[string]struct{ text, says string }{
		"misspelt":           {`listn = "x:1"`, "listn"},
		"of another command": {`label = "x"`, "label"},
		"a secret":           {`admin-password = "hunter2hunter2"`, "admin-password"},
		"not TOML":           {`listen`, "configuration"},
		"wrong type":         {`access-ttl = "soon"`, "access-ttl"},
		"not of the enum":    {`log-format = "xml"`, "log-format"},
		"not a network":      {`trusted-proxy = ["anywhere"]`, "trusted-proxy"},
		"in another table":   {"[server]\nlisten = \"x:1\"", "server-listen"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseServe(t, "--config", writeConfig(t, tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v; want %q", err, tt.says)
			}
		})
	}
	if _, err := parseServe(t, "--config", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is taken for an empty one")
	}
}

// No flag takes a secret: every process on the machine can read it there.
func TestSecretsAreNoFlags(t *testing.T) {
	for _, flag := range []string{"--master-key", "--admin-password", "--sso-client-secret"} {
		if _, err := parseServe(t, flag, "x"); err == nil {
			t.Errorf("%s is taken", flag)
		}
	}
}

func TestSecretsLeaveTheEnvironment(t *testing.T) {
	t.Setenv("KEYWRIGHT_MASTER_KEY", "one")
	t.Setenv("KEYWRIGHT_ADMIN_PASSWORD", "two")
	t.Setenv("KEYWRIGHT_SSO_CLIENT_SECRET", "three")
	cfg := (&serveCmd{}).config(slog.New(slog.DiscardHandler))
	if cfg.MasterKey.Reveal() != "one" || cfg.AdminPassword.Reveal() != "two" || cfg.SSO.ClientSecret.Reveal() != "three" {
		t.Error("not read")
	}
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		if slices.Contains([]string{"KEYWRIGHT_MASTER_KEY", "KEYWRIGHT_ADMIN_PASSWORD", "KEYWRIGHT_SSO_CLIENT_SECRET"}, name) {
			t.Error("still there for whoever prints the environment")
		}
	}
}

func TestLogWarnsAtOnce(t *testing.T) {
	var out strings.Builder
	log := newServerLog(&out, "json", "info")
	log.Debug("debug")
	log.Info("info")
	if out.Len() != 0 {
		t.Errorf("written before it was due: %s", out.String())
	}
	log.With("a", 1).WithGroup("g").Warn("warning")
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("%d lines after a warning: %s", got, out.String())
	}
	log.Info("last")
	log.flush()
	if !strings.Contains(out.String(), "last") || strings.Contains(out.String(), "debug") {
		t.Errorf("%s", out.String())
	}
}
