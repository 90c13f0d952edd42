// Package webhook sends messages as Standard Webhooks 1.0.0 has it: signed, by HTTP POST, to addresses of the public
// internet and to no others. What is sent when, and what becomes of a failure, is the authority's.
package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/authority"
)

const (
	timeout     = 15 * time.Second // of a try, from the name's resolution to the end of the answer
	connect     = 5 * time.Second  // to one address of several
	answerRead  = 16 << 10         // bytes that are read of an answer, so that its connection can be used again
	headerLimit = 16 << 10
	idle        = 30 * time.Second
)

// Config says how to send. The zero Config sends to public addresses only.
type Config struct {
	// Networks may be sent to although they are not public, such as an intranet's; there http will do.
	Networks []netip.Prefix
	// Resolve finds the addresses of a name; nil: the system's resolver.
	Resolve   func(ctx context.Context, host string) ([]netip.Addr, error)
	UserAgent string        // empty: keywright
	Timeout   time.Duration // of a try; 0: 15 s
}

// Sender sends webhooks. Make it with New. Safe for concurrent use.
type Sender struct {
	cfg  Config
	http *http.Client
}

// New makes a sender. It follows no redirects and asks no proxy: both would go where nobody has looked.
func New(cfg Config) *Sender {
	cfg.Timeout = cmp.Or(cfg.Timeout, timeout)
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "keywright")
	if cfg.Resolve == nil {
		cfg.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	d := &dialer{networks: cfg.Networks, resolve: cfg.Resolve, net: net.Dialer{Timeout: connect}}
	return &Sender{cfg: cfg, http: &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            d.dial,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    cfg.Timeout,
			MaxResponseHeaderBytes: headerLimit,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        idle,
			DisableCompression:     true,
		},
	}}
}

// Send makes one try. Nothing of the answer but its status and Retry-After is looked at, or told.
func (s *Sender) Send(ctx context.Context, m authority.Message) authority.Receipt {
	r, err := s.request(ctx, m)
	if err != nil {
		return authority.Receipt{Error: err.Error()}
	}
	answer, err := s.http.Do(r)
	if err != nil {
		return authority.Receipt{Error: reason(err)}
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, answerRead)
	receipt := authority.Receipt{Status: answer.StatusCode, Wait: retryAfter(answer.Header)}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		receipt.Error = "the receiver answered " + strings.TrimSpace(strconv.Itoa(answer.StatusCode)+" "+http.StatusText(answer.StatusCode))
	}
	return receipt
}

func (s *Sender) request(ctx context.Context, m authority.Message) (*http.Request, error) {
	u, err := url.Parse(m.URL)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return nil, errors.New("the URL is none that a webhook can have")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || len(s.cfg.Networks) == 0) {
		return nil, errors.New("the URL is not https")
	}
	r, err := http.NewRequestWithContext(inClear(ctx, u.Scheme == "http"), http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, errors.New("the URL is none that a webhook can have")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.cfg.UserAgent)
	sign(r.Header, m)
	return r, nil
}

// sign sets the headers of a message: its id, the instant of the try, and one signature for each secret.
func sign(h http.Header, m authority.Message) {
	at := strconv.FormatInt(m.At.Unix(), 10)
	signatures := make([]string, len(m.Secrets))
	for i, secret := range m.Secrets {
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%s.%s", m.ID, at, m.Body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set("Webhook-Id", m.ID)
	h.Set("Webhook-Timestamp", at)
	h.Set("Webhook-Signature", strings.Join(signatures, " "))
}

// reason is why there was no answer, for the delivery log. It does not repeat the URL, which may hold a secret.
func reason(err error) string {
	var refused *refusedError
	var timedOut interface{ Timeout() bool }
	var failed *url.Error
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &timedOut) && timedOut.Timeout():
		return "the receiver did not answer in time"
	case errors.As(err, &failed):
		return "the receiver cannot be reached: " + failed.Err.Error()
	}
	return "the receiver cannot be reached"
}

// retryAfter is how long the receiver asks to be left alone, in seconds; a date is not looked at.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
