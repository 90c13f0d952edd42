package browser

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe is the text of axe-core.
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile("testdata/npm/node_modules/axe-core/axe.min.js")
	return string(text), err
})

// violation is what axe-core says of a page.
type violation struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

// look is what axe-core is to look at.
type look string

const (
	everything look = `document`
	// For a page that was looked at already: of a table no more than the first rows.
	again look = `{exclude: [["tbody tr:nth-child(n+4)"]]}`
)

// accessible fails the test for each of axe-core's rules that the page breaks, as it is on the screen now.
func (p *person) accessible(at look) {
	p.t.Helper()
	fromNPM(p.t, "axe-core", "axe.min.js")
	text, err := axe()
	must(p.t, err)
	// Not by a script element, which the policy would refuse, but past it, as an extension of the browser is.
	if !value[bool](p, `typeof axe !== "undefined"`) {
		_, err := chromedp.Call(p.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: text})
		must(p.t, err)
	}
	violations := value[[]violation](p, fmt.Sprintf(`axe.run(%s, {resultTypes: ["violations"], preload: false}).then(found => found.violations.map(v =>
		({id: v.id, help: v.help, nodes: v.nodes.slice(0, 5).map(n => n.html.slice(0, 300) + " " + n.failureSummary.replace(/\s+/g, " "))})))`, at))
	for _, v := range violations {
		p.t.Errorf("%s: axe-core %s: %s", p.at(), v.ID, v.Help)
		for _, n := range v.Nodes {
			p.t.Logf("\t%s", n)
		}
	}
}

// fits fails the test if the page is wider than the screen.
func (p *person) fits() {
	p.t.Helper()
	const wide = `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".table")).slice(0, 5).map(e => e.outerHTML.slice(0, 160))`
	if value[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
		p.t.Errorf("%s: scrolls sideways: %s", p.at(), value[[]string](p, wide))
	}
}

// That axe-core sees what it is there to see.
func TestAxe(t *testing.T) {
	p := newPerson(t, serve(t, `<main><h1>a</h1><img src="data:," id="x"></main>`))
	p.visit("/")
	fromNPM(t, "axe-core")
	record := &recorder{TB: t}
	p.t = record
	p.accessible(everything)
	if len(record.errors) != 1 {
		t.Errorf("found %q in an image without a text", record.errors)
	}
}

// recorder takes down the errors of a test instead of failing it.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
