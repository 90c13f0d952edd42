package keywright

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxAnswer     = 64 << 20 // bytes that are read of an answer
	maxProblem    = 1 << 20  // bytes that are read of a refusal
	clientTimeout = 30 * time.Second
)

// Client calls the REST API of an instance. Its errors are those of this package
// (ErrNotFound, *InvalidError, …), wrapped in an *AnswerError if the server gave
// them; no answer at all is ErrUnavailable. Safe for concurrent use.
//
// It sends each request once. A change whose answer was lost may have happened;
// CreateToken and RotateToken can be repeated with the same idempotency key.
type Client struct {
	// BaseURL is the address of the instance, such as https://keys.example.com.
	BaseURL string
	// Credential gives the API key, session or access token of each request, so
	// that a rotated one is picked up. Nil: requests carry none.
	Credential func(context.Context) (Secret, error)
	// HTTP makes the connections. Nil: one request may take 30 seconds. Redirects
	// are never followed, whatever it says of them.
	HTTP *http.Client
	// UserAgent is sent with each request and stands in the audit trail. Empty: "keywright-go".
	UserAgent string
}

// NewClient is a client that presents one API key, session or access token; an
// empty one is not presented.
func NewClient(baseURL, key string) *Client {
	if key == "" {
		return &Client{BaseURL: baseURL}
	}
	secret := NewSecret(key)
	return &Client{
		BaseURL:    baseURL,
		Credential: func(context.Context) (Secret, error) { return secret, nil },
	}
}

// AnswerError is a refusal as the server gave it (RFC 9457). It unwraps to the
// error of this package that it means.
type AnswerError struct {
	Status    int    // of HTTP
	Detail    string // for people
	RequestID string // under which the server's log knows the request
	Cause     error  // ErrNotFound, *InvalidError …
}

