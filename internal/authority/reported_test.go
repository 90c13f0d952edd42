package authority

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// report sends a report until it is counted, and returns its number.
func (i *instance) reported(a *Authority, verifier Caller, r keywright.UsageReport) int64 {
	i.t.Helper()
	told, err := a.Follow(i.t.Context(), verifier, keywright.ChangesQuery{Follower: keywright.ID{1}}, &r)
	if err != nil {
		i.t.Fatal(err)
	}
	a.reports.running.Wait()
	return told.Reported
}

// following is a configuration that lets everybody follow, and answers as late as a quiet poll.
func following(c *Config) {
	c.Follow = newsOf(store.News{Revision: 7, Lease: 2900 * time.Millisecond})
}

// A report is counted once, however often it is sent, and at whichever node; and once more only under another number.
func TestReportsAreCountedOnce(t *testing.T) {
	t.Parallel()
	i := newInstance(t, following)
	other := i.open(testMaster, following)
	verifier := i.verifier(keywright.NewToken{})
	verifier.Door = keywright.DoorGuard
	made := i.issue(keywright.NewToken{Scopes: []string{"a:*", "b:*"}})
	at := i.now().Add(-2 * time.Hour).Truncate(time.Hour)
	report := keywright.UsageReport{Reporter: keywright.ID{9}, Number: 1, Tokens: []keywright.ReportedUses{{
		Token: made.Token.ID, UsedAt: &at, Address: "198.51.100.9", UserAgent: "curl", Scopes: []string{"a:read"},
		Counts: []keywright.ReportedCount{
			{Hour: at, Reason: keywright.Allowed, N: 5},
			{Hour: at, Reason: keywright.InsufficientScope, N: 2, Address: "198.51.100.7", UserAgent: "evil"},
		},
	}}}
	for range 3 {
		i.reported(i.Authority, verifier, report)
		i.reported(other, verifier, report)
	}
	report.Number = 2
	i.reported(other, verifier, report)
	i.reported(i.Authority, i.verifier(keywright.NewToken{}), report) // another's numbers are its own
	if err := errors.Join(i.flush(t.Context()), other.flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	token, uses := i.uses(made.Token.ID)
	if uses != 15 || !token.LastUsedAt.Equal(at) || token.LastUsedFrom != "198.51.100.9" || token.LastUsedDoor != keywright.DoorGuard {
		t.Errorf("%d uses, last %v from %s by %s", uses, token.LastUsedAt, token.LastUsedFrom, token.LastUsedDoor)
	}
	usage, err := i.TokenUsage(t.Context(), i.operator, made.Token.ID, keywright.UsageQuery{By: keywright.ByHour})
	if err != nil || len(usage.Items) != 1 || !usage.Items[0].At.Equal(at) || usage.Total.Causes["insufficient_scope"] != 6 {
		t.Errorf("%+v, %v", usage, err)
	}
	var used map[string]int64
	err = i.store.Read(t.Context(), func(tx store.Tx) (err error) {
		used, _, err = tx.Usages().Scopes(t.Context(), made.Token.ID)
		return err
	})
	if err != nil || len(used) != 1 || used["a:*"] != hourOf(at) {
		t.Errorf("scopes used %v, %v", used, err)
	}
	if n := i.events("token.refused"); n != 2 { // one a minute at each node
		t.Errorf("%d events of refusals, want 2", n)
	}
}

// What is on file is confirmed, sooner or later; and nothing else is.
func TestReportsAreConfirmed(t *testing.T) {
	t.Parallel()
	i := newInstance(t, following)
	verifier := i.verifier(keywright.NewToken{})
	report := keywright.UsageReport{Reporter: keywright.ID{9}, Number: 4, Tokens: make([]keywright.ReportedUses, 1)}
	report.Tokens[0].Token = verifier.Credential.ID()
	hold := make(chan struct{})
	i.cfg.Follow = newsAfter(hold, store.News{Revision: 7})
	kept := make(chan struct{})
	i.cfg.Usage = keeping{i.store, kept}
	confirmed := make(chan int64)
	go func() { confirmed <- i.reported(i.Authority, verifier, report) }()
	<-kept
	writer := reporter(verifier.Credential.ID(), report.Reporter)
	for !i.reports.begin(writer) { // it is still being counted
		runtime.Gosched()
	}
	i.reports.end(writer)
	close(hold)
	if n := <-confirmed; n != 4 {
		t.Errorf("report %d is confirmed", n)
	}
	i.cfg.Usage = broken{}
	report.Number = 5
	if n := i.reported(i.Authority, verifier, report); n != 0 {
		t.Errorf("report %d is confirmed, and nothing keeps it", n)
	}
}

// Of tokens that the caller does not hear of, and of those that are not there, nothing is counted, and nothing said.
func TestReportsAboutOthers(t *testing.T) {
	t.Parallel()
	i := newInstance(t, following)
	i.must(i.CreateAccount(t.Context(), i.operator, "acme", ""))
	verifier := i.verifier(keywright.NewToken{})
	abroad, mine := i.issue(keywright.NewToken{Account: "acme"}), i.issue(keywright.NewToken{})
	now := i.now()
	tomorrow := now.Add(24 * time.Hour)
	one := func(id keywright.ID) keywright.ReportedUses {
		return keywright.ReportedUses{Token: id, UsedAt: &tomorrow, AnyScope: true, Counts: []keywright.ReportedCount{
			{Hour: tomorrow, Reason: keywright.Allowed, N: 3}, {Hour: now.Add(-2 * reportOldest), Reason: keywright.Allowed, N: 100},
		}}
	}
	i.reported(i.Authority, verifier, keywright.UsageReport{Reporter: keywright.ID{9}, Number: 1, Tokens: []keywright.ReportedUses{
		one(abroad.Token.ID), one(keywright.ID{1, 6: 0x70}), one(mine.Token.ID),
	}})
	if _, uses := i.uses(abroad.Token.ID); uses != 0 {
		t.Errorf("%d uses of another account's token are believed", uses)
	}
	if token, uses := i.uses(mine.Token.ID); uses != 3 || !token.LastUsedAt.Equal(now.Truncate(time.Microsecond)) {
		t.Errorf("%d uses, last at %v; want 3, none in the future", uses, token.LastUsedAt)
	}
}

// A use that is reported keeps alive what would end for want of use.
func TestReportedUseKeepsAlive(t *testing.T) {
	t.Parallel()
	i := newInstance(t, following)
	p := keywright.DefaultPolicy()
	p.MaxUnused = 3600
	i.must(i.SetPolicy(t.Context(), i.operator, "default", keywright.NewPolicy{Policy: p}))
	verifierKey := i.verifierKey()
	made := i.issue(keywright.NewToken{})
	for n := range int64(3) {
		i.advance(50 * time.Minute)
		i.must(i.Verify(t.Context(), i.parse(verifierKey), access()))
		at := i.now()
		i.reported(i.Authority, i.caller(verifierKey), keywright.UsageReport{Reporter: keywright.ID{9}, Number: n + 1, Tokens: []keywright.ReportedUses{
			{Token: made.Token.ID, UsedAt: &at, Counts: []keywright.ReportedCount{{Hour: at, Reason: keywright.Allowed, N: 1}}},
		}})
	}
	if got := i.reason(made.APIKey.Reveal(), access("invoices:read")); got != keywright.Allowed {
		t.Error(got)
	}
}

// What cannot be meant is refused by its name, and nothing of it is counted.
func TestReportsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	i := newInstance(t, following)
	verifier := i.verifier(keywright.NewToken{})
	made := i.issue(keywright.NewToken{})
	for member, break_ := range map[string]func(*keywright.UsageReport){
		"/reporter":                 func(r *keywright.UsageReport) { r.Reporter = keywright.ID{} },
		"/number":                   func(r *keywright.UsageReport) { r.Number = 0 },
		"/tokens":                   func(r *keywright.UsageReport) { r.Tokens = make([]keywright.ReportedUses, reportTokens+1) },
		"/tokens/0/token":           func(r *keywright.UsageReport) { r.Tokens[0].Token = keywright.ID{} },
		"/tokens/0/address":         func(r *keywright.UsageReport) { r.Tokens[0].Address = "here" },
		"/tokens/0/scopes":          func(r *keywright.UsageReport) { r.Tokens[0].Scopes = slices.Repeat([]string{"a"}, usageAsked+1) },
		"/tokens/0/scopes/0":        func(r *keywright.UsageReport) { r.Tokens[0].Scopes = []string{"a b"} },
		"/tokens/0/counts/0/n":      func(r *keywright.UsageReport) { r.Tokens[0].Counts[0].N = -1 },
		"/tokens/0/counts/0/reason": func(r *keywright.UsageReport) { r.Tokens[0].Counts[0].Reason = keywright.Unproved },
	} {
		r := keywright.UsageReport{Reporter: keywright.ID{9}, Number: 1, Tokens: []keywright.ReportedUses{{
			Token: made.Token.ID, Counts: []keywright.ReportedCount{{Hour: i.now(), Reason: keywright.Allowed, N: 1}},
		}}}
		break_(&r)
		_, err := i.Follow(t.Context(), verifier, keywright.ChangesQuery{}, &r)
		if invalid, ok := errors.AsType[*keywright.InvalidError](err); !ok || invalid.Problems[0].Member != member {
			t.Errorf("%s: %v", member, err)
		}
	}
	many := keywright.UsageReport{Reporter: keywright.ID{9}, Number: 1, Tokens: []keywright.ReportedUses{{Counts: make([]keywright.ReportedCount, reportCounts+1)}}}
	if _, err := i.Follow(t.Context(), verifier, keywright.ChangesQuery{}, &many); err == nil || !strings.Contains(err.Error(), "counts together") {
		t.Error(err)
	}
	if _, uses := i.uses(made.Token.ID); uses != 0 {
		t.Errorf("%d uses of reports that were refused", uses)
	}
}

