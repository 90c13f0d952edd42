package authority

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Authority never widens: whatever a token makes or changes, by whatever route, at no door and at no
// time lets pass what the caller was not let pass; and no token is ever let pass what one that it comes of is not.
// Doors are asked through keywright.Decide, which knows nothing of how the authority keeps this.
//
// make prove holds a million pairs of giver and given against each other, make test ten thousand.
func TestAuthorityNeverWidens(t *testing.T) {
	t.Parallel()
	const side = 2 // by side
	want := pairsWanted(t) / side
	tried := map[bool][]keywright.Access{false: attempts(""), true: attempts("", "default", "lab")}
	for i := range side {
		t.Run(fmt.Sprint("side ", i), func(t *testing.T) {
			t.Parallel()
			pairs := 0
			for n := 1; pairs < want && !t.Failed(); n++ {
				t.Run(fmt.Sprint("world ", n), func(t *testing.T) { liveIn(t, i%2 == 1, tried, &pairs) })
			}
			t.Logf("%d pairs of giver and given were held against each other", pairs)
		})
	}
}

// liveIn lets families live in a world of their own: what a catalogue implies is worked out for all tokens of an account, so
// a world that grows gets slow.
func liveIn(t *testing.T, limited bool, tried map[bool][]keywright.Access, pairs *int) {
	w := newWorld(t)
	w.policy(func(p *keywright.Policy) {
		p.MaxPermanent, p.RecoverableAllowed = -1, true
		if limited {
			p.DefaultLifetime, p.MaxLifetime = 86400, 30*86400
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		f := &dynasty{world: w, rt: rt, tried: tried, pairs: pairs, held: map[[2]keywright.ID][2]time.Time{}}
		f.live()
	})
}

// pairsWanted is how many pairs are held at least.
func pairsWanted(t *testing.T) int {
	given := os.Getenv("KEYWRIGHT_PROVE_PAIRS")
	if given == "" {
		return 500
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		t.Fatalf("KEYWRIGHT_PROVE_PAIRS: %v", err)
	}
	return n
}

// live is the life of a family.
func (f *dynasty) live() {
	f.found()
	f.rt.Repeat(map[string]func(*rapid.T){
		"":         f.check,
		"create":   f.create,
		"batch":    f.batch,
		"import":   f.importKey,
		"edit":     f.edit,
		"rotate":   f.rotate,
		"exchange": f.exchange,
		"transfer": f.transfer,
		"invite":   f.invite,
		"cancel":   f.cancel,
		"disable":  f.disable,
		"enable":   f.enable,
		"revoke":   f.revoke,
		"catalog":  f.catalogue,
		"wait":     func(rt *rapid.T) { f.pass(time.Duration(rapid.IntRange(1, 40).Draw(rt, "hours")) * time.Hour) },
	})
}

// dynasty is a token made by a person, and all that comes of it.
type dynasty struct {
	*world
	rt      *rapid.T
	members []keywright.Issued // with the newest secret of each
	serial  int
	held    map[[2]keywright.ID][2]time.Time // ancestor and descendant: when each was changed last
	pairs   *int
	tried   map[bool][]keywright.Access // at the doors, by whether spaces are asked for
}

func (f *dynasty) found() {
	req := f.request(keywright.Facts{})
	req.Scopes = append(req.Scopes, "keywright:tokens:write")
	if len(req.Audience) > 0 {
		req.Audience = append(req.Audience, "keywright")
	}
	if len(req.AllowedCIDRs) > 0 {
		req.AllowedCIDRs = append(req.AllowedCIDRs, "192.0.2.0/24")
	}
	if req.Kind == keywright.KindManager {
		req.Kind = keywright.KindAccount
	}
	founder, err := f.a.Issue(f.t.Context(), f.as("ada"), req, "")
	if err != nil {
		f.rt.Skip(err) // it asked for too much even of an admin
	}
	f.members = []keywright.Issued{founder}
}

func pick[T any](rt *rapid.T, name string, of ...T) T { return rapid.SampledFrom(of).Draw(rt, name) }

func someOf(rt *rapid.T, name string, of ...string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, 3, rapid.ID).Draw(rt, name)
}

