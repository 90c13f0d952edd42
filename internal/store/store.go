// Package store is the contract between the authority and a database. It is
// written for the person who implements it: stores store, they know no rules.
//
// Every instant is UTC to the microsecond; a zero time.Time is stored as NULL.
// Absent rows are keywright.ErrNotFound, wrapped. A violated uniqueness is
// keywright.ErrConflict, wrapped. Anything else that goes wrong in the database is
// wrapped in keywright.ErrUnavailable: nobody may take it for an answer.
package store

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// Finder answers what is on file, outside any transaction, for verification.
// What it returned was true at some instant after the call began. Safe for
// concurrent use. Callers must not change what they are given.
type Finder interface {
	// Find returns the record of a token by its id.
	Find(ctx context.Context, id keywright.ID) (*Record, error)
	// FindDigest returns the record of an imported token by the keyed digest of its key.
	FindDigest(ctx context.Context, digest Digest) (*Record, error)
	// FindTenant returns the standing of an account and one of its spaces.
	FindTenant(ctx context.Context, account, space string) (keywright.Tenant, error)
	// FindRoutes returns the rules of a gateway of an account.
	FindRoutes(ctx context.Context, account, name string) (keywright.Routes, error)
	// FindUse returns when a token was last used, as far as it was written; zero: never, or there is no such token.
	// It is never remembered.
	FindUse(ctx context.Context, id keywright.ID) (time.Time, error)
}

// Store keeps everything. Safe for concurrent use.
type Store interface {
	Finder
	Changelog
	// Read calls f with a consistent snapshot. f may be called again if the
	// database asks for it and must have no effect but through its results.
	Read(ctx context.Context, f func(Tx) error) error
	// Write calls f in a transaction that sees every commit before it and is
	// serialised with every other Write that touches the same rows. When Write returns nil all that f
	// did is durable; on an error nothing of it is. f's own error is returned as
	// it is. f may run on another goroutine, must use only its Tx, must not call the store,
	// and may be called again (it must reset what it captured).
	//
	// If f changed anything that existed before (any Update, Delete or Touch), the
	// transaction takes the next revision and every event written by f carries it.
	Write(ctx context.Context, f func(Tx) error) (Commit, error)
	// Ping reports whether the database answers and takes writes.
	Ping(ctx context.Context) error
	Close() error
}

// Commit says what a Write changed.
type Commit struct {
	Revision keywright.Revision // 0 if nothing that existed was changed
	Forget   []Subject          // whose facts are no longer what they were
	Quiet    bool               // there was nothing to change: what was asked for was so already
}

// Subject names something whose facts may be remembered.
type Subject struct {
	Kind SubjectKind
	ID   string // token: its id; digest: hex; account: its name
}

// SubjectKind says what a Subject's ID names.
type SubjectKind string

// The kinds of subject.
const (
	SubjectToken   SubjectKind = "token"
	SubjectDigest  SubjectKind = "digest"
	SubjectAccount SubjectKind = "account"
)

// Digest is HMAC-SHA-256 under a pepper.
type Digest [32]byte

// Record is what is on file about a token: enough to prove a secret against it,
// to decide, and to tell a verifier who it is. Facts.Tenant is left zero: it is
// the account's, and found by FindTenant.
type Record struct {
	Facts         keywright.Facts
	Implied       keywright.Scopes // of Facts.Scopes, those that were not given but come with others, by a catalogue
	Number        int64
	Label         string
	Owner         keywright.ID // user
	OwnerName     string
	CreatedBy     string // actor, as Event.Actor
	CreatedAt     time.Time
	UpdatedAt     time.Time
	DisabledBy    keywright.ID // the ancestor whose disabling disabled this one; zero: itself
	RevokedReason string
	Parent        keywright.ID
	Metadata      map[string]string
	Recoverable   bool
	Secrets       []Secret // newest first; at most two
	AccessRevoked []RevokedAccess
	AccessSince   time.Time // access tokens issued before are revoked; zero: none
}

// Given is the scopes that the token was given: all it has but those that are implied.
func (r *Record) Given() keywright.Scopes { return r.Facts.Scopes.Without(r.Implied) }

// Secret is what is kept of a secret.
type Secret struct {
	Hint    [5]byte   // how its API key ends, by which people tell keys apart; zero: not known
	Number  int64     // 1 for the first; rotation counts up
	Foreign bool      // the digest is of the SHA-256 of somebody else's key, and the token is found by it
	Digest  Digest    //
	Pepper  string    // id of the pepper that keyed the digest
	Until   time.Time // zero: until the token ends
}

// RevokedAccess is an access token that was revoked before it expired.
type RevokedAccess struct {
	JTI       string
	ExpiresAt time.Time
}

// Event is one line of the audit trail. A store gives it Seq, and Revision if there is one, and
// keeps it in the transaction of what it explains.
type Event = keywright.Event
