package sqlstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type tokens struct{ *tx }

func (t tokens) Get(ctx context.Context, id keywright.ID) (*store.Record, error) {
	return t.get(ctx, findToken, id)
}

func (t tokens) GetDigest(ctx context.Context, digest store.Digest) (*store.Record, error) {
	return t.get(ctx, findDigest, digest)
}

func (t tokens) GetNumber(ctx context.Context, account string, number int64) (*store.Record, error) {
	return t.get(ctx, "SELECT "+recordColumns+" FROM tokens t WHERE t.account = $1 AND t.number = $2", account, number)
}

func (t tokens) get(ctx context.Context, query string, args ...any) (rec *store.Record, err error) {
	if err := t.one(ctx, func(r *row) { rec = scanRecord(r) }, query, args...); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return rec, nil
}

// CROSS JOIN keeps the few that were found the outer table: the other way around every token would be read.
const findDescendants = `
	WITH RECURSIVE below (id, depth) AS (
		SELECT c.id, 1 FROM tokens c WHERE c.parent = $1
		UNION ALL
		SELECT c.id, b.depth + 1 FROM below b CROSS JOIN tokens c WHERE c.parent = b.id)
	SELECT ` + recordColumns + ` FROM below b CROSS JOIN tokens t WHERE t.id = b.id ORDER BY b.depth, t.number`

// Descendants returns every token below id, parents before children, and among equals the older first.
func (t tokens) Descendants(ctx context.Context, id keywright.ID) (all []*store.Record, err error) {
	err = t.each(ctx, func(r *row) { all = append(all, scanRecord(r)) }, findDescendants, id)
	return all, err
}

// Used returns when a token was last used.
func (t tokens) Used(ctx context.Context, id keywright.ID) (at time.Time, err error) {
	err = t.one(ctx, func(r *row) { at = r.time() }, findUse, id)
	if errors.Is(err, keywright.ErrNotFound) {
		return time.Time{}, nil
	}
	return at, err
}

// CROSS JOIN goes from the account by its spaces to their tokens.
var (
	countLive = "SELECT COUNT(*)" + fromPlaces + " WHERE a.name = $1 AND " + inPlaces + " AND " + liveAt("$2")

	countSpace     = countLive + " AND s.name = $3"
	countPermanent = countSpace + " AND t.expires_at IS NULL"
)

const (
	fromPlaces = " FROM accounts a CROSS JOIN spaces s CROSS JOIN tokens t"
	inPlaces   = "s.account = a.name AND t.account = s.account AND t.space = s.name"
)

// liveAt is the condition that a token t of account a and space s is neither revoked nor expired, by its own date or by policy.
func liveAt(now string) string {
	return unexpired(now) + " AND " + withinPolicy(now, "(SELECT u.last_used_at FROM token_usage u WHERE u.token = t.id)")
}

// unexpired is the same by its own date alone.
func unexpired(now string) string {
	return "t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > " + now + ")"
}

func (t tokens) OwnedBy(ctx context.Context, owner keywright.ID, limit int) (all []*store.Record, err error) {
	err = t.each(ctx, func(r *row) { all = append(all, scanRecord(r)) }, "SELECT "+recordColumns+` FROM tokens t
		WHERE t.owner = $1 AND t.revoked_at IS NULL ORDER BY t.created_at, t.id LIMIT $2`, owner, limit)
	return all, err
}

func (t tokens) Count(ctx context.Context, account, space string, now time.Time) (n int64, err error) {
	query, args := countLive, []any{account, now}
	if space != "" {
		query, args = countSpace, append(args, space)
	}
	err = t.one(ctx, func(r *row) { n = r.int() }, query, args...)
	return n, err
}

// CountPermanent finds them in one piece of an index.
func (t tokens) CountPermanent(ctx context.Context, account, space string, now time.Time) (n int64, err error) {
	err = t.one(ctx, func(r *row) { n = r.int() }, countPermanent, account, now, space)
	return n, err
}

