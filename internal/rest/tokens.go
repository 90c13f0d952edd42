package rest

import (
	"context"
	"encoding"
	"net/http"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const (
	tokensPath = "/api/v1/tokens"
	tokenPath  = tokensPath + "/{id}"
)

// aToken is a request about one token.
type aToken[Body any] struct {
	ID   keywright.ID
	Key  string // idempotency
	Body Body
}

func (s *spoke) routeTokens() {
	s.routeList()
	s.routeIssue()
	s.routeImport()
	s.routeToken()
	s.routeState()
	s.routeRotation()
	serve(s, operation[keywright.BulkChange]{
		id: "changeTokens", method: http.MethodPost, path: tokensPath + "/bulk", tag: "tokens", conflicts: true,
		summary: "Disable, revoke or delete many tokens",
		detail:  "Changes every token that the filter chooses, all or none. Needs a filter, or all together with expect; dry_run counts first.",
		body:    func(in *keywright.BulkChange) any { return in },
	}, func(ctx context.Context, caller authority.Caller, in *keywright.BulkChange) (keywright.BulkResult, error) {
		return s.Authority.Bulk(ctx, caller, *in)
	})
}

func (s *spoke) routeList() {
	type query = keywright.TokenQuery
	sorts := []string{keywright.SortCreated, keywright.SortLabel, keywright.SortExpires, keywright.SortLastUsed}
	for _, sort := range slices.Clone(sorts) {
		sorts = append(sorts, "-"+sort)
	}
	serve(s, operation[query]{
		id: "listTokens", method: http.MethodGet, path: tokensPath, tag: "tokens",
		summary: "List tokens", detail: "One page of the tokens that the caller may see. Filters are combined with \"and\".",
		params: []parameter[query]{
			text("account", "Default: the caller's", func(q *query) *string { return &q.Account }),
			text("space", "Only tokens of this space", func(q *query) *string { return &q.Space }),
			text("owner", "Only tokens of this user", func(q *query) *string { return &q.Owner }),
			text("audience", "Only tokens for this API", func(q *query) *string { return &q.Audience }),
			number("number", "Only the token with this number", 1, func(q *query) *int64 { return &q.Number }),
			text("label", "Part of the label, without regard to case", func(q *query) *string { return &q.Label }),
			textual("kind", "Only tokens of this kind", kindSchema{}.Schema(nil), func(q *query) encoding.TextUnmarshaler { return &q.Kind }),
			oneOf("state", "Only tokens in this state", states, func(q *query) *string { return (*string)(&q.State) }),
			flag("permanent", "Only tokens without, or only with, an expiry of their own", func(q *query) **bool { return &q.Permanent }),
			textual("parent", "Only tokens made by this one", idSchema{}.Schema(nil), func(q *query) encoding.TextUnmarshaler {
				q.Parent = new(keywright.ID)
				return q.Parent
			}),
			idList("ids", "Only these tokens; may be there more than once", func(q *query) *[]keywright.ID { return &q.IDs }),
			oneOf("sort", "Order; a leading - turns it around. Default: -created", sorts, func(q *query) *string { return &q.Sort }),
			limit(func(q *query) *int { return &q.Limit }),
			cursor(func(q *query) *string { return &q.Cursor }),
		},
	}, func(ctx context.Context, caller authority.Caller, q *query) (keywright.Page[keywright.Token], error) {
		return s.Authority.Tokens(ctx, caller, *q)
	})
}

func (s *spoke) routeIssue() {
	type one = aToken[keywright.NewToken]
	serve(s, operation[one]{
		id: "createToken", method: http.MethodPost, path: tokensPath, tag: "tokens", status: http.StatusCreated, conflicts: true,
		summary: "Create a token", detail: "The secret is in this answer and nowhere else.",
		params: []parameter[one]{idempotencyKey(func(in *one) *string { return &in.Key })},
		body:   func(in *one) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *one) (issued, error) {
		token, err := s.Authority.Issue(ctx, caller, in.Body, in.Key)
		return newIssued(token), err
	})
	type many = aToken[items[keywright.NewToken]]
	serve(s, operation[many]{
		id: "createTokens", method: http.MethodPost, path: tokensPath + "/batch", tag: "tokens", status: http.StatusCreated, conflicts: true,
		summary: "Create up to 1000 tokens", detail: "All or none; the answer is in the order of the request.",
		params: []parameter[many]{idempotencyKey(func(in *many) *string { return &in.Key })},
		body:   func(in *many) any { return &in.Body }, limit: batchLimit,
	}, func(ctx context.Context, caller authority.Caller, in *many) (items[issued], error) {
		if err := in.Body.counted(); err != nil {
			return items[issued]{}, err
		}
		tokens, err := s.Authority.IssueBatch(ctx, caller, in.Body.Items, in.Key)
		return each(tokens, newIssued), below(err, "/items")
	})
}

func (s *spoke) routeImport() {
	type one = keywright.ImportToken
	serve(s, operation[one]{
		id: "importToken", method: http.MethodPost, path: tokensPath + "/import", tag: "tokens", status: http.StatusCreated, conflicts: true,
		summary: "Import somebody else's key", detail: "Makes a token that is presented as the key it was made from, or whose SHA-256 it was made from.",
		body: func(in *one) any { return in },
	}, func(ctx context.Context, caller authority.Caller, in *one) (created, error) {
		token, err := s.Authority.Import(ctx, caller, *in)
		return created{token}, err
	})
	type many = items[keywright.ImportToken]
	serve(s, operation[many]{
		id: "importTokens", method: http.MethodPost, path: tokensPath + "/import/batch", tag: "tokens",
		summary: "Import up to 1000 keys", detail: "Each by itself: a refused one does not hinder the others. The answer is in the order of the request.",
		body: func(in *many) any { return in }, limit: batchLimit,
	}, func(ctx context.Context, caller authority.Caller, in *many) (items[keywright.Imported], error) {
		if err := in.counted(); err != nil {
			return items[keywright.Imported]{}, err
		}
		outcomes, err := s.Authority.ImportBatch(ctx, caller, in.Items)
		return each(outcomes, newImported), err
	})
}

func (s *spoke) routeToken() {
	type plain = aToken[struct{}]
	id := pathID(func(in *plain) *keywright.ID { return &in.ID })
	serve(s, operation[plain]{
		id: "getToken", method: http.MethodGet, path: tokenPath, tag: "tokens",
		summary: "Get a token", detail: "Everything on file about it but its secrets.", params: []parameter[plain]{id},
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Token, error) {
		return s.Authority.Token(ctx, caller, in.ID)
	})
	type edit = aToken[keywright.EditToken]
	serve(s, operation[edit]{
		id: "editToken", method: http.MethodPatch, path: tokenPath, tag: "tokens", conflicts: true,
		summary: "Edit a token", detail: "Changes the members that are there and leaves the others. What it takes away is gone everywhere when it has returned.",
		params: []parameter[edit]{pathID(func(in *edit) *keywright.ID { return &in.ID })},
		body:   func(in *edit) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *edit) (keywright.Token, error) {
		return s.Authority.Edit(ctx, caller, in.ID, in.Body)
	})
	serve(s, operation[plain]{
		id: "deleteToken", method: http.MethodDelete, path: tokenPath, tag: "tokens",
		summary: "Delete a token", detail: "It is gone; the audit trail keeps its story. Its descendants are revoked.", params: []parameter[plain]{id},
	}, func(ctx context.Context, caller authority.Caller, in *plain) (deletion, error) {
		revision, err := s.Authority.Delete(ctx, caller, in.ID)
		return deletion{revision}, err
	})
	serve(s, operation[plain]{
		id: "revealToken", method: http.MethodPost, path: tokenPath + "/reveal", tag: "tokens", conflicts: true,
		summary: "Reveal the API key of a recoverable token", params: []parameter[plain]{id},
		detail: "Leaves an event. The person who owns the token and the token that made it need no scope for it.",
	}, func(ctx context.Context, caller authority.Caller, in *plain) (revealed, error) {
		key, err := s.Authority.Reveal(ctx, caller, in.ID)
		return revealed{key.Reveal()}, err
	})
}

func (s *spoke) routeState() {
	type plain = aToken[struct{}]
	id := pathID(func(in *plain) *keywright.ID { return &in.ID })
	serve(s, operation[plain]{
		id: "disableToken", method: http.MethodPost, path: tokenPath + "/disable", tag: "tokens", conflicts: true,
		summary: "Disable a token", detail: "Stops it and its descendants until they are enabled.", params: []parameter[plain]{id},
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Token, error) {
		return s.Authority.Disable(ctx, caller, in.ID)
	})
	serve(s, operation[plain]{
		id: "enableToken", method: http.MethodPost, path: tokenPath + "/enable", tag: "tokens", conflicts: true,
		summary: "Enable a disabled token", detail: "And those descendants that were disabled with it.", params: []parameter[plain]{id},
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Token, error) {
		return s.Authority.Enable(ctx, caller, in.ID)
	})
	type revoke = aToken[revocation]
	serve(s, operation[revoke]{
		id: "revokeToken", method: http.MethodPost, path: tokenPath + "/revoke", tag: "tokens",
		summary: "Revoke a token", detail: "Ends it and its descendants for good: no door says yes to it when this has returned.",
		params: []parameter[revoke]{pathID(func(in *revoke) *keywright.ID { return &in.ID })},
		body:   func(in *revoke) any { return &in.Body }, optional: true,
	}, func(ctx context.Context, caller authority.Caller, in *revoke) (keywright.Token, error) {
		return s.Authority.Revoke(ctx, caller, in.ID, in.Body.Reason)
	})
}

func (s *spoke) routeRotation() {
	type rotate = aToken[rotation]
	serve(s, operation[rotate]{
		id: "rotateToken", method: http.MethodPost, path: tokenPath + "/rotate", tag: "tokens", conflicts: true,
		summary: "Give a token a new secret", detail: "The old one stays usable for the overlap. Never extends an expiry.",
		params: []parameter[rotate]{
			pathID(func(in *rotate) *keywright.ID { return &in.ID }),
			idempotencyKey(func(in *rotate) *string { return &in.Key }),
		},
		body: func(in *rotate) any { return &in.Body }, optional: true,
	}, func(ctx context.Context, caller authority.Caller, in *rotate) (issued, error) {
		overlap, err := in.Body.overlap()
		if err != nil {
			return issued{}, err
		}
		token, err := s.Authority.Rotate(ctx, caller, in.ID, overlap, in.Key)
		return newIssued(token), err
	})
	type plain = aToken[struct{}]
	serve(s, operation[plain]{
		id: "cancelRotation", method: http.MethodDelete, path: tokenPath + "/rotation", tag: "tokens", conflicts: true,
		summary: "Cancel a running rotation", detail: "The new secret dies, the old one stays.",
		params: []parameter[plain]{pathID(func(in *plain) *keywright.ID { return &in.ID })},
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Token, error) {
		return s.Authority.CancelRotation(ctx, caller, in.ID)
	})
}

// overlap is the overlap as a duration; how long it may be is the policy's.
func (r rotation) overlap() (*time.Duration, error) {
	if r.Overlap == nil {
		return nil, nil
	}
	const most = 1 << 32 // seconds, so that it fits a duration
	if *r.Overlap < 0 || *r.Overlap > most {
		return nil, keywright.Invalid("/overlap", "must be a number of seconds that is not negative")
	}
	d := time.Duration(*r.Overlap) * time.Second
	return &d, nil
}

// counted refuses an empty list and one that is too long.
func (l items[T]) counted() error {
	if n := len(l.Items); n < 1 || n > batchItems {
		return keywright.Invalid("/items", "must have 1 to %d items, and has %d", batchItems, n)
	}
	return nil
}

func each[From, To any](from []From, f func(From) To) items[To] {
	list := items[To]{make([]To, len(from))}
	for i, v := range from {
		list.Items[i] = f(v)
	}
	return list
}
