package rest

// The quick reader of a question is an optimisation and nothing else.

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
)

var questions = []string{
	`{}`, `{"token":"kw_x"}`, `{"token":"kw_x","scopes":["invoices:read"],"audience":"http","space":"a","address":"192.0.2.1"}`,
	` { "scopes" : [ "a" , "b" ] } `, `{"scopes":[]}`, `{"token":""}`, `{"token":"a","token":"b"}`, `{"scopes":["a"],"scopes":["b"]}`,
	`{"token":"a\u0062"}`, `{"token":"ä"}`, `{"TOKEN":"a"}`, `{"token":null}`, `{"token":1}`, `{"scopes":"a"}`, `{"scopes":["a",]}`,
	`{"token":"a",}`, `{,"token":"a"}`, `{"token":"a"}{}`, `{"token":"a"} x`, `{"token""a"}`, `{"colour":"a"}`, `[]`, `null`, ``, `{`, "{\"token\":\"\x00\"}",
	`{"scopes":[["a"]]}`, `{"scopes":[,]}`, `{"":"a"}`,
}

func TestQuickQuestionReadsTheUsualShape(t *testing.T) {
	t.Parallel()
	q, ok := quickQuestion(questions[2])
	want := question{keywright.VerifyRequest{
		Token: "kw_x", Scopes: []string{"invoices:read"}, Audience: "http", Space: "a", Address: "192.0.2.1",
	}, true}
	if diff := cmp.Diff(want.VerifyRequest, q.VerifyRequest); !ok || !q.aboutOther || diff != "" {
		t.Errorf("ok %v, about another %v\n%s", ok, q.aboutOther, diff)
	}
}

// FuzzQuestion: what the quick way reads, the slow way reads too, and the same.
func FuzzQuestion(f *testing.F) {
	for _, seed := range questions {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quick, ok := quickQuestion(text)
		if !ok {
			return
		}
		slow, err := slowQuestion([]byte(text))
		if err != nil || !reflect.DeepEqual(quick, slow) {
			t.Errorf("%q: quick %+v, slow %+v %v", text, quick, slow, err)
		}
	})
}
