package storetest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// testRevision: only changes to what existed take one; all events of the Write carry it, those from
// before it was taken too.
func testRevision(f *fixture) {
	first := f.write(func(store.Tx) error { return nil }).Revision
	f.same("of nothing", first, keywright.Revision(0))
	r := f.record("r")
	c := f.write(func(tx store.Tx) error { _, err := tx.Tokens().Insert(f.ctx, r, event("token.create")); return err })
	f.same("of a creation", c, store.Commit{})
	c = f.write(func(tx store.Tx) error { return tx.Events().Append(f.ctx, event("token.refused")) })
	f.same("of an event alone", c, store.Commit{})
	base := f.update(r).Revision
	c = f.write(func(tx store.Tx) error {
		if err := tx.Events().Append(f.ctx, event("early")); err != nil {
			return err
		}
		if err := tx.Tokens().Update(f.ctx, r, event("token.edit")); err != nil {
			return err
		}
		return tx.Tokens().Delete(f.ctx, r.Facts.ID, event("token.delete"))
	})
	f.same("of two changes", c.Revision, base+1)
	f.read(func(tx store.Tx) error {
		list, err := tx.Events().List(f.ctx, store.EventQuery{Limit: 5})
		var got []string
		for _, e := range list {
			got = append(got, fmt.Sprint(e.Action, " ", int64(e.Revision-base)))
		}
		f.same("revisions of events", got, []string{
			"token.delete 1", "token.edit 1", "early 1", "token.edit 0", fmt.Sprint("token.refused ", int64(-base)),
		})
		return err
	})
}

// testForget: a commit names whose facts are no longer what they were, each once.
func testForget(f *fixture) {
	imported := f.record("imported")
	imported.Secrets[0] = store.Secret{Number: 1, Foreign: true, Digest: digest("theirs"), Pepper: "p1"}
	own := f.record("own")
	f.insert(own)
	theirs, later := digest("theirs"), digest("later")
	token := store.Subject{Kind: store.SubjectToken, ID: imported.Facts.ID.String()}
	key := store.Subject{Kind: store.SubjectDigest, ID: hex.EncodeToString(theirs[:])}
	key2 := store.Subject{Kind: store.SubjectDigest, ID: hex.EncodeToString(later[:])}
	acme := store.Subject{Kind: store.SubjectAccount, ID: "acme"}
	replaced := *imported
	replaced.Secrets = []store.Secret{{Number: 1, Foreign: true, Digest: later, Pepper: "p1"}}
	for _, s := range []struct {
		what   string
		change func(store.Tx) error
		want   []store.Subject
	}{
		{"import", func(tx store.Tx) error {
			_, err := tx.Tokens().Insert(f.ctx, imported, event("token.import"))
			return err
		}, []store.Subject{key}},
		{"edit", func(tx store.Tx) error { return tx.Tokens().Update(f.ctx, imported, event("x")) }, []store.Subject{token, key}},
		{"new key", func(tx store.Tx) error { return tx.Tokens().Update(f.ctx, &replaced, event("x")) }, []store.Subject{token, key, key2}},
		{"delete", func(tx store.Tx) error { return tx.Tokens().Delete(f.ctx, imported.Facts.ID, event("x")) }, []store.Subject{token, key2}},
		{"account", func(tx store.Tx) error {
			return tx.Tenants().UpdateAccount(f.ctx, &store.Account{Name: "acme"}, event("x"))
		}, []store.Subject{acme}},
		{"space", func(tx store.Tx) error {
			_, err := tx.Tenants().InsertSpace(f.ctx, &store.Space{Account: "acme", Name: "lab", CreatedAt: day}, event("x"))
			return err
		}, []store.Subject{acme}},
		{"own", func(tx store.Tx) error { return tx.Tokens().Update(f.ctx, own, event("x")) }, []store.Subject{{Kind: store.SubjectToken, ID: own.Facts.ID.String()}}},
	} {
		c := f.write(func(tx store.Tx) error { return s.change(tx) })
		f.same(s.what, c.Forget, s.want)
		if c.Revision == 0 {
			f.Errorf("%s: no revision", s.what)
		}
	}
	c := f.write(func(tx store.Tx) error {
		f.fails("first", tx.Tokens().Update(f.ctx, own, event("x")), nil)
		return tx.Tokens().Update(f.ctx, own, event("x"))
	})
	f.same("twice the same", len(c.Forget), 1)
}

