package storetest

import (
	"sync"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func (f *fixture) since(after keywright.Revision, most int) store.History {
	f.Helper()
	h, err := f.store.Since(f.ctx, after, most)
	if err != nil {
		f.Fatalf("Since: %v", err)
	}
	return h
}

// testSince: whose facts changed is told as it was committed, in whole commits; what is not on file any more is told too.
func testSince(f *fixture) {
	begin := f.since(0, 100)
	f.same("at the beginning", begin.Upto, begin.Head)
	one, two := f.record("one"), f.record("two")
	f.insert(one, two)
	f.same("after what takes no revision", f.since(begin.Head, 100), store.History{Head: begin.Head, Upto: begin.Head})

	var made []store.Commit
	made = append(made, f.update(one))
	made = append(made, f.write(func(tx store.Tx) error {
		if err := tx.Tokens().Update(f.ctx, two, event("token.edit")); err != nil {
			return err
		}
		return tx.Tenants().UpdateAccount(f.ctx, &store.Account{Name: "acme", Title: "x"}, event("account.policy"))
	}))
	quiet := f.write(func(tx store.Tx) error { return tx.Keys().SetSetting(f.ctx, "a", "1", event("x")) })
	quiet = f.write(func(tx store.Tx) error { return tx.Keys().SetSetting(f.ctx, "a", "2", event("x")) })
	f.same("subjects of what changes nobody's facts", len(quiet.Forget), 0)
	made = append(made, f.update(two))

	h := f.since(begin.Head, 100)
	f.same("head", h.Head, made[2].Revision)
	f.same("all", ordered(h.Commits), ordered(made))
	first := f.since(begin.Head, 2)
	f.same("two revisions", ordered(first.Commits), ordered(made[:2]))
	f.same("up to", first.Upto, made[1].Revision)
	f.same("the quiet one", f.since(made[1].Revision, 1), store.History{Head: h.Head, Upto: quiet.Revision})
	f.same("nothing new", f.since(h.Head, 2), store.History{Head: h.Head, Upto: h.Head})
	f.same("from the future", f.since(h.Head+5, 2), store.History{Head: h.Head, Upto: h.Head})
}

// ordered is what commits say, whichever of one commit's subjects comes first.
func ordered(list []store.Commit) (said []map[store.Subject]keywright.Revision) {
	for _, c := range list {
		one := map[store.Subject]keywright.Revision{}
		for _, s := range c.Forget {
			one[s] = c.Revision
		}
		said = append(said, one)
	}
	return said
}

// testSinceWhileWritten: whoever follows from the last revision that it knows misses nothing, however many write.
func testSinceWhileWritten(f *fixture) {
	begin := f.since(0, 100).Head
	const writers, each = 4, 15
	var mu sync.Mutex
	written := map[keywright.Revision]int{}
	var wait sync.WaitGroup
	for range writers {
		r := f.record("x")
		f.insert(r)
		wait.Go(func() {
			for range each {
				c := f.update(r)
				mu.Lock()
				written[c.Revision] = len(c.Forget)
				mu.Unlock()
			}
		})
	}
	followed := map[keywright.Revision]int{}
	for known := begin; known < begin+writers*each; {
		h := f.since(known, 7)
		for _, c := range h.Commits {
			followed[c.Revision] = len(c.Forget)
		}
		known = h.Upto
	}
	wait.Wait()
	f.same("followed", followed, written)
}
