package keywright_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

var update = flag.Bool("update", false, "write testdata/vectors.json from the tables")

const vectorsFile = "testdata/vectors.json"

// vectors is testdata/vectors.json: what an SDK in another language must agree with. The
// tables of the tests are written to it (go test -run TestVectors -update), and
// TestVectors reads it back and holds the package to it.
type vectors struct {
	About       []string           `json:"about"`
	Keys        []keyVector        `json:"keys"`
	Pairs       []pairVector       `json:"id_secret_pairs"`
	Scopes      []scopeVector      `json:"scopes"`
	Containment []containmentEntry `json:"containment"`
	Decisions   []decisionVector   `json:"decisions"`
}

func about() []string {
	return []string{
		"Test vectors of Keywright for implementations in other languages. All secrets here are made up.",
		"keys: parse 'presented' for an instance with 'prefix'. 'form' is what it is read as; null: it is malformed. For an api_key and a session, 'id' and 'secret' are its parts; otherwise the secret is the whole string.",
		"id_secret_pairs: a client id and client secret presented apart, as in HTTP Basic; 'ok' says whether they are well formed.",
		"scopes: parse 'scope'. 'position' is the first byte that is wrong, from 0; null: the scope is well formed.",
		"containment: whether everything that 'inner' covers is covered by 'outer'. If inner has no wildcard, this is whether outer covers it.",
		"decisions: the verdict on an attempt ('access') with a token of which 'facts' is on file, at the instant 'now', after the secret was proved. The first refusal wins. An absent member is empty, zero or false. Of 'policy_limits' each holds by itself, and an empty member of one does not limit.",
	}
}

type scopeVector struct {
	Scope    string `json:"scope"`
	Position *int   `json:"position"`
}

