package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/store/sqlstore"
	"github.com/keywright/keywright/internal/store/storetest"
)

// visits is how often each page is asked for.
const visits = 100

// console measures the console's pages, as an operator's browser has them, where there are many tokens.
func console(ctx context.Context, w io.Writer, p plan) error {
	size := min(100_000, slices.Max(p.sizes))
	ours, err := startFleet(ctx, filepath.Join(p.dir, "console"), size)
	if err != nil {
		return err
	}
	defer ours.stop()
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	b := browser{base: ours.url + "/console", http: &http.Client{Jar: jar}}
	signIn := url.Values{"username": {"admin"}, "password": {adminPassword}}.Encode()
	if _, err := b.ask(ctx, "/sign-in", signIn); err != nil {
		return err
	}
	tokens, err := b.ask(ctx, "/a/default/tokens", "")
	if err != nil {
		return err
	}
	one := regexp.MustCompile(`/tokens/[0-9a-f-]{36}`).FindString(tokens)
	fmt.Fprintf(w, "\n## The console, with %d tokens\n\n", size)
	fmt.Fprintf(w, "The server's pages as an operator has them over HTTP, each %d times in turn, without what the browser then does.\n\n", visits)
	fmt.Fprintf(w, "| page | p50 | p99 |\n| --- | --- | --- |\n")
	for _, page := range consolePages(one) {
		took, err := b.visit(ctx, page[1])
		if err != nil {
			return fmt.Errorf("%s: %w", page[0], err)
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", page[0], millis(quantile(took, 0.5)), millis(quantile(took, 0.99)))
	}
	return nil
}

// consolePages are names and paths; one is the path of a token.
func consolePages(one string) [][2]string {
	const tokens = "/tokens?"
	return [][2]string{
		{"overview", "/"},
		{"tokens", "/tokens"},
		{"tokens by label", tokens + "sort=label"},
		{"tokens, those used last first", tokens + "sort=-last_used"},
		{"active tokens, those that end first", tokens + "state=active&sort=expires"},
		{"disabled tokens (1 in 300)", tokens + "state=disabled"},
		{"expired tokens by last use", tokens + "state=expired&sort=last_used"},
		{"permanent tokens (1 in 200)", tokens + "permanent=true"},
		{"manager tokens (1 in 100)", tokens + "kind=manager"},
		{"tokens for an audience (1 in 1,000)", tokens + "audience=legacy"},
		{"tokens of a small space by label", tokens + "space=team-19&sort=label"},
		{"tokens of a person", tokens + "owner=person-007"},
		{"search for a word of many labels", tokens + "q=otter"},
		{"search for one label", tokens + "q=otter-lynx-77"},
		{"search for what is not there", tokens + "q=zebra"},
		{"a token", one},
		{"audit trail", "/events"},
		{"audit trail of a person", "/events?actor=user:person-007"},
		{"spaces", "/spaces"},
		{"people", "/people"},
	}
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// startFleet is a server with an account as it is after years.
func startFleet(ctx context.Context, dir string, size int) (server, error) {
	first, err := startKeywright(ctx, dir) // makes the account and its admin
	if err != nil {
		return server{}, err
	}
	_, err = send(ctx, first.url+"/healthz", "", "", "") // it listens before it has made them
	first.stop()
	if err != nil {
		return server{}, err
	}
	db, err := sqlstore.OpenSQLite(ctx, sqlstore.Options{Path: filepath.Join(dir, "data", "keywright.db")})
	if err != nil {
		return server{}, err
	}
	err = storetest.Fleet{Account: "default", Tokens: size, Now: time.Now()}.Fill(ctx, db)
	if err := errors.Join(err, db.Close()); err != nil {
		return server{}, err
	}
	return startKeywright(ctx, dir)
}

// browser is what a person has.
type browser struct {
	base string
	http *http.Client
}

// visit asks for a page of the account again and again, and returns how long the answers took, sorted.
func (b browser) visit(ctx context.Context, path string) ([]time.Duration, error) {
	took := make([]time.Duration, visits)
	for i := range took {
		begin := time.Now()
		if _, err := b.ask(ctx, "/a/default"+path, ""); err != nil {
			return nil, err
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return took, nil
}

// ask gets a page, or sends a form and follows where that leads.
func (b browser) ask(ctx context.Context, path, form string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method(form), b.base+path, strings.NewReader(form))
	if err != nil {
		return "", err
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := b.http.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || res.Request.URL.Path == "/console/sign-in") {
		err = fmt.Errorf("%s: %s", res.Request.URL, res.Status)
	}
	return string(body), err
}
