package keywright_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/keywright/keywright"

// importTable says which packages of the module each package may import. What is
// not in it does not belong to the house; a name that ends in /... stands for all below it.
//
//	cmd → server → rest, oauth, gateway, console, dialect/*, webhook, mail → authority → keyring, store → root
func importTable() map[string][]string {
	const (
		root      = "."
		store     = "internal/store"
		keyring   = "internal/keyring"
		authority = "internal/authority"
		presented = "internal/presented"
		gateway   = "internal/gateway"
		dialect   = "internal/dialect"
		webhook   = "internal/webhook"
		auditlog  = "internal/auditlog"
		catalogue = "internal/catalogue"
	)
	return map[string][]string{
		root:                          {},
		store:                         {root},
		keyring:                       {store},
		auditlog:                      {root},
		authority:                     {root, store, keyring, auditlog, catalogue},
		catalogue:                     {root},
		presented:                     {root},
		webhook:                       {authority},
		"internal/mail":               {root, authority},
		"internal/factcache":          {root, store},
		"internal/store/sqlstore":     {root, store, auditlog, "internal/store/sqlstore/..."},
		"internal/store/sqlstore/...": {},
		"internal/store/storetest":    {root, store},
		"internal/store/pgtest":       {},                                                         // for tests only
		"internal/store/teststore":    {root, "internal/store/sqlstore", "internal/store/pgtest"}, // likewise
		"internal/rest":               {root, authority, presented, auditlog},
		"internal/oauth":              {root, authority, presented},
		gateway:                       {root, authority, presented},
		"internal/gateway/...":        {root, gateway, presented}, // proxies that do not ask by HTTP
		dialect:                       {root, authority},
		"internal/dialect/...":        {root, authority, presented, dialect},
		"internal/dialect/wiretest":   {root, "keywrighttest"}, // no part of the program
		"internal/server":             {root, authority, presented, auditlog, keyring, store, "internal/store/sqlstore", "internal/factcache", "internal/rest", "internal/oauth", "internal/sso", gateway, "internal/gateway/...", "internal/console", dialect, "internal/dialect/...", webhook, "internal/mail"},
		"internal/console":            {root, authority, auditlog},
		"internal/console/browser":    {}, // tests alone
		"internal/sso":                {root, authority},
		"internal/sso/ssotest":        {},
		"guard":                       {root},
		"guard/grpcguard":             {root, "guard"},
		"keywrighttest":               {root, "guard", "internal/server"},
		"internal/clustertest":        {}, // tests alone
		"cmd/keywright":               {root, "internal/server", auditlog},
		"internal/bench":              {root, authority, keyring, store, "internal/store/sqlstore", "internal/store/pgtest", "internal/store/storetest", "internal/factcache", "internal/server"}, // no part of the program
	}
}

// kept says which packages from elsewhere only the packages named may import.
func kept() map[string][]string {
	return map[string][]string{
		"net/http":                         {".", "guard", "internal/presented", "internal/rest", "internal/oauth", "internal/sso", "internal/sso/ssotest", "internal/gateway", "internal/gateway/...", "internal/console", "internal/dialect", "internal/dialect/...", "internal/webhook", "internal/server", "keywrighttest", "cmd/keywright", "internal/bench"},
		"net/smtp":                         {"internal/mail"},
		"database/sql":                     {"internal/store/sqlstore", "internal/bench"},
		"modernc.org/sqlite":               {"internal/store/sqlstore", "internal/bench"},
		"github.com/pressly/goose/v3":      {"internal/store/sqlstore"},
		"github.com/jackc/pgx/v5":          {"internal/store/sqlstore", "internal/store/pgtest"},
		"github.com/alecthomas/kong":       {"cmd/keywright"},
		"github.com/danielgtaylor/huma/v2": {"internal/rest"},
		"golang.org/x/mod/sumdb/note":      {"internal/auditlog"},
		"golang.org/x/mod/sumdb/tlog":      {"internal/auditlog"},
		"flag":                             {"internal/bench"},
		"google.golang.org/grpc":           {"internal/gateway/extauthz", "guard/grpcguard", "internal/bench"},

		"github.com/prometheus/client_golang/prometheus":            {"internal/server"},
		"github.com/prometheus/client_golang/prometheus/collectors": {"internal/server"},
		"github.com/prometheus/client_golang/prometheus/promhttp":   {"internal/server"},

		"github.com/envoyproxy/go-control-plane/envoy/service/auth/v3": {"internal/gateway/extauthz", "internal/bench"},

		"github.com/a-h/templ":              {"internal/console"},
		"github.com/a-h/templ/runtime":      {"internal/console"},
		"github.com/coreos/go-oidc/v3/oidc": {"internal/sso"},
		"golang.org/x/oauth2":               {"internal/sso"},
	}
}

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	GoFiles    []string
}

