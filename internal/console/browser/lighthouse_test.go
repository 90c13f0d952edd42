package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// audited are the pages that Lighthouse looks at: the first as a stranger sees it, the others as the operator does.
var audited = []struct{ name, path string }{
	{"Sign in", "/console/sign-in"},
	{"Overview", "/console/a/default/"},
	{"Tokens, a thousand", "/console/a/busy/tokens"},
	{"New token", "/console/a/default/tokens/new"},
	{"A token", "/console/a/default/tokens/{used}"},
	{"Policy", "/console/a/default/policy"},
	{"Audit trail", "/console/a/default/events"},
}

// audit is what Lighthouse says of a page.
type audit struct {
	URL    string         `json:"url"`
	Scores map[string]int `json:"scores"` // of 100, by category
	Lost   []string       `json:"lost"`   // what cost points
}

// inspection is what Lighthouse is to look for.
type inspection struct {
	least map[string]int // what each category must have
	runs  int            // of which the best counts
}

var (
	// steady depends on nothing but the pages.
	steady = inspection{map[string]int{"accessibility": 100, "best-practices": 100}, 1}
	// timed depends on the machine, too.
	timed = inspection{map[string]int{"accessibility": 100, "best-practices": 100, "performance": 95}, 3}
)

// Lighthouse has nothing to say against any page. How fast they are is measured where KEYWRIGHT_CONSOLE_DOCS names the folder of the
// documentation, in which the scores are then written down.
func TestLighthouse(t *testing.T) {
	fromNPM(t, "lighthouse")
	docs := os.Getenv("KEYWRIGHT_CONSOLE_DOCS")
	inspection := timed
	if docs == "" {
		inspection = steady
		t.Parallel()
	}
	w := newWorld(t)
	w.thousand()
	urls := make([]string, len(audited))
	for i, page := range audited {
		urls[i] = w.URL + w.path(page.path)
	}
	faulty := serve(t, `<main><h1>a</h1><img src="data:,"></main>`) + "/"
	audits := append(inspection.look(w.person("stranger"), urls[0], faulty), inspection.look(w.person("operator"), urls[1:]...)...)
	// That it sees what it is there to see, and that it is told.
	record := &recorder{TB: t}
	if inspection.judge(record, faulty, audits[1]); !strings.Contains(strings.Join(record.errors, "\n"), "image-alt") {
		t.Errorf("found %q in an image without a text", record.errors)
	}
	audits = slices.Delete(audits, 1, 2)
	for i, a := range audits {
		inspection.judge(t, urls[i], a)
	}
	if docs != "" && !t.Failed() {
		must(t, writeScores(filepath.Join(docs, "console.md"), audits))
	}
}

// look has Lighthouse look at pages as somebody sees them.
func (i inspection) look(p *person, urls ...string) (audits []audit) {
	p.t.Helper()
	orders, err := json.Marshal(map[string]any{
		"chromium": program(p.t), "cookie": p.cookie(), "urls": urls, "categories": slices.Collect(maps.Keys(i.least)), "runs": i.runs,
	})
	must(p.t, err)
	node := exec.CommandContext(p.t.Context(), "node", "lighthouse.mjs")
	node.Dir = filepath.Join("testdata", "npm")
	node.Stdin, node.Stderr = bytes.NewReader(orders), p.t.Output()
	out, err := node.Output()
	must(p.t, err)
	for lines := json.NewDecoder(bytes.NewReader(out)); lines.More(); {
		var a audit
		must(p.t, lines.Decode(&a))
		audits = append(audits, a)
	}
	if len(audits) != len(urls) {
		p.t.Fatalf("Lighthouse looked at %d of %d pages", len(audits), len(urls))
	}
	return audits
}

func (i inspection) judge(t testing.TB, url string, a audit) {
	t.Helper()
	if a.URL != url {
		t.Errorf("%s leads to %s", url, a.URL)
	}
	for category, least := range i.least {
		if a.Scores[category] < least {
			t.Errorf("%s: %s is %d\n\t%s", url, category, a.Scores[category], strings.Join(a.Lost, "\n\t"))
		}
	}
}

// cookie is what the browser sends with its requests.
func (p *person) cookie() string {
	p.t.Helper()
	var pairs []string
	for _, c := range call(p, network.GetCookies, network.GetCookiesParams{URLs: []string{p.base}}).Cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// Between these the scores stand.
const scoresBegin, scoresEnd = "<!-- written by TestLighthouse -->\n", "<!-- until here -->\n"

// writeScores puts a table of the audits in the place of the one that a document has.
func writeScores(name string, audits []audit) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), scoresBegin)
	_, after, ends := strings.Cut(rest, scoresEnd)
	if !begins || !ends {
		return fmt.Errorf("%s has no place for the scores: %q and %q", name, scoresBegin, scoresEnd)
	}
	var table strings.Builder
	table.WriteString("| page | performance | accessibility | best practices |\n| --- | --- | --- | --- |\n")
	for i, a := range audits {
		fmt.Fprintf(&table, "| %s | %d | %d | %d |\n", audited[i].name, a.Scores["performance"], a.Scores["accessibility"], a.Scores["best-practices"])
	}
	return os.WriteFile(name, []byte(before+scoresBegin+table.String()+scoresEnd+after), 0o644)
}
