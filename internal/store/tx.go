package store

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// Tx is one transaction. In a Read its mutators fail. After keywright.ErrConflict and keywright.ErrNotFound f
// may go on, and nothing of the refused call is kept; after keywright.ErrUnavailable every call fails,
// and the Write with it. Not safe for concurrent use.
type Tx interface {
	Tokens() Tokens
	Tenants() Tenants
	Audiences() Audiences
	Gateways() Gateways
	People() People
	Events() Events
	Keys() Keys
	Webhooks() Webhooks
	Notices() Notices
	Usages() Usages
	Changes() Changes
	Mails() Mails
}

// Tokens keeps tokens. No mutator can be called without the event that explains it.
type Tokens interface {
	Get(ctx context.Context, id keywright.ID) (*Record, error)
	// GetDigest finds an imported token by the keyed digest of its key, as Finder.FindDigest does.
	GetDigest(ctx context.Context, digest Digest) (*Record, error)
	// GetNumber finds a token by its number in an account.
	GetNumber(ctx context.Context, account string, number int64) (*Record, error)
	// List returns at most limit records that the filter chooses, in the order and after the
	// position given, with their usage.
	List(ctx context.Context, q TokenQuery) ([]Listed, error)
	// CountListed counts all that the filter chooses, whatever the query's position, offset and limit. It looks at each.
	CountListed(ctx context.Context, q TokenQuery) (int64, error)
	// CountStates counts the tokens of a place by the state they are in. It looks at each, in an index.
	CountStates(ctx context.Context, at Place, now time.Time) (map[keywright.State]int64, error)
	// Descendants returns every token below id, parents before children and then by number.
	Descendants(ctx context.Context, id keywright.ID) ([]*Record, error)
	// OwnedBy returns at most limit of the user's tokens that are not revoked, in every account, the oldest first.
	OwnedBy(ctx context.Context, owner keywright.ID, limit int) ([]*Record, error)
	// Used returns when a token was last used, as Finder.FindUse does.
	Used(ctx context.Context, id keywright.ID) (time.Time, error)
	// Count counts the tokens of an account, or of one space of it (empty: all), that are neither revoked nor expired, by
	// their own date or by policy; a disabled one counts. It looks at each: ask only where there is a limit.
	Count(ctx context.Context, account, space string, now time.Time) (int64, error)
	// CountPermanent counts those of a space that have no expiry.
	CountPermanent(ctx context.Context, account, space string, now time.Time) (int64, error)
	// Insert adds a token and returns its number, the next of its account: greater than every one given before, also
	// to tokens that are gone. Its owner's name is the user's, whatever the record says. An imported
	// token takes a revision: its key may be remembered as unknown.
	Insert(ctx context.Context, r *Record, e Event) (number int64, err error)
	// InsertAll is Insert of several, all or none, and returns their numbers. It is one way to the database and back.
	InsertAll(ctx context.Context, all []NewToken) (numbers []int64, err error)
	// Update replaces all of a record but id, number, account and what was true at its creation.
	Update(ctx context.Context, r *Record, e Event) error
	// Delete removes a token with everything kept for it. Its events stay.
	Delete(ctx context.Context, id keywright.ID, e Event) error
	// Seal keeps a sealed copy of the API key (nil removes it); Sealed returns it.
	// Seal explains itself by the event of the Insert or Update beside it.
	Seal(ctx context.Context, id keywright.ID, sealed []byte) error
	Sealed(ctx context.Context, id keywright.ID) ([]byte, error)
}

// NewToken is a token that is to be added, and the event that explains it.
type NewToken struct {
	Record *Record
	Event  Event
}

// TokenQuery asks for a run of tokens. Filter.State is judged at Now, with the policies of account and space. Labels
// are ordered without regard to case; a permanent token comes after every dated one and a token never
// used after every used one, the other way around if Descending.
type TokenQuery struct {
	Filter     keywright.TokenFilter // Account is always set; IDs that are empty but not nil choose nothing
	Spaces     []string              // only tokens of these; nil: of every space; empty: of none
	Unused     Unused
	Sort       string // keywright.Sort…
	Descending bool
	After      *Position // nil: from the start
	Offset     int       // so many are passed over: for clients that number their pages; it costs as much as listing them
	Limit      int
	Now        time.Time
}

// Unused chooses tokens by what was not done with them. Members that are zero do not limit.
type Unused struct {
	MadeBefore time.Time
	UsedBefore time.Time // they were used, the last time before this
	Never      bool      // they were never used
}

