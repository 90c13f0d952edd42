package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

type people struct{ *tx }

const userColumns = "u.id, u.number, u.username, u.email, u.password_hash, u.disabled_at, u.created_at"

func scanUser(r *row) *store.User {
	return &store.User{
		ID: r.id(), Number: r.int(), Username: r.text(), Email: r.text(), PasswordHash: r.text(),
		DisabledAt: r.time(), CreatedAt: r.time(),
	}
}

func (t people) User(ctx context.Context, id keywright.ID) (*store.User, error) {
	return t.user(ctx, "u.id = $1", id)
}

// UserNamed looks among the usernames first.
func (t people) UserNamed(ctx context.Context, name string) (*store.User, error) {
	u, err := t.user(ctx, "u.username_key = $1", fold(name))
	if errors.Is(err, keywright.ErrNotFound) {
		return t.user(ctx, "u.email_key = $1", fold(name))
	}
	return u, err
}

func (t people) user(ctx context.Context, condition string, arg any) (u *store.User, err error) {
	err = t.one(ctx, func(r *row) { u = scanUser(r) }, "SELECT "+userColumns+" FROM users u WHERE "+condition, arg)
	if err != nil {
		return nil, fmt.Errorf("user: %w", err)
	}
	return u, nil
}

func (t people) Users(ctx context.Context, account, after string, limit int) (list []*store.User, err error) {
	s := newQuery("SELECT "+userColumns+" FROM users u").where("u.username_key > ?", fold(after))
	if account != "" {
		s.where("EXISTS (SELECT 1 FROM roles r WHERE r.user_id = u.id AND r.account = ?)", account)
	}
	s.end("ORDER BY u.username_key LIMIT ?", limit)
	err = t.each(ctx, func(r *row) { list = append(list, scanUser(r)) }, s.String(), s.args...)
	return list, err
}

func (t people) UsersWith(ctx context.Context, role store.Role, after string, limit int) (list []*store.User, err error) {
	s := newQuery("SELECT "+userColumns+" FROM users u").where("u.username_key > ?", fold(after))
	held := "EXISTS (SELECT 1 FROM roles r WHERE r.user_id = u.id AND r.account = ? AND r.space = ?"
	if role.Name == "" {
		s.where(held+")", role.Account, role.Space)
	} else {
		s.where(held+" AND r.name = ?)", role.Account, role.Space, role.Name)
	}
	s.end("ORDER BY u.username_key LIMIT ?", limit)
	err = t.each(ctx, func(r *row) { list = append(list, scanUser(r)) }, s.String(), s.args...)
	return list, err
}

func (t people) InsertUser(ctx context.Context, u *store.User, e store.Event) (number int64, err error) {
	err = t.changeOne(ctx, func(r *row) { number = r.int() },
		"UPDATE head SET users = users + 1 WHERE id = 1 RETURNING users")
	if err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, `INSERT INTO users (id, number, username, username_key, email, email_key,
			password_hash, disabled_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		u.ID, number, u.Username, fold(u.Username), u.Email, emailKey(u), u.PasswordHash, u.DisabledAt, u.CreatedAt)
	if err != nil {
		return 0, fmt.Errorf("add user %s: %w", u.Username, err)
	}
	t.explain(e)
	return number, nil
}

// emailKey is NULL for no address: any number of users may have none.
func emailKey(u *store.User) any {
	if u.Email == "" {
		return nil
	}
	return fold(u.Email)
}

// UpdateUser replaces a user but id and number. With a new username the tokens that show it are forgotten.
func (t people) UpdateUser(ctx context.Context, u *store.User, e store.Event) error {
	err := t.execOne(ctx, `UPDATE users SET username = $2, username_key = $3, email = $4, email_key = $5,
			password_hash = $6, disabled_at = $7 WHERE id = $1`,
		u.ID, u.Username, fold(u.Username), u.Email, emailKey(u), u.PasswordHash, u.DisabledAt)
	if err != nil {
		return fmt.Errorf("change user %s: %w", u.Username, err)
	}
	renamed, err := t.renameOwner(ctx, u)
	if err != nil {
		return err
	}
	return t.changed(ctx, e, renamed...)
}

func (t people) renameOwner(ctx context.Context, u *store.User) (forget []store.Subject, err error) {
	err = t.each(ctx, ownedSubject(&forget),
		"UPDATE tokens SET owner_name = $2 WHERE owner = $1 AND owner_name <> $2 RETURNING id, foreign_digest", u.ID, u.Username)
	return forget, err
}

// ownedSubject reads under which names the facts of a token may be remembered.
func ownedSubject(forget *[]store.Subject) func(*row) {
	return func(r *row) {
		*forget = append(*forget, store.Subject{Kind: store.SubjectToken, ID: r.id().String()})
		if digest := r.bytes(); digest != nil {
			*forget = append(*forget, digestSubject(digest))
		}
	}
}

// DeleteUser leaves what refers to the user to its caller, but for the name on tokens that are revoked.
func (t people) DeleteUser(ctx context.Context, id keywright.ID, e store.Event) error {
	inUse := 0
	err := t.each(ctx, func(r *row) { inUse++ }, `SELECT 1 FROM tokens WHERE owner = $1 AND revoked_at IS NULL
		UNION ALL SELECT 1 FROM roles WHERE user_id = $1 UNION ALL SELECT 1 FROM sessions WHERE user_id = $1 LIMIT 1`, id)
	if err == nil && inUse > 0 {
		err = keywright.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	var forget []store.Subject
	err = t.each(ctx, ownedSubject(&forget), "UPDATE tokens SET owner = NULL WHERE owner = $1 RETURNING id, foreign_digest", id)
	if err == nil {
		err = t.execOne(ctx, "DELETE FROM users WHERE id = $1", id)
	}
	if err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	return t.changed(ctx, e, forget...)
}

func (t people) Roles(ctx context.Context, user keywright.ID) (list []store.Role, err error) {
	err = t.each(ctx, func(r *row) {
		list = append(list, store.Role{User: r.id(), Account: r.text(), Space: r.text(), Name: r.text(), Provided: r.bool()})
	}, "SELECT user_id, account, space, name, provided FROM roles WHERE user_id = $1 ORDER BY account, space, name", user)
	return list, err
}

func (t people) InsertRole(ctx context.Context, r store.Role, e store.Event) error {
	n, err := t.exec(ctx, `INSERT INTO roles (user_id, account, space, name, provided) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, account, space, name) DO UPDATE SET provided = 0 WHERE roles.provided > excluded.provided`,
		r.User, r.Account, r.Space, r.Name, r.Provided)
	if err == nil && n == 0 {
		err = keywright.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("add role %s: %w", r.Name, err)
	}
	t.explain(e)
	return nil
}

func (t people) DeleteRole(ctx context.Context, r store.Role, e store.Event) error {
	err := t.execOne(ctx, "DELETE FROM roles WHERE user_id = $1 AND account = $2 AND space = $3 AND name = $4",
		r.User, r.Account, r.Space, r.Name)
	if err != nil {
		return fmt.Errorf("drop role %s: %w", r.Name, err)
	}
	return t.changed(ctx, e)
}
