package sso

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// pendingLife is how long a person may take at the provider.
const pendingLife = 10 * time.Minute

// pending is a sign-in while the person is at the provider.
type pending struct {
	State, Nonce, Verifier string // ours, to the provider
	request
	Ends time.Time
}

// request is what a program asks for that wants a session.
type request struct {
	Return    string // http://127.0.0.1:PORT/…, http://[::1]:PORT/…, or a page of the instance
	Challenge string
	Mark      string // its state, given back as it is
}

// readRequest reads the query of /sso/login, which is an authorization request of RFC 6749 as far as it has to be.
func (d *Door) readRequest(rawQuery string) (request, error) {
	query, err := oneOfEach(rawQuery)
	if err != nil {
		return request{}, err
	}
	asked := request{Return: query.Get("redirect_uri"), Challenge: query.Get("code_challenge"), Mark: query.Get("state")}
	switch {
	case !isLoopback(asked.Return) && !d.isPage(asked.Return):
		return asked, keywright.Invalid("redirect_uri", "must be http://127.0.0.1:PORT/… or http://[::1]:PORT/…, without query and fragment")
	case query.Get("code_challenge_method") != "S256" || !authority.IsChallenge(asked.Challenge):
		return asked, keywright.Invalid("code_challenge", "must be a challenge by the method S256 of RFC 7636")
	case asked.Mark == "" || len(asked.Mark) > 128 || strings.ContainsFunc(asked.Mark, notPlain):
		return asked, keywright.Invalid("state", "must be 1 to 128 visible ASCII characters")
	}
	return asked, nil
}

// oneOfEach reads a query in which no parameter stands twice.
func oneOfEach(rawQuery string) (url.Values, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, keywright.Invalid("query", "is not well escaped")
	}
	for name, values := range query {
		if len(values) > 1 {
			return nil, keywright.Invalid(name, "is there more than once")
		}
	}
	return query, nil
}

// isPage reports whether text is the address of a page of the instance that wants sessions.
func (d *Door) isPage(text string) bool {
	path, below := strings.CutPrefix(text, strings.TrimSuffix(d.BaseURL, "/"))
	return below && slices.Contains(d.Pages, path)
}

func notPlain(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII }

// isLoopback reports whether text is an address of this machine in the one spelling of it that everybody reads alike.
// A name is none: localhost can be made another machine's (RFC 8252 section 8.3).
func isLoopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil || len(text) > 200 || u.Scheme != "http" || u.User != nil || u.String() != text || strings.ContainsAny(text, `?#\%`) {
		return false
	}
	address, err := netip.ParseAddrPort(u.Host)
	if err != nil || address.Port() == 0 || address.String() != u.Host || !strings.HasPrefix(u.Path, "/") {
		return false
	}
	return address.Addr() == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || address.Addr() == netip.IPv6Loopback()
}

func (d *Door) newPending(asked request) (*pending, error) {
	p := &pending{request: asked, Ends: d.Now().Add(pendingLife)}
	for _, secret := range []*string{&p.State, &p.Nonce, &p.Verifier} {
		random := make([]byte, 32)
		if _, err := io.ReadFull(d.Random, random); err != nil {
			return nil, fmt.Errorf("sso: read randomness: %w", err)
		}
		*secret = base64.RawURLEncoding.EncodeToString(random)
	}
	return p, nil
}

// read reads the query that the provider sends the browser back with, if it answers this request.
func (p *pending) read(rawQuery string) (url.Values, error) {
	answer, err := oneOfEach(rawQuery)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(p.State)) != 1 {
		return nil, keywright.Invalid("state", "is not that of the sign-in which this browser began last: begin again")
	}
	return answer, nil
}

// back is where the browser goes on, with what the program is to know.
func (p *pending) back(with url.Values) string {
	with.Set("state", p.Mark)
	return p.Return + "?" + with.Encode()
}

// The context keeps a sealed cookie from being taken for anything else that is sealed.
const cookieContext = "sso cookie"

// cookieName has the browser see to it that no other host has set the cookie, where there is TLS.
func (d *Door) cookieName() string {
	if d.secure() {
		return "__Host-keywright-sso"
	}
	return "keywright-sso"
}

func (d *Door) secure() bool { return strings.HasPrefix(d.BaseURL, "https://") }

func (d *Door) remember(w http.ResponseWriter, p *pending) error {
	plain, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("sso: %w", err)
	}
	sealed, err := d.Cookies.Seal(plain, cookieContext)
	if err != nil {
		return fmt.Errorf("sso: %w", err)
	}
	d.setCookie(w, base64.RawURLEncoding.EncodeToString(sealed), int(pendingLife/time.Second))
	return nil
}

func (d *Door) forget(w http.ResponseWriter) { d.setCookie(w, "", -1) }

// setCookie sets a cookie that comes along when the provider sends the browser back, and with nothing that another
// site's page does by itself.
func (d *Door) setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: d.cookieName(), Value: value, Path: "/", MaxAge: age, Secure: d.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// recall opens the cookie. Whatever is wrong with it, the person has to begin again.
func (d *Door) recall(r *http.Request) (*pending, error) {
	again := keywright.Invalid("cookie", "this browser has begun no sign-in, or took more than %s: begin again", pendingLife)
	kept := r.CookiesNamed(d.cookieName())
	if len(kept) != 1 {
		return nil, again
	}
	sealed, err := base64.RawURLEncoding.DecodeString(kept[0].Value)
	if err != nil {
		return nil, again
	}
	plain, err := d.Cookies.Open(sealed, cookieContext)
	if err != nil {
		return nil, again
	}
	p := &pending{}
	if json.Unmarshal(plain, p) != nil || !d.Now().Before(p.Ends) {
		return nil, again
	}
	return p, nil
}
