package store

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// Notices keeps what was told of tokens before they end, and finds those of which there may be something to tell. Nothing
// of it takes a revision; the event of a notice is appended beside it.
type Notices interface {
	// Around returns tokens that are not revoked, with their usage, by an instant of theirs, the earliest first.
	Around(ctx context.Context, q AroundQuery) ([]Listed, error)
	// Told returns what was told of a token; of one that nothing was told of, what tells nothing.
	Told(ctx context.Context, token keywright.ID) (Told, error)
	SetTold(ctx context.Context, t Told) error
	// NoticeMark returns up to when an account was looked at; ErrNotFound: it never was.
	NoticeMark(ctx context.Context, account string) (NoticeMark, error)
	SetNoticeMark(ctx context.Context, m NoticeMark) error
	// QuotasTold returns of which quotas of an account was told, in no order; SetQuotaTold notes that one was, or no more.
	QuotasTold(ctx context.Context, account string) ([]Quota, error)
	SetQuotaTold(ctx context.Context, q Quota, told bool) error
}

// Clock is an instant that a token has.
type Clock string

// The clocks. A token that was not renewed is by its creation, and not by its renewal.
const (
	ClockExpiry   Clock = "expires_at"
	ClockCreation Clock = "created_at"
	ClockRenewal  Clock = "renewed_at"
	ClockStart    Clock = "not_before"
	ClockUse      Clock = "last_used_at"
)

// AroundQuery asks for a run of tokens by a clock.
type AroundQuery struct {
	Account string
	Clock   Clock
	After   time.Time    // later than this
	UpTo    time.Time    // and not later than this
	Since   keywright.ID // of those at After also the ones with a greater id; zero: none
	Limit   int
}

// Told is what was told of a token.
type Told struct {
	Token       keywright.ID
	EndsAt      time.Time
	Days        int64 // so many before EndsAt, at the least
	UnusedSince time.Time
}

// NoticeMark is up to when an account was looked at.
type NoticeMark struct {
	Account string
	At      time.Time
	Spans   string // of the policies by which it was
}

// Quota names a limit on how many there may be.
type Quota struct {
	Account string
	Space   string // empty: all of the account
	What    string
}