// Position is where a page ended: the sort key's value (a zero Time: none) and the id as tie-break.
type Position struct {
	Time time.Time
	Text string
	ID   keywright.ID
}

// Tenants keeps accounts and their spaces. Every mutator takes a revision and makes the account's facts forgotten,
// also one that adds: that there is no such space may be remembered.
type Tenants interface {
	Account(ctx context.Context, name string) (*Account, error)
	Accounts(ctx context.Context, after string, limit int) ([]*Account, error)
	InsertAccount(ctx context.Context, a *Account, e Event) error
	UpdateAccount(ctx context.Context, a *Account, e Event) error
	Space(ctx context.Context, account, name string) (*Space, error)
	// SpaceNumbered finds a space by its number in an account.
	SpaceNumbered(ctx context.Context, account string, number int64) (*Space, error)
	Spaces(ctx context.Context, account, after string, limit int) ([]*Space, error)
	InsertSpace(ctx context.Context, s *Space, e Event) (number int64, err error)
	// UpdateSpace replaces a space's title and whether it is closed.
	UpdateSpace(ctx context.Context, s *Space, e Event) error
	// DeleteSpace removes a space; ErrConflict while there is a token in it or a role on it.
	DeleteSpace(ctx context.Context, account, name string, e Event) error
	// SetSpacePolicy replaces what a space demands beyond its account.
	SetSpacePolicy(ctx context.Context, account, space string, p keywright.SpacePolicy, e Event) error
	// Hold keeps every other Write that Holds the account out until this one has
	// ended, so that what is counted stays true until it is used.
	Hold(ctx context.Context, account string) error
}

// Account is a tenant.
type Account struct {
	Name      string
	Title     string
	Policy    keywright.Policy
	ClosedAt  time.Time
	CreatedAt time.Time
}

// Space is a part of an account.
type Space struct {
	Account   string
	Name      string
	Number    int64
	Title     string
	Policy    keywright.SpacePolicy // SetSpacePolicy sets it
	ClosedAt  time.Time
	CreatedAt time.Time
}

// Gateways keeps the rules by which proxies ask. Every mutator takes a revision and makes the account's facts forgotten.
type Gateways interface {
	Get(ctx context.Context, account, name string) (*Gateway, error)
	// List returns at most limit of an account's, by name, after one, without their rules.
	List(ctx context.Context, account, after string, limit int) ([]*Gateway, error)
	// Set adds a gateway, or replaces all of one but its creation.
	Set(ctx context.Context, g *Gateway, e Event) error
	Delete(ctx context.Context, account, name string, e Event) error
}