// Insert adds a token. An imported one takes a revision: somebody may remember that its key is unknown.
func (t tokens) Insert(ctx context.Context, r *store.Record, e store.Event) (number int64, err error) {
	numbers, err := t.InsertAll(ctx, []store.NewToken{{Record: r, Event: e}})
	if err != nil {
		return 0, err
	}
	return numbers[0], nil
}

// InsertAll sends the rows together, and those beside them with whatever comes next.
func (t tokens) InsertAll(ctx context.Context, all []store.NewToken) (numbers []int64, err error) {
	numbers, rows := make([]int64, len(all)), make([][]any, len(all))
	for i, n := range all {
		account := n.Record.Facts.Account
		if numbers[i], err = t.nextNumber(ctx, account); err != nil {
			return nil, fmt.Errorf("account %s: %w", account, err)
		}
		if rows[i], err = insertedRow(n.Record, numbers[i]); err != nil {
			return nil, err
		}
	}
	if err := t.execAll(ctx, insertToken, rows); err != nil {
		return nil, fmt.Errorf("add token: %w", err)
	}
	for _, n := range all {
		if err := t.inserted(ctx, n); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// inserted keeps what stands beside a new token.
func (t tokens) inserted(ctx context.Context, n store.NewToken) error {
	f := &n.Record.Facts
	if err := t.post(ctx, "INSERT INTO token_usage (token, account) VALUES ($1, $2)", f.ID, f.Account); err != nil {
		return fmt.Errorf("add token: %w", err)
	}
	if digest := foreignDigest(n.Record.Secrets); digest != nil {
		return t.changed(ctx, n.Event, digestSubject(digest))
	}
	t.explain(n.Event)
	return nil
}

// numbering is how far an account's numbers have been given, in its row and in this transaction.
type numbering struct{ kept, last int64 }

// nextNumber takes the next number of an account's tokens. The first of a transaction is taken in the account's row, which
// keeps others out until the end; those after it are counted here, and keepNumbers writes down where they ended.
func (t tokens) nextNumber(ctx context.Context, account string) (int64, error) {
	if n := t.numbers[account]; n != nil {
		n.last++
		return n.last, nil
	}
	var first int64
	err := t.changeOne(ctx, func(r *row) { first = r.int() },
		"UPDATE accounts SET last_token = last_token + 1 WHERE name = $1 RETURNING last_token", account)
	if err != nil {
		return 0, err
	}
	if t.numbers == nil {
		t.numbers = map[string]*numbering{}
	}
	t.numbers[account] = &numbering{first, first}
	return first, nil
}

func (t tokens) keepNumbers(ctx context.Context) error {
	for account, n := range t.numbers {
		if n.last == n.kept {
			continue
		}
		if err := t.execOne(ctx, "UPDATE accounts SET last_token = $2 WHERE name = $1", account, n.last); err != nil {
			return fmt.Errorf("account %s: %w", account, err)
		}
	}
	return nil
}

const insertToken = `
	INSERT INTO tokens (id, account, space, number, kind, label, label_key, owner, owner_name, parent,
		scopes, audience, secrets, foreign_digest, extra, created_by, created_at, updated_at,
		not_before, expires_at, renewed_at, disabled_at, revoked_at, audience_key)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, COALESCE((SELECT username FROM users WHERE id = $8), ''), $9,
		$10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`

// insertedRow is the arguments of insertToken.
func insertedRow(r *store.Record, number int64) ([]any, error) {
	secrets, err := encodeSecrets(r.Secrets)
	if err != nil {
		return nil, err
	}
	more, err := encodeExtra(r)
	if err != nil {
		return nil, err
	}
	f := &r.Facts
	return []any{
		f.ID, f.Account, f.Space, number, f.Kind, r.Label, fold(r.Label), r.Owner, r.Parent,
		joinList(f.Scopes.Strings()), joinList(f.Audience), secrets, foreignDigest(r.Secrets), more,
		r.CreatedBy, r.CreatedAt, r.UpdatedAt, f.NotBefore, f.ExpiresAt, f.RenewedAt, f.DisabledAt, f.RevokedAt, audienceKey(f.Audience),
	}, nil
}

// Update replaces a record. Whoever found the token by an imported key forgets it too.
func (t tokens) Update(ctx context.Context, r *store.Record, e store.Event) error {
	secrets, err := encodeSecrets(r.Secrets)
	if err != nil {
		return err
	}
	more, err := encodeExtra(r)
	if err != nil {
		return err
	}
	forget, err := t.subjects(ctx, r.Facts.ID)
	if err != nil {
		return err
	}
	f := &r.Facts
	err = t.execOne(ctx, `
		UPDATE tokens SET space = $2, kind = $3, label = $4, label_key = $5, owner = $6,
			owner_name = COALESCE((SELECT username FROM users WHERE id = $6), ''),
			scopes = $7, audience = $8, secrets = $9, foreign_digest = $10, extra = $11, updated_at = $12,
			not_before = $13, expires_at = $14, renewed_at = $15, disabled_at = $16, revoked_at = $17, audience_key = $18
		WHERE id = $1`,
		f.ID, f.Space, f.Kind, r.Label, fold(r.Label), r.Owner,
		joinList(f.Scopes.Strings()), joinList(f.Audience), secrets, foreignDigest(r.Secrets), more, r.UpdatedAt,
		f.NotBefore, f.ExpiresAt, f.RenewedAt, f.DisabledAt, f.RevokedAt, audienceKey(f.Audience))
	if err != nil {
		return fmt.Errorf("change token: %w", err)
	}
	if digest := foreignDigest(r.Secrets); digest != nil {
		forget = append(forget, digestSubject(digest))
	}
	return t.changed(ctx, e, forget...)
}

// subjects is under which names the facts of a token may be remembered.
func (t tokens) subjects(ctx context.Context, id keywright.ID) ([]store.Subject, error) {
	list := []store.Subject{{Kind: store.SubjectToken, ID: id.String()}}
	err := t.one(ctx, func(r *row) {
		if digest := r.bytes(); digest != nil {
			list = append(list, digestSubject(digest))
		}
	}, "SELECT foreign_digest FROM tokens WHERE id = $1", id)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return list, nil
}

func digestSubject(digest []byte) store.Subject {
	return store.Subject{Kind: store.SubjectDigest, ID: hex.EncodeToString(digest)}
}

// Delete removes a token, its usage and its sealed key.
func (t tokens) Delete(ctx context.Context, id keywright.ID, e store.Event) error {
	forget, err := t.subjects(ctx, id)
	if err != nil {
		return err
	}
	for _, query := range []string{
		"DELETE FROM token_usage WHERE token = $1",
		"DELETE FROM token_days WHERE token = $1",
		"DELETE FROM token_scopes WHERE token = $1",
		"DELETE FROM sealed_keys WHERE token = $1",
		"DELETE FROM tokens WHERE id = $1",
	} {
		if _, err := t.exec(ctx, query, id); err != nil {
			return fmt.Errorf("delete token: %w", err)
		}
	}
	return t.changed(ctx, e, forget...)
}

func (t tokens) Seal(ctx context.Context, id keywright.ID, sealed []byte) error {
	if sealed == nil {
		_, err := t.exec(ctx, "DELETE FROM sealed_keys WHERE token = $1", id)
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO sealed_keys (token, sealed) VALUES ($1, $2)
		ON CONFLICT (token) DO UPDATE SET sealed = excluded.sealed`, id, sealed)
	return err
}

func (t tokens) Sealed(ctx context.Context, id keywright.ID) (sealed []byte, err error) {
	err = t.one(ctx, func(r *row) { sealed = r.bytes() }, "SELECT sealed FROM sealed_keys WHERE token = $1", id)
	if err != nil {
		return nil, fmt.Errorf("sealed key: %w", err)
	}
	return sealed, nil
}
