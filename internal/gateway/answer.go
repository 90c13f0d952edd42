package gateway

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/presented"
)

// The headers that say who a request is from. Every 200 has all of them: what a proxy is told to copy and does not
// find, it may leave as the client sent it.
const (
	headerToken    = "X-Keywright-Token" // its id
	headerKind     = "X-Keywright-Kind"
	headerAccount  = "X-Keywright-Account"
	headerSpace    = "X-Keywright-Space"
	headerOwner    = "X-Keywright-Owner"
	headerScopes   = "X-Keywright-Scopes" // with spaces between
	headerAudience = "X-Keywright-Audience"
	headerExpires  = "X-Keywright-Expires" // RFC 3339
)

// none stands where there is no value: some proxies drop an empty header, and then the client's own gets through.
const none = "-"

func identify(h http.Header, t *keywright.VerifiedToken) {
	expires := none
	if t.ExpiresAt != nil {
		expires = t.ExpiresAt.Format(time.RFC3339)
	}
	values := [...]string{
		t.ID.String(), t.Kind.String(), t.Account, t.Space, visible(t.Owner), join(t.Scopes.Strings()), join(t.Audience), expires,
	}
	for i, name := range [...]string{
		headerToken, headerKind, headerAccount, headerSpace, headerOwner, headerScopes, headerAudience, headerExpires,
	} {
		if values[i] == "" {
			values[i] = none
		}
		h[name] = values[i : i+1 : i+1]
	}
}

func join(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return strings.Join(list, " ")
}

// visible is a text as it can stand in a header: bytes that are not visible ASCII percent-encoded, and "%" too.
func visible(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] > ' ' && s[i] <= '~' && s[i] != '%'
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		}
	}
	return b.String()
}

// The challenges of RFC 6750 section 3.
const (
	challenge = `Bearer realm="keywright"`
	unusable  = challenge + `, error="invalid_token", error_description="the credential is not usable here"`
)

// deny answers for a credential that may not pass. All that is wrong with the credential itself is one answer, so that nobody
// who found one learns more; what is missing is named.
func (n *need) deny(w http.ResponseWriter, d keywright.Decision) {
	switch d.Reason {
	case keywright.InsufficientScope:
		challenged(w, http.StatusForbidden, challenge+`, error="insufficient_scope", scope="`+n.shown+`"`, lacks(d.Missing))
	case keywright.WrongNetwork:
		challenged(w, http.StatusForbidden, "", "the token is not for use from this address")
	default:
		challenged(w, http.StatusUnauthorized, unusable, "the credential is not usable here")
	}
}

func lacks(missing keywright.Scope) string {
	if missing.String() == "" {
		return "the token has no scopes"
	}
	return "the token lacks the scope " + missing.String()
}

// refuse answers where there is no verdict. What is not known is never a refusal of the credential: 503.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, n *need, err error) {
	throttled, _ := errors.AsType[*keywright.ThrottledError](err)
	unruled, isUnruled := errors.AsType[errNoRoute](err)
	switch {
	case isUnruled:
		answer(w, http.StatusForbidden, unruled.reason)
	case errors.Is(err, keywright.ErrNotFound):
		s.misconfigured(w, r, keywright.Invalid("path", "account %s has no rules of the name %q", n.access.Account, n.rules))
	case errors.Is(err, errAbsent):
		challenged(w, http.StatusUnauthorized, challenge, "the request has no credential: send Authorization: Bearer and an API key or access token")
	case errors.Is(err, presented.ErrRepeated):
		challenged(w, http.StatusUnauthorized, unusable, "the request has more than one credential")
	case errors.Is(err, keywright.ErrMalformed), errors.Is(err, keywright.ErrUnauthenticated):
		challenged(w, http.StatusUnauthorized, unusable, "the credential is not usable here")
	case throttled != nil && n.proxy.few:
		challenged(w, http.StatusForbidden, "", "too many attempts, try again later")
	case throttled != nil:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(throttled.RetryAfter.Seconds()))))
		answer(w, http.StatusTooManyRequests, "too many attempts, try again later")
	default:
		s.log().ErrorContext(r.Context(), "gateway: answer not known", "error", err, "request_id", s.requestID(r))
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusServiceUnavailable, "the answer is not known now, try again")
	}
}

// misconfigured answers a proxy that asks for nothing that could be judged. Nothing passes.
func (s *Server) misconfigured(w http.ResponseWriter, r *http.Request, err error) {
	s.log().WarnContext(r.Context(), "gateway: the proxy's configuration is wrong", "error", err, "request_id", s.requestID(r))
	text := "the path asked at is wrong, see docs/gateways.md"
	if invalid, ok := errors.AsType[*keywright.InvalidError](err); ok && len(invalid.Problems) > 0 {
		text = "the path asked at is wrong: " + invalid.Problems[0].Reason
	}
	answer(w, http.StatusForbidden, text)
}

func challenged(w http.ResponseWriter, status int, challenge, text string) {
	if challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	answer(w, status, text)
}

// answer writes a problem (RFC 9457), which some proxies hand to the client.
func answer(w http.ResponseWriter, status int, text string) {
	body, _ := json.Marshal(problem{"about:blank", http.StatusText(status), status, text}) // strings and a number: no error
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Server) requestID(r *http.Request) string {
	if s.RequestID == nil {
		return ""
	}
	return s.RequestID(r)
}
