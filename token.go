package keywright

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Kind says how far a token reaches. The zero Kind reaches nothing.
type Kind uint8

// The kinds of token.
const (
	KindAccount Kind = iota + 1 // acts in the account, in its default space
	KindSpace                   // acts in one space only
	KindManager                 // acts at the management API only, never at anybody's data
)

var kindNames = []string{"", "account", "space", "manager"}

// String is the kind as the API writes it.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return ""
	}
	return kindNames[k]
}

// MarshalText writes String.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Kind) UnmarshalText(text []byte) error {
	i := slices.Index(kindNames, string(text))
	if i < 1 {
		return fmt.Errorf("kind %q is %w: want account, space or manager", text, ErrMalformed)
	}
	*k = Kind(i)
	return nil
}

// State is where a token is in its life.
type State string

// The states of a token. A deleted token has none: it is gone.
const (
	StateActive   State = "active"
	StateDisabled State = "disabled" // reversible
	StateExpired  State = "expired"  // by its own date or by policy
	StateRevoked  State = "revoked"  // final
)

// Token is a token as its managers see it: everything on file but its secrets.
// It is the resource of the REST API. Times are UTC, to the microsecond.
type Token struct {
	ID            ID                `json:"id" doc:"UUID; also the OAuth client id"`
	Number        int64             `json:"number" doc:"Small integer, unique in the account"`
	Label         string            `json:"label"`
	Kind          Kind              `json:"kind"`
	State         State             `json:"state"`
	Account       string            `json:"account"`
	Space         string            `json:"space"`
	Owner         string            `json:"owner" doc:"Username"`
	Scopes        Scopes            `json:"scopes" doc:"What the token may do; an empty list means nothing"`
	Implied       Scopes            `json:"implied" doc:"What it may do beyond its scopes, as the catalogues of its audience have it"`
	Audience      []string          `json:"audience" doc:"The APIs it is for; an empty list: those that name none"`
	AllowedCIDRs  []netip.Prefix    `json:"allowed_cidrs" doc:"Networks it may be used from; an empty list: any"`
	Metadata      map[string]string `json:"metadata"`
	Recoverable   bool              `json:"recoverable" doc:"A sealed copy of the key is kept and can be revealed"`
	Hint          string            `json:"hint,omitempty" doc:"How its API key ends, to tell keys apart; left out where that is not known"`
	Imported      bool              `json:"imported" doc:"The key was made by somebody else and is found by its digest"`
	NotBefore     *time.Time        `json:"not_before"`
	ExpiresAt     *time.Time        `json:"expires_at" doc:"null: permanent"`
	CreatedAt     time.Time         `json:"created_at"`
	CreatedBy     string            `json:"created_by" doc:"user:NAME or token:ID"`
	UpdatedAt     time.Time         `json:"updated_at"`
	RenewedAt     time.Time         `json:"renewed_at" doc:"The policy's maximum lifetime counts from here"`
	RotatingUntil *time.Time        `json:"rotating_until" doc:"While set, the secret from before the last rotation still works until then"`
	DisabledAt    *time.Time        `json:"disabled_at"`
	RevokedAt     *time.Time        `json:"revoked_at"`
	RevokedReason string            `json:"revoked_reason,omitempty"`
	LastUsedAt    *time.Time        `json:"last_used_at"`
	LastUsedFrom  string            `json:"last_used_from,omitempty" doc:"Address"`
	LastUsedAgent string            `json:"last_used_agent,omitempty" doc:"What the client calls itself"`
	LastUsedDoor  string            `json:"last_used_door,omitempty" doc:"By which door: rest, verify, token, introspect …"`
	Uses          int64             `json:"uses" doc:"How often it was accepted"`
	Parent        *ID               `json:"parent" doc:"The token that made this one"`
	Revision      Revision          `json:"revision,omitempty" doc:"The revision of the change that gave this answer"`
}

// Revision numbers the changes to what exists, in commit order.
type Revision int64

// Permanent reports whether the token has no expiry of its own.
func (t Token) Permanent() bool { return t.ExpiresAt == nil }

