package rest

// Who may do what: every route of the document, by everybody, to everything. What is expected stands in
// testdata/matrix.txt, to be read by people; docs/authorisation.md shows the same. After a change that is meant, write both with
//
//	go test ./internal/rest -run TestMatrix -update
//
// and read the difference: each cell of it is somebody who may do more, or less.

import (
	goflag "flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = goflag.Bool("update", false, "write testdata/matrix.txt and docs/authorisation.md")

const (
	matrixFile     = "testdata/matrix.txt"
	matrixDocument = "../../docs/authorisation.md"
)

// What a cell can be, beside the status of a refusal.
const (
	cellDone    = "✓"
	cellNothing = "–" // an answer, but the same as if the thing were not there
)

// matrix is what became of each attempt: by route, target and actor.
type matrix map[string][]matrixRow

type matrixRow struct {
	target string
	cells  []string
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	w := newMatrixWorld(t)
	d, _ := readDocument(t)
	got := matrix{}
	for path, methods := range d.Paths {
		for method := range methods {
			route := strings.ToUpper(method) + " " + path
			row, ok := matrixRoutes()[route]
			if !ok {
				t.Errorf("%s has no row in matrixRoutes: say how it is tried, and on what", route)
				continue
			}
			got[route] = w.try(route, row)
		}
	}
	for route := range matrixRoutes() {
		if got[route] == nil {
			t.Errorf("%s is in matrixRoutes and not in the document", route)
		}
	}
	text, page := got.text(), got.document(d)
	if *update {
		must(t, os.WriteFile(matrixFile, []byte(text), 0o644))
		must(t, os.WriteFile(matrixDocument, []byte(page), 0o644))
		return
	}
	for file, want := range map[string]string{matrixFile: text, matrixDocument: page} {
		kept, err := os.ReadFile(file)
		must(t, err)
		if diff := cmp.Diff(strings.Split(string(kept), "\n"), strings.Split(want, "\n")); diff != "" {
			t.Errorf("%s (- expected, + what happens):\n%s", file, diff)
		}
	}
}

// try has everybody try a route on each of its targets.
func (w *matrixWorld) try(route string, row routeRow) []matrixRow {
	w.spent() // what another route has left half done
	var rows []matrixRow
	for _, target := range row.targets {
		line := matrixRow{target: target}
		for _, who := range w.actors {
			line.cells = append(line.cells, w.cell(route, row, who, target))
		}
		rows = append(rows, line)
	}
	return rows
}

// cell is what becomes of one attempt. What was changed by it is made anew for the next.
func (w *matrixWorld) cell(route string, row routeRow, who *matrixActor, target string) string {
	a := row.make(w, target)
	status, answer := w.send(route, who, a)
	if strings.HasPrefix(target, targetForeign) && who.name != "operator" {
		w.sameAsAbsent(route, row, who, target, status, answer)
	}
	switch {
	case status == a.done || a.done == 0 && status < 300:
		w.spent()
		if a.undo != nil {
			a.undo()
		}
		if who.renew != nil && row.endsSession {
			who.key = who.renew()
		}
		if a.silent != nil && a.silent(answer) {
			return cellNothing
		}
		return cellDone
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
		return strconv.Itoa(status)
	}
	w.t.Errorf("%s on the %s by %s: status %d: %s", route, target, who.name, status, answer)
	return strconv.Itoa(status)
}

// sameAsAbsent holds the answer about somebody else's thing against that about nothing, byte for byte.
func (w *matrixWorld) sameAsAbsent(route string, row routeRow, who *matrixActor, target string, status int, answer string) {
	nothing := targetAbsent
	if target == targetForeignIn {
		nothing = targetAbsentIn
	}
	a := row.make(w, nothing)
	absentStatus, absent := w.send(route, who, a)
	if a.plain != nil {
		answer, absent = a.plain(answer), a.plain(absent)
	}
	if absentStatus != status || absent != answer {
		w.t.Errorf("%s on the %s by %s tells it from one that is not there:\n%d %s\n%d %s", route, target, who.name, status, answer, absentStatus, absent)
	}
}

func (w *matrixWorld) send(route string, who *matrixActor, a attempt) (int, string) {
	method, _, _ := strings.Cut(route, " ")
	r := httptest.NewRequestWithContext(w.t.Context(), method, a.path, strings.NewReader(a.body))
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if who.key != "" {
		r.Header.Set("Authorization", "Bearer "+who.key)
	}
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	return answer.Code, answer.Body.String()
}

func sortedRoutes(m matrix) []string {
	routes := slices.Collect(maps.Keys(m))
	slices.SortFunc(routes, func(a, b string) int {
		methodA, pathA, _ := strings.Cut(a, " ")
		methodB, pathB, _ := strings.Cut(b, " ")
		return strings.Compare(pathA+" "+methodA, pathB+" "+methodB)
	})
	return routes
}

const matrixLegend = `# Who may do what. Written by go test ./internal/rest -run TestMatrix -update; read every change of it.
#
# People: of the account acme with its spaces lab and prod; owner, manager and reader are so of lab; nothing has no role;
# disabled was an admin. Tokens of acme, space tokens of lab: w has every keywright: scope, r those that read, 0 none; all but those of the kind
# manager have invoices:read too, as the tokens have that they try to get at.
#
# ✓ is done (in lists: with what one may see); – is answered as if the thing were not there (of imports in a batch: every one is
# refused); 401, 403 and 404 are refusals. On another account, all but an operator get, byte for byte, what they get on one that is not there.
`

// text is the matrix for who reads a difference.
func (m matrix) text() string {
	var b strings.Builder
	b.WriteString(matrixLegend)
	names := actorNames()
	fmt.Fprintf(&b, "\n%-25s", "")
	for _, name := range names {
		fmt.Fprintf(&b, " %-9s", name)
	}
	for _, route := range sortedRoutes(m) {
		fmt.Fprintf(&b, "\n\n%s", route)
		for _, row := range m[route] {
			fmt.Fprintf(&b, "\n  %-23s", row.target)
			for _, cell := range row.cells {
				fmt.Fprintf(&b, " %-9s", cell)
			}
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

const documentIntroduction = `# Who may do what

Every operation of the API, by everybody, on everything. This page is written by a test that tries each, and held against it from then on
(internal/rest/matrix_test.go).

People have roles: an **operator** on the instance; **admin** and **auditor** on an account (an admin's reach is also its child accounts); **owner**,
**manager** and **reader** on a space. *nothing* has no role, *disabled* was an admin. Tokens act by their keywright: scopes, within the reach of their kind:
**account** in their account, **space** in their space, **manager** at this API only, in their account. Here, **w** has every keywright: scope, **r** those that read,
**0** none; all but those of the kind manager have a scope for data too, which the tokens have that they try to get at.

✓ is done (in lists: with what one may see). – is answered as if the thing were not there (of imports in a batch: every one is refused). 401: not signed in, or not usable. 403: known, and too little. 404: of
another account, which is told apart from nothing by nobody.
`

// document is the matrix for people: by what the operations are about.
func (m matrix) document(d document) string {
	var b strings.Builder
	b.WriteString(documentIntroduction)
	byTag := map[string][]string{}
	for _, route := range sortedRoutes(m) {
		method, path, _ := strings.Cut(route, " ")
		tag := d.Paths[path][strings.ToLower(method)].Tags[0]
		byTag[tag] = append(byTag[tag], route)
	}
	for _, tag := range slices.Sorted(maps.Keys(byTag)) {
		fmt.Fprintf(&b, "\n## %s%s\n\n| operation | on | %s |\n|%s\n", strings.ToUpper(tag[:1]), tag[1:],
			strings.Join(actorNames(), " | "), strings.Repeat(" --- |", len(actorNames())+2))
		for _, route := range byTag[tag] {
			for _, row := range m[route] {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", route, row.target, strings.Join(row.cells, " | "))
			}
		}
	}
	return b.String()
}

// matrixActor is somebody who tries everything.
type matrixActor struct {
	name  string
	key   string
	renew func() string // signs in again; nil: a token
}