func (f *dynasty) scopes() []string {
	return someOf(f.rt, "scopes", "**", "a:*", "a:**", "a:b", "b:c", "table://*.**", "table://my.app", "keywright:tokens:write", "keywright:tokens:*", "keywright:audit:read", "keywright:policy:write")
}

func (f *dynasty) audience() []string { return someOf(f.rt, "audience", "http", "alerts", "keywright") }

func (f *dynasty) networks() []string {
	return someOf(f.rt, "networks", "192.0.2.0/24", "192.0.2.0/28", "10.0.0.0/8", "2001:db8::/32")
}

// request asks for a token; most of the time for what the giver has, or less, so that families grow, and at times for
// that with one thing changed.
func (f *dynasty) request(giver keywright.Facts) keywright.NewToken {
	if giver.ID.IsZero() {
		return f.anything()
	}
	req, other := f.likeness(giver), f.anything()
	switch pick(f.rt, "unlike the giver in", "nothing", "nothing", "nothing", "kind", "scopes", "audience", "networks", "lifetime", "everything") {
	case "kind":
		req.Kind, req.Space = other.Kind, other.Space
	case "scopes":
		req.Scopes = append(req.Scopes, other.Scopes...)
	case "audience":
		req.Audience = other.Audience
	case "networks":
		req.AllowedCIDRs = other.AllowedCIDRs
	case "lifetime":
		req.Lifetime = other.Lifetime
	case "everything":
		return other
	}
	return req
}

// anything asks for a token that has to do with nobody's.
func (f *dynasty) anything() keywright.NewToken {
	return keywright.NewToken{
		Kind:         pick(f.rt, "kind", 0, keywright.KindAccount, keywright.KindSpace, keywright.KindManager),
		Space:        pick(f.rt, "space", "", "", "default", "lab"),
		Scopes:       f.scopes(),
		Audience:     f.audience(),
		AllowedCIDRs: f.networks(),
		Lifetime:     pick(f.rt, "lifetime", "default", "default", "temporary", "permanent"),
		Recoverable:  rapid.Bool().Draw(f.rt, "recoverable"),
	}
}

func (f *dynasty) likeness(giver keywright.Facts) keywright.NewToken {
	req := keywright.NewToken{Kind: giver.Kind, Audience: giver.Audience, AllowedCIDRs: prefixes(giver.Networks)}
	for _, scope := range giver.Scopes {
		switch keep := scope.Reserved() || rapid.Bool().Draw(f.rt, "keep "+scope.String()); {
		case keep:
			req.Scopes = append(req.Scopes, scope.String())
		case scope.Covers(scopes("a:b")[0]):
			req.Scopes = append(req.Scopes, "a:b") // what of it an entry may imply more with
		}
	}
	if giver.Kind == keywright.KindSpace {
		req.Space = giver.Space
	}
	if giver.ExpiresAt.IsZero() {
		req.Lifetime = pick(f.rt, "lifetime", keywright.LifetimePermanent, keywright.LifetimeTemporary)
	}
	return req
}

// caller is a member or ada, with the facts of the member as they are now; zero for ada.
func (f *dynasty) caller() (Caller, keywright.Facts) {
	if rapid.IntRange(0, 9).Draw(f.rt, "by ada") == 0 {
		return f.as("ada"), keywright.Facts{}
	}
	i := f.member()
	return f.by(f.members[i]), f.facts(f.members[i].Token.ID)
}

func (f *dynasty) member() int {
	return rapid.IntRange(0, len(f.members)-1).Draw(f.rt, "member")
}

// facts are a token's as they stand; zero if it is gone.
func (f *dynasty) facts(id keywright.ID) (facts keywright.Facts) {
	f.read(func(ctx context.Context, tx store.Tx) error {
		rec, err := tx.Tokens().Get(ctx, id)
		if err == nil {
			facts = f.situated(ctx, tx, rec)
		}
		return gone(err, nil)
	})
	return facts
}

func (f *dynasty) situated(ctx context.Context, tx store.Tx, rec *store.Record) keywright.Facts {
	account, err := tx.Tenants().Account(ctx, rec.Facts.Account)
	f.must(err)
	facts := rec.Facts
	facts.Tenant = keywright.Tenant{Open: true, MaxLifetime: time.Duration(account.Policy.MaxLifetime) * time.Second}
	return facts
}

