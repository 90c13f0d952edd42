package factcache

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// A record comes out as it went in, whatever it holds: every field there is, also one that is added some day.
func TestPackKeepsEverything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r store.Record
		draw(t, reflect.ValueOf(&r).Elem())
		r.Facts.Tenant = keywright.Tenant{} // is the account's
		got, ok := unpack(r.Facts.ID, pack(&r))
		if !ok || !reflect.DeepEqual(got, &r) {
			t.Fatalf("%v\n%+v\nwant\n%+v", ok, got, &r)
		}
	})
}

// draw fills a value with anything that a store may put there.
func draw(t *rapid.T, v reflect.Value) {
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		if rapid.Bool().Draw(t, "instant") {
			*at = time.UnixMicro(rapid.Int64Range(-1<<50, 1<<57).Draw(t, "microseconds")).UTC()
		}
		return
	case *keywright.Scope:
		*at, _ = keywright.ParseScope(rapid.SampledFrom([]string{"invoices:read", "*", "table://my.app.**"}).Draw(t, "scope"))
		return
	case *netip.Prefix:
		*at = netip.MustParsePrefix(rapid.SampledFrom([]string{"10.0.0.0/8", "2001:db8::/64", "::ffff:10.0.0.1/128"}).Draw(t, "network"))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			draw(t, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			draw(t, v.Index(i))
		}
	case reflect.Slice:
		if n := rapid.IntRange(0, 3).Draw(t, "length"); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				draw(t, v.Index(i))
			}
		}
	case reflect.Map:
		if m := rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, "map"); len(m) > 0 {
			v.Set(reflect.ValueOf(m))
		}
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, "byte")))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "number"))
	default:
		t.Fatalf("a record holds a %s: teach pack, and this test", v.Type())
	}
}

// What is not whole is no record, and nothing makes unpack panic.
func TestUnpackRefusesWhatIsNotWhole(t *testing.T) {
	t.Parallel()
	whole := pack(remembered(keywright.ID{1}))
	for i := range whole {
		if _, ok := unpack(keywright.ID{1}, whole[:i]); ok {
			t.Errorf("the first %d of %d bytes are a record", i, len(whole))
		}
	}
	if _, ok := unpack(keywright.ID{1}, whole+"\x00"); ok {
		t.Error("a record with something after its end is one")
	}
	rapid.Check(t, func(t *rapid.T) {
		_, _ = unpack(keywright.ID{1}, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
	})
}

// remembered is a record as most are.
func remembered(id keywright.ID) *store.Record {
	now := time.UnixMicro(1_790_000_000_000_000).UTC()
	scopes, _ := keywright.ParseScopes("invoices:read", "invoices:write")
	return &store.Record{
		Facts: keywright.Facts{
			ID: id, Kind: keywright.KindAccount, Account: "default", Space: "default", Scopes: scopes,
			ExpiresAt: now.Add(90 * 24 * time.Hour), RenewedAt: now,
		},
		Number: 4711, Label: "linden-otter", Owner: id, OwnerName: "admin", CreatedBy: "user:admin", CreatedAt: now, UpdatedAt: now,
		Secrets: []store.Secret{{Number: 1, Digest: store.Digest{1, 2, 3}, Pepper: "0123abcd"}},
	}
}

func BenchmarkUnpack(b *testing.B) {
	packed := pack(remembered(idA))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := unpack(idA, packed); !ok {
			b.Fatal("not a record")
		}
	}
}
