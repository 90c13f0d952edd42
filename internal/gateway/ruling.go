package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/presented"
)

// Ruling is the answer about a request. The zero Ruling lets nothing pass.
type Ruling struct {
	Status     int                      // http.StatusOK: it may pass; else what the client is answered
	Token      *keywright.VerifiedToken // whose request it is; nil: it may not pass
	Challenge  string                   // for WWW-Authenticate; empty: none
	RetryAfter int                      // in seconds; 0: not said
	Detail     string                   // why not, for whoever sent it
	Reason     keywright.Reason         // of the decision, if there was one
}

// Passes reports whether the proxy may let the request go on.
func (r *Ruling) Passes() bool { return r.Status == http.StatusOK && r.Token != nil }

// Problem is the refusal as RFC 9457 has it, for a body.
func (r *Ruling) Problem() []byte {
	body, _ := json.Marshal(problem{"about:blank", http.StatusText(r.Status), r.Status, r.Detail}) // strings and a number: no error
	return body
}

// ProblemType is the media type of a Problem.
const ProblemType = "application/problem+json"

type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// The challenges of RFC 6750 section 3.
const (
	challenge = `Bearer realm="keywright"`
	unusable  = challenge + `, error="invalid_token", error_description="the credential is not usable here"`
)

// denial is the answer about a credential that may not pass. All that is wrong with the credential itself is one answer, so
// that nobody who found one learns more; what is missing is named.
func denial(d keywright.Decision, asked keywright.Scopes) Ruling {
	r := Ruling{Status: http.StatusForbidden, Reason: d.Reason}
	switch d.Reason {
	case keywright.InsufficientScope:
		r.Challenge = challenge + `, error="insufficient_scope", scope="` + strings.Join(asked.Strings(), " ") + `"`
		r.Detail = lacks(d.Missing)
	case keywright.WrongNetwork:
		r.Detail = "the token is not for use from this address"
	default:
		r.Status, r.Challenge, r.Detail = http.StatusUnauthorized, unusable, "the credential is not usable here"
	}
	return r
}

func lacks(missing keywright.Scope) string {
	if missing.String() == "" {
		return "the token has no scopes"
	}
	return "the token lacks the scope " + missing.String()
}

// refusal is the answer where there is no verdict. What is not known is never a refusal of the credential: 503.
func (j *Judge) refusal(ctx context.Context, q *Asked, err error) Ruling {
	throttled, _ := errors.AsType[*keywright.ThrottledError](err)
	unruled, isUnruled := errors.AsType[errNoRoute](err)
	switch {
	case isUnruled:
		return Ruling{Status: http.StatusForbidden, Detail: unruled.reason}
	case errors.Is(err, keywright.ErrNotFound):
		return j.Misconfigured(ctx, q.RequestID, keywright.Invalid("path", "account %s has no rules of the name %q", q.Need.access.Account, q.Need.rules))
	case errors.Is(err, errAbsent):
		return Ruling{
			Status: http.StatusUnauthorized, Challenge: challenge,
			Detail: "the request has no credential: send Authorization: Bearer and an API key or access token",
		}
	case errors.Is(err, presented.ErrRepeated):
		return Ruling{Status: http.StatusUnauthorized, Challenge: unusable, Detail: "the request has more than one credential"}
	case errors.Is(err, keywright.ErrMalformed), errors.Is(err, keywright.ErrUnauthenticated):
		return Ruling{Status: http.StatusUnauthorized, Challenge: unusable, Detail: "the credential is not usable here"}
	case throttled != nil:
		wait := int(math.Ceil(throttled.RetryAfter.Seconds()))
		return Ruling{Status: http.StatusTooManyRequests, RetryAfter: wait, Detail: "too many attempts, try again later"}
	}
	j.log().ErrorContext(ctx, "gateway: answer not known", "error", err, "request_id", q.RequestID)
	return Ruling{Status: http.StatusServiceUnavailable, RetryAfter: 1, Detail: "the answer is not known now, try again"}
}

// Misconfigured answers a proxy that asks for nothing that could be judged. Nothing passes.
func (j *Judge) Misconfigured(ctx context.Context, requestID string, err error) Ruling {
	j.log().WarnContext(ctx, "gateway: the proxy's configuration is wrong", "error", err, "request_id", requestID)
	text := "what the proxy asks for is wrong, see docs/gateways.md"
	if invalid, ok := errors.AsType[*keywright.InvalidError](err); ok && len(invalid.Problems) > 0 {
		text = "what the proxy asks for is wrong: " + invalid.Problems[0].Reason
	}
	return Ruling{Status: http.StatusForbidden, Detail: text}
}
