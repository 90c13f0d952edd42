package spoe

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// The lengths that the protocol's text names for numbers, and their reading.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, bytes := range map[uint64]int{0: 1, 239: 1, 240: 2, 2287: 2, 2288: 3, 264431: 3, 264432: 4, 33818863: 4, 33818864: 5} {
		if got := len(appendUint(nil, n)); got != bytes {
			t.Errorf("%d takes %d bytes, want %d", n, got, bytes)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n")
		r := reader{appendUint(nil, n), nil}
		if got := r.uint(); got != n || r.err != nil || len(r.rest) != 0 {
			t.Errorf("%d is read as %d, %v", n, got, r.err)
		}
	})
}

func FuzzFrame(f *testing.F) {
	var whole bytes.Buffer
	_ = writeFrame(&whole, frame{kind: notify, stream: 7, id: 300, payload: appendNumber(appendText(append(appendText(nil, message), 1), "authorizations"), 1)})
	f.Add(whole.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		read, err := readFrame(bytes.NewReader(b))
		if err != nil {
			return
		}
		_, _ = readQuestion(read.payload)
		var again bytes.Buffer
		_ = writeFrame(&again, read)
		if back, err := readFrame(&again); err != nil || back.stream != read.stream || back.id != read.id || !bytes.Equal(back.payload, read.payload) {
			t.Errorf("%+v is read back as %+v, %v", read, back, err)
		}
	})
}
