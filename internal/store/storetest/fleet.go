package storetest

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Fleet is an account as it is after two years: tokens of many people in some spaces, of every kind and in every state, most of them
// in use. It is the same for the same numbers.
type Fleet struct {
	Account string // is there, with the space "default"
	Tokens  int
	Now     time.Time
}

const (
	fleetSpaces = 20
	fleetPeople = 200
	fleetBatch  = 1000 // tokens in one write
)

// FleetStore is what takes a fleet.
type FleetStore interface {
	store.Store
	store.UsageWriter
}

// Fill adds the fleet to a store.
func (f Fleet) Fill(ctx context.Context, s FleetStore) error {
	if _, err := s.Write(ctx, func(tx store.Tx) error { return f.begin(ctx, tx) }); err != nil {
		return err
	}
	for first := 0; first < f.Tokens; first += fleetBatch {
		made := make([]*store.Record, min(fleetBatch, f.Tokens-first))
		for i := range made {
			made[i] = f.token(first + i)
		}
		_, err := s.Write(ctx, func(tx store.Tx) error {
			for _, r := range made {
				if _, err := tx.Tokens().Insert(ctx, r, f.event(r)); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = s.AddUsage(ctx, f.usage(first, made))
		}
		if err != nil {
			return fmt.Errorf("tokens from %d on: %w", first, err)
		}
	}
	return nil
}

func (f Fleet) begin(ctx context.Context, tx store.Tx) error {
	e := store.Event{At: f.Now, Action: "user.create", Actor: "system", Account: f.Account}
	for i := range fleetPeople {
		u := &store.User{ID: fleetID(1<<40 + i), Username: fmt.Sprintf("person-%03d", i), CreatedAt: f.Now}
		if _, err := tx.People().InsertUser(ctx, u, e); err != nil {
			return err
		}
	}
	for i := 1; i < fleetSpaces; i++ {
		if _, err := tx.Tenants().InsertSpace(ctx, &store.Space{Account: f.Account, Name: fleetSpace(i), CreatedAt: f.Now}, e); err != nil {
			return err
		}
	}
	return nil
}

func fleetSpace(i int) string {
	if i == 0 {
		return "default"
	}
	return fmt.Sprintf("team-%02d", i)
}

func fleetID(n int) (id keywright.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(n)<<16|7<<12)
	binary.BigEndian.PutUint64(id[8:], 1<<63|uint64(n)*0x9e3779b97f4a7c15>>2)
	return id
}

// token is the nth token, the first is the oldest.
func (f Fleet) token(n int) *store.Record {
	dice := rand.New(rand.NewPCG(7, uint64(n)))
	const old = 2 * 365 * 24 * time.Hour
	made := f.Now.Add(-old + old*time.Duration(n)/time.Duration(f.Tokens)).Truncate(time.Microsecond)
	id, owner, space := fleetID(n), dice.IntN(fleetPeople), min(dice.IntN(fleetSpaces), dice.IntN(fleetSpaces))
	r := &store.Record{
		Facts: keywright.Facts{
			ID: id, Kind: keywright.KindAccount, Account: f.Account, Space: "default", Audience: []string{"http"},
			RenewedAt: made, ExpiresAt: made.Add(time.Duration(400+dice.IntN(800)) * 24 * time.Hour),
			Scopes: keywright.Scopes{fleetScope("invoices:read"), fleetScope(fmt.Sprintf("table://%s.**", fleetSpace(space)))},
		},
		Label: fmt.Sprintf("%s-%s-%d", fleetWords[dice.IntN(len(fleetWords))], fleetWords[dice.IntN(len(fleetWords))], n),
		Owner: fleetID(1<<40 + owner), CreatedBy: fmt.Sprintf("user:person-%03d", owner), CreatedAt: made, UpdatedAt: made,
		Secrets: []store.Secret{{Number: 1, Pepper: "k1", Digest: store.Digest(append(id[:], id[:]...))}},
	}
	switch dice.IntN(100) {
	case 0:
		r.Facts.Kind, r.Facts.Scopes = keywright.KindManager, keywright.Scopes{fleetScope("keywright:tokens:read")}
	case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10: // of the account
	default:
		r.Facts.Kind, r.Facts.Space = keywright.KindSpace, fleetSpace(space)
	}
	switch dice.IntN(1000) {
	case 0:
		r.Facts.Audience = []string{"http", "legacy"}
	case 1, 2, 3, 4, 5:
		r.Facts.ExpiresAt = time.Time{}
	case 6, 7, 8:
		r.Facts.DisabledAt = made.Add(time.Hour)
	}
	if dice.IntN(20) == 0 {
		r.Facts.RevokedAt, r.RevokedReason = made.Add(24*time.Hour), "rotated out"
	}
	return r
}

var fleetWords = []string{"brave", "calm", "deep", "early", "fair", "glad", "kind", "loud", "mild", "neat", "otter", "heron", "lynx", "raven", "stork", "wolf"}

func fleetScope(text string) keywright.Scope {
	s, err := keywright.ParseScope(text)
	if err != nil {
		panic(err) // the few above
	}
	return s
}

func (f Fleet) event(r *store.Record) store.Event {
	return store.Event{
		At: r.CreatedAt, Action: "token.create", Actor: r.CreatedBy, Account: f.Account, Space: r.Facts.Space, Subject: "token:" + r.Facts.ID.String(),
		After: map[string]any{"label": r.Label, "scopes": r.Facts.Scopes.Strings()}, Address: "192.0.2.1", UserAgent: "curl/8",
	}
}

// usage is that of some tokens: most were used, some not for long; one in fifty was refused.
func (f Fleet) usage(first int, made []*store.Record) store.UsageBatch {
	b := store.UsageBatch{Writer: fleetID(1 << 41), Number: int64(first/fleetBatch) + 1, At: f.Now}
	for i, r := range made {
		dice := rand.New(rand.NewPCG(8, uint64(first+i)))
		if dice.IntN(3) == 0 {
			continue
		}
		u := store.Usage{Token: r.Facts.ID, At: f.Now.Add(-time.Duration(dice.IntN(90*24*60)) * time.Minute), Door: keywright.DoorVerify, UserAgent: "curl/8"}
		for d := range time.Duration(1 + dice.IntN(5)) {
			hour := u.At.Add(-d*24*time.Hour).Unix() / 3600
			u.Counts = append(u.Counts, store.Count{Hour: hour, Reason: keywright.Allowed, Door: keywright.DoorVerify, N: 1 + dice.Int64N(1000)})
			if dice.IntN(50) == 0 {
				u.Counts = append(u.Counts, store.Count{Hour: hour, Reason: keywright.InsufficientScope, Door: keywright.DoorVerify, N: 1 + dice.Int64N(10)})
			}
		}
		b.Uses = append(b.Uses, u)
	}
	return b
}
