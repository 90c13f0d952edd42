package factcache

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// A ring never answers but with what was set last, never holds more than its limit, and keeps all while there is room.
func TestRing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := ring[int, int]{limit: rapid.IntRange(1, 5).Draw(t, "limit")}
		model := map[int]int{}
		full := false
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			k := rapid.IntRange(0, 7).Draw(t, "key")
			switch rapid.SampledFrom([]string{"set", "get", "remove", "clear"}).Draw(t, "op") {
			case "set":
				r.set(k, step)
				model[k] = step
				full = full || len(model) > r.limit
			case "remove":
				r.remove(k)
				delete(model, k)
			case "clear":
				if step%10 == 0 {
					r.clear()
					clear(model)
					full = false
				}
			}
			got, ok := r.get(k)
			want, known := model[k]
			if ok && (!known || got != want) || !full && ok != known {
				t.Fatalf("key %d: %d %v, want %d %v", k, got, ok, want, known)
			}
			if len(r.entries) > r.limit || len(r.entries) != len(r.places) {
				t.Fatalf("%d entries, %d places, limit %d", len(r.entries), len(r.places), r.limit)
			}
		}
	})
}

// What is used stays when what is looked at once goes by.
func TestRingKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	r := ring[int, int]{limit: 10}
	r.set(0, 0)
	for i := 1; i < 1000; i++ {
		if _, ok := r.get(0); !ok {
			t.Fatalf("gone after %d others", i)
		}
		r.set(i, i)
	}
}

// library holds a record for every id.
type library struct{ *ledger }

func (library) Find(_ context.Context, id keywright.ID) (*store.Record, error) {
	return remembered(id), nil
}

func randomID(i int) (id keywright.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(i))
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id
}

// A remembered token takes less than 400 bytes, what it is found by included.
func TestBytesOfARememberedToken(t *testing.T) {
	const tokens = 100_000
	c := New(library{newLedger()}, Options{MaxTokens: tokens * 2})
	ids := make([]keywright.ID, tokens)
	for i := range ids {
		ids[i] = randomID(i)
	}
	before := live()
	for _, id := range ids {
		if _, err := c.Find(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if took := (live() - before) / tokens; took > 400 {
		t.Errorf("%d bytes a token, want at most 400", took)
	} else {
		t.Log(took, "bytes a token")
	}
	for _, id := range ids[:100] {
		if _, _, ok := c.tokens.get(id); !ok {
			t.Error("a token is not remembered, though there is room")
		}
	}
	runtime.KeepAlive(c)
}

func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
