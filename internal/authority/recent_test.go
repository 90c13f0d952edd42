package authority

import "testing"

func TestRecent(t *testing.T) {
	t.Parallel()
	const size = 160
	r := newRecent[int, string](size)
	if kept := r.setIfAbsent(1, "first"); kept != "first" {
		t.Error(kept)
	}
	if kept := r.setIfAbsent(1, "second"); kept != "first" {
		t.Errorf("what was there gave way: %s", kept)
	}
	for i := range 100 * size {
		r.set(i, "x")
	}
	held := 0
	for _, s := range r.stripes {
		held += s.Len()
	}
	if held > size {
		t.Errorf("%d entries are held, at most %d may be", held, size)
	}
	if _, ok := r.get(100*size - 1); !ok {
		t.Error("what was seen last is forgotten")
	}
}
