package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Letter is an e-mail in plain text.
type Letter struct {
	ID      keywright.ID
	To      string // address
	Subject string
	Body    string // lines end in \n
}

const (
	mailEvery     = 10 * time.Second
	mailGather    = time.Minute // what one pass finds of a person goes in one letter
	mailLease     = 2 * time.Minute
	mailLines     = 100 // in one letter
	mailsAtOnce   = 50  // recipients in one round
	firstMailWait = time.Minute
	maxMailTries  = 8 // with four times as long between them each, in about two days
	maxAdmins     = 20
)

// remind keeps what a person is to be told by e-mail, in the transaction of the event that tells it.
func (a *Authority) remind(ctx context.Context, tx store.Tx, user keywright.ID, e *store.Event) error {
	if a.cfg.Mail == nil || user.IsZero() {
		return nil
	}
	id, err := keywright.NewID(e.At, a.cfg.Random)
	if err != nil {
		return err
	}
	return tx.Mails().InsertMail(ctx, &store.Mail{
		ID: id, User: user, Account: e.Account, Line: lineOf(e), CreatedAt: e.At, NextAt: e.At.Add(mailGather),
	})
}

// remindAdmins is remind for those who govern the account of an event.
func (a *Authority) remindAdmins(ctx context.Context, tx store.Tx, e *store.Event) error {
	if a.cfg.Mail == nil {
		return nil
	}
	admins, err := tx.People().UsersWith(ctx, store.Role{Account: e.Account, Name: roleAdmin}, "", maxAdmins)
	if err != nil {
		return err
	}
	for _, u := range admins {
		if err := a.remind(ctx, tx, u.ID, e); err != nil {
			return err
		}
	}
	return nil
}

// lineOf says in a sentence or two what a notice tells.
func lineOf(e *store.Event) string {
	token := fmt.Sprintf("The token %q (#%v) of account %s", e.After["label"], e.After["number"], e.Account)
	switch e.Action {
	case noticeExpiring:
		return fmt.Sprintf("%s expires on %s. Extend it, or replace it before.", token, onDay(e.After["ends_at"]))
	case noticePolicy:
		if e.After["because"] == "max_unused" {
			return fmt.Sprintf("%s ends on %s unless it is used before: the policy ends what goes unused.", token, onDay(e.After["ends_at"]))
		}
		return fmt.Sprintf("%s ends on %s: the policy lets no token live longer. Rotate it to go on.", token, onDay(e.After["ends_at"]))
	case noticeUnused:
		if e.After["ended"] == true {
			return fmt.Sprintf("%s has ended: it was not used for %v days, and the policy ends what goes unused.", token, e.After["days"])
		}
		return fmt.Sprintf("%s has not been used for %v days. Revoke it if nobody needs it.", token, e.After["days"])
	}
	place := "Account " + e.Account
	if e.Space != "" {
		place = "Space " + e.Space + " of account " + e.Account
	}
	what := map[any]string{"max_tokens": "tokens", "max_permanent": "permanent tokens"}[e.After["quota"]]
	return fmt.Sprintf("%s has %v of at most %v %s. Revoke what nobody needs, or change the policy.", place, e.After["count"], e.After["limit"], what)
}

// onDay is an instant of a notice as people write it.
func onDay(kept any) string {
	text, _ := kept.(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return at.Format("2 January 2006 at 15:04 UTC")
}

// letter puts what a person is to be told into one letter.
func (a *Authority) letter(user *store.User, list []*store.Mail) Letter {
	l := Letter{ID: list[0].ID, To: user.Email, Subject: "A notice about your API tokens"}
	if len(list) > 1 {
		l.Subject = fmt.Sprintf("%d notices about your API tokens", len(list))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Hello %s,\n\n", user.Username)
	for _, m := range list {
		fmt.Fprintf(&b, "- %s\n", m.Line)
	}
	fmt.Fprintf(&b, "\nYou get this because you own these tokens or govern their account, at %s\n"+
		"On the command line, keywright token show NUMBER says more of one.\n", a.cfg.Issuer)
	l.Body = b.String()
	return l
}

// sendMails sends what is due until ctx ends.
func (a *Authority) sendMails(ctx context.Context) {
	if a.cfg.Mail == nil {
		return
	}
	tick := time.NewTicker(mailEvery)
	defer tick.Stop()
	for {
		a.report("send mail", a.mailRound(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// mailRound sends each person at most one letter. The first failure ends it: what ails one letter mostly ails the server.
func (a *Authority) mailRound(ctx context.Context) error {
	var users []keywright.ID
	err := a.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		users, err = tx.Mails().Recipients(ctx, a.instant(), mailsAtOnce)
		return err
	})
	if err != nil {
		return err
	}
	for _, user := range users {
		if err := a.mailTo(ctx, user); err != nil {
			return err
		}
	}
	return nil
}

func (a *Authority) mailTo(ctx context.Context, id keywright.ID) error {
	var user *store.User
	var list []*store.Mail
	now := a.instant()
	_, err := a.cfg.Store.Write(ctx, func(tx store.Tx) (err error) {
		if user, err = tx.People().User(ctx, id); err != nil {
			return err
		}
		list, err = tx.Mails().LeaseMails(ctx, id, now, now.Add(mailLease), mailLines)
		return err
	})
	if err != nil || len(list) == 0 {
		return gone(err, nil)
	}
	var failed error
	if user.Email != "" && user.DisabledAt.IsZero() {
		failed = a.cfg.Mail(ctx, a.letter(user, list))
	}
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	_, err = a.cfg.Store.Write(noting, func(tx store.Tx) error { return a.settleMails(noting, tx, user, list, failed, ctx.Err() != nil) })
	return errors.Join(failed, err)
}

// settleMails keeps how a letter went. What was broken off because the program stops counts as no try.
func (a *Authority) settleMails(ctx context.Context, tx store.Tx, user *store.User, list []*store.Mail, failed error, stopped bool) error {
	now := a.instant()
	var over []*store.Mail
	for _, m := range list {
		m := *m
		switch {
		case failed == nil:
			over = append(over, &m)
			continue
		case !stopped:
			m.Attempt++
			m.NextAt = now.Add(grown(firstMailWait, 4, m.Attempt-1, longestWait))
		}
		if m.Attempt >= maxMailTries {
			over = append(over, &m)
		} else if err := tx.Mails().RetryMail(ctx, &m); err != nil && !isAbsent(err) {
			return err
		}
	}
	for _, m := range over {
		if err := tx.Mails().DeleteMail(ctx, m.ID); err != nil && !isAbsent(err) {
			return err
		}
	}
	if failed == nil || len(over) == 0 {
		return nil
	}
	return a.tellUnsent(ctx, tx, user, over, failed)
}

// tellUnsent leaves, in each account, the event that somebody could not be reached.
func (a *Authority) tellUnsent(ctx context.Context, tx store.Tx, user *store.User, over []*store.Mail, failed error) error {
	unsent := map[string]int{}
	for _, m := range over {
		unsent[m.Account]++
	}
	accounts := make([]string, 0, len(unsent))
	for account := range unsent {
		accounts = append(accounts, account)
	}
	slices.Sort(accounts)
	for _, account := range accounts {
		e := Caller{}.event("notice.unsent", a.instant())
		e.Account, e.Subject, e.Reason = account, "user:"+user.Username, printable(failed.Error(), maxReasonRunes)
		e.After = map[string]any{"notices": unsent[account]}
		if err := tx.Events().Append(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
