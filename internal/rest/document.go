package rest

import (
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright"
)

const introduction = `Keywright issues API tokens, verifies them and revokes them everywhere before the call returns.

Requests and answers are JSON. Names of members are spelt exactly; unknown, repeated and null members are refused by
name. A refusal is a problem (RFC 9457) whose code says the cause and whose problems name the members. Lists come in
pages: pass next as cursor to get the one after. Times are RFC 3339 in UTC.`

const schemaPrefix = "#/components/schemas/"

// newDocument is the document before any operation.
func newDocument(a *API) *huma.OpenAPI {
	schemas := huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[keywright.ID](), reflect.TypeFor[idSchema]())
	schemas.RegisterTypeAlias(reflect.TypeFor[keywright.Kind](), reflect.TypeFor[kindSchema]())
	schemas.RegisterTypeAlias(reflect.TypeFor[keywright.State](), reflect.TypeFor[stateSchema]())
	schemas.RegisterTypeAlias(reflect.TypeFor[keywright.Reason](), reflect.TypeFor[reasonSchema]())
	schemas.RegisterTypeAlias(reflect.TypeFor[netip.Prefix](), reflect.TypeFor[networkSchema]())
	d := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Keywright", Version: a.Version, Description: introduction,
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{Schemas: schemas, SecuritySchemes: map[string]*huma.SecurityScheme{
			"bearer": {Type: "http", Scheme: "bearer", Description: "An API key, an access token, or a person's session from /api/v1/login"},
			"basic":  {Type: "http", Scheme: "basic", Description: "A client id and client secret, both form-encoded (RFC 6749 section 2.3.1)"},
		}},
		Security: []map[string][]string{{"bearer": {}}, {"basic": {}}},
		Tags: []*huma.Tag{
			{Name: "tokens", Description: "The life of a token"},
			{Name: "verify", Description: "May this pass?"},
			{Name: "accounts", Description: "Accounts, their policy and their spaces"},
			{Name: "audiences", Description: "The APIs that an account's tokens are for, and the scopes they know"},
			{Name: "people", Description: "Sessions, users and their roles"},
			{Name: "usage", Description: "How tokens were used"},
			{Name: "audit", Description: "What happened"},
			{Name: "webhooks", Description: "What happens, sent to you as Standard Webhooks has it"},
			{Name: "nodes", Description: "Who answers"},
			{Name: "document", Description: "This document"},
		},
	}
	if a.BaseURL != "" {
		d.Servers = []*huma.Server{{URL: strings.TrimSuffix(a.BaseURL, "/")}}
	}
	return d
}

// describe adds an operation to the document and returns the names that its body must have.
func (s *spoke) describe(d described) (required []string) {
	schemas := s.document.Components.Schemas
	d.Responses = map[string]*huma.Response{}
	if d.body != nil {
		schema := s.schema(d.body)
		d.RequestBody = &huma.RequestBody{Required: !d.optional, Content: jsonContent(schema)}
		required = schemas.SchemaFromRef(schema.Ref).Required
	}
	switch {
	case d.answer == reflect.TypeFor[nothing]():
		d.Responses["204"] = &huma.Response{Description: "Done"}
	case d.media != nil:
		d.Responses["200"] = &huma.Response{Description: http.StatusText(http.StatusOK), Content: textContent(d.media)}
	default:
		d.Responses[strconv.Itoa(d.status)] = &huma.Response{Description: http.StatusText(d.status), Content: jsonContent(s.schema(d.answer))}
	}
	if d.changes {
		d.pending()
	}
	told := s.schema(reflect.TypeFor[refusal]())
	slices.Sort(d.errors)
	for _, status := range slices.Compact(d.errors) {
		d.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Headers:     refusalHeaders(status),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: told}},
		}
	}
	s.document.AddOperation(d.Operation)
	return required
}

// pending adds the answer to who does not wait long enough, which is that of success, and says what both tell of the effect.
func (d *described) pending() {
	pending := &huma.Response{Description: "The change is made; it is not known to hold everywhere yet"}
	for _, success := range d.Responses { // the one there is
		success.Headers = effectHeaders()
		pending.Content, pending.Headers = success.Content, success.Headers
	}
	d.Responses["202"] = pending
}

func jsonContent(schema *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: schema}}
}

func textContent(media []string) map[string]*huma.MediaType {
	content := map[string]*huma.MediaType{}
	for _, m := range media {
		content[m] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return content
}

// refusalHeaders are the headers that explain a status.
func refusalHeaders(status int) map[string]*huma.Param {
	header := func(name, doc, kind string) map[string]*huma.Param {
		return map[string]*huma.Param{name: {Description: doc, Schema: &huma.Schema{Type: kind}}}
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return header("WWW-Authenticate", "RFC 6750 section 3", huma.TypeString)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return header("Retry-After", "Seconds", huma.TypeInteger)
	}
	return nil
}

func (s *spoke) schema(t reflect.Type) *huma.Schema {
	return s.document.Components.Schemas.Schema(t, true, "")
}

// settleNull says of every member whether it can be null: a pointer that is always written can, a list
// or map never.
func settleNull(schemas huma.Registry) {
	for name, schema := range schemas.Map() {
		for _, field := range reflect.VisibleFields(schemas.TypeFromRef(schemaPrefix + name)) {
			written, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			member := schema.Properties[written]
			if member == nil || member.Ref != "" {
				continue
			}
			member.Nullable = field.Type.Kind() == reflect.Pointer && !strings.Contains(options, "omitempty")
		}
	}
}

func enumOf(words ...string) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString}
	for _, word := range words {
		schema.Enum = append(schema.Enum, word)
	}
	return schema
}

// The types below are stand-ins that say how a type of the root package is
// written: that package imports nothing but the standard library.
type (
	idSchema      struct{}
	kindSchema    struct{}
	stateSchema   struct{}
	reasonSchema  struct{}
	networkSchema struct{}
)

func (idSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

func (kindSchema) Schema(huma.Registry) *huma.Schema {
	return enumOf(keywright.KindAccount.String(), keywright.KindSpace.String(), keywright.KindManager.String())
}

func (stateSchema) Schema(huma.Registry) *huma.Schema { return enumOf(states...) }

// reasonSchema lists every reason: the names run out where they repeat the first.
func (reasonSchema) Schema(huma.Registry) *huma.Schema {
	words := []string{keywright.Undecided.String()}
	for r := keywright.Undecided + 1; r.String() != words[0]; r++ {
		words = append(words, r.String())
	}
	return enumOf(words...)
}

func (networkSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "CIDR", Examples: []any{"192.0.2.0/24"}}
}

// states are the states that a list can be limited to.
var states = []string{
	string(keywright.StateActive), string(keywright.StateDisabled), string(keywright.StateExpired), string(keywright.StateRevoked),
}

// routeDocument serves the document itself; it may be kept, unlike every other answer.
func (s *spoke) routeDocument() {
	op := operation[nothing]{
		id: "getDocument", method: http.MethodGet, path: documentPath, open: true, tag: "document",
		summary: "Get this document", detail: "The OpenAPI 3.1 description of the whole API.",
	}
	s.describe(describe(op, reflect.TypeFor[map[string]any]()))
	settleNull(s.document.Components.Schemas)
	body, err := s.document.MarshalJSON()
	if err != nil {
		panic(err) // the document is made of constants and types: a test meets this first
	}
	s.route(op.method+" "+op.path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"] = typeJSON
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
}
