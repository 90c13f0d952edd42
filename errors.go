package keywright

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The error tree. Inner packages return these, wrapped; each spoke translates
// them once into its own dialect. No message holds a secret.
var (
	// ErrMalformed is the root of everything that could not be read.
	ErrMalformed           = errors.New("malformed")
	ErrMalformedCredential = fmt.Errorf("credential is %w", ErrMalformed)
	ErrMalformedID         = fmt.Errorf("id is %w: want a UUID in lower case with hyphens", ErrMalformed)
	ErrMalformedCursor     = fmt.Errorf("page cursor is %w: use one from a list's answer, with the same filters", ErrMalformed)

	// ErrUnauthenticated says that the caller has not shown who it is: no
	// credential, or one that is not usable, for whatever cause.
	ErrUnauthenticated = errors.New("credentials are missing or not usable")
	// ErrForbidden says that the caller is known and may not do this.
	ErrForbidden = errors.New("not allowed")
	// ErrNotFound says that there is no such thing, or that it is another tenant's.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the thing's present state forbids the change.
	ErrConflict = errors.New("conflict")
	// ErrQuota says that a limit on how many there may be is reached.
	ErrQuota = errors.New("quota reached")
	// ErrThrottled is the root of *ThrottledError.
	ErrThrottled = errors.New("too many attempts")
	// ErrUnavailable says that the answer is not known now: the database does not answer or
	// does not take the change. It is never "no" and never "yes".
	ErrUnavailable = errors.New("temporarily unavailable")
	// ErrInvalid is the root of *InvalidError.
	ErrInvalid = errors.New("invalid request")
)

// Problem is one thing wrong with a request.
type Problem struct {
	Member string `json:"member" doc:"JSON pointer of the member, or the name of the parameter"`
	Reason string `json:"reason" doc:"What is wrong with it and what would be right"`
}

// InvalidError lists what is wrong with a request; nothing was changed.
type InvalidError struct{ Problems []Problem }

// Invalid returns an *InvalidError about one member.
func Invalid(member, reason string, args ...any) error {
	return &InvalidError{[]Problem{{member, fmt.Sprintf(reason, args...)}}}
}

func (e *InvalidError) Error() string {
	var b strings.Builder
	b.WriteString(ErrInvalid.Error())
	for i, p := range e.Problems {
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		fmt.Fprintf(&b, "%s: %s", p.Member, p.Reason)
	}
	return b.String()
}

// Is makes errors.Is(err, ErrInvalid) true.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// ThrottledError says when to try again.
type ThrottledError struct{ RetryAfter time.Duration }

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("%s: try again in %s", ErrThrottled, e.RetryAfter.Round(time.Second))
}

// Is makes errors.Is(err, ErrThrottled) true.
func (e *ThrottledError) Is(target error) bool { return target == ErrThrottled }

// ScopeError says which scope is malformed, and where.
type ScopeError struct {
	Scope   string
	Pos     int // in bytes, from 0
	Problem string
}

func (e *ScopeError) Error() string {
	return fmt.Sprintf("scope %q: at position %d: %s", e.Scope, e.Pos, e.Problem)
}

// Is makes errors.Is(err, ErrMalformed) true.
func (e *ScopeError) Is(target error) bool { return target == ErrMalformed }