func (f *dynasty) read(do func(context.Context, store.Tx) error) {
	f.must(f.st.Read(f.t.Context(), func(tx store.Tx) error { return do(f.t.Context(), tx) }))
}

func (f *dynasty) create(rt *rapid.T) {
	f.rt = rt
	caller, had := f.caller()
	if issued, err := f.a.Issue(f.t.Context(), caller, f.request(had), ""); err == nil {
		f.add(had, issued)
	}
}

func (f *dynasty) batch(rt *rapid.T) {
	f.rt = rt
	caller, had := f.caller()
	if issued, err := f.a.IssueBatch(f.t.Context(), caller, []keywright.NewToken{f.request(had), f.request(had)}, ""); err == nil {
		f.add(had, issued...)
	}
}

func (f *dynasty) importKey(rt *rapid.T) {
	f.rt = rt
	caller, had := f.caller()
	f.serial++
	key := fmt.Sprintf("foreign-key-%s-%d", f.id(), f.serial)
	if token, err := f.a.Import(f.t.Context(), caller, keywright.ImportToken{NewToken: f.request(had), Key: key}); err == nil {
		f.add(had, keywright.Issued{Token: token, APIKey: keywright.NewSecret(key)})
	}
}

func (f *dynasty) add(had keywright.Facts, issued ...keywright.Issued) {
	for _, i := range issued {
		f.contained(had, f.facts(i.Token.ID))
		f.members = append(f.members, i)
	}
}

func (f *dynasty) edit(rt *rapid.T) {
	f.rt = rt
	caller, had := f.caller()
	id := f.members[f.member()].Token.ID
	before := f.facts(id)
	var req keywright.EditToken
	for _, what := range someOf(rt, "change", "scopes", "audience", "networks", "life") {
		switch what {
		case "scopes":
			req.Scopes = ptr(f.scopes())
		case "audience":
			req.Audience = ptr(f.audience())
		case "networks":
			req.AllowedCIDRs = ptr(f.networks())
		case "life":
			req.ExpiresIn = ptr(int64(pick(rt, "days", 1, 20, 60) * 86400))
		}
	}
	if _, err := f.a.Edit(f.t.Context(), caller, id, req); err == nil {
		f.contained(had, f.facts(id), before)
	}
}

func (f *dynasty) rotate(rt *rapid.T) {
	f.rt = rt
	caller, had := f.caller()
	i := f.member()
	overlap := time.Duration(pick(rt, "overlap", 0, 24)) * time.Hour
	if rotated, err := f.a.Rotate(f.t.Context(), caller, f.members[i].Token.ID, &overlap, ""); err == nil {
		if after := f.facts(rotated.Token.ID); after.ID != had.ID { // a token renews itself as policy lets it
			f.contained(had, after)
		}
		f.members[i] = rotated
	}
}

func (f *dynasty) cancel(rt *rapid.T) {
	f.rt = rt
	caller, had := f.caller()
	id := f.members[f.member()].Token.ID
	if _, err := f.a.CancelRotation(f.t.Context(), caller, id); err == nil {
		f.contained(had, f.facts(id))
	}
}

func (f *dynasty) enable(rt *rapid.T) {
	f.rt = rt
	caller, had := f.caller()
	id := f.members[f.member()].Token.ID
	before := f.facts(id)
	if _, err := f.a.Enable(f.t.Context(), caller, id); err == nil {
		f.contained(had, f.facts(id), before)
	}
}

func (f *dynasty) disable(rt *rapid.T) {
	f.rt = rt
	caller, _ := f.caller()
	_, _ = f.a.Disable(f.t.Context(), caller, f.members[f.member()].Token.ID)
}

func (f *dynasty) revoke(rt *rapid.T) {
	f.rt = rt
	i := f.member()
	if i > 0 { // else there is little left to see
		_, _ = f.a.Revoke(f.t.Context(), f.as("ada"), f.members[i].Token.ID, "")
	}
}

