package keywright

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
)

// Changes acknowledges everything up to a revision, and returns what has to be forgotten after it: at once if there is
// something, else after a third of the lease, about a second. report may be nil. Package guard does this, and all that
// follows from it.
func (c *Client) Changes(ctx context.Context, q ChangesQuery, report *UsageReport) (Changes, error) {
	v := url.Values{"since": {strconv.FormatInt(int64(q.Since), 10)}, "follower": {q.Follower.String()}}
	r := request{method: "GET", path: v1("changes"), query: v}
	if report != nil {
		r.method, r.body = "POST", report
	}
	return call[Changes](ctx, c, r)
}

// Facts returns what is on file about a presented credential, for whoever decides by itself. Facts that are made for
// rules which this package does not know are ErrUnavailable: update it, or use Verify.
func (c *Client) Facts(ctx context.Context, req FactsRequest) (PresentedFacts, error) {
	facts, err := call[PresentedFacts](ctx, c, request{method: "POST", path: v1("facts"), body: req})
	if err == nil && facts.Rules != FactsRules {
		return PresentedFacts{}, fmt.Errorf("%w: the server decides by rules that this version does not know", ErrUnavailable)
	}
	return facts, err
}
