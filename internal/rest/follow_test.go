package rest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// A verifier that follows hears of a revocation, by the names under which it was told facts, and the revocation returns when it
// has acknowledged.
func TestFollow(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, verifier := t.Context(), in.client(in.issueFor("keywright:tokens:verify"))
	made := in.issue(keywright.NewToken{Account: "default", Scopes: []string{"invoices:read"}, Metadata: map[string]string{"team": "a"}})
	q := keywright.ChangesQuery{Follower: keywright.ID{1, 6: 0x70, 8: 0x80}}
	news, err := verifier.Changes(ctx, q, nil)
	must(t, err)
	if !news.All || news.Lease() <= 0 {
		t.Fatalf("the first answer is %+v", news)
	}
	facts, err := verifier.Facts(ctx, keywright.FactsRequest{Token: made.APIKey.Reveal(), Address: "192.0.2.9"})
	must(t, err)
	if facts.Token == nil || facts.Token.ID != made.Token.ID || facts.Token.Label != made.Token.Label || facts.Token.Metadata["team"] != "a" {
		t.Fatalf("facts: %+v", facts)
	}

	returned := make(chan error, 1)
	go func() {
		_, err := in.client(in.admin).RevokeToken(ctx, made.Token.ID, "leaked")
		returned <- err
	}()
	var sent time.Time
	for len(news.Forget) == 0 {
		q.Since, sent = news.Revision, time.Now()
		news, err = verifier.Changes(ctx, q, nil)
		must(t, err)
	}
	if news.All || !slices.ContainsFunc(news.Forget, func(s string) bool { return slices.Contains(facts.Subjects, s) }) {
		t.Fatalf("told %+v; the facts rest on %v", news, facts.Subjects)
	}
	select {
	case err := <-returned:
		if time.Since(sent) < news.Lease() {
			t.Fatalf("the revocation returned before the follower had forgotten (%v)", err)
		}
		returned <- err
	default:
	}
	q.Since = news.Revision
	report := &keywright.UsageReport{Reporter: q.Follower, Number: 1, Tokens: []keywright.ReportedUses{}}
	if news, err = verifier.Changes(ctx, q, report); err != nil || news.Reported != 1 {
		t.Errorf("%+v, %v", news, err)
	}
	must(t, <-returned)
	if facts, err = verifier.Facts(ctx, keywright.FactsRequest{Token: made.APIKey.Reveal()}); err != nil || facts.Token.RevokedAt == nil {
		t.Errorf("facts: %+v, %v", facts, err)
	}
}

// What the operations do not take is refused by name.
func TestFollowRefuses(t *testing.T) {
	t.Parallel()
	in := start(t)
	key := in.issueFor("keywright:tokens:verify")
	const poll = changesPath + "?since=0&follower=0195540c-3a00-7d4e-8f50-123456789abc"
	for _, tt := range []struct {
		method, path, body string
		status             int
		member             string
	}{
		{"GET", changesPath, "", 422, "follower"},
		{"GET", changesPath + "?since=0&follower=me", "", 422, "follower"},
		{"GET", strings.Replace(poll, "=0&", "=-1&", 1), "", 422, "since"},
		{"GET", poll + "&wait=1", "", 422, "wait"},
		{"GET", poll, `{}`, 400, ""},
		{"POST", poll, `{}`, 422, "/number"},
		{"POST", poll, `{"reporter":"0195540c-3a00-7d4e-8f50-123456789abc","number":1,"tokens":[{"token":"x","counts":[]}]}`, 422, "/tokens/0/token"},
		{"POST", "/api/v1/facts", `{}`, 422, "/token"},
		{"POST", "/api/v1/facts", `{"token":"abcdefgh","address":"here"}`, 422, "/address"},
		{"POST", "/api/v1/facts", `{"token":"abcdefgh","scopes":["a"]}`, 422, "/scopes"},
	} {
		p := in.call(key, tt.method, tt.path, tt.body).refused(t, tt.status)
		if len(p.Problems) == 0 || tt.member != "" && !slices.ContainsFunc(p.Problems, func(p keywright.Problem) bool { return p.Member == tt.member }) {
			t.Errorf("%s %s %s: %+v", tt.method, tt.path, tt.body, p.Problems)
		}
	}
	if _, err := in.client(in.admin).Changes(t.Context(), keywright.ChangesQuery{Follower: keywright.ID{1}}, nil); !errors.Is(err, keywright.ErrForbidden) {
		t.Errorf("a person follows: %v", err)
	}
}
