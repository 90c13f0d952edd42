package guard

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright"
)

// Require returns middleware that lets requests pass whose credential has all of the scopes; without any, whose credential
// is good for something. The handler finds the token by FromContext. The others are answered as RFC 6750 section 3 has it: 401,
// 403, 429 to who guesses, and 503 where the answer is not known. It panics if a scope is not one: that is in the program.
func (g *Guard) Require(scopes ...string) func(http.Handler) http.Handler {
	needed, err := keywright.ParseScopes(scopes...)
	if err != nil {
		panic("guard: Require: " + err.Error())
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v, err := g.VerifyRequest(r, needed...)
			switch {
			case err != nil:
				refuse(w, err)
			case !v.Allowed():
				deny(w, v.Decision, needed)
			default:
				next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), v.Token)))
			}
		})
	}
}

// VerifyRequest answers whether whoever sent a request may do what the scopes say. The credential is that of the
// Authorization header: Bearer (RFC 6750 section 2.1) and an API key, access token or imported key, or Basic and a client id and
// secret. Errors are those of Verify, and ErrNoCredential and ErrTwoCredentials.
func (g *Guard) VerifyRequest(r *http.Request, scopes ...keywright.Scope) (Verdict, error) {
	presented, err := Presented(r.Header["Authorization"])
	if err != nil {
		return Verdict{}, err
	}
	return g.Verify(r.Context(), presented, keywright.Access{Scopes: scopes, Address: g.address(r), UserAgent: r.UserAgent()})
}

// What a request can do wrong before its credential is looked at.
var (
	ErrNoCredential   = errors.New("the request has no credential: send Authorization: Bearer and an API key or access token")
	ErrTwoCredentials = fmt.Errorf("the request is %w: it has more than one Authorization header", keywright.ErrMalformed)
)

// Presented takes the credential out of the values of the Authorization header, as Verify takes it. What
// cannot be one is returned as something that is refused.
func Presented(authorization []string) (string, error) {
	switch len(authorization) {
	case 0:
		return "", ErrNoCredential
	case 1:
	default:
		return "", ErrTwoCredentials
	}
	header := authorization[0]
	scheme, rest, _ := strings.Cut(header, " ")
	rest = strings.TrimLeft(rest, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return rest, nil
	case strings.HasPrefix(header, pair):
		return header, nil
	case strings.EqualFold(scheme, "Basic"):
		return basic(rest), nil
	}
	return unusable, nil
}

const (
	// pair begins a client id and secret in one word, as Keywright reads them where a credential is one word.
	pair     = "mrsm-key:"
	unusable = "?" // is no credential
)

// basic is a client id and secret out of a Basic header as one word. Both are form-decoded, as RFC 6749 section
// 2.3.1 has clients encode them.
func basic(encoded string) string {
	if strings.HasPrefix(encoded, pair) {
		return encoded
	}
	plain, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return unusable
	}
	left, right, _ := strings.Cut(string(plain), ":")
	id, errID := url.QueryUnescape(left)
	secret, errSecret := url.QueryUnescape(right)
	if _, err := keywright.IDSecret(id, secret); err != nil || errID != nil || errSecret != nil {
		return unusable
	}
	return pair + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// address is who sent the request: the peer, or, as long as the hop that says so is a trusted proxy, the one before it.
func (g *Guard) address(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a token that is limited to networks is then refused
	}
	address := peer.Addr().Unmap().WithZone("")
	if len(g.trusted) == 0 {
		return address
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !slices.ContainsFunc(g.trusted, func(p netip.Prefix) bool { return p.Contains(address) }) {
			break
		}
		address = before.Unmap().WithZone("")
	}
	return address
}

type contextKey struct{}

// NewContext returns a context in which FromContext finds the token, such as to test a handler without a guard.
func NewContext(ctx context.Context, token *keywright.VerifiedToken) context.Context {
	return context.WithValue(ctx, contextKey{}, token)
}

// FromContext returns the token of the request that was let pass; it must not be changed. nil: none was.
func FromContext(ctx context.Context) *keywright.VerifiedToken {
	token, _ := ctx.Value(contextKey{}).(*keywright.VerifiedToken)
	return token
}

// The challenges of RFC 6750 section 3, as Keywright's own doors have them.
const (
	challenge  = `Bearer realm="keywright"`
	notUsable  = challenge + `, error="invalid_token", error_description="the credential is not usable here"`
	notAllowed = challenge + `, error="insufficient_scope", scope="`
	twoOfThem  = challenge + `, error="invalid_request"`
)

// deny answers for a credential that may not pass. All that is wrong with the credential itself is one answer, so that
// nobody who found one learns more; what is missing is named.
func deny(w http.ResponseWriter, d keywright.Decision, needed keywright.Scopes) {
	switch d.Reason {
	case keywright.InsufficientScope:
		answer(w, http.StatusForbidden, notAllowed+strings.Join(needed.Strings(), " ")+`"`, lacks(d.Missing))
	case keywright.WrongNetwork:
		answer(w, http.StatusForbidden, "", "the token is not for use from this address")
	default:
		answer(w, http.StatusUnauthorized, notUsable, "the credential is not usable here")
	}
}

func lacks(missing keywright.Scope) string {
	if missing.String() == "" {
		return "the token has no scopes"
	}
	return "the token lacks the scope " + missing.String()
}

// refuse answers where there is no verdict. What is not known is never a refusal of the credential: 503.
func refuse(w http.ResponseWriter, err error) {
	throttled, guessing := errors.AsType[*keywright.ThrottledError](err)
	switch {
	case errors.Is(err, ErrNoCredential):
		answer(w, http.StatusUnauthorized, challenge, err.Error())
	case errors.Is(err, ErrTwoCredentials):
		answer(w, http.StatusBadRequest, twoOfThem, err.Error())
	case guessing:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(throttled.RetryAfter.Seconds())))))
		answer(w, http.StatusTooManyRequests, "", "too many attempts, try again later")
	default:
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusServiceUnavailable, "", "the answer is not known now, try again")
	}
}

// answer writes a problem (RFC 9457).
func answer(w http.ResponseWriter, status int, challenge, text string) {
	body, _ := json.Marshal(problem{"about:blank", http.StatusText(status), status, text}) // strings and a number: no error
	h := w.Header()
	if challenge != "" {
		h.Set("WWW-Authenticate", challenge)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}