// Gateway is the rules by which proxies ask under a name.
type Gateway struct {
	Account   string
	Name      string
	Version   int64 // counts changes, from 1
	Routes    keywright.Routes
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Audiences keeps the audiences that accounts have registered, each with its catalogue. Every mutator takes a revision;
// what it changes of tokens is told by their own updates.
type Audiences interface {
	Get(ctx context.Context, account, name string) (*Audience, error)
	// List returns at most limit of an account's, by name, after one, without their scopes.
	List(ctx context.Context, account, after string, limit int) ([]*Audience, error)
	// Set adds an audience, or replaces all of one but its creation.
	Set(ctx context.Context, a *Audience, e Event) error
	Delete(ctx context.Context, account, name string, e Event) error
}

// Audience is an API for which tokens may be; keywright.NoAudience: those that name none.
type Audience struct {
	Account     string
	Name        string
	Description string
	Scopes      []keywright.CatalogueEntry // in the order given
	Entries     int64                      // how many they are; Set does not look at it
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// People keeps users, what they may do, and their sessions.
type People interface {
	User(ctx context.Context, id keywright.ID) (*User, error)
	// UserNamed finds a user by username or e-mail, without regard to case.
	UserNamed(ctx context.Context, name string) (*User, error)
	// Users returns those with a role in the account (empty: all), by username without regard to case.
	Users(ctx context.Context, account, after string, limit int) ([]*User, error)
	// UsersWith returns those with a role at exactly its place (Account empty: the instance; Space empty: the account
	// itself), of its name or, if that is empty, of any; by username as Users does. Role.User is not looked at.
	UsersWith(ctx context.Context, r Role, after string, limit int) ([]*User, error)
	InsertUser(ctx context.Context, u *User, e Event) (number int64, err error)
	// UpdateUser replaces all of a user but id, number and creation. With a new username, the facts of its tokens are forgotten.
	UpdateUser(ctx context.Context, u *User, e Event) error
	// DeleteUser removes a user; ErrConflict while it has a role, a session, or a token that is not revoked. Its
	// revoked tokens stay, under the name it had.
	DeleteUser(ctx context.Context, id keywright.ID, e Event) error
	Roles(ctx context.Context, user keywright.ID) ([]Role, error)
	// InsertRole gives a user a role; ErrConflict if there is that role, unless it was provided and is now given by hand.
	InsertRole(ctx context.Context, r Role, e Event) error
	// DeleteRole takes a role away, whoever gave it.
	DeleteRole(ctx context.Context, r Role, e Event) error
	Sessions
	Invites
	Identities
}

// Sessions keeps the sessions of people.
type Sessions interface {
	Session(ctx context.Context, id keywright.ID) (*Session, error)
	// SessionsOf returns at most limit of a user's sessions that have not run out, the newest first, older than
	// before (zero: from the newest).
	SessionsOf(ctx context.Context, user, before keywright.ID, now time.Time, limit int) ([]*Session, error)
	InsertSession(ctx context.Context, s *Session, e Event) error
	DeleteSession(ctx context.Context, id keywright.ID, e Event) error
	// DeleteSessionsOf ends a user's sessions but the one kept (zero: all).
	DeleteSessionsOf(ctx context.Context, user, keep keywright.ID, e Event) error
	// PruneSessions removes those that have run out.
	PruneSessions(ctx context.Context, now time.Time) error
}

// Invites keeps the invitations that were neither accepted nor withdrawn.
type Invites interface {
	Invite(ctx context.Context, id keywright.ID) (*Invite, error)
	// InvitesTo returns at most limit invitations to an account, in the order of their ids, after one (zero: from the first).
	InvitesTo(ctx context.Context, account string, after keywright.ID, limit int) ([]*Invite, error)
	InsertInvite(ctx context.Context, i *Invite, e Event) error
	// DeleteInvite removes an invitation, ErrNotFound if there is none: of two who accept, one gets it.
	DeleteInvite(ctx context.Context, id keywright.ID, e Event) error
	// PruneInvites removes those that have run out.
	PruneInvites(ctx context.Context, now time.Time) error
}

// Identities keeps who people are at the provider of single sign-on.
type Identities interface {
	// UserIdentified finds the user that a subject of an issuer is; both are compared byte by byte.
	UserIdentified(ctx context.Context, issuer, subject string) (*User, error)
	// UserWithEmail finds a user by e-mail alone, without regard to case.
	UserWithEmail(ctx context.Context, email string) (*User, error)
	// InsertIdentity says who a user is; ErrConflict if the subject is somebody's or the user has another at the issuer. It
	// goes with the user.
	InsertIdentity(ctx context.Context, i Identity, e Event) error
	Offer(ctx context.Context, id keywright.ID) (*Offer, error)
	InsertOffer(ctx context.Context, o *Offer, e Event) error
	// TakeOffer uses an offer up, ErrNotFound if there is none: of two who take it, one gets it. It is explained by
	// the event of the session beside it.
	TakeOffer(ctx context.Context, id keywright.ID) error
	// PruneOffers removes those that have run out.
	PruneOffers(ctx context.Context, now time.Time) error
}

// Identity is who a user is at a provider of single sign-on.
type Identity struct {
	Issuer, Subject string
	User            keywright.ID
	CreatedAt       time.Time
}

// Offer is a session that may be fetched, once, with its secret, which is kept like a token's, and the
// verifier of its challenge (RFC 7636).
type Offer struct {
	ID        keywright.ID
	Digest    Digest
	Pepper    string
	Challenge string
	User      keywright.ID
	ExpiresAt time.Time
}

// Invite is an invitation to become a user with a role; its secret is kept like a token's.
type Invite struct {
	ID        keywright.ID
	Digest    Digest
	Pepper    string
	Username  string
	Email     string
	Role      Role // User is zero
	ByUser    keywright.ID
	ByToken   keywright.ID // zero: the person by itself
	InvitedBy string       // actor, as Event.Actor
	CreatedAt time.Time
	ExpiresAt time.Time
}

// User is a person.
type User struct {
	ID           keywright.ID
	Number       int64
	Username     string
	Email        string
	PasswordHash string // argon2id, PHC string; empty: no password
	DisabledAt   time.Time
	CreatedAt    time.Time
}

// Role is what a user may do on the instance (Account empty), an account (Space empty) or a space.
type Role struct {
	User    keywright.ID
	Account string
	Space   string
	Name    string // operator; admin, auditor; owner, manager, reader
	// Provided says that the groups at the provider of single sign-on gave the role, and take it away.
	Provided bool
}

// Session is a person's session; its secret is kept like a token's.
type Session struct {
	ID        keywright.ID
	User      keywright.ID
	Digest    Digest
	Pepper    string
	CreatedAt time.Time
	ExpiresAt time.Time
	Address   string
	UserAgent string
	SSO       bool // begun through the provider of single sign-on
}

// Events keeps the audit trail and the Merkle tree over it (RFC 6962), of which the event with Seq n is
// leaf n-1. Every event is in the tree from the transaction on that keeps it; the bytes that are hashed are
// auditlog.Leaf's.
type Events interface {
	// Append keeps an event that explains no change of its own (a refusal, a reveal). What f
	// itself has appended is listed only when it has ended.
	Append(ctx context.Context, e Event) error
	// List returns events newest first: by At, then by Seq.
	List(ctx context.Context, q EventQuery) ([]Event, error)
	// Walk returns events oldest first: by At, then by Seq; those after the position (the zero one: from the
	// first) and not beyond the Seq. Of q, Before does not count.
	Walk(ctx context.Context, q EventQuery, after EventPosition, upTo int64) ([]Logged, error)
	// Log returns events in the order of the log: those after the one Seq up to the other.
	Log(ctx context.Context, after, upTo int64, limit int) ([]Logged, error)
	// Size is how many leaves the tree has.
	Size(ctx context.Context) (int64, error)
	// Hash returns one of the hashes stored with a leaf: at 0 its own, at n that of the subtree of 2^n leaves
	// that it fills.
	Hash(ctx context.Context, leaf int64, at int) (Digest, error)
	// LastCheckpoint returns the newest checkpoint kept, InsertCheckpoint keeps one.
	LastCheckpoint(ctx context.Context) (Checkpoint, error)
	InsertCheckpoint(ctx context.Context, c Checkpoint) error
}

// EventQuery asks for a run of events.
type EventQuery struct {
	Account string    // empty: every account
	Spaces  []string  // nil: every space
	Subject string    // empty: any
	Actor   string    // empty: anybody
	Address string    // empty: any
	Action  string    // empty: any; "token." matches every action that begins so
	Since   time.Time // not before; zero: from the first
	Until   time.Time // before; zero: to the last
	Before  *EventPosition
	Limit   int
}

// EventPosition is where a page of List ended.
type EventPosition struct {
	At  time.Time
	Seq int64
}

// Logged is an event with the stored hash of its leaf.
type Logged struct {
	Event
	Hash Digest
}

// Checkpoint is a signed state of the audit trail's tree.
type Checkpoint struct {
	Size int64
	At   time.Time
	Note string // C2SP signed-note
}

// AuditKey signs checkpoints.
type AuditKey struct {
	Verifier  string // as the signed-note format writes it
	Sealed    []byte // the signing half
	CreatedAt time.Time
}

// Keys keeps what the authority needs beside tenants' things.
type Keys interface {
	// Idempotent returns what was answered to a request, if it was.
	Idempotent(ctx context.Context, caller string, key Digest) (*Idempotent, error)
	// InsertIdempotent remembers an answer; ErrConflict if there is one.
	InsertIdempotent(ctx context.Context, i *Idempotent) error
	PruneIdempotent(ctx context.Context, now time.Time) error
	SigningKeys(ctx context.Context) ([]*SigningKey, error)
	InsertSigningKey(ctx context.Context, k *SigningKey, e Event) error
	DeleteSigningKey(ctx context.Context, kid string, e Event) error
	// AuditKey returns the key that signs checkpoints of the audit trail.
	AuditKey(ctx context.Context) (*AuditKey, error)
	InsertAuditKey(ctx context.Context, k *AuditKey, e Event) error
	// Setting returns a named value of the instance, ErrNotFound if it was never set.
	Setting(ctx context.Context, name string) (string, error)
	// SetSetting sets it; to change one that was set takes a revision.
	SetSetting(ctx context.Context, name, value string, e Event) error
}

// Idempotent is an answer that was given to a request with an idempotency key.
type Idempotent struct {
	Caller    string // actor, as Event.Actor
	Key       Digest // of the client's key
	Request   Digest // of route and body
	Sealed    []byte // the answer, sealed under a key that needs the client's key to derive
	ExpiresAt time.Time
}

// SigningKey signs access tokens from ActiveAt until the next one is active, and is
// published until RetireAt.
type SigningKey struct {
	KID       string
	Public    []byte // PKIX DER
	Sealed    []byte // PKCS#8 DER, sealed
	CreatedAt time.Time
	ActiveAt  time.Time
	RetireAt  time.Time // zero while no successor is known
}
