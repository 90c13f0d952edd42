package rest

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright/internal/authority"
)

// operation is one route: what the document says of it, and how a request for
// it becomes an In.
type operation[In any] struct {
	id, method, path     string
	tag, summary, detail string
	status               int  // of success; 0: 200
	open                 bool // needs no credential
	params               []parameter[In]
	body                 func(*In) any // where the body goes; nil: there is none
	optional             bool          // the body may be left out
	limit                int64         // of the body; 0: bodyLimit
	conflicts            bool          // the thing's state, or a quota, can forbid it
	reads                bool          // it changes nothing, although its method is not GET
}

// changes reports whether an operation may change what others remember.
func (op operation[In]) changes() bool { return op.method != http.MethodGet && !op.open && !op.reads }

// do is what an operation has the authority do.
type do[In, Out any] func(ctx context.Context, caller authority.Caller, in *In) (Out, error)

// nothing is the answer of an operation that has none: 204.
type nothing struct{}

// located is an answer that says where its thing is found.
type located interface{ location() string }

// serve routes an operation and documents it.
func serve[In, Out any](s *spoke, op operation[In], act do[In, Out]) {
	required := s.describe(describe(op, reflect.TypeFor[Out]()))
	s.route(op.method+" "+op.path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var effect *authority.Effect
		if op.changes() {
			effect = effectOf(r)
		}
		out, err := answer(s, op, required, effect, act, r)
		status := tell(w.Header(), effect, op.status)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		s.reply(w, r, status, out)
	}))
}

// send writes an answer that is not JSON.
type send[Out any] func(w http.ResponseWriter, r *http.Request, out Out)

// serveAs is serve for an answer in other media types than JSON.
func serveAs[In, Out any](s *spoke, op operation[In], media []string, act do[In, Out], write send[Out]) {
	d := describe(op, reflect.TypeFor[string]())
	d.media = media
	s.describe(d)
	s.route(op.method+" "+op.path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := answer(s, op, nil, nil, act, r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		write(w, r, out)
	}))
}

// answer takes a request apart and has the authority do what it asks for.
func answer[In, Out any](
	s *spoke, op operation[In], required []string, effect *authority.Effect, act do[In, Out], r *http.Request,
) (out Out, err error) {
	identify := s.known
	if op.open {
		identify = s.caller
	}
	caller, err := identify(r)
	if err != nil {
		return out, err
	}
	caller.Effect = effect
	in := new(In)
	if err := bind(in, op.params, r); err != nil {
		return out, err
	}
	if err := op.read(in, required, r); err != nil {
		return out, err
	}
	return act(r.Context(), caller, in)
}

// read decodes the body.
func (op operation[In]) read(in *In, required []string, r *http.Request) error {
	if op.body == nil {
		return noBody(r)
	}
	data, err := readBody(nil, r, op.most())
	switch {
	case err != nil:
		return err
	case data == nil && op.optional:
		return nil
	}
	return decode(data, op.body(in), required)
}

func (op operation[In]) most() int64 {
	if op.limit > 0 {
		return op.limit
	}
	return bodyLimit
}

// noBody refuses a body where none has a meaning, so that nobody believes it had one.
func noBody(r *http.Request) error {
	if n, _ := r.Body.Read(make([]byte, 1)); n > 0 {
		return malformed("", "this operation takes none")
	}
	return nil
}

// reply answers with what the authority did.
func (s *spoke) reply(w http.ResponseWriter, r *http.Request, status int, out any) {
	if _, ok := out.(nothing); ok {
		w.WriteHeader(cmp.Or(status, http.StatusNoContent))
		return
	}
	body, err := json.Marshal(out, answerOptions)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	h := w.Header()
	if l, ok := out.(located); ok {
		h.Set("Location", l.location())
	}
	h["Content-Type"] = typeJSON
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(max(status, http.StatusOK))
	_, _ = w.Write(body) // an error here is the client's going away
}

// described is an operation as the document needs it, whatever its types.
type described struct {
	*huma.Operation
	body, answer reflect.Type
	media        []string // of the answer, if it is not JSON
	optional     bool
	status       int
	changes      bool
	errors       []int
}

// describe says of an operation all that follows from its declaration.
func describe[In any](op operation[In], answer reflect.Type) described {
	d := described{
		Operation: &huma.Operation{
			OperationID: op.id, Method: op.method, Path: op.path,
			Tags: []string{op.tag}, Summary: op.summary, Description: op.detail,
		},
		answer: answer, optional: op.optional, status: max(op.status, http.StatusOK), changes: op.changes(),
		errors: []int{400, 401, 429, 503},
	}
	if op.open {
		d.Security = []map[string][]string{}
	} else {
		d.errors = append(d.errors, 403)
	}
	for _, p := range op.params {
		d.Parameters = append(d.Parameters, &huma.Param{
			Name: p.name, In: p.in, Description: p.doc, Required: p.required || p.in == "path", Schema: p.schema,
		})
		d.errors = append(d.errors, map[string]int{"path": 404, "query": 422, "header": 422}[p.in])
	}
	if op.body != nil {
		d.body = reflect.TypeOf(op.body(new(In))).Elem()
		d.errors = append(d.errors, 413, 415, 422)
	}
	if op.conflicts {
		d.errors = append(d.errors, 409)
	}
	if d.changes {
		describeEffect(&d)
	}
	return d
}
