package keywright_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/keywright/keywright/internal/rest"
)

// What the client sends is what the API's document describes, and the client
// has a method for every operation of the document.
func TestClientSpeaksTheDocument(t *testing.T) {
	t.Parallel()
	text, err := (&rest.API{}).Document()
	if err != nil {
		t.Fatal(err)
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	judge, errs := validator.NewValidator(document)
	if errs != nil {
		t.Fatal(errs)
	}
	var called []string
	for _, row := range clientCalls(t.Context()) {
		c, requests := answering(t, 200, nil, `{}`)
		if err := row.call(c); err != nil {
			t.Fatal(err)
		}
		got := <-requests
		method, uri, _ := strings.Cut(got.line, " ")
		r := httptest.NewRequest(method, uri, strings.NewReader(got.body))
		r.Header = got.header
		if ok, problems := judge.ValidateHttpRequest(r); !ok {
			for _, p := range problems {
				t.Errorf("%s: %s: %s %v", got.line, p.Message, p.Reason, p.SchemaValidationErrors)
			}
		}
		called = append(called, method+" "+r.URL.EscapedPath())
	}
	for _, operation := range documented(t, document) {
		if !slices.ContainsFunc(called, func(c string) bool { return fits(operation, c) }) {
			t.Errorf("the client has no method for %s", operation)
		}
	}
}

// documented lists the operations of a document, as "GET /path/{of}/it".
func documented(t *testing.T, document libopenapi.Document) []string {
	t.Helper()
	model, err := document.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for method := range item.GetOperations().FromOldest() {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	if len(all) < 20 {
		t.Fatalf("the document has %d operations", len(all))
	}
	return all
}

// fits reports whether a call is of the operation, whose path has {names}.
func fits(operation, call string) bool {
	want, got := strings.Split(operation, "/"), strings.Split(call, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") })
}
