package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// list runs a query on acme, by creation unless it says otherwise. What is listed whole is also counted.
func (f *fixture) list(q store.TokenQuery) (list []store.Listed) {
	f.Helper()
	q.Filter.Account = "acme"
	if q.Sort == "" {
		q.Sort = keywright.SortCreated
	}
	if q.Limit == 0 {
		q.Limit = 1000
	}
	f.read(func(tx store.Tx) (err error) {
		if list, err = tx.Tokens().List(f.ctx, q); err != nil || q.After != nil || q.Offset > 0 || len(list) == q.Limit {
			return err
		}
		n, err := tx.Tokens().CountListed(f.ctx, q)
		f.same("counted", n, int64(len(list)))
		return err
	})
	return list
}

func position(l store.Listed, sort string) *store.Position {
	p := &store.Position{Text: l.Label, ID: l.Facts.ID}
	p.Time = map[string]time.Time{
		keywright.SortCreated: l.CreatedAt, keywright.SortExpires: l.Facts.ExpiresAt, keywright.SortLastUsed: l.LastUsedAt,
	}[sort]
	return p
}

// pages walks a list two by two and returns its labels; between pages it calls meanwhile.
func (f *fixture) pages(sort string, descending bool, meanwhile func()) (labels []string) {
	f.Helper()
	q := store.TokenQuery{Sort: sort, Descending: descending, Limit: 2}
	for {
		page := f.list(q)
		for _, l := range page {
			labels = append(labels, l.Label)
		}
		if len(page) < q.Limit {
			return labels
		}
		q.After = position(page[len(page)-1], sort)
		meanwhile()
	}
}

// shelf adds seven tokens with ties and absences in every order; the digit of a label is the
// order of ids.
func (f *fixture) shelf() {
	for i, s := range []struct {
		label         string
		created, ends time.Duration // hours; ends 0: permanent
		used          time.Duration // hours; 0: never
	}{
		{"b0", 3, 0, 5}, {"B1", 1, 9, 0}, {"a2", 1, 9, 5}, {"ä3", 2, 0, 0}, {"b0", 1, 4, 6}, {"Z5", 5, 9, 0}, {"_6", 2, 1, 1},
	} {
		r := f.record(s.label)
		r.CreatedAt = day.Add(s.created * time.Hour)
		if s.ends != 0 {
			r.Facts.ExpiresAt = day.Add(s.ends * time.Hour)
		}
		f.insert(r)
		if s.used != 0 {
			f.use(used(r.Facts.ID, day.Add(s.used*time.Hour), int64(i)))
		}
	}
}

// testListOrder: ties are broken by id, case does not count, and what has no instant comes last (in
// descending order: first).
func testListOrder(f *fixture) {
	f.shelf()
	for sort, want := range map[string]string{
		keywright.SortCreated:  "B1 a2 b0 ä3 _6 b0 Z5",
		keywright.SortLabel:    "_6 a2 b0 b0 B1 Z5 ä3",
		keywright.SortExpires:  "_6 b0 B1 a2 Z5 b0 ä3",
		keywright.SortLastUsed: "_6 b0 a2 b0 B1 ä3 Z5",
	} {
		got := f.pages(sort, false, func() {})
		f.same(sort, strings.Join(got, " "), want)
		backwards := f.pages(sort, true, func() {})
		slices.Reverse(backwards)
		f.same(sort+" backwards", backwards, got)
		var tail []string
		for _, l := range f.list(store.TokenQuery{Sort: sort, Offset: 5, Limit: 9}) {
			tail = append(tail, l.Label)
		}
		f.same(sort+" after five", tail, got[5:])
	}
}

