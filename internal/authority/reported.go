package authority

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	reportTokens  = 1000
	reportCounts  = 2000                      // of all its tokens
	reportMost    = 1_000_000_000             // attempts in one count
	reportBatches = reportTokens / usageBatch // a report is written in so many parts at most
	reportOldest  = 30 * 24 * time.Hour       // what is older was lost on the way
	reportTime    = 5 * time.Second           // to write one
)

// reports are those that are being counted.
type reports struct {
	mu       sync.Mutex
	counting map[keywright.ID]struct{} // by writer
	running  sync.WaitGroup
}

// begin reports whether nothing of a writer is being counted, and from now on something is.
func (r *reports) begin(writer keywright.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, busy := r.counting[writer]; busy {
		return false
	}
	if r.counting == nil {
		r.counting = make(map[keywright.ID]struct{})
	}
	r.counting[writer] = struct{}{}
	return true
}

func (r *reports) end(writer keywright.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.counting, writer)
}

// countReport begins to count what whoever decides by itself reports. Its number comes when it is on file; a report that comes
// again is counted once, by whichever node. While one of the same reporter is being counted, the next has to come again.
func (a *Authority) countReport(ctx context.Context, caller Caller, who *asker, report *keywright.UsageReport) (counting, error) {
	if report == nil || a.cfg.Usage == nil {
		return nil, nil
	}
	now := a.instant()
	uses, err := readReport(report, caller.Door, now)
	if err != nil {
		return nil, err
	}
	writer := reporter(who.self.facts.ID, report.Reporter)
	if !a.reports.begin(writer) {
		return nil, nil
	}
	done := make(chan int64, 1)
	teller := *who
	a.reports.running.Go(func() {
		defer a.reports.end(writer)
		defer close(done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTime)
		defer cancel()
		if err := a.keepReport(ctx, &teller, uses, store.UsageBatch{Writer: writer, Number: report.Number, At: now}); err != nil {
			a.report("count what a guard reports", err)
			return
		}
		done <- report.Number
	})
	return done, nil
}

// counting is a report that is being counted: its number comes when it is on file, and nothing if it cannot be kept.
type counting <-chan int64

// soFar is the report's number if it is on file by now, else 0.
func (c counting) soFar() int64 {
	select {
	case n := <-c:
		return n
	default:
		return 0
	}
}

// wait is soFar when that is known for good: there will be no other poll to tell it with.
func (c counting) wait(ctx context.Context) int64 {
	if c == nil {
		return 0
	}
	select {
	case n := <-c:
		return n
	case <-ctx.Done():
		return 0
	}
}

// reporter is whose numbers a report's is one of: nobody counts in another's name.
func reporter(token, reporter keywright.ID) (writer keywright.ID) {
	sum := sha256.Sum256(append(token[:], reporter[:]...))
	copy(writer[:], sum[:])
	return writer
}