// The lifetimes a token can be given by name.
const (
	LifetimeDefault   = "default"   // the account's default, 90 days unless set
	LifetimeTemporary = "temporary" // 24 hours unless policy says otherwise
	LifetimePermanent = "permanent" // no expiry
)

// NewToken asks for a token. At most one of Lifetime, ExpiresAt and ExpiresIn may
// be set; none means the account's default lifetime.
type NewToken struct {
	Label        string            `json:"label,omitempty" doc:"Random adjective-noun if none is given"`
	Kind         Kind              `json:"kind,omitempty" doc:"Default: space if a space is named or the caller acts in one only, else account"`
	Account      string            `json:"account,omitempty" doc:"Default: the caller's"`
	Space        string            `json:"space,omitempty"`
	Owner        string            `json:"owner,omitempty" doc:"Username; default: the caller, or the calling token's owner"`
	Scopes       []string          `json:"scopes,omitempty" doc:"None means no access"`
	Audience     []string          `json:"audience,omitempty"`
	AllowedCIDRs []string          `json:"allowed_cidrs,omitempty" doc:"CIDR or single address"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	Lifetime     string            `json:"lifetime,omitempty" enum:"default,temporary,permanent"`
	ExpiresAt    string            `json:"expires_at,omitempty" doc:"RFC 3339, or a date: through that day, UTC"`
	ExpiresIn    int64             `json:"expires_in,omitempty" doc:"Seconds"`
	NotBefore    string            `json:"not_before,omitempty" doc:"RFC 3339, or a date: from its start, UTC"`
	Recoverable  bool              `json:"recoverable,omitempty"`
}

// ImportToken asks for a token made from somebody else's key: at most one of
// Key and SHA256 is set, and it is what clients go on presenting.
type ImportToken struct {
	NewToken
	Key    string `json:"key,omitempty" doc:"The key itself; only a keyed digest is kept"`
	SHA256 string `json:"sha256,omitempty" doc:"SHA-256 of the key, 64 hexadecimal digits"`
}

// EditToken names what to change; a nil member stays as it is. At most one of
// Lifetime, ExpiresAt and ExpiresIn may be set.
type EditToken struct {
	Label        *string            `json:"label,omitempty"`
	Scopes       *[]string          `json:"scopes,omitempty"`
	Audience     *[]string          `json:"audience,omitempty"`
	AllowedCIDRs *[]string          `json:"allowed_cidrs,omitempty"`
	Metadata     *map[string]string `json:"metadata,omitempty" doc:"Replaces all of it"`
	Lifetime     *string            `json:"lifetime,omitempty" enum:"default,temporary,permanent"`
	ExpiresAt    *string            `json:"expires_at,omitempty"`
	ExpiresIn    *int64             `json:"expires_in,omitempty"`
}

// Issued is a token with its credentials, which are shown this once.
type Issued struct {
	Token        Token
	ClientSecret Secret
	APIKey       Secret // empty after an import
}

// TokenFilter chooses tokens. Members are combined with "and"; a zero member
// does not limit.
type TokenFilter struct {
	Account   string `json:"account,omitempty"`
	Space     string `json:"space,omitempty"`
	Owner     string `json:"owner,omitempty"`
	Audience  string `json:"audience,omitempty"`
	Number    int64  `json:"number,omitempty"`
	Label     string `json:"label,omitempty" doc:"Part of the label, without regard to case"`
	Kind      Kind   `json:"kind,omitempty"`
	State     State  `json:"state,omitempty" enum:"active,disabled,expired,revoked"`
	Permanent *bool  `json:"permanent,omitempty"`
	Parent    *ID    `json:"parent,omitempty"`
	IDs       []ID   `json:"ids,omitempty"`
}

// The orders of a token list. A leading "-" turns one around.
const (
	SortCreated  = "created"
	SortLabel    = "label"
	SortExpires  = "expires"
	SortLastUsed = "last_used"
)

// TokenQuery asks for one page of tokens.
type TokenQuery struct {
	TokenFilter
	Sort   string // default "-created"
	Limit  int    // 1 to 200; default 50
	Cursor string // from the page before; empty: the first page
}

// Page is one page of a list and the cursor of the next, empty at the end.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next" doc:"Cursor of the next page; empty at the end"`
}

