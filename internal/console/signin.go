package console

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// signingIn is what the page to sign in shows.
type signingIn struct {
	ways     keywright.SignInWays
	username string
	again    bool // somebody who is signed in is to prove it once more
	next     string
	problem  string
}

func (s *site) newSigningIn(v *visit, next string) signingIn {
	in := signingIn{ways: s.Authority.SignInWays(), next: s.local(next)}
	if v.signedIn() {
		in.again, in.username = true, v.session.User
	}
	return in
}

func (s *site) signInForm(_ context.Context, v *visit) (answer, error) {
	in := s.newSigningIn(v, v.query("next"))
	if v.signedIn() && v.query("again") == "" {
		return goOn(in.next, ""), nil
	}
	v.recallFlash()
	return show("Sign in", signInPage(v, in)).apart(), nil
}

func (s *site) signIn(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	in := s.newSigningIn(v, f.get("next"))
	if !in.again {
		in.username = f.get("username")
	}
	old := v.caller
	v.caller.Credential = keywright.Credential{} // who signs in is nobody yet
	begun, err := s.Authority.Login(ctx, v.caller, in.username, keywright.NewSecret(f.get("password")))
	switch {
	case errors.Is(err, keywright.ErrUnavailable):
		return answer{}, err
	case err != nil:
		return s.notSignedIn(v, in, err), nil
	}
	return s.signedIn(ctx, v, old, begun, in.next), nil
}

// notSignedIn shows the page again, with what was wrong; not which half of it.
func (s *site) notSignedIn(v *visit, in signingIn, err error) answer {
	status := http.StatusForbidden
	in.problem = sentence(err)
	switch {
	case errors.Is(err, keywright.ErrUnauthenticated):
		status, in.problem = http.StatusUnauthorized, "That username and password do not match."
	case errors.Is(err, keywright.ErrThrottled):
		status = http.StatusTooManyRequests
	}
	return show("Sign in", signInPage(v, in)).apart().with(status)
}

// signedIn begins the session in the browser, in place of the one that it had.
func (s *site) signedIn(ctx context.Context, v *visit, old authority.Caller, begun authority.Session, next string) answer {
	if v.signedIn() {
		_ = s.Authority.Logout(ctx, old) // it may have ended already
	}
	v.begin(session{Token: begun.Token.Reveal(), User: begun.Username, Begun: v.now})
	return goOn(next, "")
}

func (s *site) signOut(ctx context.Context, v *visit) (answer, error) {
	if err := s.Authority.Logout(ctx, v.caller); err != nil {
		return answer{}, err
	}
	v.forget()
	return goOn(s.path("/sign-in"), "You are signed out."), nil
}

// pending is a sign-in while the person is at the provider.
type pending struct {
	State, Verifier, Next string
	Ends                  time.Time
}

const pendingLife = 10 * time.Minute

// toProvider begins a sign-in by single sign-on, as any program does that wants a session (package sso).
func (s *site) toProvider(_ context.Context, v *visit) (answer, error) {
	if !s.Authority.SignInWays().SSO {
		return answer{}, fmt.Errorf("page %w", keywright.ErrNotFound)
	}
	p := pending{Next: s.local(v.query("next")), Ends: v.now.Add(pendingLife)}
	var err error
	if p.State, err = s.random(); err != nil {
		return answer{}, err
	}
	if p.Verifier, err = s.random(); err != nil {
		return answer{}, err
	}
	v.seal("sign-in", signInContext, p, int(pendingLife/time.Second))
	challenge := sha256.Sum256([]byte(p.Verifier))
	query := url.Values{
		"redirect_uri":          {strings.TrimSuffix(s.BaseURL, "/") + ReturnPath},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
		"state":                 {p.State},
	}
	return goOn(s.below+"/sso/login?"+query.Encode(), ""), nil
}

// random is a text that nobody guesses.
func (s *site) random() (string, error) {
	random := make([]byte, 32)
	if _, err := io.ReadFull(s.Random, random); err != nil {
		return "", fmt.Errorf("console: read randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(random), nil
}

// fromProvider fetches the session that single sign-on offers. What the URL says is believed only if it answers this
// browser's own sign-in.
func (s *site) fromProvider(ctx context.Context, v *visit) (answer, error) {
	var p pending
	known := v.unseal("sign-in", signInContext, &p)
	v.setCookie("sign-in", "", -1)
	in := s.newSigningIn(v, p.Next)
	if !known || v.now.After(p.Ends) || subtle.ConstantTimeCompare([]byte(p.State), []byte(v.query("state"))) != 1 {
		in.problem = "This browser has begun no single sign-on, or it took too long. Begin again."
		return show("Sign in", signInPage(v, in)).apart().with(http.StatusBadRequest), nil
	}
	if v.query("error") != "" {
		in.problem = sentence(errors.New(v.query("error_description")))
		return show("Sign in", signInPage(v, in)).apart().with(http.StatusForbidden), nil
	}
	old := v.caller
	v.caller.Credential = keywright.Credential{}
	begun, err := s.Authority.FetchSession(ctx, v.caller, keywright.NewSecret(v.query("code")), keywright.NewSecret(p.Verifier))
	switch {
	case errors.Is(err, keywright.ErrUnavailable):
		return answer{}, err
	case err != nil:
		return s.notSignedIn(v, in, err), nil
	}
	return s.signedIn(ctx, v, old, begun, p.Next), nil
}
