package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/store"
)

// tx is one Write's part of a transaction, or one Read.
type tx struct {
	conn     *conn // nil once it has ended
	readOnly bool
	broken   error // the first answer of the database that says nothing; nothing is done after it

	tree   *auditlog.Frontier // grows with the events; nil in a Read
	events []store.Event      // written by finish, when it is known whether there is a revision
	commit store.Commit

	numbers   map[string]*numbering // of accounts that got tokens
	forgotten map[store.Subject]bool
}

var _ store.Tx = (*tx)(nil)

func (t *tx) Tokens() store.Tokens       { return tokens{t} }
func (t *tx) Tenants() store.Tenants     { return tenants{t} }
func (t *tx) Audiences() store.Audiences { return audiences{t} }
func (t *tx) Gateways() store.Gateways   { return gateways{t} }
func (t *tx) People() store.People       { return people{t} }
func (t *tx) Events() store.Events       { return events{t} }
func (t *tx) Keys() store.Keys           { return keys{t} }
func (t *tx) Webhooks() store.Webhooks   { return webhooks{t} }
func (t *tx) Notices() store.Notices     { return notices{t} }
func (t *tx) Usages() store.Usages       { return usages{t} }
func (t *tx) Changes() store.Changes     { return changes{t} }
func (t *tx) Mails() store.Mails         { return mails{t} }

var (
	errEnded    = fmt.Errorf("%w: the transaction has ended: a Tx is used only by the function it is given to", keywright.ErrUnavailable)
	errReadOnly = fmt.Errorf("%w: a Read changes nothing: use Write", keywright.ErrUnavailable)
)

// usable reports why nothing more can be asked.
func (t *tx) usable() error {
	if t.conn == nil {
		return errEnded
	}
	return t.broken
}

// noted remembers an error after which the transaction may not be what it was.
func (t *tx) noted(err error) error {
	if errors.Is(err, keywright.ErrUnavailable) {
		t.broken = err
	}
	return err
}

// firstOf is the first error there is.
func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// exec changes rows and returns how many.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := t.usable(); err != nil {
		return 0, err
	}
	if t.readOnly {
		return 0, errReadOnly
	}
	n, err := t.conn.exec(ctx, query, args...)
	return n, t.noted(err)
}

// execAll is exec with each of the arguments, of which none or all change rows.
func (t *tx) execAll(ctx context.Context, query string, args [][]any) error {
	if err := firstOf(t.usable(), ctx.Err()); err != nil {
		return err
	}
	if t.readOnly {
		return errReadOnly
	}
	return t.noted(t.conn.changeAll(query, args))
}

// post changes rows and waits for no answer: for what is not refused. A failure fails the whole Write, now or later.
func (t *tx) post(ctx context.Context, query string, args ...any) error {
	if err := firstOf(t.usable(), ctx.Err()); err != nil {
		return err
	}
	if t.readOnly {
		return errReadOnly
	}
	return t.noted(t.conn.post(query, args))
}

// execOne is exec of a statement that must change a row: none is keywright.ErrNotFound.
func (t *tx) execOne(ctx context.Context, query string, args ...any) error {
	n, err := t.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return keywright.ErrNotFound
	}
	return err
}

func (t *tx) one(ctx context.Context, scan func(*row), query string, args ...any) error {
	if err := t.usable(); err != nil {
		return err
	}
	return t.noted(t.conn.one(ctx, scan, query, args...))
}

// changeOne runs a statement to its end that changes one row and answers with it.
func (t *tx) changeOne(ctx context.Context, scan func(*row), query string, args ...any) error {
	if t.readOnly {
		return errReadOnly
	}
	n := 0
	err := t.each(ctx, func(r *row) { scan(r); n++ }, query, args...)
	if err == nil && n == 0 {
		return keywright.ErrNotFound
	}
	return err
}

func (t *tx) each(ctx context.Context, scan func(*row), query string, args ...any) error {
	if err := t.usable(); err != nil {
		return err
	}
	return t.noted(t.conn.each(ctx, scan, query, args...))
}

// explain keeps the event of a change to something new.
func (t *tx) explain(e store.Event) { t.events = append(t.events, e) }

// changed keeps the event of a change to something that existed, gives the
// transaction its revision, and says whose facts are to be forgotten.
func (t *tx) changed(ctx context.Context, e store.Event, forget ...store.Subject) error {
	t.explain(e)
	if err := t.revise(ctx); err != nil {
		return err
	}
	for _, s := range forget {
		if err := t.forget(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// revise takes the next revision, once.
func (t *tx) revise(ctx context.Context) error {
	if t.commit.Revision != 0 {
		return nil
	}
	err := t.changeOne(ctx, func(r *row) { t.commit.Revision = keywright.Revision(r.int()) },
		"UPDATE head SET revision = revision + 1 WHERE id = 1 RETURNING revision")
	if err == nil {
		t.conn.revised(t.commit.Revision)
	}
	return err
}

// forget says so once of each subject.
func (t *tx) forget(ctx context.Context, s store.Subject) error {
	if t.forgotten[s] {
		return nil
	}
	if t.forgotten == nil {
		t.forgotten = map[store.Subject]bool{}
	}
	t.forgotten[s] = true
	t.commit.Forget = append(t.commit.Forget, s)
	return t.post(ctx, "INSERT INTO changes (revision, subject_kind, subject_id) VALUES ($1, $2, $3)", t.commit.Revision, string(s.Kind), s.ID)
}

// finish writes what is written once: the last numbers, and the events, all with the transaction's revision.
func (t *tx) finish(ctx context.Context) error {
	t.commit.Quiet = len(t.events) == 0
	if err := (tokens{t}).keepNumbers(ctx); err != nil {
		return err
	}
	for _, e := range t.events {
		e.Revision = t.commit.Revision
		if err := t.insertEvent(ctx, e); err != nil {
			return fmt.Errorf("keep event %s: %w", e.Action, err)
		}
	}
	return nil
}
