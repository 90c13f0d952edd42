package authority

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// FirstStart says who the first user is.
type FirstStart struct {
	AdminEmail    string           // empty: admin@localhost
	AdminPassword keywright.Secret // empty: one is generated
}

// FirstStartResult says what a first start made; zero if the instance had started before.
type FirstStartResult struct {
	Created   bool
	Username  string
	Generated keywright.Secret // the password, if it was generated
}

const (
	firstUser      = "admin"
	keyringSetting = "keyring" // ids of the master keys that the instance has seen, the newest last
)

// errOtherKeyring is what an operator sees who starts with a wrong key file.
var errOtherKeyring = errors.New("this database was made under another master key: start with the key file that belongs to it")

// Bootstrap makes, once and in one transaction, the account and space "default"
// and the operator "admin"; and refuses a database made under another master key.
//
// A database that has no key to sign its audit trail with is given one.
func (a *Authority) Bootstrap(ctx context.Context, first FirstStart) (FirstStartResult, error) {
	result, err := a.bootstrap(ctx, first)
	if err != nil {
		return FirstStartResult{}, err
	}
	return result, a.ensureAuditKey(ctx)
}

func (a *Authority) bootstrap(ctx context.Context, first FirstStart) (FirstStartResult, error) {
	known, err := keyringSeen(ctx, a.cfg.Store)
	if err != nil {
		return FirstStartResult{}, err
	}
	if len(known) > 0 {
		return FirstStartResult{}, a.recogniseKeyring(ctx, known)
	}
	result := FirstStartResult{Created: true, Username: firstUser}
	password := first.AdminPassword
	if password.Reveal() == "" {
		if password, err = a.generatePassword(); err != nil {
			return FirstStartResult{}, err
		}
		result.Generated = password
	}
	hash, err := a.hashPassword(ctx, "admin password", password)
	if err != nil {
		return FirstStartResult{}, err
	}
	b := beginning{a: a, email: cmp.Or(first.AdminEmail, firstUser+"@localhost"), hash: hash}
	_, err = a.commit(ctx, func(tx store.Tx) error { return b.make(ctx, tx) })
	if errors.Is(err, keywright.ErrConflict) { // another server on this database was first, a moment ago
		return a.bootstrap(ctx, first)
	}
	if err != nil {
		return FirstStartResult{}, err
	}
	return result, nil
}

// Begun reports whether an instance has started on a database before.
func Begun(ctx context.Context, db store.Store) (bool, error) {
	ids, err := keyringSeen(ctx, db)
	return len(ids) > 0, err
}

func keyringSeen(ctx context.Context, db store.Store) (ids []string, err error) {
	err = db.Read(ctx, func(tx store.Tx) error {
		text, err := tx.Keys().Setting(ctx, keyringSetting)
		ids = strings.Fields(text)
		return err
	})
	if isAbsent(err) {
		return nil, nil
	}
	return ids, err
}

// recogniseKeyring refuses a ring without the key that made what is newest, and remembers a ring that has grown.
func (a *Authority) recogniseKeyring(ctx context.Context, known []string) error {
	ids := a.cfg.Keys.IDs()
	if !slices.Contains(ids, known[len(known)-1]) {
		return fmt.Errorf("%w (it knows the key %s, the file has %s)", errOtherKeyring, known[len(known)-1], strings.Join(ids, ", "))
	}
	if slices.Equal(ids, known) {
		return nil
	}
	_, err := a.commit(ctx, func(tx store.Tx) error {
		e := Caller{}.event("key.add", a.instant())
		e.Subject = "keyring"
		e.Before, e.After = map[string]any{"ids": known}, map[string]any{"ids": ids}
		return tx.Keys().SetSetting(ctx, keyringSetting, strings.Join(ids, " "), e)
	})
	return err
}

// generatePassword returns 160 random bits in groups of four letters and digits, of
// which none is taken for another.
func (a *Authority) generatePassword() (keywright.Secret, error) {
	var bits [20]byte
	if _, err := io.ReadFull(a.cfg.Random, bits[:]); err != nil {
		return keywright.Secret{}, fmt.Errorf("authority: read randomness: %w", err)
	}
	text := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").EncodeToString(bits[:])
	groups := slices.Collect(slices.Chunk([]byte(text), 4))
	return keywright.NewSecret(string(bytes.Join(groups, []byte("-")))), nil
}

// beginning is a first start.
type beginning struct {
	a           *Authority
	email, hash string
	now         time.Time
}

func (b *beginning) make(ctx context.Context, tx store.Tx) error {
	b.now = b.a.instant()
	ids := b.a.cfg.Keys.IDs()
	start := b.event("instance.start", "instance")
	start.After = map[string]any{"keyring": ids}
	if err := tx.Keys().SetSetting(ctx, keyringSetting, strings.Join(ids, " "), start); err != nil {
		return err
	}
	account := &store.Account{Name: defaultName, Title: "Default", Policy: keywright.DefaultPolicy(), CreatedAt: b.now}
	if err := tx.Tenants().InsertAccount(ctx, account, b.event("account.create", "account:"+defaultName)); err != nil {
		return err
	}
	space := &store.Space{Account: defaultName, Name: defaultName, Title: "Default", CreatedAt: b.now}
	if _, err := tx.Tenants().InsertSpace(ctx, space, b.event("space.create", "space:"+defaultName)); err != nil {
		return err
	}
	return b.makeOperator(ctx, tx)
}

func (b *beginning) makeOperator(ctx context.Context, tx store.Tx) error {
	id, err := keywright.NewID(b.now, b.a.cfg.Random)
	if err != nil {
		return err
	}
	user := &store.User{ID: id, Username: firstUser, Email: b.email, PasswordHash: b.hash, CreatedAt: b.now}
	subject := "user:" + firstUser
	if _, err := tx.People().InsertUser(ctx, user, b.event("user.create", subject)); err != nil {
		return err
	}
	e := b.event("role.grant", subject)
	e.After = map[string]any{"role": roleOperator}
	return tx.People().InsertRole(ctx, store.Role{User: id, Name: roleOperator}, e)
}

func (b *beginning) event(action, subject string) store.Event {
	e := Caller{}.event(action, b.now)
	e.Account, e.Subject = defaultName, subject
	return e
}
