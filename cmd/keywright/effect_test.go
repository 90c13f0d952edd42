package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// TestWait: what a command has changed says how long it took to hold everywhere; who does not wait for a follower that does
// not answer hears that it is pending.
func TestWait(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	verifier := keys.ClientFor(keys.Issue(t, keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}}))
	run := func(args ...string) (answer struct {
		WaitedMS *float64 `json:"waited_ms"`
		Pending  bool     `json:"pending"`
		Revision int64    `json:"revision"`
	}, warned bool) {
		t.Helper()
		p := sitDown(t, keys, "")
		if code := p.keywright(t, append([]string{"token"}, args...)...); code != exitOK {
			t.Fatalf("%s: %d %s", args, code, p.err.String())
		}
		if err := json.Unmarshal(p.out.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %v: %s", args, err, p.out.String())
		}
		return answer, strings.Contains(p.err.String(), "not known to hold everywhere")
	}
	if a, warned := run("create", "--label", "ci", "--scope", "a", "--json"); a.WaitedMS != nil || warned {
		t.Errorf("create: %+v", a)
	}
	if a, warned := run("disable", "ci", "--json"); a.WaitedMS == nil || a.Pending || a.Revision == 0 || warned {
		t.Errorf("disable: %+v", a)
	}
	if _, err := verifier.Changes(t.Context(), keywright.ChangesQuery{Follower: keywright.ID{1}}, nil); err != nil {
		t.Fatal(err)
	}
	if a, warned := run("revoke", "ci", "--yes", "--json", "--wait", "0s"); a.WaitedMS == nil || !a.Pending || !warned {
		t.Errorf("revoke: %+v", a)
	}
	if a, _ := run("show", "ci", "--json"); a.WaitedMS != nil {
		t.Errorf("show: %+v", a)
	}
}
