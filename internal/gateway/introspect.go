package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// inactive is the whole answer about a token that is not enough for what the path asks for, for whatever cause.
const inactive = `{"active":false}`

// introspect answers a proxy that knows nothing but introspection (RFC 7662 section 2). Here a token is active if its holder may pass:
// such a proxy can compare what it is told of a token, but not judge it. The members are named as the headers with which it
// tells the API who calls. Where the client is, it does not say: a token that is bound to networks is not active.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request, asked *Asked) {
	token, ok := posted(w, r)
	if !ok {
		answerJSON(w, http.StatusBadRequest, []byte(`{"error":"invalid_request","error_description":"want a form with one token, by POST"}`))
		return
	}
	asked.Header = http.Header{"Authorization": {"Bearer " + token}}
	asked.Address = netip.Addr{}
	ruling := s.Judge.Ask(r.Context(), asked)
	switch {
	case ruling.Passes():
		answerJSON(w, http.StatusOK, active(&ruling))
	case ruling.Status == http.StatusUnauthorized, ruling.Status == http.StatusForbidden:
		answerJSON(w, http.StatusOK, []byte(inactive))
	default:
		refuse(w, &ruling)
	}
}

// posted is the token of a form; a body has one.
func posted(w http.ResponseWriter, r *http.Request) (token string, ok bool) {
	if r.Method != http.MethodPost {
		return "", false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err != nil {
		return "", false
	}
	form, err := url.ParseQuery(string(body))
	token = only(form["token"])
	return token, err == nil && token != ""
}

// active tells of whom the request is. Proxies want sub, and take it for the user.
func active(r *Ruling) []byte {
	told := map[string]any{"active": true, "sub": r.Token.ID.String()}
	values := Identify(r.Token)
	for i, name := range Identity {
		told[strings.ToLower(name[strings.LastIndexByte(name, '-')+1:])] = values[i]
	}
	body, _ := json.Marshal(told) // texts: no error
	return body
}

func answerJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
