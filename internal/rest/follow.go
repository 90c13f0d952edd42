package rest

import (
	"context"
	"encoding"
	"net/http"
	"net/netip"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const changesPath = "/api/v1/changes"

// aPoll is a question for what has to be forgotten.
type aPoll struct {
	Since  int64
	Query  keywright.ChangesQuery
	Report keywright.UsageReport
}

const pollDetail = "Acknowledges that everything up to since is forgotten: changes return when all who follow have said so, or their leases are over. " +
	"Answered at once if there is something newer, else after a third of the lease, about a second. 409: forget everything, and begin anew as another follower. " +
	"Needs a token with keywright:tokens:verify."

// routeFollow routes what is for APIs that decide by themselves.
func (s *spoke) routeFollow() {
	poll := operation[aPoll]{
		id: "followChanges", method: http.MethodGet, path: changesPath, tag: "verify", summary: "Wait for what has to be forgotten", detail: pollDetail,
		params: []parameter[aPoll]{
			number("since", "The revision of the answer before; 0: nothing is remembered yet; 9223372036854775807: nothing is remembered any more, goodbye", 0, func(in *aPoll) *int64 { return &in.Since }).must(),
			textual("follower", "Chosen at random by whoever remembers, anew whenever it begins anew", idSchema{}.Schema(nil),
				func(in *aPoll) encoding.TextUnmarshaler { return &in.Query.Follower }).must(),
		},
		conflicts: true,
	}
	serve(s, poll, func(ctx context.Context, caller authority.Caller, in *aPoll) (keywright.Changes, error) {
		return s.follow(ctx, caller, in, nil)
	})
	poll.id, poll.method, poll.summary = "reportAndFollowChanges", http.MethodPost, "Report usage, and wait for what has to be forgotten"
	poll.reads = true
	poll.detail = pollDetail + " The usage of a report is counted once, however often it is sent and wherever; send it until reported is its number."
	poll.body, poll.limit = func(in *aPoll) any { return &in.Report }, batchLimit
	serve(s, poll, func(ctx context.Context, caller authority.Caller, in *aPoll) (keywright.Changes, error) {
		return s.follow(ctx, caller, in, &in.Report)
	})
	serve(s, operation[keywright.FactsRequest]{
		id: "getFacts", method: http.MethodPost, reads: true, path: "/api/v1/facts", tag: "verify", summary: "Get what is on file about a credential",
		detail: "For an API that decides by itself, in the order and by the rules of verify, at each use. It may remember the answer while it follows " +
			"/api/v1/changes. Needs a token with keywright:tokens:verify, and tells of tokens of its own account only.",
		body: func(in *keywright.FactsRequest) any { return in },
	}, s.facts)
}

func (s *spoke) follow(ctx context.Context, caller authority.Caller, in *aPoll, report *keywright.UsageReport) (keywright.Changes, error) {
	caller.Door, in.Query.Since = keywright.DoorGuard, keywright.Revision(in.Since)
	return s.Authority.Follow(ctx, caller, in.Query, report)
}

func (s *spoke) facts(ctx context.Context, caller authority.Caller, in *keywright.FactsRequest) (keywright.PresentedFacts, error) {
	caller.Door = keywright.DoorGuard
	seen := keywright.Access{UserAgent: in.UserAgent}
	if in.Address != "" {
		address, err := netip.ParseAddr(in.Address)
		if err != nil {
			return keywright.PresentedFacts{}, keywright.Invalid("/address", "must be an IP address")
		}
		seen.Address = address
	}
	return s.Authority.Facts(ctx, caller, in.Token, seen)
}
