package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *site) routeAudiences() {
	const one = inAccount + "/audiences/{audience}"
	s.page("GET "+inAccount+"/audiences", s.audiences)
	s.act(inAccount+"/catalogues/{catalogue}/adopt", s.adopt)
	s.page("GET "+inAccount+"/new-audience", s.newAudienceForm)
	s.act(inAccount+"/new-audience", s.newAudience)
	s.page("GET "+inAccount+"/import-audience", s.importAudienceForm)
	s.act(inAccount+"/import-audience", s.importAudience)
	s.page("GET "+one, s.audience)
	s.page("GET "+one+"/export", s.exportAudience)
	s.page("GET "+one+"/edit", s.editAudienceForm)
	s.act(one+"/edit", s.editAudience)
	s.page("GET "+one+"/delete", s.deleteAudienceForm)
	s.act(one+"/delete", s.deleteAudience)
}

// audiencesView is what an account has registered, and what it could adopt.
type audiencesView struct {
	keywright.Page[keywright.AudienceSummary]
	catalogues []keywright.Catalogue
}

func (s *site) audiences(ctx context.Context, v *visit) (answer, error) {
	page, err := s.Authority.Audiences(ctx, v.caller, v.account, authority.ListQuery{Cursor: v.query("cursor")})
	if err != nil {
		return answer{}, err
	}
	catalogues, err := s.Authority.Catalogues(ctx, v.caller)
	return show("Audiences", audiencesPage(v, audiencesView{page, catalogues})), err
}

// audienceURL is the URL of an audience's page, or of something below it.
func (v *visit) audienceURL(name, below string) string {
	return v.at("/audiences/" + url.PathEscape(name) + below)
}

func (s *site) adopt(ctx context.Context, v *visit) (answer, error) {
	adopted, err := s.Authority.AdoptCatalogue(ctx, v.caller, v.account, v.r.PathValue("catalogue"))
	names := []string{}
	for _, a := range adopted {
		names = append(names, audienceWords(a.Name))
	}
	return goOn(v.at("/audiences"), "Adopted: "+strings.Join(names, ", ")+"."), err
}

// audienceWords is an audience's name; that of tokens which name none, in words.
func audienceWords(name string) string {
	if name == keywright.NoAudience {
		return "no audience"
	}
	return name
}

// audienceTitle is an audience above its page: a name as it is.
func audienceTitle(name string) string {
	if name == keywright.NoAudience {
		return "No audience"
	}
	return name
}

func (s *site) audienceOf(ctx context.Context, v *visit) (keywright.Audience, error) {
	return s.Authority.Audience(ctx, v.caller, v.account, v.r.PathValue("audience"))
}

func (s *site) audience(ctx context.Context, v *visit) (answer, error) {
	a, err := s.audienceOf(ctx, v)
	return show(a.Name, audiencePage(v, a)), err
}

// exportAudience hands out an audience as import takes it.
func (s *site) exportAudience(ctx context.Context, v *visit) (answer, error) {
	a, err := s.audienceOf(ctx, v)
	if err != nil {
		return answer{}, err
	}
	text, err := json.Marshal(keywright.NewAudience{Name: a.Name, Description: a.Description, Scopes: a.Scopes}, jsontext.WithIndent("  "))
	return stream(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Disposition", `attachment; filename="audience.json"`)
		_, _ = w.Write(append(text, '\n')) // an error here is the client's going away
	}), err
}

// audienceForm is a form in which an audience is written, a row for each scope.
type audienceForm struct {
	*form
	name string // as it is registered; empty: it is new
	rows int
}

// cell is the field of a row, which has one for each member of a scope.
func cell(member string, row int) string { return member + "." + strconv.Itoa(row) }

const (
	blankRows = 4
	mostRows  = 1000
)

func newAudienceFields(f *form) audienceForm {
	rows, _ := strconv.Atoi(f.get("rows")) // what is no number is none
	return audienceForm{form: f, rows: min(max(rows, blankRows), mostRows)}
}

// fill writes an audience into the form.
func (f *audienceForm) fill(a keywright.NewAudience) {
	f.values.Set("name", a.Name)
	f.values.Set("description", a.Description)
	for i, e := range a.Scopes {
		for member, text := range map[string]string{
			"name": e.Name, "description": e.Description, "group": e.Group, "since": e.Since, "implies": strings.Join(e.Implies, " "),
		} {
			f.values.Set(cell(member, i), text)
		}
		if e.AdminOnly {
			f.values.Set(cell("admin_only", i), "on")
		}
	}
	f.rows = min(len(a.Scopes)+blankRows, mostRows)
}

// read reads the audience, and in which row each of its scopes stands. A row without a scope's name is none.
func (f audienceForm) read() (a keywright.NewAudience, rows []int) {
	a = keywright.NewAudience{Description: f.trimmed("description"), Scopes: []keywright.CatalogueEntry{}}
	for i := range f.rows {
		e := keywright.CatalogueEntry{
			Name: f.trimmed(cell("name", i)), Description: f.trimmed(cell("description", i)), Group: f.trimmed(cell("group", i)),
			Since: f.trimmed(cell("since", i)), Implies: f.words(cell("implies", i)), AdminOnly: f.has(cell("admin_only", i)),
		}
		if e.Name != "" {
			a.Scopes, rows = append(a.Scopes, e), append(rows, i)
		}
	}
	return a, rows
}

