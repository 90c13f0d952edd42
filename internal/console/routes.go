package console

import (
	"context"
	"net/http"
	"strings"
)

// inAccount is where the pages of an account are.
const inAccount = "/a/{account}"

// routes is the one list of pages.
func (s *site) routes() {
	s.mux.Handle("GET "+root+"/static/{name}", http.HandlerFunc(s.file))
	s.mux.HandleFunc("GET "+root, func(w http.ResponseWriter, _ *http.Request) { redirect(w, s.path("/")) })

	s.open("GET /sign-in", s.signInForm)
	s.open("POST /sign-in", s.signIn)
	s.open("GET /sign-in/provider", s.toProvider)
	s.open("GET /sign-in/return", s.fromProvider)
	s.open("GET /invite", s.invitation)
	s.open("POST /invite", s.acceptInvitation)
	s.open("POST /theme", s.chooseTheme)

	s.act("/sign-out", s.signOut)
	s.page("GET /{$}", s.home)
	s.page("GET /accounts", s.accounts)
	s.page("GET "+inAccount+"/{$}", s.overview)
	s.routeOperators()
	s.routeSettings()
	s.routeSpaces()
	s.routePeople()
	s.routePolicy()
	s.routeAudiences()
	s.routeWebhooks()
	s.routeAudit()
	s.routeTokens()
	s.routeMe()
}

// Patterns are those of [http.ServeMux] at which a console shows or does something, so that what must hold of every page can be
// tested of every page there is.
func Patterns() ([]string, error) {
	s, err := newSite(&Console{BaseURL: "http://localhost"})
	if err != nil {
		return nil, err
	}
	return s.patterns, nil
}

// handler is what answers a visit. An error becomes a page that says what went wrong.
type handler func(context.Context, *visit) (answer, error)

// open adds a page for everybody, signed in or not.
func (s *site) open(pattern string, serve handler) { s.handle(pattern, s.stranger, serve) }

// page adds a page for people who are signed in. Below inAccount they are people with a say in that account.
func (s *site) page(pattern string, serve handler) { s.handle(pattern, s.known, serve) }

// act is page for what changes something.
func (s *site) act(pattern string, serve handler) { s.handle("POST "+pattern, s.known, serve) }

func (s *site) handle(pattern string, begin func(context.Context, *visit) error, serve handler) {
	method, below, _ := strings.Cut(pattern, " ")
	s.patterns = append(s.patterns, method+" "+root+below)
	s.mux.HandleFunc(method+" "+root+below, func(w http.ResponseWriter, r *http.Request) {
		v := s.newVisit(r)
		if err := begin(r.Context(), v); err != nil {
			s.refuse(w, v, err)
			return
		}
		a, err := serve(r.Context(), v)
		if err != nil {
			s.refuse(w, v, err)
			return
		}
		s.answer(w, v, a)
	})
}