// catalogue changes what scopes imply, with a caller's authority or, as often, ada's: no member may thereby do what the caller may not.
func (f *dynasty) catalogue(rt *rapid.T) {
	f.rt = rt
	caller, had := f.caller()
	if rapid.Bool().Draw(rt, "ada") {
		caller, had = f.as("ada"), keywright.Facts{}
	}
	before := make([]keywright.Facts, len(f.members))
	for i, m := range f.members {
		before[i] = f.facts(m.Token.ID)
	}
	audience := pick(rt, "of", keywright.NoAudience, "http")
	if _, err := f.a.SetAudience(f.t.Context(), caller, "acme", audience, f.implications()); err != nil {
		return
	}
	for i, m := range f.members {
		f.contained(had, f.facts(m.Token.ID), before[i])
	}
}

// implications is a catalogue that takes every scope.
func (f *dynasty) implications() keywright.NewAudience {
	req := keywright.NewAudience{Scopes: listed("**")}
	for _, name := range []string{"a:b", "a:*", "table://my.app"} {
		e := keywright.CatalogueEntry{Name: name, AdminOnly: rapid.Bool().Draw(f.rt, "admin only")}
		e.Implies = someOf(f.rt, "implied", "b:c", "table://my.app", "keywright:tokens:write", "keywright:audit:read")
		req.Scopes = append(req.Scopes, e)
	}
	return req
}

// check holds every member against all that it comes of, unless neither changed since it did.
func (f *dynasty) check(rt *rapid.T) {
	f.rt = rt
	f.pass(time.Microsecond) // so that the next change has an instant of its own
	f.read(func(ctx context.Context, tx store.Tx) error {
		known := map[keywright.ID]*store.Record{}
		for _, m := range f.members {
			if err := f.checkLine(ctx, tx, known, m.Token.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *dynasty) checkLine(ctx context.Context, tx store.Tx, known map[keywright.ID]*store.Record, id keywright.ID) error {
	rec, err := recall(ctx, tx, known, id)
	if err != nil {
		return err
	}
	for above := rec.Parent; !above.IsZero(); {
		ancestor, err := recall(ctx, tx, known, above)
		if err != nil {
			return err
		}
		pair, seen := [2]keywright.ID{above, id}, [2]time.Time{ancestor.UpdatedAt, rec.UpdatedAt}
		if f.held[pair] != seen {
			f.contained(f.situated(ctx, tx, ancestor), f.situated(ctx, tx, rec))
			f.held[pair] = seen
		}
		above = ancestor.Parent
	}
	return nil
}

// recall reads a record once.
func recall(ctx context.Context, tx store.Tx, known map[keywright.ID]*store.Record, id keywright.ID) (*store.Record, error) {
	if rec, ok := known[id]; ok {
		return rec, nil
	}
	rec, err := tx.Tokens().Get(ctx, id)
	known[id] = rec
	return rec, err
}

// contained fails if the token is let pass anything that neither the caller is nor one of others.
func (f *dynasty) contained(caller, token keywright.Facts, others ...keywright.Facts) {
	if caller.ID.IsZero() { // a person
		return
	}
	*f.pairs++
	// An account's token may make tokens of any of its spaces; of these spaces' data only a space token is asked.
	for _, access := range f.tried[caller.Kind == keywright.KindSpace] {
		for _, later := range []time.Duration{0, 48 * time.Hour, 40 * 24 * time.Hour, 400 * 24 * time.Hour} {
			at := f.time().Add(later)
			passes := func(facts keywright.Facts) bool { return keywright.Decide(facts, access, at).Allowed() }
			if !passes(token) || passes(caller) || len(others) > 0 && passes(others[0]) {
				continue
			}
			f.rt.Fatalf("passes after %s what its giver does not:\naccess %+v\ntoken %+v\ngiver %+v", later, access, token, caller)
		}
	}
}

// attempts are what is tried at the doors.
func attempts(spaces ...string) []keywright.Access {
	var all []keywright.Access
	for _, scope := range scopes("a:b", "a:b:c", "b:c", "table://my.app", "keywright:tokens:write", "keywright:audit:read") {
		for _, space := range spaces {
			for _, address := range []string{"192.0.2.1", "192.0.2.200", "10.1.1.1", "198.51.100.1"} {
				for _, audience := range []string{"", "http", "alerts"} {
					all = append(all, keywright.Access{
						Scopes:     keywright.Scopes{scope},
						Account:    "acme",
						Space:      space,
						Audience:   audience,
						Address:    netip.MustParseAddr(address),
						Management: scope.Reserved(),
					})
				}
			}
		}
	}
	return all
}
