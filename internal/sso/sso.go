// Package sso is the door for people who sign in through a provider of OpenID Connect: the authorization code flow
// (OpenID Connect Core section 3.1) with PKCE (RFC 7636). It finds out whom the provider vouches for; what follows from
// that is the authority's.
//
// A program that wants a session for the person before it sends the browser to /sso/login, with a challenge and an
// address of this machine, or of the instance itself, to return to (RFC 8252 section 7.3); it gets a code there, and the session for code and verifier at
// the REST API. What has to be remembered while the person is at the provider is sealed in a cookie, so that whoever begins
// costs nothing here, and nobody's answer is taken for another's.
package sso

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// Door signs people in through the provider. All but Log and Pages is required.
type Door struct {
	Authority *authority.Authority
	Provider  *Provider
	BaseURL   string // https://…, or http on this machine: where people reach the instance
	Cookies   Sealer
	Random    io.Reader
	Now       func() time.Time
	Log       *slog.Logger // nil: discarded
	// Pages of the instance itself that want a session as programs do, as paths below BaseURL; none: there are no such.
	Pages []string

	Address   func(*http.Request) netip.Addr // of the client
	RequestID func(*http.Request) string
}

// Sealer keeps what only this instance may read and write. A *keyring.Ring is one.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// The paths of the door below the base URL.
const (
	loginPath    = "/sso/login"
	callbackPath = "/sso/callback"
)

// CheckBaseURL refuses a URL at which a cookie could be read on the way.
func CheckBaseURL(base string) error {
	u, err := url.Parse(base)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http" && onThisMachine(u.Hostname())) {
		return nil
	}
	return errors.New("single sign-on needs https, or an address of this machine: set the public URL to https://…")
}

func onThisMachine(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// Mount adds the door to mux. Where the base URL has a path, it answers below it too, for a proxy that passes the
// path on as for one that takes it off.
func (d *Door) Mount(mux *http.ServeMux) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	below := ""
	if u, err := url.Parse(d.BaseURL); err == nil {
		below = strings.TrimRight(u.EscapedPath(), "/")
	}
	for path, serve := range map[string]step{loginPath: d.begin, callbackPath: d.finish} {
		mux.Handle("GET "+path, d.answer(serve))
		if below != "" {
			mux.Handle("GET "+below+path, d.answer(serve))
		}
	}
}

// step does its part of a sign-in and says where the browser goes on. An error is told to the person.
type step func(context.Context, http.ResponseWriter, *http.Request) (next string, err error)

func (d *Door) answer(serve step) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next, err := serve(r.Context(), w, r)
		if err != nil {
			d.tell(w, r, err)
			return
		}
		w.Header().Set("Location", next)
		w.WriteHeader(http.StatusSeeOther)
	})
}

// begin sends the browser to the provider.
func (d *Door) begin(ctx context.Context, w http.ResponseWriter, r *http.Request) (string, error) {
	asked, err := d.readRequest(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	if err := d.Authority.AdmitSignIn(d.caller(r)); err != nil {
		return "", err
	}
	provider, err := d.Provider.discover(ctx)
	if err != nil {
		return "", err
	}
	p, err := d.newPending(asked)
	if err != nil {
		return "", err
	}
	if err := d.remember(w, p); err != nil {
		return "", err
	}
	return provider.authorization(p), nil
}

// finish takes what the provider sends the browser back with. Only from where it is known to be an answer to this browser's own
// request does the browser go on to where that request came from.
func (d *Door) finish(ctx context.Context, w http.ResponseWriter, r *http.Request) (string, error) {
	caller := d.caller(r)
	if err := d.Authority.AdmitSignIn(caller); err != nil {
		return "", err
	}
	p, err := d.recall(r)
	d.forget(w)
	if err != nil {
		return "", err
	}
	answer, err := p.read(r.URL.RawQuery)
	if err != nil {
		d.Authority.RefusedSignIn(caller)
		return "", err
	}
	code, err := d.vouched(ctx, caller, p, answer)
	if err != nil {
		d.Log.LogAttrs(ctx, slog.LevelWarn, "single sign-on refused", slog.String("request_id", caller.RequestID), slog.Any("error", err))
		return p.back(failure(err)), nil
	}
	return p.back(url.Values{"code": {code.Reveal()}}), nil
}

// vouched finds out whom the provider vouches for, and has the authority offer the session.
func (d *Door) vouched(ctx context.Context, caller authority.Caller, p *pending, answer url.Values) (keywright.Secret, error) {
	who, err := d.Provider.identify(ctx, p, answer)
	if err != nil {
		if !errors.Is(err, keywright.ErrUnavailable) {
			d.Authority.RefusedSignIn(caller)
		}
		return keywright.Secret{}, err
	}
	return d.Authority.SignInByProvider(ctx, caller, who, p.Challenge)
}

func (d *Door) caller(r *http.Request) authority.Caller {
	return authority.Caller{Address: d.Address(r), UserAgent: r.UserAgent(), RequestID: d.RequestID(r)}
}