func (p listed) name() string { return inModule(p.ImportPath) }

// inModule is the path below the module; "" for a package from elsewhere.
func inModule(importPath string) string {
	if importPath == module {
		return "."
	}
	name, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return name
}

func goList(t *testing.T, args ...string) io.Reader {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("go list: %s", exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReader(string(out))
}

func packages(t *testing.T) []listed {
	t.Helper()
	var all []listed
	for d := json.NewDecoder(goList(t, "-json=ImportPath,Standard,Imports,GoFiles", "./...")); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// row is the table's entry for a package, which may be that of a folder above it.
func row(table map[string][]string, name string) (allowed []string, ok bool) {
	if allowed, ok = table[name]; ok {
		return allowed, true
	}
	for above := path.Dir(name); above != "."; above = path.Dir(above) {
		if allowed, ok = table[above+"/..."]; ok {
			return allowed, true
		}
	}
	return nil, false
}

func admitted(allowed []string, name string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		below, folder := strings.CutSuffix(a, "...")
		return a == name || folder && strings.HasPrefix(name, below)
	})
}

func TestImportTable(t *testing.T) {
	t.Parallel()
	table := importTable()
	for _, p := range packages(t) {
		allowed, ok := row(table, p.name())
		if !ok {
			t.Errorf("%s is not in the import table", p.name())
			continue
		}
		for _, imported := range p.Imports {
			if name := inModule(imported); name != "" && !admitted(allowed, name) {
				t.Errorf("%s imports %s, which the import table does not allow", p.name(), name)
			}
			if users, ok := kept()[imported]; ok && !admitted(users, p.name()) {
				t.Errorf("%s imports %s, which is kept to %v", p.name(), imported, users)
			}
		}
	}
}

// The root package and guard link nothing but the standard library, and of the root package only client.go knows HTTP.
func TestRootImports(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".", "./guard"} {
		linksStandardLibrary(t, name)
	}
	for _, p := range packages(t) {
		if p.name() != "." {
			continue
		}
		for _, file := range p.GoFiles {
			if imports := fileImports(t, file); slices.Contains(imports, "net/http") && file != "client.go" {
				t.Errorf("%s imports net/http", file)
			}
		}
	}
}

// linksStandardLibrary checks that a package, and what it imports, is of this module's public part or of the standard library.
func linksStandardLibrary(t *testing.T, name string) {
	t.Helper()
	n := 0
	for d := json.NewDecoder(goList(t, "-deps", "-json=ImportPath,Standard", name)); ; n++ {
		var p listed
		if err := d.Decode(&p); err != nil {
			break
		}
		if !p.Standard && p.ImportPath != module && p.ImportPath != module+"/guard" {
			t.Errorf("%s links %s", name, p.ImportPath)
		}
	}
	if n < 2 {
		t.Fatalf("go list names %d packages", n)
	}
}

// modernc.org/sqlite is made for exactly one version of modernc.org/libc.
func TestPinnedLibc(t *testing.T) {
	t.Parallel()
	out, err := io.ReadAll(goList(t, "-m", "modernc.org/libc"))
	if got := strings.TrimSpace(string(out)); err != nil || got != "modernc.org/libc v1.77.1" {
		t.Errorf("%s, %v; want v1.77.1, which modernc.org/sqlite v1.60.1 names in its go.mod", got, err)
	}
}

func fileImports(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, spec := range parsed.Imports {
		imports = append(imports, strings.Trim(spec.Path.Value, `"`))
	}
	return imports
}
