package rest

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"reflect"
	"strconv"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const (
	verifyPath      = "/api/v1/verify"
	verifyBatchPath = verifyPath + "/batch"
)

// question is one call of verify, read.
type question struct {
	keywright.VerifyRequest
	aboutOther bool // the request has the member token
}

// routeVerify documents the hot doors, and has them in the spoke's own mux too, which knows the methods of every path.
func (s *spoke) routeVerify() {
	s.describe(describe(operation[keywright.VerifyRequest]{
		id: "verify", method: http.MethodPost, reads: true, path: verifyPath, tag: "verify", summary: "Verify a token",
		detail: "Without token the caller asks about the credential it presents, which needs nothing more; with token it needs keywright:tokens:verify and hears only of tokens of its own account. A refusal is an answer too: 200 with valid false and the reason.",
		body:   func(in *keywright.VerifyRequest) any { return in },
	}, reflect.TypeFor[keywright.Verification]()))
	s.describe(describe(operation[items[keywright.VerifyRequest]]{
		id: "verifyBatch", method: http.MethodPost, reads: true, path: verifyBatchPath, tag: "verify", summary: "Verify up to 1000 tokens",
		detail: "Each as by itself; the answer is in the order of the request.",
		body:   func(in *items[keywright.VerifyRequest]) any { return in },
	}, reflect.TypeFor[items[keywright.Verification]]()))
	s.route("POST "+verifyPath, s.hot(s.verify))
	s.route("POST "+verifyBatchPath, s.hot(s.verifyBatch))
}

// buffer holds what one call of a hot door reads and writes.
type buffer struct{ in, out []byte }

// hot is the ceremony of the doors that are called for every request of somebody else's API: read into
// a buffer that is used again, answer from another, write once.
func (s *spoke) hot(answer func(*http.Request, *buffer) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := s.buffers.Get().(*buffer)
		defer s.recycle(b)
		if err := answer(r, b); err != nil {
			s.refuse(w, r, err)
			return
		}
		h := w.Header()
		h["Cache-Control"], h["X-Content-Type-Options"] = noStore, noSniff
		h["Content-Type"] = typeJSON
		h["Content-Length"] = []string{strconv.Itoa(len(b.out))}
		_, _ = w.Write(b.out) // an error here is the client's going away
	})
}

// recycle keeps a buffer unless one large call would pin its memory.
func (s *spoke) recycle(b *buffer) {
	if cap(b.in) <= bodyLimit && cap(b.out) <= bodyLimit {
		b.in, b.out = b.in[:0], b.out[:0]
		s.buffers.Put(b)
	}
}

func (s *spoke) verify(r *http.Request, b *buffer) error {
	caller, err := s.asking(r)
	if err != nil {
		return err
	}
	if err := b.read(r, bodyLimit); err != nil {
		return err
	}
	q, ok := quickQuestion(string(b.in))
	if !ok {
		if q, err = slowQuestion(b.in); err != nil {
			return err
		}
	}
	verdict, err := s.judge(r.Context(), caller, q)
	if err != nil {
		return err
	}
	b.out = appendVerdict(b.out, &verdict)
	return nil
}

func (s *spoke) verifyBatch(r *http.Request, b *buffer) error {
	caller, err := s.asking(r)
	if err != nil {
		return err
	}
	if err := b.read(r, batchLimit); err != nil {
		return err
	}
	questions, err := slowQuestions(b.in)
	if err != nil {
		return err
	}
	b.out = append(b.out, `{"items":[`...)
	for i, q := range questions {
		verdict, err := s.judge(r.Context(), caller, q)
		if err != nil {
			return below(err, "/items/"+strconv.Itoa(i))
		}
		if i > 0 {
			b.out = append(b.out, ',')
		}
		b.out = appendVerdict(b.out, &verdict)
	}
	b.out = append(b.out, "]}"...)
	return nil
}

// asking is known at these doors.
func (s *spoke) asking(r *http.Request) (authority.Caller, error) {
	caller, err := s.known(r)
	caller.Door = keywright.DoorVerify
	return caller, err
}

// read reads the body; there must be one.
func (b *buffer) read(r *http.Request, limit int64) error {
	data, err := readBody(b.in, r, limit)
	if err == nil && data == nil {
		err = malformed("", "it is missing")
	}
	b.in = data
	return err
}

// judge puts a question to the authority. A caller that asks about a credential
// of its own which is none has not shown who it is.
func (s *spoke) judge(ctx context.Context, caller authority.Caller, q question) (authority.Verdict, error) {
	access, err := q.access(caller)
	if err != nil {
		return authority.Verdict{}, err
	}
	verdict, err := s.Authority.Check(ctx, caller, q.Token, access)
	if err == nil && !q.aboutOther && verdict.Decision.Reason == keywright.Unproved {
		err = keywright.ErrUnauthenticated
	}
	return verdict, err
}

// access is the attempt that a question describes.
func (q question) access(caller authority.Caller) (keywright.Access, error) {
	access := keywright.Access{Audience: q.Audience, Space: q.Space, UserAgent: q.UserAgent}
	if len(q.Scopes) > 0 {
		access.Scopes = make(keywright.Scopes, len(q.Scopes))
	}
	for i, each := range q.Scopes {
		scope, err := keywright.ParseScope(each)
		if err != nil {
			return access, keywright.Invalid("/scopes/"+strconv.Itoa(i), "%s", err)
		}
		access.Scopes[i] = scope
	}
	switch {
	case !q.aboutOther && q.Address != "":
		return access, keywright.Invalid("/address", "goes with token: without one, the caller's own address counts")
	case !q.aboutOther && q.UserAgent != "":
		return access, keywright.Invalid("/user_agent", "goes with token: without one, the caller's own counts")
	case !q.aboutOther:
		access.Address = caller.Address
	case q.Token == "":
		return access, keywright.Invalid("/token", "is empty: leave it out to ask about the credential of the request itself")
	case q.Address != "":
		address, err := netip.ParseAddr(q.Address)
		if err != nil {
			return access, keywright.Invalid("/address", "must be an IP address")
		}
		access.Address = address
	}
	return access, nil
}

// below puts a place in the body before the members that an error names.
func below(err error, place string) error {
	invalid, ok := errors.AsType[*keywright.InvalidError](err)
	if !ok {
		return err
	}
	placed := &keywright.InvalidError{Problems: make([]keywright.Problem, len(invalid.Problems))}
	for i, p := range invalid.Problems {
		placed.Problems[i] = keywright.Problem{Member: place + p.Member, Reason: p.Reason}
	}
	return placed
}
