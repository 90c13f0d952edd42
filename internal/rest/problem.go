package rest

import (
	"cmp"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/presented"
)

// refusal is the body of every refusal (RFC 9457). No member repeats a value
// that was sent where it could be a secret.
type refusal struct {
	Type      string              `json:"type" format:"uri" doc:"about:blank: the title says all"`
	Title     string              `json:"title" doc:"The name of the status"`
	Status    int                 `json:"status" minimum:"400" maximum:"599" doc:"The status of the answer"`
	Detail    string              `json:"detail" doc:"What went wrong and what would be right, for a person"`
	Code      string              `json:"code" enum:"malformed,unauthenticated,forbidden,not_found,method_not_allowed,conflict,quota,too_large,media_type,invalid,throttled,unavailable" doc:"The cause, for a program"`
	RequestID string              `json:"request_id,omitempty" doc:"Names the request in the server's log"`
	Problems  []keywright.Problem `json:"problems,omitempty" doc:"What is wrong with the request, member by member"`

	retryAfter int // seconds; 0: not said
}

// errMediaType says that a body is not declared to be JSON.
var errMediaType = errors.New(`send the body with Content-Type "application/json"`)

// translations says which problem an error is: the first row that matches wins.
var translations = []struct {
	is     error
	status int
	code   string
}{
	{presented.ErrRepeated, http.StatusBadRequest, "malformed"},
	{keywright.ErrMalformedCredential, http.StatusUnauthorized, "unauthenticated"},
	{keywright.ErrUnavailable, http.StatusServiceUnavailable, "unavailable"},
	{keywright.ErrUnauthenticated, http.StatusUnauthorized, "unauthenticated"},
	{keywright.ErrThrottled, http.StatusTooManyRequests, "throttled"},
	{keywright.ErrForbidden, http.StatusForbidden, "forbidden"},
	{keywright.ErrNotFound, http.StatusNotFound, "not_found"},
	{keywright.ErrQuota, http.StatusConflict, "quota"},
	{keywright.ErrConflict, http.StatusConflict, "conflict"},
	{errMediaType, http.StatusUnsupportedMediaType, "media_type"},
	{keywright.ErrInvalid, http.StatusUnprocessableEntity, "invalid"},
	{keywright.ErrMalformedCursor, http.StatusBadRequest, "malformed"},
	{keywright.ErrMalformed, http.StatusBadRequest, "malformed"},
}

// translate turns an error into its problem. An error that is none of the tree's is a cause we do
// not know: it is told as unavailable, and never as "no".
func translate(err error) (p refusal, known bool) {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		detail := "The body is over the limit of " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes."
		return refusal{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Detail: detail}, true
	}
	for _, row := range translations {
		if errors.Is(err, row.is) {
			return refusal{Status: row.status, Code: row.code, Detail: err.Error(), Problems: members(err)}, true
		}
	}
	return refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Detail: keywright.ErrUnavailable.Error()}, false
}

// members lists what is wrong with which member.
func members(err error) []keywright.Problem {
	if bad, ok := errors.AsType[*malformedError](err); ok {
		return []keywright.Problem{bad.Problem}
	}
	if bad, ok := errors.AsType[*keywright.InvalidError](err); ok {
		return bad.Problems
	}
	if errors.Is(err, keywright.ErrMalformedCursor) {
		return []keywright.Problem{{Member: "cursor", Reason: err.Error()}}
	}
	return nil
}

// refuse answers with the problem that err is.
func (s *spoke) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p, known := translate(err)
	switch p.Status {
	case http.StatusUnauthorized:
		// One text for every cause: nobody learns which half of a credential was right.
		p.Detail = keywright.ErrUnauthenticated.Error()
		w.Header().Set("WWW-Authenticate", challenge(r, "invalid_token"))
	case http.StatusForbidden:
		w.Header().Set("WWW-Authenticate", challenge(r, "insufficient_scope"))
	case http.StatusTooManyRequests:
		p.retryAfter = retryAfter(err)
	case http.StatusServiceUnavailable:
		p.retryAfter = 1
		p.Detail = keywright.ErrUnavailable.Error() + ": nothing was changed that was not acknowledged; try again"
		s.Log.LogAttrs(r.Context(), slog.LevelError, "request not answered",
			slog.Bool("known", known), slog.String("request_id", s.RequestID(r)), slog.Any("error", err))
	}
	s.write(w, r, p)
}

// retryAfter is the wait in whole seconds, at least one.
func retryAfter(err error) int {
	if t, ok := errors.AsType[*keywright.ThrottledError](err); ok {
		return max(1, int(math.Ceil(t.RetryAfter.Seconds())))
	}
	return 1
}

// write answers with a problem.
func (s *spoke) write(w http.ResponseWriter, r *http.Request, p refusal) {
	p = p.finished()
	p.RequestID = s.RequestID(r)
	body, err := json.Marshal(p, answerOptions)
	if err != nil { // only text that is not UTF-8, which finished has put right
		panic(err)
	}
	h := w.Header()
	secure(h)
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // an error here is the client's going away
}

// finished fills in what follows from the rest, and takes out what must not be said.
func (p refusal) finished() refusal {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	if p.Code == "" {
		p.Code = map[int]string{
			http.StatusNotFound:         "not_found",
			http.StatusMethodNotAllowed: "method_not_allowed",
		}[p.Status]
	}
	p.Detail = cmp.Or(presented.Sayable(p.Detail), p.Title)
	problems := make([]keywright.Problem, len(p.Problems))
	for i, each := range p.Problems {
		problems[i] = keywright.Problem{Member: presented.Sayable(each.Member), Reason: presented.Sayable(each.Reason)}
	}
	p.Problems = problems
	return p
}