// keepReport writes a report in parts, each with a number of its own, so that no change waits long for its turn.
func (a *Authority) keepReport(ctx context.Context, who *asker, uses []reportedUse, batch store.UsageBatch) error {
	first := batch.Number * reportBatches
	for part := 0; part*usageBatch < len(uses); part++ {
		batch.Number, batch.Uses = first+int64(part), nil
		for _, u := range uses[part*usageBatch : min(len(uses), (part+1)*usageBatch)] {
			ok, err := a.believe(ctx, who, &u)
			if err != nil {
				return err
			}
			if ok {
				batch.Uses = append(batch.Uses, u.Usage)
			}
		}
		if err := a.cfg.Usage.AddUsage(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// believe reports whether a caller may say of a token how it was used, and completes what it says.
func (a *Authority) believe(ctx context.Context, who *asker, u *reportedUse) (bool, error) {
	record, err := present(a.memory().Find(ctx, u.Token))
	if record == nil || err != nil {
		return false, err
	}
	v := Verdict{Record: record, facts: record.Facts}
	if v.facts.Tenant, err = a.memory().FindTenant(ctx, v.facts.Account, v.facts.Space); err != nil && !isAbsent(err) {
		return false, err
	}
	if heard, err := who.hears(&v); err != nil || !heard {
		return false, err
	}
	if v.facts.Tenant.MaxUnused > 0 && !u.At.IsZero() {
		a.lastUses.learn(u.Token, u.At)
	}
	u.Scopes = usedScopes(record.Facts.Scopes, u.asked)
	for _, r := range u.refused {
		a.refusals.note(u.Token, record, r.reason, r.origin, r.at)
	}
	return true, nil
}

// reportedUse is how one token was used, as it was read.
type reportedUse struct {
	store.Usage
	asked   []keywright.Scope
	refused []attempt
}

// readReport reads a report. What cannot be meant is refused by name; an instant that is still to come is taken for now, as clocks
// differ.
func readReport(r *keywright.UsageReport, door string, now time.Time) ([]reportedUse, error) {
	var p problems
	if r.Reporter.IsZero() {
		p.add("/reporter", "is missing")
	}
	if r.Number < 1 || r.Number > 1<<53 {
		p.add("/number", "must be 1 or more, and one more with each report")
	}
	if len(r.Tokens) > reportTokens {
		p.add("/tokens", "has more than %d items", reportTokens)
	}
	counts := 0
	for i := range r.Tokens {
		counts += len(r.Tokens[i].Counts)
	}
	if counts > reportCounts {
		p.add("/tokens", "have more than %d counts together", reportCounts)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	uses := make([]reportedUse, len(r.Tokens))
	var wrong []error
	for i := range r.Tokens {
		err := uses[i].read(&r.Tokens[i], door, now)
		wrong = append(wrong, beneath("/tokens/"+strconv.Itoa(i), err))
	}
	return uses, errors.Join(wrong...)
}

func (u *reportedUse) read(t *keywright.ReportedUses, door string, now time.Time) error {
	var p problems
	if t.Token.IsZero() {
		p.add("/token", "is missing")
	}
	u.Token, u.Door, u.Hour, u.Told = t.Token, door, hourOf(now), t.AnyScope
	u.From = p.address("/address", t.Address)
	u.UserAgent = printable(t.UserAgent, maxUserAgent)
	if t.UsedAt != nil {
		u.At = earlier(t.UsedAt.UTC().Truncate(time.Microsecond), now)
		u.Hour = hourOf(u.At)
	}
	if len(t.Scopes) > usageAsked {
		p.add("/scopes", "has more than %d items", usageAsked)
	}
	for i, each := range t.Scopes {
		scope, err := keywright.ParseScope(each)
		if err != nil {
			p.add("/scopes/"+strconv.Itoa(i), "%s", err)
		}
		u.asked = append(u.asked, scope)
	}
	u.readCounts(&p, t.Counts, door, now)
	return p.err()
}

func (u *reportedUse) readCounts(p *problems, counts []keywright.ReportedCount, door string, now time.Time) {
	for i, c := range counts {
		at := "/counts/" + strconv.Itoa(i)
		hour := earlier(c.Hour, now)
		if c.N < 1 || c.N > reportMost {
			p.add(at+"/n", "must be 1 to %d", reportMost)
		}
		if c.Reason == keywright.Undecided || c.Reason == keywright.Unproved {
			p.add(at+"/reason", "must be allowed, or why a token that was proved was refused")
		}
		if now.Sub(hour) > reportOldest {
			continue
		}
		u.Counts = append(u.Counts, store.Count{Hour: hourOf(hour), Reason: c.Reason, Door: door, N: c.N})
		if c.Reason != keywright.Allowed {
			seen := origin{door: door, address: p.address(at+"/address", c.Address), userAgent: strings.Clone(c.UserAgent)}
			u.refused = append(u.refused, attempt{origin: seen, at: now, reason: c.Reason})
		}
	}
}

// address reads an IP address that may be left out.
func (p *problems) address(member, text string) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		p.add(member, "must be an IP address")
	}
	return address
}
