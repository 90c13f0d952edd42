package console

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/keywright/keywright"
)

// trouble is what the page of an error says.
type trouble struct {
	status int
	title  string
	why    string
}

// translations says which trouble an error is: the first row that matches wins.
var translations = []struct {
	is     error
	status int
	title  string
}{
	{keywright.ErrUnavailable, http.StatusServiceUnavailable, "Not available just now"},
	{keywright.ErrThrottled, http.StatusTooManyRequests, "Too many attempts"},
	{keywright.ErrNotFound, http.StatusNotFound, "Not found"},
	{keywright.ErrMalformedID, http.StatusNotFound, "Not found"},
	{keywright.ErrForbidden, http.StatusForbidden, "Not allowed"},
	{keywright.ErrQuota, http.StatusConflict, "A limit is reached"},
	{keywright.ErrConflict, http.StatusConflict, "That does not go together"},
	{keywright.ErrInvalid, http.StatusUnprocessableEntity, "That cannot be done as asked"},
	{keywright.ErrMalformed, http.StatusBadRequest, "That cannot be read"},
}

// translate turns an error into what is said of it. One that is none of the tree's is a cause that is not known: it is told as
// unavailable, and never as "no".
func translate(err error) (t trouble, known bool) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return trouble{http.StatusRequestEntityTooLarge, "Too large", "The form is larger than this page takes."}, true
	}
	for _, row := range translations {
		if errors.Is(err, row.is) {
			return trouble{row.status, row.title, sentence(err)}, true
		}
	}
	return trouble{http.StatusServiceUnavailable, "Not available just now", ""}, false
}

// statusOf is the status under which a form is shown again.
func statusOf(err error) int {
	t, _ := translate(err)
	return t.status
}

// refuse answers a visit that came to an error. Who is not signed in, or no longer, goes to the sign-in and then on.
func (s *site) refuse(w http.ResponseWriter, v *visit, err error) {
	if errors.Is(err, keywright.ErrUnauthenticated) {
		s.toSignIn(w, v)
		return
	}
	t, known := translate(err)
	switch t.status {
	case http.StatusServiceUnavailable:
		t.why = "The database does not answer, or does not take changes. Nothing was changed that was not said to be. Try again in a moment."
		s.Log.LogAttrs(v.r.Context(), slog.LevelError, "page not answered",
			slog.Bool("known", known), slog.String("request_id", v.caller.RequestID), slog.Any("error", err))
		w.Header().Set("Retry-After", "1")
	case http.StatusTooManyRequests:
		if throttled, ok := errors.AsType[*keywright.ThrottledError](err); ok {
			w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(throttled.RetryAfter.Seconds())))))
		}
	}
	s.answer(w, v, s.tell(v, t))
}

// tell is the page of a trouble; where the person has no say in the account of the URL, no word of the account.
func (s *site) tell(v *visit, t trouble) answer {
	a := show(t.title, troublePage(v, t)).with(t.status)
	if !v.signedIn() || v.who.User == "" {
		a = a.apart()
	}
	return a
}

func (s *site) toSignIn(w http.ResponseWriter, v *visit) {
	next := v.here()
	if v.r.Method != http.MethodGet {
		next = s.path("/")
	}
	done := ""
	if v.signedIn() {
		done = "Your session has ended. Sign in to go on."
		v.forget()
	}
	s.answer(w, v, goOn(s.path("/sign-in")+"?"+url.Values{"next": {next}}.Encode(), done))
}

// nowhere answers what no page is at.
func (s *site) nowhere(w http.ResponseWriter, r *http.Request) {
	v := s.newVisit(r)
	v.account = ""
	t := trouble{http.StatusNotFound, "Not found", "There is no such page."}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		t = trouble{http.StatusMethodNotAllowed, "Not found", "This page does not take " + r.Method + "."}
	}
	s.answer(w, v, s.tell(v, t))
}

// foreign answers what another site's page sends here.
func (s *site) foreign(w http.ResponseWriter, r *http.Request) {
	v := s.newVisit(r)
	v.account = ""
	s.answer(w, v, s.tell(v, trouble{
		http.StatusForbidden, "Not from here", "This was sent by a page of another site, so nothing was done. Open the console itself and do it there.",
	}))
}

// sentence makes of an error what a person reads: a capital letter, a full stop, and not the name of what kind of error it is.
func sentence(err error) string {
	text := err.Error()
	for _, row := range translations {
		text = strings.TrimPrefix(text, row.is.Error()+": ")
	}
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