func (e *AnswerError) Error() string {
	var b strings.Builder
	b.WriteString(e.Cause.Error())
	if e.Detail != "" && !strings.Contains(e.Cause.Error(), e.Detail) {
		b.WriteString(": " + strings.TrimPrefix(e.Detail, e.Cause.Error()+": "))
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *AnswerError) Unwrap() error { return e.Cause }

// request is one call of the API.
type request struct {
	method      string
	path        []string // segments, not yet escaped
	query       url.Values
	body        any // nil: none
	idempotency string
	accept      string // empty: application/json
}

// call makes the request and decodes its answer.
func call[Answer any](ctx context.Context, c *Client, r request) (answer Answer, err error) {
	res, err := c.do(ctx, c.transport(), r)
	if err != nil {
		return answer, err
	}
	defer res.Body.Close()
	return answer, decodeAnswer(res, &answer)
}

// download makes the request and copies its answer, which may be of any length and take any time.
func (c *Client) download(ctx context.Context, r request, to io.Writer) error {
	transport := c.transport()
	if c.HTTP == nil {
		transport.Timeout = 0
	}
	res, err := c.do(ctx, transport, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	from := &answerReader{from: res.Body}
	if _, err := io.Copy(to, from); from.err != nil {
		return fmt.Errorf("%w: the answer broke off: %w", ErrUnavailable, from.err)
	} else if err != nil {
		return err
	}
	return nil
}

// answerReader remembers whether it was the answer that failed, or what it was written to.
type answerReader struct {
	from io.Reader
	err  error
}

func (r *answerReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// do makes the request. An answer that is not a success is an error; of the others the caller closes the body.
func (c *Client) do(ctx context.Context, transport *http.Client, r request) (*http.Response, error) {
	req, err := c.build(ctx, r)
	if err != nil {
		return nil, err
	}
	res, err := transport.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	noteEffect(ctx, res)
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}

func (c *Client) build(ctx context.Context, r request) (*http.Request, error) {
	address, err := c.address(r)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("keywright: encode the request: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("keywright: %w", err)
	}
	return req, c.header(req, r)
}

// address escapes every segment of the path. Segments that a proxy might resolve
// away never leave.
func (c *Client) address(r request) (string, error) {
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" ||
		base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return "", Invalid("BaseURL", "want the address of a Keywright, such as https://keys.example.com")
	}
	address := strings.TrimRight(base.String(), "/") + "/api"
	for _, segment := range r.path {
		if segment == "" || segment == "." || segment == ".." {
			return "", Invalid("path", "%q is no name of anything", segment)
		}
		address += "/" + url.PathEscape(segment)
	}
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	return address, nil
}

func (c *Client) header(req *http.Request, r request) error {
	req.Header.Set("Accept", cmp.Or(r.accept, "application/json")+", application/problem+json")
	req.Header.Set("User-Agent", cmp.Or(c.UserAgent, "keywright-go"))
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.idempotency != "" {
		req.Header.Set("Idempotency-Key", r.idempotency)
	}
	preferEffect(req)
	if c.Credential == nil {
		return nil
	}
	key, err := c.Credential(req.Context())
	if err != nil {
		return fmt.Errorf("keywright: get the credential: %w", err)
	}
	if key.Reveal() != "" {
		req.Header.Set("Authorization", "Bearer "+key.Reveal())
	}
	return nil
}

// preferEffect says how long the caller waits for the effect of a change.
func preferEffect(r *http.Request) {
	e, _ := r.Context().Value(effectKey{}).(*Effect)
	if e != nil && e.Wait != 0 && r.Method != http.MethodGet {
		r.Header.Set("Prefer", e.prefer())
	}
}

// noteEffect notes what an answer says, also one that is an error: the change may stand.
func noteEffect(ctx context.Context, res *http.Response) {
	e, _ := ctx.Value(effectKey{}).(*Effect)
	if e == nil || res.Request.Method == http.MethodGet {
		return
	}
	revision, _ := strconv.ParseInt(res.Header.Get("Keywright-Revision"), 10, 64)
	waited, _ := strconv.ParseFloat(res.Header.Get("Keywright-Waited-Ms"), 64)
	e.Revision, e.Waited = Revision(revision), time.Duration(waited*float64(time.Millisecond))
	e.Pending = res.StatusCode == http.StatusAccepted
}

// transport is the HTTP client, with redirects off: the API makes none, and a
// redirect would carry the key, or a key inside a body, to a machine nobody named.
func (c *Client) transport() *http.Client {
	own := http.Client{Timeout: clientTimeout}
	if c.HTTP != nil {
		own = *c.HTTP
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

func decodeAnswer(res *http.Response, answer any) error {
	if res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusAccepted && res.ContentLength == 0 {
		return nil
	}
	if media := mediaType(res); media != "application/json" && media != "application/openapi+json" {
		return fmt.Errorf("keywright: %s answers %s with %q instead of JSON: is it the address of a Keywright?",
			res.Request.URL.Host, res.Status, media)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%w: the answer broke off: %w", ErrUnavailable, err)
	case len(body) > maxAnswer:
		return fmt.Errorf("keywright: the answer is longer than %d bytes", maxAnswer)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("keywright: the answer is not what was expected: %w", err)
	}
	return nil
}

func mediaType(res *http.Response) string {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return media
}

// problem is a refusal on the wire.
type problem struct {
	Code      string    `json:"code"`
	Detail    string    `json:"detail"`
	RequestID string    `json:"request_id"`
	Problems  []Problem `json:"problems"`
}

// refusal translates an answer that is not a success. What is not a problem
// document comes from something in front of the server; its status still counts.
func refusal(res *http.Response) error {
	var p problem
	if mediaType(res) == "application/problem+json" {
		if body, err := io.ReadAll(io.LimitReader(res.Body, maxProblem)); err == nil && json.Unmarshal(body, &p) != nil {
			p = problem{}
		}
	}
	if location := res.Header.Get("Location"); location != "" && p.Detail == "" {
		p.Detail = fmt.Sprintf("it redirects to %q, which is not followed", location)
	}
	return &AnswerError{
		Status:    res.StatusCode,
		Detail:    p.Detail,
		RequestID: cmp.Or(p.RequestID, res.Header.Get("X-Request-Id")),
		Cause:     cause(res, p),
	}
}

// cause is the error of this package that a refusal means. A status that tells
// nothing of the request leaves the answer unknown.
func cause(res *http.Response, p problem) error {
	switch status := res.StatusCode; {
	case p.Code == "quota":
		return ErrQuota
	case len(p.Problems) > 0:
		return &InvalidError{p.Problems}
	case status == http.StatusUnauthorized:
		return ErrUnauthenticated
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound:
		return ErrNotFound
	case status == http.StatusConflict:
		return ErrConflict
	case status == http.StatusTooManyRequests:
		return &ThrottledError{retryAfter(res.Header)}
	case status >= 500:
		return ErrUnavailable
	case status >= 400:
		return ErrInvalid
	}
	return errors.New("keywright: the server answers " + res.Status)
}

// retryAfter reads Retry-After in seconds (RFC 9110 section 10.2.3); one second
// if it says nothing we understand, an hour at most.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32)
	if err != nil {
		seconds = 1
	}
	return min(max(time.Duration(seconds)*time.Second, 0), time.Hour)
}