// The verbs of a bulk change.
const (
	BulkDisable = "disable"
	BulkRevoke  = "revoke"
	BulkDelete  = "delete"
)

// BulkChange changes every token a filter chooses, all or none. It needs a filter
// with at least one member, or All together with Expect.
type BulkChange struct {
	Action string      `json:"action" enum:"disable,revoke,delete"`
	Filter TokenFilter `json:"filter,omitempty"`
	All    bool        `json:"all,omitempty" doc:"Every token of the account; needs expect"`
	DryRun bool        `json:"dry_run,omitempty" doc:"Count, change nothing"`
	Expect *int64      `json:"expect,omitempty" doc:"Refuse unless exactly so many are chosen"`
	Reason string      `json:"reason,omitempty"`
}

// BulkResult says what a bulk change did, or would do.
type BulkResult struct {
	Matched  int64    `json:"matched"`
	Changed  int64    `json:"changed" doc:"0 in a dry run"`
	Revision Revision `json:"revision,omitempty"`
}

// Policy is what an account demands of its tokens.
type Policy struct {
	Enabled            bool     `json:"enabled" doc:"May tokens be created"`
	DefaultLifetime    int64    `json:"default_lifetime" doc:"Seconds; 0: permanent"`
	TemporaryLifetime  int64    `json:"temporary_lifetime" doc:"Seconds"`
	MaxLifetime        int64    `json:"max_lifetime" doc:"Seconds, at creation and at use; 0: no maximum"`
	MaxUnused          int64    `json:"max_unused" doc:"Seconds a token may go unused, then it has expired; 0: no limit"`
	ExpiryRequired     bool     `json:"expiry_required"`
	MaxPermanent       int64    `json:"max_permanent" doc:"Permanent tokens per space; -1: no limit"`
	MaxTokens          int64    `json:"max_tokens" doc:"Tokens in the account; -1: no limit"`
	MaxOverlap         int64    `json:"max_overlap" doc:"Seconds the old secret may live after a rotation"`
	AllowedScopes      []string `json:"allowed_scopes" doc:"At creation and at use; empty: any"`
	AllowedAudience    []string `json:"allowed_audience" doc:"At creation and at use; empty: any"`
	AllowedCIDRs       []string `json:"allowed_cidrs" doc:"At creation and at use; empty: any"`
	RecoverableAllowed bool     `json:"recoverable_allowed"`
}

// DefaultPolicy is the policy of an account that has set none.
func DefaultPolicy() Policy {
	const day = 24 * 60 * 60
	return Policy{
		Enabled:            true,
		DefaultLifetime:    90 * day,
		TemporaryLifetime:  day,
		MaxPermanent:       5,
		MaxTokens:          -1,
		MaxOverlap:         30 * day,
		AllowedScopes:      []string{},
		AllowedAudience:    []string{},
		AllowedCIDRs:       []string{},
		RecoverableAllowed: false,
	}
}

// Verification is the answer about one presented credential.
type Verification struct {
	Valid   bool           `json:"valid"`
	Reason  Reason         `json:"reason" doc:"allowed, or why not"`
	Missing string         `json:"missing,omitempty" doc:"The first scope asked for that the token does not have"`
	Token   *VerifiedToken `json:"token,omitempty" doc:"Only with valid true"`
}

// VerifiedToken is what a verifier learns of a valid token.
type VerifiedToken struct {
	ID        ID                `json:"id"`
	Label     string            `json:"label"`
	Kind      Kind              `json:"kind"`
	Account   string            `json:"account"`
	Space     string            `json:"space"`
	Owner     string            `json:"owner"`
	Scopes    Scopes            `json:"scopes"`
	Audience  []string          `json:"audience"`
	ExpiresAt *time.Time        `json:"expires_at"`
	Metadata  map[string]string `json:"metadata"`
}

// VerifyRequest asks for a verdict. Without Token the caller asks about the
// credential in its own Authorization header.
type VerifyRequest struct {
	Token    string   `json:"token,omitempty" doc:"API key, access token or imported key"`
	Scopes   []string `json:"scopes,omitempty" doc:"Each must be covered"`
	Audience string   `json:"audience,omitempty" doc:"The API that asks"`
	Space    string   `json:"space,omitempty" doc:"Whose data is asked for"`
	Address  string   `json:"address,omitempty" doc:"IP address of the one who presented the token"`

	UserAgent string `json:"user_agent,omitempty" doc:"What the one who presented the token calls itself; noted with its last use"`
}

