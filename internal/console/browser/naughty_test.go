package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// naughty are the strings of the big list, which have broken pages elsewhere.
func naughty(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(fromNPM(t, "blns", "resources", "blns.json"))
	must(t, err)
	var all []string
	must(t, json.Unmarshal(text, &all))
	if len(all) < 485 {
		t.Fatalf("there are %d", len(all))
	}
	return all
}

// Whatever people call things is shown as it is. That nothing in it has run, the watch sees to.
func TestNaughtyLabels(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	var labels []string
	for _, text := range naughty(t) {
		issued, err := s.Client.CreateToken(t.Context(), keywright.NewToken{Label: text, Metadata: map[string]string{"note": text}}, "")
		if err == nil {
			labels = append(labels, issued.Token.Label)
		}
	}
	operator(t, s).lists(tokensAt+"?sort=label", ".row-link", labels)
}

func TestNaughtyTitles(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	titles := []string{"Default"} // that of the space with which an account begins
	var shop keywright.NewAudience
	for i, text := range naughty(t) {
		name := fmt.Sprintf("n%d", i)
		if space, err := s.Client.CreateSpace(t.Context(), "default", name, text); err == nil {
			titles = append(titles, space.Title)
			shop.Scopes = append(shop.Scopes, keywright.CatalogueEntry{Name: name + ":read", Description: space.Title})
		}
	}
	_, err := s.Client.SetAudience(t.Context(), "default", "shop", shop)
	must(t, err)
	p := operator(t, s)
	p.lists("/console/a/default/spaces", "[data-label=Title]", titles)
	p.lists("/console/a/default/audiences/shop", "[data-label=Allows]", titles[1:])
}

// lists walks through the pages of a list, in whose cells all of these must be and nothing else that is a text of its own.
func (p *person) lists(path, cells string, texts []string) {
	p.t.Helper()
	if len(texts) < 400 {
		p.t.Fatalf("of them all the server takes only %d", len(texts))
	}
	left := map[string]bool{}
	for _, text := range texts {
		left[text] = true
	}
	for next := path; next != ""; next = value[string](p, `document.querySelector("[rel=next]")?.getAttribute("href") ?? ""`) {
		p.visit(next)
		for _, shown := range value[[]string](p, fmt.Sprintf(`[...document.querySelectorAll(%s)].map(cell => cell.textContent)`, quoted(cells))) {
			if !slices.Contains(texts, shown) && shown != "" {
				p.t.Errorf("shown at %s is %q", path, shown)
			}
			delete(left, shown)
		}
	}
	for text := range left {
		p.t.Errorf("not shown at %s: %q", path, text)
	}
}

// shown gets pages one after the other, puts the main part of each in the place of this one's, and returns what an expression of main
// has for a value in each of them. A request is what fetch takes, in an array.
func (p *person) shown(requests []string, read string) (values []string) {
	p.t.Helper()
	for some := range slices.Chunk(requests, 20) { // within the patience of one expression
		values = append(values, value[[]string](p, fmt.Sprintf(`(async () => {
			const pages = [%s].map(async request => new DOMParser().parseFromString(await (await fetch(...request)).text(), "text/html").querySelector("main"));
			const values = [];
			for (const page of pages) {
				const main = document.adoptNode(await page);
				document.querySelector("main").replaceWith(main);
				values.push(%s);
			}
			return values;
		})()`, strings.Join(some, ","), read))...)
	}
	return values
}

// As scopes nearly all are refused, and said back as they are.
func TestNaughtyScopes(t *testing.T) {
	t.Parallel()
	p := operator(t, keywrighttest.New(t))
	p.visit(tokensAt + "/new")
	texts := naughty(t)
	requests := make([]string, len(texts))
	for i, text := range texts {
		requests[i] = `["` + tokensAt + `/new", {method: "POST", body: new URLSearchParams({do: "check", scopes: ` + quoted(text) + `})}]`
	}
	for i, said := range p.shown(requests, `main.querySelector("#f-scopes").value`) {
		if lines(said) != lines(texts[i]) {
			t.Errorf("%q is said back as %q", texts[i], said)
		}
	}
}

// lines is a text as forms have it, whose lines end in one way, and which loses an empty first one.
func lines(text string) string {
	return strings.TrimPrefix(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
}

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// The name that a program gives itself stands with what it has done, as it is.
func TestNaughtyUserAgents(t *testing.T) {
	t.Parallel()
	s := keywrighttest.New(t)
	issued := s.Issue(t, keywright.NewToken{Scopes: []string{"keywright:tokens:write"}})
	sent := 0
	for i, text := range naughty(t) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.URL+"/api/v1/tokens/"+issued.Token.ID.String(),
			strings.NewReader(fmt.Sprintf(`{"label":"%d"}`, i)))
		must(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+issued.APIKey.Reveal())
		r.Header.Set("User-Agent", text)
		if res, err := http.DefaultClient.Do(r); err == nil { // not every string can be in a header
			_ = res.Body.Close()
			sent++
		}
	}
	if sent < 300 {
		t.Fatalf("only %d can be in a header", sent)
	}
	p := operator(t, s)
	p.visit("/console/a/default/events")
	events := edits(t, s)
	requests := make([]string, len(events))
	for i, e := range events {
		requests[i] = fmt.Sprintf(`["/console/a/default/events/%d"]`, e.Seq)
	}
	for i, shown := range p.shown(requests, `[...main.querySelectorAll("dt")].find(dt => dt.textContent === "With")?.nextElementSibling.textContent ?? ""`) {
		if shown != events[i].UserAgent {
			t.Errorf("%q is shown as %q", events[i].UserAgent, shown)
		}
	}
}

// edits are all events of tokens that were edited.
func edits(t *testing.T, s *keywrighttest.Server) (all []keywright.Event) {
	t.Helper()
	query := keywright.EventQuery{EventFilter: keywright.EventFilter{Action: "token.edit"}, ListQuery: keywright.ListQuery{Limit: 200}}
	for {
		page, err := s.Client.Events(t.Context(), query)
		must(t, err)
		if all = append(all, page.Items...); page.Next == "" {
			return all
		}
		query.Cursor = page.Next
	}
}
