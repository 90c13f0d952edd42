package rest

// The document is the API: every route is in it and it has no other, and its
// operations say all that a client's author must know.

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/libopenapi"

	"github.com/keywright/keywright/internal/authority"
)

// document is as much of an OpenAPI document as the tests look at.
type document struct {
	OpenAPI    string                                `json:"openapi"`
	Paths      map[string]map[string]documentedRoute `json:"paths"`
	Components struct {
		Schemas map[string]documentedSchema `json:"schemas"`
	} `json:"components"`
}

type documentedRoute struct {
	OperationID string                     `json:"operationId"`
	Summary     string                     `json:"summary"`
	Description string                     `json:"description"`
	Tags        []string                   `json:"tags"`
	Security    *[]map[string][]string     `json:"security"`
	Responses   map[string]json.RawMessage `json:"responses"`
	RequestBody json.RawMessage            `json:"requestBody"`
	Parameters  []struct{ Name, In, Description string }
}

type documentedSchema struct {
	AdditionalProperties any                       `json:"additionalProperties"`
	Properties           map[string]map[string]any `json:"properties"`
}

func readDocument(t *testing.T) (document, []byte) {
	t.Helper()
	text, err := (&API{Authority: new(authority.Authority), Version: "1.2.3", BaseURL: "https://keys.example.com"}).Document()
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d, text
}

func TestDocumentIsOpenAPI(t *testing.T) {
	t.Parallel()
	d, text := readDocument(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q", d.OpenAPI)
	}
	parsed, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.BuildV3Model(); err != nil {
		t.Error(err)
	}
	v, err := checker()
	if err != nil {
		t.Fatal(err)
	}
	if ok, errs := v.ValidateDocument(); !ok {
		t.Error(errs)
	}
}

func TestDocumentHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	d, _ := readDocument(t)
	var documented []string
	for path, methods := range d.Paths {
		for method := range methods {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	routed := newSpoke(&API{Authority: new(authority.Authority)}).routes
	slices.Sort(documented)
	slices.Sort(routed)
	if diff := cmp.Diff(documented, routed); diff != "" {
		t.Errorf("documented against routed:\n%s", diff)
	}
}

func TestDocumentLint(t *testing.T) {
	t.Parallel()
	d, _ := readDocument(t)
	ids := map[string]string{}
	for path, methods := range d.Paths {
		for method, op := range methods {
			name := method + " " + path
			if other, taken := ids[op.OperationID]; taken || op.OperationID == "" {
				t.Errorf("%s: operationId %q, as %s", name, op.OperationID, other)
			}
			ids[op.OperationID] = name
			lintRoute(t, name, op)
		}
	}
}

func lintRoute(t *testing.T, name string, op documentedRoute) {
	if op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
		t.Errorf("%s: summary %q, description %q, tags %q", name, op.Summary, op.Description, op.Tags)
	}
	open := slices.Contains([]string{"login", "getLogin", "loginBySSO", "acceptInvitation", "getDocument", "getAuditKey"}, op.OperationID)
	if (op.Security != nil && len(*op.Security) == 0) != open {
		t.Errorf("%s: security %v", name, op.Security)
	}
	want := []string{"400", "401", "429", "503"}
	if !open {
		want = append(want, "403")
	}
	if op.RequestBody != nil {
		want = append(want, "413", "415", "422")
	}
	for _, p := range op.Parameters {
		if p.Description == "" {
			t.Errorf("%s: parameter %s is not described", name, p.Name)
		}
		if p.Name != "Prefer" { // what is not understood of it is passed over
			want = append(want, map[string]string{"path": "404", "query": "422", "header": "422"}[p.In])
		}
	}
	for _, status := range want {
		if !strings.Contains(string(op.Responses[status]), "application/problem+json") {
			t.Errorf("%s: does not document the refusal %s", name, status)
		}
	}
}

// TestDocumentNull: only these members are ever null, all of them in answers; a
// request has none, and every object says all its members.
func TestDocumentNull(t *testing.T) {
	t.Parallel()
	want := []string{
		"Account.closed_at",
		"Created.disabled_at", "Created.expires_at", "Created.last_used_at", "Created.not_before", "Created.parent",
		"Created.revoked_at", "Created.rotating_until", "Delivery.next_at", "Member.disabled_at", "PolicySet.closed_at", "Self.token_id", "Space.closed_at",
		"Token.disabled_at", "Token.expires_at", "Token.last_used_at", "Token.not_before", "Token.parent",
		"Token.revoked_at", "Token.rotating_until", "User.disabled_at", "VerifiedToken.expires_at",
		"Webhook.paused_until", "Webhook.rotating_until",
	}
	d, _ := readDocument(t)
	var got []string
	for name, schema := range d.Components.Schemas {
		if schema.AdditionalProperties != false {
			t.Errorf("%s allows members that it does not name", name)
		}
		for member, s := range schema.Properties {
			if kinds, ok := s["type"].([]any); ok && slices.Contains(kinds, any("null")) {
				got = append(got, name+"."+member)
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members that can be null:\n%s", diff)
	}
}

// TestDocumentEnumerations: what is documented as an enumeration is what the types know.
func TestDocumentEnumerations(t *testing.T) {
	t.Parallel()
	d, _ := readDocument(t)
	for member, want := range map[string][]any{
		"Token.kind":          {"account", "space", "manager"},
		"Token.state":         {"active", "disabled", "expired", "revoked"},
		"Verification.reason": {"undecided", "allowed", "invalid", "revoked", "expired", "not_yet_valid", "disabled", "closed", "wrong_kind", "wrong_tenant", "wrong_audience", "wrong_network", "insufficient_scope"},
	} {
		schema, name, _ := strings.Cut(member, ".")
		if diff := cmp.Diff(any(want), d.Components.Schemas[schema].Properties[name]["enum"]); diff != "" {
			t.Errorf("%s:\n%s", member, diff)
		}
	}
}

// TestUndocumentedMethods: a path answers no method that it does not document.
func TestUndocumentedMethods(t *testing.T) {
	t.Parallel()
	d, _ := readDocument(t)
	s := newSpoke(&API{Authority: new(authority.Authority)})
	methods := []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodTrace, http.MethodHead, http.MethodConnect, "PROPFIND",
	}
	for path, documented := range d.Paths {
		path = strings.NewReplacer("{id}", "x", "{delivery}", "x", "{account}", "x", "{username}", "x", "{space}", "x", "{audience}", "x", "{gateway}", "x").Replace(path)
		for _, method := range methods {
			same := strings.ToLower(method)
			if method == http.MethodHead {
				same = "get"
			}
			if _, ok := documented[same]; ok || path == tokensPath+"/batch" || path == tokensPath+"/bulk" || path == tokensPath+"/import" {
				continue // the last three are ids of no token to the methods of a token
			}
			checkNotAllowed(t, s, method, path, len(documented))
		}
	}
}