// Account is a tenant as the API shows it.
type Account struct {
	Name      string     `json:"name"`
	Title     string     `json:"title"`
	Policy    Policy     `json:"policy"`
	CreatedAt time.Time  `json:"created_at"`
	ClosedAt  *time.Time `json:"closed_at" doc:"While set, no token of the account is accepted"`
}

// Space is a part of an account as the API shows it.
type Space struct {
	Account   string     `json:"account"`
	Name      string     `json:"name"`
	Number    int64      `json:"number"`
	Title     string     `json:"title"`
	CreatedAt time.Time  `json:"created_at"`
	ClosedAt  *time.Time `json:"closed_at" doc:"While set, no token of the space is accepted"`
}

// User is a person as the API shows it.
type User struct {
	ID         ID         `json:"id"`
	Number     int64      `json:"number"`
	Username   string     `json:"username"`
	Email      string     `json:"email"`
	Roles      []Role     `json:"roles"`
	CreatedAt  time.Time  `json:"created_at"`
	DisabledAt *time.Time `json:"disabled_at"`
}

// Role is what a user may do on the instance (no account), an account or a space of it.
type Role struct {
	Name    string `json:"name" enum:"operator,admin,auditor,owner,manager,reader"`
	Account string `json:"account,omitempty"`
	Space   string `json:"space,omitempty"`
	// Provided roles act only in sessions that were begun through the provider.
	Provided bool `json:"provided,omitempty" doc:"The groups at the provider of single sign-on gave it, and take it away"`
}

// Self is who the caller is.
type Self struct {
	User    string `json:"user" doc:"The person, or the owner of the calling token"`
	TokenID *ID    `json:"token_id" doc:"The calling token; null for a person's session"`
	Account string `json:"account" doc:"Where requests go that name no account"`
	Space   string `json:"space,omitempty" doc:"Where in it new tokens go that name no space; none: they are the account's"`
	Roles   []Role `json:"roles"`
	Scopes  Scopes `json:"scopes"`
}

// Event is one line of the audit trail.
type Event struct {
	Seq       int64          `json:"seq" doc:"1, 2, 3 … in commit order"`
	At        time.Time      `json:"at"`
	Action    string         `json:"action" doc:"token.create, token.revoke …"`
	Actor     string         `json:"actor" doc:"user:NAME, token:ID or system"`
	Account   string         `json:"account"`
	Space     string         `json:"space,omitempty"`
	Subject   string         `json:"subject" doc:"token:ID, user:NAME …"`
	Before    map[string]any `json:"before,omitempty" doc:"What changed, as it was; never a secret"`
	After     map[string]any `json:"after,omitempty"`
	Address   string         `json:"address,omitempty"`
	UserAgent string         `json:"user_agent,omitempty"`
	RequestID string         `json:"request_id,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	Revision  Revision       `json:"revision,omitempty"`
}

// AuditKey verifies checkpoints of the audit trail.
type AuditKey struct {
	Verifier string `json:"verifier" doc:"NAME+HASH+KEY, as the C2SP signed-note format writes an Ed25519 key"`
}

// InclusionProof shows that a log of Size events holds one event (RFC 6962 section 2.1.1).
type InclusionProof struct {
	Seq      int64    `json:"seq"`
	Size     int64    `json:"size" doc:"Of the log that the proof is for"`
	Leaf     int64    `json:"leaf" doc:"The event's place in the log, from 0"`
	LeafHash string   `json:"leaf_hash" doc:"Base64"`
	Proof    []string `json:"proof" doc:"Hashes in base64, from the leaf's sibling up"`
}

// ConsistencyProof shows that a log of To events begins with that of From events (RFC 6962 section 2.1.2).
type ConsistencyProof struct {
	From  int64    `json:"from"`
	To    int64    `json:"to"`
	Proof []string `json:"proof" doc:"Hashes in base64"`
}