type containmentEntry struct {
	Outer    string `json:"outer"`
	Inner    string `json:"inner"`
	Contains bool   `json:"contains"`
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	data, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var v vectors
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func written(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(vectors{about(), keyVectors(), pairVectors(), scopeVectors(), containmentVectors(), decisionVectors()})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestVectors(t *testing.T) {
	if *update {
		if err := os.WriteFile(vectorsFile, written(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	onFile, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(onFile, written(t)) {
		t.Errorf("%s is not what the tables say: go test -run TestVectors -update, and look at the difference", vectorsFile)
	}
	v := readVectors(t)
	for _, row := range v.Keys {
		row.check(t)
	}
	for _, row := range v.Pairs {
		row.check(t)
	}
	for _, row := range v.Scopes {
		if _, err := keywright.ParseScope(row.Scope); (err == nil) != (row.Position == nil) {
			t.Errorf("scope %q: %v", row.Scope, err)
		}
	}
	for _, row := range v.Containment {
		if got := scope(t, row.Outer).Contains(scope(t, row.Inner)); got != row.Contains {
			t.Errorf("%s contains %s: %t", row.Outer, row.Inner, got)
		}
	}
	for _, row := range v.Decisions {
		row.check(t)
	}
}

// decisionVector is one row of the table of Decide.
type decisionVector struct {
	Name    string           `json:"name"`
	Facts   factsVector      `json:"facts"`
	Access  accessVector     `json:"access"`
	Now     time.Time        `json:"now"`
	Reason  keywright.Reason `json:"reason"`
	Missing string           `json:"missing,omitempty"`
}

type factsVector struct {
	ID          keywright.ID   `json:"id"`
	Kind        keywright.Kind `json:"kind,omitempty"`
	Account     string         `json:"account,omitempty"`
	Space       string         `json:"space,omitempty"`
	Scopes      []string       `json:"scopes,omitempty"`
	Audience    []string       `json:"audience,omitempty"`
	Networks    []netip.Prefix `json:"networks,omitempty"`
	NotBefore   time.Time      `json:"not_before,omitzero"`
	ExpiresAt   time.Time      `json:"expires_at,omitzero"`
	RenewedAt   time.Time      `json:"renewed_at,omitzero"`
	DisabledAt  time.Time      `json:"disabled_at,omitzero"`
	RevokedAt   time.Time      `json:"revoked_at,omitzero"`
	Open        bool           `json:"tenant_open"`
	MaxLifetime int64          `json:"max_lifetime_seconds,omitempty"`
	LastUsedAt  time.Time      `json:"last_used_at,omitzero"`
	MaxUnused   int64          `json:"max_unused_seconds,omitempty"`
	Limits      []limitVector  `json:"policy_limits,omitempty"`
}

type limitVector struct {
	Scopes   []string       `json:"scopes,omitempty"`
	Audience []string       `json:"audience,omitempty"`
	Networks []netip.Prefix `json:"networks,omitempty"`
}

type accessVector struct {
	Scopes     []string     `json:"scopes,omitempty"`
	Audience   string       `json:"audience,omitempty"`
	Account    string       `json:"account,omitempty"`
	Space      string       `json:"space,omitempty"`
	Address    string       `json:"address,omitempty"`
	Management bool         `json:"management,omitempty"`
	Bound      *boundVector `json:"access_token,omitempty"`
}

type boundVector struct {
	Scopes    []string  `json:"scopes,omitempty"`
	Audience  []string  `json:"audience,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Revoked   bool      `json:"revoked,omitempty"`
}

func (f factsVector) facts(t testing.TB) keywright.Facts {
	tenant := keywright.Tenant{
		Open: f.Open, MaxLifetime: time.Duration(f.MaxLifetime) * time.Second, MaxUnused: time.Duration(f.MaxUnused) * time.Second,
	}
	for _, l := range f.Limits {
		tenant.Limits = append(tenant.Limits, keywright.Limit{Scopes: scopes(t, l.Scopes...), Audience: l.Audience, Networks: l.Networks})
	}
	return keywright.Facts{
		ID: f.ID, Kind: f.Kind, Account: f.Account, Space: f.Space,
		Scopes: scopes(t, f.Scopes...), Audience: f.Audience, Networks: f.Networks,
		NotBefore: f.NotBefore, ExpiresAt: f.ExpiresAt, RenewedAt: f.RenewedAt,
		DisabledAt: f.DisabledAt, RevokedAt: f.RevokedAt, LastUsedAt: f.LastUsedAt, Tenant: tenant,
	}
}

func (a accessVector) access(t testing.TB) keywright.Access {
	access := keywright.Access{
		Scopes: scopes(t, a.Scopes...), Audience: a.Audience, Account: a.Account, Space: a.Space, Management: a.Management,
	}
	if a.Address != "" {
		access.Address = netip.MustParseAddr(a.Address)
	}
	if b := a.Bound; b != nil {
		access.Bound = &keywright.Bound{
			Scopes: scopes(t, b.Scopes...), Audience: b.Audience, ExpiresAt: b.ExpiresAt, Revoked: b.Revoked,
		}
	}
	return access
}

func (v decisionVector) check(t testing.TB) {
	t.Helper()
	got := keywright.Decide(v.Facts.facts(t), v.Access.access(t), v.Now)
	if got.Reason != v.Reason || got.Missing.String() != v.Missing || got.Allowed() != (v.Reason == keywright.Allowed) {
		t.Errorf("%s: %s (missing %q), want %s (missing %q)", v.Name, got.Reason, got.Missing, v.Reason, v.Missing)
	}
}

func at(pos int) *int { return &pos }

// scopeVectors lists scopes with the position at which they are wrong, or nil.
func scopeVectors() []scopeVector {
	repeat := func(n int, s string) string { return string(bytes.Repeat([]byte(s), n)) }
	rows := []scopeVector{
		{"", at(0)},
		{":", at(0)},
		{"a:", at(2)},
		{":a", at(0)},
		{"a::b", at(2)},
		{"a b", at(1)},
		{"a/b", at(1)},
		{"a\x00", at(1)},
		{"a\n", at(1)},
		{"é", at(0)},
		{"a:\xff", at(2)},
		{"my*", at(2)},
		{"*my", at(0)},
		{"a:***", at(2)},
		{"a:b*:c", at(3)},
		{`a"b`, at(1)},
		{`a\b`, at(1)},
		{"table://", at(8)},
		{"table://a.", at(10)},
		{"table://.a", at(8)},
		{"table://a..b", at(10)},
		{"table://a./b", at(10)},
		{"table://a:b", at(9)},
		{"table://my*.a", at(10)},
		{"table://a?b", at(9)},
		{"Table://a", at(0)},
		{"1t://a", at(0)},
		{"*://a", at(0)},
		{"t*://a", at(1)},
		{"://a", at(0)},
		{"a:b://c", at(1)},
		{"table:/a", at(6)},
		{"table://a://b", at(9)},
		{repeat(255, "a") + "a", at(255)},
		{repeat(32, "a:") + "a", at(64)},
	}
	for _, s := range []string{
		"a", "invoices:read", "APIKEY_SAVE", "a.b:c~d:e@f:g+h:i-j:k_l", "0", "*", "**", "*:*", "**:**", "a:*:b:**",
		"keywright:tokens:read", "keywright", "table://my.app.test", "table://my/app.test", "table://*.**", "level://admin",
		"a+b.c-d1://x", "table://a@b~c+d-e_f", "t://**", repeat(255, "a"), repeat(31, "a:") + "a",
	} {
		rows = append(rows, scopeVector{s, nil})
	}
	return rows
}

func containmentVectors() []containmentEntry {
	return []containmentEntry{
		{"invoices:read", "invoices:read", true},
		{"invoices:read", "invoices:write", false},
		{"invoices:read", "Invoices:read", false},
		{"invoices:read", "invoices", false},
		{"invoices", "invoices:read", false},
		{"invoices:*", "invoices:read", true},
		{"invoices:*", "invoices", false},
		{"invoices:*", "invoices:read:all", false},
		{"invoices:**", "invoices:read:all", true},
		{"invoices:**", "invoices", true},
		{"invoices:**", "invoices:**", true},
		{"invoices:**", "invoices:*:**", true},
		{"invoices:*:**", "invoices:**", false},
		{"invoices:*", "invoices:**", false},
		{"**:read", "invoices:read", true},
		{"**:read", "read", true},
		{"**:a:**:b", "x:a:b:a:y:b", true},
		{"**:a:**:b", "x:b:y:a", false},
		{"**:**", "**:a", true},
		{"*:*", "a:*", true},
		{"a:*", "*:*", false},
		{"table://*.**", "table://my.app.*", true},
		{"table://*.**", "table://**", true},
		{"table://my.*", "table://my.app", true},
		{"table://my.*", "table://my.app.test", false},
		{"table://my.**", "table://*.**", false},
		{"table://my.app.**", "table://my.app", true},
		{"table://my.app.**", "table://my.app.test.deep", true},
		{"table://my.app.**", "table://my.app/x", true},
		{"table://my.app.**", "table://my.apple", false},
		{"table://my.app.*", "table://my.app/x", false},
		{"table://my.app.*", "table://my.app.**", false},
		{"table://**.b", "table://b", true},
		{"table://**.b", "table://a.b", true},
		{"table://**.b", "table://a/b", false},
		{"table://**", "level://admin", false},
		{"table://**", "table", false},
		{"table://**", "table:a", false},
		{"table:**", "table://a", false},
		{"*", "a", true},
		{"*", "a:b:c", true},
		{"*", "table://a.**", true},
		{"*", "**", true},
		{"**", "*", true},
		{"**", "table://a.b", true},
		{"**:**", "*", false},
		{"**:**", "table://a", false},
		{"a:**", "*", false},
		{"*", "keywright:tokens:read", false},
		{"*", "keywright", false},
		{"**", "keywright:**", false},
		{"*:tokens:read", "keywright:tokens:read", false},
		{"**:read", "keywright:tokens:read", false},
		{"keywright:**", "keywright:tokens:read", true},
		{"keywright:tokens:*", "keywright:tokens:read", true},
		{"keywright:tokens:*", "keywright:spaces:read", false},
		{"keywright:*:read", "keywright:tokens:read", true},
		{"keywright:**", "keywright", true},
		{"keywright:**", "invoices:read", false},
		{"keywright:**", "*", false},
		{"*", "keywright://x", true},
		{"*", "keywrights:x", true},
		{"*:**:keywright", "**:keywright", true}, // keywright alone is reserved, so **:keywright does not cover it
		{"*:*:**:keywright", "**:keywright", false},
	}
}

func TestVectorsHaveEveryReason(t *testing.T) {
	t.Parallel()
	for reason := keywright.Undecided; reason <= keywright.InsufficientScope; reason++ {
		named := slices.ContainsFunc(decisionVectors(), func(v decisionVector) bool { return v.Reason == reason })
		if !named && reason != keywright.Unproved { // the one that comes before Decide
			t.Errorf("no decision ends in %s", reason)
		}
	}
}
