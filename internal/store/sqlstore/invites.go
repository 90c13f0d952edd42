package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const inviteColumns = `id, digest, pepper, username, email, account, space, role, by_user, by_token, invited_by, created_at, expires_at`

func scanInvite(r *row) *store.Invite {
	return &store.Invite{
		ID: r.id(), Digest: r.digest(), Pepper: r.text(), Username: r.text(), Email: r.text(),
		Role:   store.Role{Account: r.text(), Space: r.text(), Name: r.text()},
		ByUser: r.id(), ByToken: r.id(), InvitedBy: r.text(), CreatedAt: r.time(), ExpiresAt: r.time(),
	}
}

func (t people) Invite(ctx context.Context, id keywright.ID) (i *store.Invite, err error) {
	err = t.one(ctx, func(r *row) { i = scanInvite(r) }, "SELECT "+inviteColumns+" FROM invites WHERE id = $1", id)
	if err != nil {
		return nil, fmt.Errorf("invitation: %w", err)
	}
	return i, nil
}

func (t people) InvitesTo(ctx context.Context, account string, after keywright.ID, limit int) (list []*store.Invite, err error) {
	err = t.each(ctx, func(r *row) { list = append(list, scanInvite(r)) },
		"SELECT "+inviteColumns+" FROM invites WHERE account = $1 AND id > $2 ORDER BY id LIMIT $3", account, after[:], limit)
	return list, err
}

func (t people) InsertInvite(ctx context.Context, i *store.Invite, e store.Event) error {
	_, err := t.exec(ctx, "INSERT INTO invites ("+inviteColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
		i.ID, i.Digest, i.Pepper, i.Username, i.Email, i.Role.Account, i.Role.Space, i.Role.Name,
		i.ByUser, i.ByToken, i.InvitedBy, i.CreatedAt, i.ExpiresAt)
	if err != nil {
		return fmt.Errorf("add invitation: %w", err)
	}
	t.explain(e)
	return nil
}

func (t people) DeleteInvite(ctx context.Context, id keywright.ID, e store.Event) error {
	if err := t.execOne(ctx, "DELETE FROM invites WHERE id = $1", id); err != nil {
		return fmt.Errorf("end invitation: %w", err)
	}
	return t.changed(ctx, e)
}

// PruneInvites takes no revision: what has run out is refused already.
func (t people) PruneInvites(ctx context.Context, now time.Time) error {
	_, err := t.exec(ctx, "DELETE FROM invites WHERE expires_at <= $1", now)
	return err
}