// testListUnderInserts: pages neither skip nor repeat while tokens are added before and behind.
func testListUnderInserts(f *fixture) {
	for _, sort := range []string{keywright.SortCreated, keywright.SortLabel, keywright.SortExpires, keywright.SortLastUsed} {
		for i := range 5 {
			f.insert(f.record(fmt.Sprintf("%s %d", sort, i)))
		}
		before := f.list(store.TokenQuery{Sort: sort})
		n := 0
		seen := f.pages(sort, false, func() {
			if n++; n < 5 {
				f.insert(f.record("added"), f.record("zz added"))
			}
		})
		for _, l := range before {
			if n := count(seen, l.Label); l.Label != "added" && l.Label != "zz added" && n != 1 {
				f.Errorf("%s: %q is on %d pages", sort, l.Label, n)
			}
		}
	}
}

func count(list []string, s string) (n int) {
	for _, v := range list {
		if v == s {
			n++
		}
	}
	return n
}

func yes(b bool) *bool { return &b }

func testListFilter(f *fixture) {
	f.space("lab")
	f.space("attic")
	parent := f.id()
	byLabel := map[string]keywright.ID{}
	for label, edit := range map[string]func(*store.Record){
		"plain":    func(*store.Record) {},
		"lab":      func(r *store.Record) { r.Facts.Space, r.Facts.Kind = "lab", keywright.KindSpace },
		"attic":    func(r *store.Record) { r.Facts.Space, r.Facts.Kind = "attic", keywright.KindSpace },
		"nobody's": func(r *store.Record) { r.Owner, r.OwnerName = keywright.ID{}, "" },
		"http":     func(r *store.Record) { r.Facts.Audience = []string{"http", "my api"} },
		"https":    func(r *store.Record) { r.Facts.Audience = []string{"https", "HTTP", "my", "api"} },
		"dated":    func(r *store.Record) { r.Facts.ExpiresAt = day.Add(time.Microsecond) },
		"child":    func(r *store.Record) { r.Parent = parent },
		"100%_ÄB":  func(r *store.Record) {},
		"wide": func(r *store.Record) {
			r.Facts.Audience = append(strings.Split(strings.Repeat("somebody ", 30), " ")[:30], "me")
		},
	} {
		r := f.record(label)
		edit(r)
		f.insert(r)
		byLabel[label] = r.Facts.ID
	}
	type filter = keywright.TokenFilter
	for _, q := range []struct {
		what string
		q    store.TokenQuery
		want string
	}{
		{"space", store.TokenQuery{Filter: filter{Space: "lab"}}, "lab"},
		{"spaces", store.TokenQuery{Spaces: []string{"lab", "attic", "none"}}, "attic lab"},
		{"no spaces", store.TokenQuery{Spaces: []string{}}, ""},
		{"space and spaces", store.TokenQuery{Spaces: []string{"lab"}, Filter: filter{Space: "attic"}}, ""},
		{"owner", store.TokenQuery{Filter: filter{Owner: "aDA", Space: "lab"}}, "lab"},
		{"unknown owner", store.TokenQuery{Filter: filter{Owner: "bob"}}, ""},
		{"audience", store.TokenQuery{Filter: filter{Audience: "http"}}, "http"},
		{"audience with a space", store.TokenQuery{Filter: filter{Audience: "my api"}}, "http"},
		{"one of many audiences", store.TokenQuery{Filter: filter{Audience: "me"}}, "wide"},
		{"part of an audience", store.TokenQuery{Filter: filter{Audience: "ap"}}, ""},
		{"label", store.TokenQuery{Filter: filter{Label: "LA"}}, "lab plain"},
		{"label, wildcards", store.TokenQuery{Filter: filter{Label: "%_ä"}}, "100%_ÄB"},
		{"label, one wildcard", store.TokenQuery{Filter: filter{Label: "_"}}, "100%_ÄB"},
		{"kind", store.TokenQuery{Filter: filter{Kind: keywright.KindSpace}}, "attic lab"},
		{"dated", store.TokenQuery{Filter: filter{Permanent: yes(false)}}, "dated"},
		{"permanent", store.TokenQuery{Filter: filter{Permanent: yes(true), Kind: keywright.KindSpace}}, "attic lab"},
		{"parent", store.TokenQuery{Filter: filter{Parent: &parent}}, "child"},
		{"ids", store.TokenQuery{Filter: filter{IDs: []keywright.ID{byLabel["lab"], parent, byLabel["http"]}}}, "http lab"},
		{"no ids", store.TokenQuery{Filter: filter{IDs: []keywright.ID{}}}, ""},
		{"all at once", store.TokenQuery{Spaces: []string{"lab"}, Now: day, Filter: filter{
			Space: "lab", Owner: "ada", Label: "a", Kind: keywright.KindSpace, Permanent: yes(true), State: keywright.StateActive,
			IDs: []keywright.ID{byLabel["lab"]},
		}}, "lab"},
	} {
		for _, sort := range []string{keywright.SortCreated, keywright.SortLabel, keywright.SortExpires, keywright.SortLastUsed} {
			q.q.Sort = sort
			f.same(q.what+" by "+sort, sorted(f.list(q.q)), q.want)
		}
	}
}