// What followers are told are the names under which facts were given out.
func TestFollowTellsSubjects(t *testing.T) {
	t.Parallel()
	i := newInstance(t, func(c *Config) { c.Applied = applied })
	made := i.issue(keywright.NewToken{})
	verifier := i.verifier(keywright.NewToken{})
	told, err := i.Facts(t.Context(), verifier, made.APIKey.Reveal(), access())
	if err != nil {
		t.Fatal(err)
	}
	i.cfg.Follow = newsOf(store.News{Revision: 8, Forget: []store.Subject{tokenSubject(made.Token.ID)}, Lease: time.Second})
	news, err := i.Follow(t.Context(), verifier, keywright.ChangesQuery{Since: 7, Follower: keywright.ID{1}}, nil)
	if err != nil || news.Revision != 8 || news.Lease() != time.Second || len(news.Forget) != 1 || !slices.Contains(told.Subjects, news.Forget[0]) {
		t.Errorf("%+v, %v; facts rest on %v", news, err, told.Subjects)
	}
}

// follow is how an Authority is told what changes.
type follow = func(context.Context, store.Follower, keywright.Revision) (store.News, error)

func newsOf(news store.News) follow {
	return func(context.Context, store.Follower, keywright.Revision) (store.News, error) { return news, nil }
}

func newsAfter(hold <-chan struct{}, news store.News) follow {
	return func(context.Context, store.Follower, keywright.Revision) (store.News, error) {
		<-hold
		return news, nil
	}
}

// keeping says when it has kept something.
type keeping struct {
	store.UsageWriter
	kept chan<- struct{}
}

func (k keeping) AddUsage(ctx context.Context, b store.UsageBatch) error {
	defer close(k.kept)
	return k.UsageWriter.AddUsage(ctx, b)
}

// broken is a database that takes no usage.
type broken struct{}

func (broken) AddUsage(context.Context, store.UsageBatch) error { return keywright.ErrUnavailable }
