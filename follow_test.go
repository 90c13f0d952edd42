package keywright_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// followCalls are the calls of whoever decides by itself.
func followCalls(ctx context.Context) []clientCall {
	q := keywright.ChangesQuery{Since: 7, Follower: mustID(sampleID)}
	hour := time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)
	report := keywright.UsageReport{Reporter: mustID(sampleID), Number: 3, Tokens: []keywright.ReportedUses{{
		Token: mustID(sampleID), UsedAt: &hour, Address: "192.0.2.7", Scopes: []string{"a:read"},
		Counts: []keywright.ReportedCount{{Hour: hour, Reason: keywright.Allowed, N: 2}, {Hour: hour, Reason: keywright.Expired, N: 1, UserAgent: "x"}},
	}}}
	type client = *keywright.Client
	return []clientCall{
		{"GET /api/v1/changes?follower=" + sampleID + "&since=7", "", func(c client) error { return only(c.Changes(ctx, q, nil)) }},
		{"POST /api/v1/changes?follower=" + sampleID + "&since=7", `{"reporter":"` + sampleID + `","number":3,"tokens":[{"token":"` + sampleID +
			`","used_at":"2030-01-31T12:00:00Z","address":"192.0.2.7","scopes":["a:read"],"counts":[{"hour":"2030-01-31T12:00:00Z","reason":"allowed","n":2},` +
			`{"hour":"2030-01-31T12:00:00Z","reason":"expired","n":1,"user_agent":"x"}]}]}`,
			func(c client) error { return only(c.Changes(ctx, q, &report)) }},
		{"POST /api/v1/facts", `{"token":"t","address":"192.0.2.7"}`, func(c client) error {
			_, err := c.Facts(ctx, keywright.FactsRequest{Token: "t", Address: "192.0.2.7"})
			if !errors.Is(err, keywright.ErrUnavailable) {
				return errors.New("facts for no rules are taken for facts")
			}
			return nil
		}},
	}
}

// Nothing that a decision looks at is lost on the way: facts with everything set come out as they went in.
func TestTokenFactsKeepEverything(t *testing.T) {
	t.Parallel()
	at := func(day int) time.Time { return time.Date(2030, 1, day, 12, 0, 0, 1000, time.UTC) }
	scopes, networks := scopes(t, "a:read", "b:*"), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	facts := keywright.Facts{
		ID: mustID(sampleID), Kind: keywright.KindSpace, Account: "acme", Space: "lab", Scopes: scopes, Audience: []string{"http"}, Networks: networks,
		NotBefore: at(1), ExpiresAt: at(2), RenewedAt: at(3), LastUsedAt: at(4), DisabledAt: at(5), RevokedAt: at(6),
		Tenant: keywright.Tenant{
			Open: true, MaxLifetime: time.Hour, MaxUnused: time.Minute,
			Limits: []keywright.Limit{{Scopes: scopes, Audience: []string{"x"}, Networks: networks}},
		},
	}
	bound := keywright.Bound{Scopes: scopes, Audience: []string{"http"}, ExpiresAt: at(7), Revoked: true}
	for _, v := range []any{facts, facts.Tenant, facts.Tenant.Limits[0], bound} {
		if field, ok := unset(reflect.ValueOf(v)); ok {
			t.Fatalf("%T has the field %s, which this test does not set: is it told to whoever decides by itself?", v, field)
		}
	}
	text, err := json.Marshal(keywright.NewTokenFacts(facts, &bound))
	if err != nil {
		t.Fatal(err)
	}
	var back keywright.TokenFacts
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if got := back.Facts(); !reflect.DeepEqual(got, facts) {
		t.Errorf("%+v\nwant\n%+v", got, facts)
	}
	if got := back.Bound(); !reflect.DeepEqual(got, &bound) {
		t.Errorf("%+v\nwant\n%+v", got, bound)
	}
	var none keywright.TokenFacts
	if d := keywright.Decide(none.Facts(), keywright.Access{}, at(1)); d.Allowed() || none.Bound() != nil {
		t.Error("no facts are allowed something")
	}
}

// unset is a field of a struct that has its zero value.
func unset(v reflect.Value) (string, bool) {
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			return v.Type().Field(i).Name, true
		}
	}
	return "", false
}