var entryMember = regexp.MustCompile(`^/scopes/(\d+)/([a-z_]+)`)

// take keeps what an error says of the request, each at its row.
func (f audienceForm) take(err error, rows []int) bool {
	invalid, is := errors.AsType[*keywright.InvalidError](err)
	if !is {
		return f.form.take(err)
	}
	for _, p := range invalid.Problems {
		at := entryMember.FindStringSubmatch(p.Member)
		if at == nil {
			f.note(p, []string{"audience", "name"})
			continue
		}
		if i, err := strconv.Atoi(at[1]); err == nil && i < len(rows) {
			f.problems[cell(at[2], rows[i])] = sentence(errors.New(p.Reason))
		}
	}
	return true
}

func (s *site) newAudienceForm(_ context.Context, v *visit) (answer, error) {
	return show("New audience", audienceFormPage(v, newAudienceFields(newForm(url.Values{})))), nil
}

func (s *site) editAudienceForm(ctx context.Context, v *visit) (answer, error) {
	a, err := s.audienceOf(ctx, v)
	f := newAudienceFields(newForm(url.Values{}))
	f.name = a.Name
	f.fill(keywright.NewAudience{Name: a.Name, Description: a.Description, Scopes: a.Scopes})
	return show("Edit "+a.Name, audienceFormPage(v, f)), err
}

func (s *site) newAudience(ctx context.Context, v *visit) (answer, error) {
	return s.saveAudience(ctx, v, "")
}

func (s *site) editAudience(ctx context.Context, v *visit) (answer, error) {
	return s.saveAudience(ctx, v, v.r.PathValue("audience"))
}

// saveAudience keeps what the form holds, or gives it more rows.
func (s *site) saveAudience(ctx context.Context, v *visit, registered string) (answer, error) {
	read, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	f := newAudienceFields(read)
	f.name = registered
	if f.get("do") == "more" {
		f.rows = min(f.rows+10, mostRows)
		return show("Audience", audienceFormPage(v, f)), nil
	}
	name := registered
	if name == "" {
		name = f.trimmed("name")
		if err := s.unregistered(ctx, v, name); err != nil {
			return f.refused(v, err, nil)
		}
	}
	asked, rows := f.read()
	set, err := s.Authority.SetAudience(ctx, v.caller, v.account, name, asked)
	if err != nil {
		return f.refused(v, err, rows)
	}
	return goOn(v.audienceURL(set.Name, ""), "The audience "+audienceWords(set.Name)+" is as you have written it."), nil
}

// unregistered refuses the name of an audience that is there: who writes a new one does not mean to replace it.
func (s *site) unregistered(ctx context.Context, v *visit, name string) error {
	_, err := s.Authority.Audience(ctx, v.caller, v.account, name)
	switch {
	case err == nil:
		return keywright.Invalid("/name", "is registered already; edit it instead")
	case errors.Is(err, keywright.ErrNotFound):
		return nil
	}
	return err
}

func (f audienceForm) refused(v *visit, err error, rows []int) (answer, error) {
	if !f.take(err, rows) {
		return answer{}, err
	}
	return show("Audience", audienceFormPage(v, f)).with(statusOf(err)), nil
}

func (s *site) importAudienceForm(_ context.Context, v *visit) (answer, error) {
	return show("Import an audience", importAudiencePage(v, newForm(url.Values{}))), nil
}

// importAudience registers or replaces an audience as a file holds it.
func (s *site) importAudience(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	var asked keywright.NewAudience
	var set keywright.Audience
	if err = json.Unmarshal([]byte(f.get("json")), &asked, json.RejectUnknownMembers(true)); err != nil {
		err = keywright.Invalid("/json", "cannot be read: %v", err)
	} else if asked.Name == "" {
		err = keywright.Invalid("/json", "has no member name, which says whose catalogue it is")
	} else {
		set, err = s.Authority.SetAudience(ctx, v.caller, v.account, asked.Name, asked)
	}
	return outcome(err, f, v.audienceURL(set.Name, ""), fmt.Sprintf("Imported %s, with %s.", audienceWords(set.Name), count(int64(len(set.Scopes)), "scope")),
		func() templ.Component { return importAudiencePage(v, f) }, "scopes", "json", "name", "json", "audience", "json", "description", "json")
}

func (s *site) deleteAudienceForm(ctx context.Context, v *visit) (answer, error) {
	a, err := s.audienceOf(ctx, v)
	return show("Delete "+a.Name, deleteAudiencePage(v, a, newForm(url.Values{}))), err
}

func (s *site) deleteAudience(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	a, err := s.audienceOf(ctx, v)
	if err != nil {
		return answer{}, err
	}
	_, err = s.Authority.DeleteAudience(ctx, v.caller, v.account, a.Name)
	return outcome(err, f, v.at("/audiences"), "The audience "+audienceWords(a.Name)+" is forgotten.", func() templ.Component { return deleteAudiencePage(v, a, f) })
}
