package oauth

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright"
)

// object is a JSON object that is written by appending: introspection is asked on
// every request of somebody's API, and encoding by reflection would cost a third of it.
type object struct{ b []byte }

func newObject() object { return object{append(make([]byte, 0, 1024), '{')} }

func (o *object) end() []byte { return append(o.b, '}') }

// name begins a member. Names are constants that need no escape.
func (o *object) name(name string) {
	if len(o.b) > 1 {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, `":`...)
}

// string appends a value. What is not UTF-8 is replaced, so there is no error to tell.
func (o *object) string(s string) { o.b, _ = jsontext.AppendQuote(o.b, s) }

// text adds a member, unless it is empty.
func (o *object) text(name, value string) {
	if value == "" {
		return
	}
	o.name(name)
	o.string(value)
}

// number adds a member.
func (o *object) number(name string, value int64) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, value, 10)
}

// instant adds a member in seconds since 1970 (RFC 7519 NumericDate), unless it is zero.
func (o *object) instant(name string, t time.Time) {
	if !t.IsZero() {
		o.number(name, t.Unix())
	}
}

// scope adds the member scope, divided by spaces, unless there is none.
func (o *object) scope(scopes keywright.Scopes) {
	if len(scopes) == 0 {
		return
	}
	o.name("scope")
	o.b = append(o.b, '"')
	for i, s := range scopes {
		if i > 0 {
			o.b = append(o.b, ' ')
		}
		o.b = append(o.b, s.String()...)
	}
	o.b = append(o.b, '"')
}

// audience adds the member aud: one as a string, several as an array (RFC 7519 section 4.1.3).
func (o *object) audience(audience []string) {
	if len(audience) <= 1 {
		for _, one := range audience {
			o.text("aud", one)
		}
		return
	}
	o.name("aud")
	for i, one := range audience {
		o.b = append(o.b, "[,"[min(i, 1)])
		o.string(one)
	}
	o.b = append(o.b, ']')
}

// Header values that never change: assigned, not copied.
var (
	typeJSON = []string{"application/json"}
	noStore  = []string{"no-store"}
	noCache  = []string{"no-cache"}
)

// neverStored marks an answer that may hold a token or speak of one (RFC 6749 section 5.1).
func neverStored(h http.Header) {
	h["Cache-Control"] = noStore
	h["Pragma"] = noCache
}

// writeJSON answers in one write; a nil body is an empty answer.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	if body != nil {
		h["Content-Type"] = typeJSON
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone: there is nobody to tell
}
