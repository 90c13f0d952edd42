package console

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/keywright/keywright"
)

// A session is the authority's; how long it may live, it says. In the browser it is sealed, so that a cookie that gets
// about is no bearer token elsewhere, with the time at which it was last seen.
type session struct {
	Token string `json:"t"`
	User  string `json:"u"`
	// Account is where the person was last.
	Account string    `json:"a,omitempty"`
	Begun   time.Time `json:"b"`
	Seen    time.Time `json:"s"`
}

const (
	idle  = time.Hour   // after which a session that was not used is over
	again = time.Minute // how often it is noted that it was
)

// The contexts keep each cookie from being taken for another.
const (
	sessionContext = "console session"
	flashContext   = "console flash"
	signInContext  = "console sign-in"
)

// cookieName has the browser see to it that no other host has set the cookie, where there is TLS.
func (s *site) cookieName(name string) string {
	if s.secure {
		return "__Host-keywright-" + name
	}
	return "keywright-" + name
}

func (v *visit) setCookie(name, value string, age int) {
	v.cookies = append(v.cookies, &http.Cookie{
		Name: v.cookieName(name), Value: value, Path: "/", MaxAge: age, Secure: v.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// seal sets a cookie that only this instance can read.
func (v *visit) seal(name, context string, value any, age int) {
	plain, err := json.Marshal(value)
	if err != nil {
		return
	}
	sealed, err := v.Cookies.Seal(plain, context)
	if err != nil {
		v.Log.Error("a cookie could not be sealed", "error", err, "request_id", v.caller.RequestID)
		return
	}
	v.setCookie(name, base64.RawURLEncoding.EncodeToString(sealed), age)
}

// unseal reads a cookie of seal's. One that is missing, there twice or not ours reads as nothing.
func (v *visit) unseal(name, context string, value any) bool {
	kept := v.r.CookiesNamed(v.cookieName(name))
	if len(kept) != 1 {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(kept[0].Value)
	if err != nil {
		return false
	}
	plain, err := v.Cookies.Open(sealed, context)
	return err == nil && json.Unmarshal(plain, value) == nil
}

// recall finds out who is signed in. A session that was not used for too long is ended.
func (v *visit) recall(ctx context.Context) {
	var kept session
	if !v.unseal("session", sessionContext, &kept) {
		return
	}
	credential, err := v.Authority.ParseCredential(kept.Token)
	if err != nil {
		return
	}
	v.caller.Credential = credential
	if v.now.Sub(kept.Seen) > idle {
		_ = v.Authority.Logout(ctx, v.caller) // it may have ended already
		v.forget()
		return
	}
	v.session = kept
}

// keep notes that the session was used.
func (v *visit) keep() {
	if v.signedIn() && v.now.Sub(v.session.Seen) > again {
		v.begin(v.session)
	}
}

// begin has the browser keep a session until it is closed.
func (v *visit) begin(s session) {
	s.Seen = v.now
	v.session = s
	v.seal("session", sessionContext, s, 0)
}

func (v *visit) forget() {
	v.session = session{}
	v.caller.Credential = keywright.Credential{}
	v.setCookie("session", "", -1)
}

// flash is said once, on the next page: what was done, and where a form goes that undoes it.
type flash struct {
	Text string `json:"t"`
	Undo string `json:"u,omitempty"`
}

func (v *visit) keepFlash(f flash) { v.seal("flash", flashContext, f, 60) }

func (v *visit) recallFlash() {
	if v.r.Method == http.MethodGet && v.unseal("flash", flashContext, &v.flash) {
		v.setCookie("flash", "", -1)
	}
}

// local is a URL of the console that somebody is to be sent to; what is none of the console's is its beginning.
func (s *site) local(next string) string {
	if strings.HasPrefix(next, s.path("/")) && !strings.ContainsAny(next, "\\\r\n\t") && !strings.Contains(next, "//") {
		return next
	}
	return s.path("/")
}