func sorted(list []store.Listed) string {
	var labels []string
	for _, l := range list {
		labels = append(labels, l.Label)
	}
	slices.Sort(labels)
	return strings.Join(labels, " ")
}

// testListState: every token is in exactly one state: revoked, else expired, else disabled, else active.
func testListState(f *fixture) {
	for i := range 16 { // bits: revoked, expired, renewed long ago, disabled
		r := f.record(fmt.Sprintf("%04b", i))
		if i&8 != 0 {
			r.Facts.RevokedAt = day
		}
		if r.Facts.ExpiresAt = day.Add(time.Microsecond); i&4 != 0 {
			r.Facts.ExpiresAt = day
		}
		if r.Facts.RenewedAt = day.Add(-time.Hour + time.Microsecond); i&2 != 0 {
			r.Facts.RenewedAt = day.Add(-time.Hour)
		}
		if i&1 != 0 {
			r.Facts.DisabledAt = day
		}
		f.insert(r)
	}
	for _, want := range []struct {
		state  keywright.State
		max    time.Duration
		labels string
	}{
		{keywright.StateActive, 0, "0000 0010"},
		{keywright.StateDisabled, 0, "0001 0011"},
		{keywright.StateExpired, 0, "0100 0101 0110 0111"},
		{keywright.StateRevoked, 0, "1000 1001 1010 1011 1100 1101 1110 1111"},
		{keywright.StateActive, time.Hour, "0000"},
		{keywright.StateDisabled, time.Hour, "0001"},
		{keywright.StateExpired, time.Hour, "0010 0011 0100 0101 0110 0111"},
		{keywright.StateRevoked, time.Hour, "1000 1001 1010 1011 1100 1101 1110 1111"},
		{"unheard of", 0, ""},
	} {
		f.setPolicy(func(p *keywright.Policy) { p.MaxLifetime = int64(want.max / time.Second) })
		got := f.list(store.TokenQuery{Filter: keywright.TokenFilter{State: want.state}, Now: day})
		f.same(fmt.Sprintf("%s, maximum %s", want.state, want.max), sorted(got), want.labels)
		f.wantStates(store.Place{})
		f.wantStates(store.Place{Kind: keywright.KindAccount, Spaces: []string{"default", "lab"}})
		f.wantStates(store.Place{Kind: keywright.KindManager})
	}
}

// wantStates holds the counts of a place against its lists.
func (f *fixture) wantStates(at store.Place) {
	f.Helper()
	at.Account = "acme"
	for _, state := range []keywright.State{keywright.StateActive, keywright.StateDisabled, keywright.StateExpired, keywright.StateRevoked} {
		listed := f.list(store.TokenQuery{Filter: keywright.TokenFilter{State: state, Kind: at.Kind}, Spaces: at.Spaces, Now: day})
		f.read(func(tx store.Tx) error {
			n, err := tx.Tokens().CountStates(f.ctx, at, day)
			f.same(string(state), n[state], int64(len(listed)))
			return err
		})
	}
}
