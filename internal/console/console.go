// Package console is the door for people: HTML pages over the authority, with the signed-in person as actor. Pages are
// rendered here and work without JavaScript; what static/console.js adds are dialogs, copying, live search and keys.
//
// # How to add a page
//
// The handler is a method of *site in a file of its subject. An error that it returns becomes a page; of
// keywright.ErrUnauthenticated, the way to the sign-in.
//
//	func (s *site) spaces(ctx context.Context, v *visit) (answer, error) {
//		page, err := s.Authority.Spaces(ctx, v.caller, v.account, authority.ListQuery{Cursor: v.query("cursor")})
//		if err != nil {
//			return answer{}, err
//		}
//		return show("Spaces", spacesPage(v, page)), nil
//	}
//
// The page is a templ component beside it (spaces.templ; scripts/generate makes its code), of the parts in parts.templ. It has no head,
// sidebar or message to care for: frame.templ has. Every URL comes from v.at (in the account) or v.path (in the console);
// neither forgets the path of the public URL.
//
// It is routed by s.page if it shows, by s.act if it changes something. An act answers with goOn and what was done, so that
// reloading repeats nothing; or, where form.take says that an error is about the request, with the form under the status of the
// error, which tells field by field what is wrong. What is destroyed is asked about on a page of its own (ask), reached by a link
// with data-dialog: with JavaScript its main part opens as a dialog, without it is a page. What must be done by nobody
// who has found an open browser asks v.justProved, and otherwise goes on to v.proveAgain.
//
// If it is a place to go to, it has a line in navigation (nav.go), with the scope that it needs. Whether a button is shown is
// asked of v.who (authority.Standing); whether what it does is allowed the authority alone decides. Nothing that is secret
// is in a URL, a flash message or a page that answers GET.
package console

import (
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/authority"
)

// Console is the web console of an instance. All but Log is required.
type Console struct {
	Authority *authority.Authority
	BaseURL   string // https://… or http://…: where people reach the instance
	Cookies   Sealer
	Random    io.Reader
	Now       func() time.Time
	Log       *slog.Logger // nil: discarded

	Address   func(*http.Request) netip.Addr // of the client
	RequestID func(*http.Request) string
}

// Sealer keeps what only this instance may read and write. A *keyring.Ring is one.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// root is where the console is, below the base URL.
const root = "/console"

// ReturnPath is where single sign-on sends a browser back to, below the base URL.
const ReturnPath = root + "/sign-in/return"

// Mount adds the console to mux, and sends browsers there that ask for the root. Where the base URL has a path, it
// answers below it too, for a proxy that passes the path on as for one that takes it off.
func (c *Console) Mount(mux *http.ServeMux) error {
	s, err := newSite(c)
	if err != nil {
		return err
	}
	mux.Handle(root, s)
	mux.Handle(root+"/", s)
	mux.HandleFunc("GET /{$}", s.entrance)
	if s.below != "" {
		below := http.StripPrefix(s.below, s)
		mux.Handle(s.below+root, below)
		mux.Handle(s.below+root+"/", below)
		mux.HandleFunc("GET "+s.below+"/{$}", s.entrance)
	}
	return nil
}

// site is a console with its routes and its static files.
type site struct {
	Console
	below  string // the path of the base URL, without a slash at its end
	secure bool   // people come by TLS
	mux    *http.ServeMux
	files  files
	guard  *http.CrossOriginProtection

	patterns []string // of mux
}

func newSite(c *Console) (*site, error) {
	s := &site{Console: *c, mux: http.NewServeMux(), guard: http.NewCrossOriginProtection()}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	base, err := url.Parse(c.BaseURL)
	if err != nil {
		return nil, err
	}
	s.below = strings.TrimRight(base.EscapedPath(), "/")
	s.secure = base.Scheme == "https"
	if err := s.guard.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, err
	}
	s.guard.SetDenyHandler(http.HandlerFunc(s.foreign))
	if s.files, err = readFiles(); err != nil {
		return nil, err
	}
	s.routes()
	return s, nil
}

// path is the URL of something in the console.
func (s *site) path(below string) string { return s.below + root + below }

// entrance sends whoever asks for a page to the console; a program is told that there is nothing at the root.
func (s *site) entrance(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Vary", "Accept")
	redirect(w, s.path("/"))
}

// contentPolicy lets a page load what this server serves and nothing else; nothing in the page itself runs.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"

// ServeHTTP answers a request that is below the console's path.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	s.guard.Handler(http.HandlerFunc(s.route)).ServeHTTP(w, r)
}

// route finds the page. Where there is none the answer is a page too.
func (s *site) route(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.mux.Handler(r); pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	s.nowhere(w, r)
}

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
