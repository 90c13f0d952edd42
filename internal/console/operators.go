package console

import (
	"context"
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *site) routeOperators() {
	s.page("GET /operators", s.operators)
	s.page("GET /operators/new", s.newOperatorForm)
	s.act("/operators/new", s.newOperator)
	s.page("GET /operators/{username}/drop", s.dropOperatorForm)
	s.act("/operators/{username}/drop", s.dropOperator)
}

// operators are who governs the instance.
func (s *site) operators(ctx context.Context, v *visit) (answer, error) {
	page, err := s.Authority.Operators(ctx, v.caller, authority.ListQuery{Cursor: v.query("cursor")})
	return show("Operators", operatorsPage(v, page)), err
}

// mayGovern refuses a form to who is no operator, so that nobody fills in what will be refused.
func (s *site) mayGovern(ctx context.Context, v *visit) error {
	_, err := s.Authority.Operators(ctx, v.caller, authority.ListQuery{Limit: 1})
	return err
}

// operatorForm asks who is to govern the instance.
type operatorForm struct {
	*form
	prove string // where the person shows that it is the one who is signed in; empty: it has
}

func (s *site) newOperatorForm(ctx context.Context, v *visit) (answer, error) {
	f := operatorForm{form: newForm(v.r.URL.Query())}
	return show("New operator", newOperatorPage(v, f)), s.mayGovern(ctx, v)
}

func (s *site) newOperator(ctx context.Context, v *visit) (answer, error) {
	read, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	f, name := operatorForm{form: read}, read.trimmed("username")
	again := func() templ.Component { return newOperatorPage(v, f) }
	if !v.justProved() {
		if err := s.mayGovern(ctx, v); err != nil {
			return answer{}, err
		}
		f.prove = v.proveFor(v.path("/operators/new"), f.form)
		return show("New operator", again()).with(http.StatusForbidden), nil
	}
	_, err = s.Authority.GrantRole(ctx, v.caller, name, keywright.Role{Name: "operator"})
	if t, _ := translate(err); t.status == http.StatusNotFound {
		f.problems["username"] = "Nobody has this username. Invite somebody to an account first."
		return show("New operator", again()).with(t.status), nil
	}
	return outcome(err, f.form, v.path("/operators"), name+" is an operator of the instance.", again, "role", "")
}

// operatorDrop is the URL at which somebody stops to be an operator.
func (v *visit) operatorDrop(name string) string {
	return v.path("/operators/" + url.PathEscape(name) + "/drop")
}

func (s *site) dropOperatorForm(ctx context.Context, v *visit) (answer, error) {
	name := v.r.PathValue("username")
	return show(name, dropOperatorPage(v, name, newForm(url.Values{}))), s.mayGovern(ctx, v)
}

func (s *site) dropOperator(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	name := v.r.PathValue("username")
	_, err = s.Authority.DropRole(ctx, v.caller, name, keywright.Role{Name: "operator"})
	return outcome(err, f, v.path("/operators"), name+" is no longer an operator.", func() templ.Component { return dropOperatorPage(v, name, f) })
}

// providedHere reports whether single sign-on has given somebody the role of operator: then the provider takes it away.
func providedHere(m keywright.Member) bool {
	for _, r := range m.Roles {
		if r.Provided {
			return true
		}
	}
	return false
}