// testEvents: they come back as they went in, numbered without holes also when Writes fail in between.
func testEvents(f *fixture) {
	want := store.Event{
		At: day.Add(time.Microsecond), Action: "token.edit", Actor: "user:Ada", Account: "acme", Space: "lab", Subject: "token:1",
		Before:  map[string]any{"label": `a"b`, "scopes": []any{}, "expires_at": nil},
		After:   map[string]any{"label": "ä\x00<&>", "uses": json.Number("9007199254740993")},
		Address: "192.0.2.1", UserAgent: "curl/8", RequestID: "r1", Reason: "because",
	}
	var wait sync.WaitGroup
	for i := range 60 {
		wait.Go(func() {
			f.store.Write(f.ctx, func(tx store.Tx) error {
				if err := tx.Events().Append(f.ctx, want); err != nil || i%3 != 0 {
					return err
				}
				return errOwn
			})
		})
	}
	wait.Wait()
	f.read(func(tx store.Tx) error {
		list, err := tx.Events().List(f.ctx, store.EventQuery{Limit: 1000})
		f.same("how many", len(list), 3+40)
		for i, e := range list {
			f.same("seq", e.Seq, int64(len(list)-i))
		}
		got := list[0]
		want.Seq = got.Seq
		f.same("event", got, want)
		f.same("zone", got.At.Location().String(), "UTC")
		return err
	})
}

func testEventFilter(f *fixture) {
	for _, s := range []struct{ account, space, subject, action string }{
		{"acme", "default", "token:1", "token.create"},
		{"acme", "lab", "token:2", "token.edit"},
		{"other", "default", "token:1", "token.edit"},
		{"acme", "lab", "token:2", "tokens.x"},
		{"acme", "", "user:Ada", "token"},
	} {
		e := store.Event{At: day, Actor: "system", Account: s.account, Space: s.space, Subject: s.subject, Action: s.action}
		f.write(func(tx store.Tx) error { return tx.Events().Append(f.ctx, e) })
	}
	for _, s := range []struct {
		what string
		q    store.EventQuery
		want []int64 // seq; the fixture's are 1 to 3
	}{
		{"all", store.EventQuery{}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
		{"page", store.EventQuery{Before: &store.EventPosition{At: day, Seq: 7}, Limit: 2}, []int64{6, 5}},
		{"account", store.EventQuery{Account: "other"}, []int64{6}},
		{"spaces", store.EventQuery{Account: "acme", Spaces: []string{"default", "lab"}}, []int64{7, 5, 4}},
		{"no spaces", store.EventQuery{Account: "acme", Spaces: []string{}}, nil},
		{"subject", store.EventQuery{Subject: "token:1"}, []int64{6, 4}},
		{"subject of an account", store.EventQuery{Subject: "token:1", Account: "acme"}, []int64{4}},
		{"action", store.EventQuery{Action: "token.edit"}, []int64{6, 5}},
		{"actions", store.EventQuery{Action: "token."}, []int64{6, 5, 4}},
		{"all at once", store.EventQuery{Account: "acme", Spaces: []string{"lab"}, Subject: "token:2", Action: "token.", Before: &store.EventPosition{At: day, Seq: 6}}, []int64{5}},
	} {
		if s.q.Limit == 0 {
			s.q.Limit = 100
		}
		f.read(func(tx store.Tx) error {
			list, err := tx.Events().List(f.ctx, s.q)
			var got []int64
			for e := range slices.Values(list) {
				got = append(got, e.Seq)
			}
			f.same(s.what, got, s.want)
			return err
		})
	}
}
