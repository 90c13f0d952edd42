package keywright

import (
	"cmp"
	"context"
	"crypto/rand"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// NewIdempotencyKey returns a random idempotency key. It also seals the kept
// answer, secret included: it is as secret as the token.
func NewIdempotencyKey() string { return rand.Text() }

// issued is Issued on the wire, where the secrets are shown this once.
type issued struct {
	Token        Token  `json:"token"`
	ClientSecret string `json:"client_secret"`
	APIKey       string `json:"api_key"`
}

func (i issued) sealed() Issued {
	return Issued{Token: i.Token, ClientSecret: NewSecret(i.ClientSecret), APIKey: NewSecret(i.APIKey)}
}

// CreateToken makes a token. With an idempotency key the request may be repeated for an
// hour and gets the same answer; with an empty one, never repeat it blindly.
func (c *Client) CreateToken(ctx context.Context, token NewToken, idempotencyKey string) (Issued, error) {
	made, err := call[issued](ctx, c, request{method: "POST", path: v1("tokens"), body: token, idempotency: idempotencyKey})
	if err != nil {
		return Issued{}, err
	}
	return made.sealed(), nil
}

// CreateTokens makes up to 1000 tokens, all or none, in the order asked.
func (c *Client) CreateTokens(ctx context.Context, tokens []NewToken, idempotencyKey string) ([]Issued, error) {
	made, err := call[items[issued]](ctx, c, request{
		method: "POST", path: v1("tokens", "batch"), body: items[NewToken]{tokens}, idempotency: idempotencyKey,
	})
	if err != nil {
		return nil, err
	}
	all := make([]Issued, len(made.Items))
	for i, one := range made.Items {
		all[i] = one.sealed()
	}
	return all, nil
}

// ImportToken makes a token from somebody else's key.
func (c *Client) ImportToken(ctx context.Context, token ImportToken) (Token, error) {
	return call[Token](ctx, c, request{method: "POST", path: v1("tokens", "import"), body: token})
}

// Imported is what became of one line of an import: a token or what was wrong.
type Imported struct {
	Token    *Token    `json:"token,omitempty"`
	Problem  string    `json:"problem,omitempty" doc:"Why the line was refused"`
	Problems []Problem `json:"problems,omitempty" doc:"The same, by member"`
}

// ImportTokens imports up to 1000 keys, each by itself: the answer has an
// outcome for each, in the order asked.
func (c *Client) ImportTokens(ctx context.Context, tokens []ImportToken) ([]Imported, error) {
	list, err := call[items[Imported]](ctx, c, request{
		method: "POST", path: v1("tokens", "import", "batch"), body: items[ImportToken]{tokens},
	})
	return list.Items, err
}

// Tokens returns one page of tokens.
func (c *Client) Tokens(ctx context.Context, q TokenQuery) (Page[Token], error) {
	return call[Page[Token]](ctx, c, request{method: "GET", path: v1("tokens"), query: q.values()})
}

// AllTokens goes through all the pages of a query, asking for each when it is
// reached. It ends after the first error.
func (c *Client) AllTokens(ctx context.Context, q TokenQuery) iter.Seq2[Token, error] {
	return All(func(cursor string) (Page[Token], error) {
		page := q
		page.Cursor = cmp.Or(cursor, q.Cursor)
		return c.Tokens(ctx, page)
	})
}

func (q TokenQuery) values() url.Values {
	v := listValues(q.Limit, q.Cursor)
	set(v, "sort", q.Sort)
	set(v, "account", q.Account)
	set(v, "space", q.Space)
	set(v, "owner", q.Owner)
	set(v, "audience", q.Audience)
	if q.Number != 0 {
		v.Set("number", strconv.FormatInt(q.Number, 10))
	}
	set(v, "label", q.Label)
	set(v, "kind", q.Kind.String())
	set(v, "state", string(q.State))
	if q.Permanent != nil {
		set(v, "permanent", strconv.FormatBool(*q.Permanent))
	}
	if q.Parent != nil {
		set(v, "parent", q.Parent.String())
	}
	for _, id := range q.IDs {
		v.Add("ids", id.String())
	}
	return v
}

// Token returns one token.
func (c *Client) Token(ctx context.Context, id ID) (Token, error) {
	return call[Token](ctx, c, request{method: "GET", path: v1("tokens", id.String())})
}

// EditToken changes what the edit names.
func (c *Client) EditToken(ctx context.Context, id ID, edit EditToken) (Token, error) {
	edit.Scopes = written(edit.Scopes)
	edit.Audience = written(edit.Audience)
	edit.AllowedCIDRs = written(edit.AllowedCIDRs)
	if edit.Metadata != nil && *edit.Metadata == nil {
		edit.Metadata = &map[string]string{}
	}
	return call[Token](ctx, c, request{method: "PATCH", path: v1("tokens", id.String()), body: edit})
}

// written makes a list that is to be empty an empty one on the wire too: the API refuses null.
func written(list *[]string) *[]string {
	if list == nil || *list != nil {
		return list
	}
	return &[]string{}
}

// DisableToken stops a token, and those made by it, until it is enabled.
func (c *Client) DisableToken(ctx context.Context, id ID) (Token, error) {
	return c.act(ctx, id, "disable", nil)
}

// EnableToken lets a disabled token work again.
func (c *Client) EnableToken(ctx context.Context, id ID) (Token, error) {
	return c.act(ctx, id, "enable", nil)
}

// RevokeToken ends a token, and those made by it, for good.
func (c *Client) RevokeToken(ctx context.Context, id ID, reason string) (Token, error) {
	return c.act(ctx, id, "revoke", revocation{reason})
}

func (c *Client) act(ctx context.Context, id ID, verb string, body any) (Token, error) {
	return call[Token](ctx, c, request{method: "POST", path: v1("tokens", id.String(), verb), body: body})
}

type revocation struct {
	Reason string `json:"reason,omitempty"`
}

type rotation struct {
	Overlap *int64 `json:"overlap,omitempty"` // seconds
}

// RotateToken gives a token a new secret. The old one lives on for the overlap, in whole
// seconds (nil: 24 hours; 0: not at all). The idempotency key is as with CreateToken.
func (c *Client) RotateToken(ctx context.Context, id ID, overlap *time.Duration, idempotencyKey string) (Issued, error) {
	var body rotation
	if overlap != nil {
		seconds := int64(*overlap / time.Second)
		body.Overlap = &seconds
	}
	made, err := call[issued](ctx, c, request{
		method: "POST", path: v1("tokens", id.String(), "rotate"), body: body, idempotency: idempotencyKey,
	})
	if err != nil {
		return Issued{}, err
	}
	return made.sealed(), nil
}

// CancelRotation ends a running rotation: the new secret dies, the old one stays.
func (c *Client) CancelRotation(ctx context.Context, id ID) (Token, error) {
	return call[Token](ctx, c, request{method: "DELETE", path: v1("tokens", id.String(), "rotation")})
}

// DeleteToken removes a token; those made by it are revoked.
func (c *Client) DeleteToken(ctx context.Context, id ID) (Revision, error) {
	gone, err := call[struct {
		Revision Revision `json:"revision"`
	}](ctx, c, request{method: "DELETE", path: v1("tokens", id.String())})
	return gone.Revision, err
}

// RevealToken returns the API key of a recoverable token, and leaves an event.
func (c *Client) RevealToken(ctx context.Context, id ID) (Secret, error) {
	shown, err := call[struct {
		APIKey string `json:"api_key"`
	}](ctx, c, request{method: "POST", path: v1("tokens", id.String(), "reveal")})
	if err != nil {
		return Secret{}, err
	}
	return NewSecret(shown.APIKey), nil
}

// BulkTokens changes every token a filter chooses, all or none.
func (c *Client) BulkTokens(ctx context.Context, change BulkChange) (BulkResult, error) {
	return call[BulkResult](ctx, c, request{method: "POST", path: v1("tokens", "bulk"), body: change})
}

// Verify asks for the verdict about a presented token. A refusal is an answer, not an error.
func (c *Client) Verify(ctx context.Context, req VerifyRequest) (Verification, error) {
	return call[Verification](ctx, c, request{method: "POST", path: v1("verify"), body: req})
}

// VerifyBatch asks for several verdicts, in the order asked.
func (c *Client) VerifyBatch(ctx context.Context, reqs []VerifyRequest) ([]Verification, error) {
	list, err := call[items[Verification]](ctx, c, request{
		method: "POST", path: v1("verify", "batch"), body: items[VerifyRequest]{reqs},
	})
	return list.Items, err
}
