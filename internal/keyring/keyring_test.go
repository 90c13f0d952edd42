package keyring

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/store"
)

const (
	lineA = "kwmk1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	lineB = "kwmk1.AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

func parse(t testing.TB, lines ...string) *Ring {
	t.Helper()
	r, err := Parse(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGeneratedParses(t *testing.T) {
	text, err := Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := parse(t, text)
	if ids := r.IDs(); len(ids) != 1 || len(ids[0]) != idSize {
		t.Errorf("IDs() = %v, want one of %d characters", ids, idSize)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		keys       int
		problem    string
	}{
		{"one", lineA, 1, ""},
		{"comments, blanks and CRLF", "# first\r\n\r\n  " + lineA + " \r\n#" + lineB + "\n", 1, ""},
		{"two", lineA + "\n" + lineB, 2, ""},
		{"none", "# nothing\n", 0, "no master key"},
		{"empty", "", 0, "no master key"},
		{"twice", lineA + "\n" + lineA, 0, "line 2: the same key"},
		{"other prefix", lineA + "\nkwmk2" + lineA[5:], 0, "line 2: want kwmk1."},
		{"short", lineA[:len(lineA)-1], 0, "line 1: want 43"},
		{"long", lineA + "A", 0, "line 1: want 43"},
		{"padded", lineA + "=", 0, "line 1: want 43"},
		{"trailing bits", lineA[:len(lineA)-1] + "B", 0, "line 1: want 43"},
		{"standard alphabet", "kwmk1.+" + lineA[7:], 0, "line 1: want 43"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Parse(tt.text)
			if tt.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tt.problem) {
					t.Errorf("error %v, want one with %q", err, tt.problem)
				}
				return
			}
			if err != nil || len(r.IDs()) != tt.keys {
				t.Errorf("got %v, %v, want %d keys", r, err, tt.keys)
			}
		})
	}
}

// An error of a master key file goes to logs and terminals.
func TestParseErrorHoldsNoKey(t *testing.T) {
	secret := "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"
	for _, text := range []string{"kwmk1." + secret + "!", "kwmk9." + secret, secret, "kwmk1." + secret + "\nkwmk1." + secret} {
		if _, err := Parse(text); err == nil || strings.Contains(err.Error(), secret[:6]) {
			t.Errorf("Parse: %v, want an error without the key", err)
		}
	}
}

func TestDigest(t *testing.T) {
	old, both := parse(t, lineA), parse(t, lineA, lineB)
	oldDigest, oldPepper := old.Digest("token", "s3cret")
	newDigest, newPepper := both.Digest("token", "s3cret")
	if oldDigest == newDigest || oldPepper == newPepper {
		t.Error("the current key of a ring is its last")
	}
	if got := both.Digests("token", "s3cret"); len(got) != 2 || got[0] != newDigest || got[1] != oldDigest {
		t.Error("Digests: want every pepper's, the current one first")
	}
	for _, tt := range []struct {
		name            string
		ring            *Ring
		purpose, secret string
		digest          store.Digest
		pepper          string
		want            bool
	}{
		{"same", both, "token", "s3cret", newDigest, newPepper, true},
		{"old pepper", both, "token", "s3cret", oldDigest, oldPepper, true},
		{"other secret", both, "token", "s3creT", newDigest, newPepper, false},
		{"other purpose", both, "session", "s3cret", newDigest, newPepper, false},
		{"border moved", both, "tokens", "3cret", newDigest, newPepper, false},
		{"other pepper", both, "token", "s3cret", newDigest, oldPepper, false},
		{"pepper not in ring", old, "token", "s3cret", newDigest, newPepper, false},
		{"no pepper", both, "token", "s3cret", store.Digest{}, "", false},
		{"empty ring", &Ring{}, "token", "s3cret", store.Digest{}, "", false},
	} {
		if got := tt.ring.Matches(tt.purpose, tt.secret, tt.digest, tt.pepper); got != tt.want {
			t.Errorf("%s: Matches = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestEmptyRingDoesNothing(t *testing.T) {
	var r Ring
	if d, p := r.Digest("token", "x"); d != (store.Digest{}) || p != "" {
		t.Error("an empty ring made a digest")
	}
	if _, err := r.Seal([]byte("x"), "c"); err == nil {
		t.Error("an empty ring sealed")
	}
}

func TestSealOpens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		context := rapid.String().Draw(t, "context")
		r, err := Parse(lineA + "\n" + lineB)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := r.Seal(plain, context)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Open(sealed, context); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %q, %v", got, err)
		}
		if _, err := r.Open(sealed, context+"x"); err == nil {
			t.Fatal("opened in another context")
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		sealed[at] ^= 1
		if _, err := r.Open(sealed, context); err == nil {
			t.Fatalf("opened with byte %d changed", at)
		}
	})
}

// A ring that grew opens what was sealed before; one that lost a key does not.
func TestSealAcrossRings(t *testing.T) {
	old, both, other := parse(t, lineA), parse(t, lineA, lineB), parse(t, lineB)
	sealed, err := old.Seal([]byte("kept"), "place")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := both.Open(sealed, "place"); err != nil || string(got) != "kept" {
		t.Errorf("grown ring: %q, %v", got, err)
	}
	for name, value := range map[string][]byte{"key lost": sealed, "short": sealed[:4], "empty": nil} {
		if _, err := other.Open(value, "place"); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	r := parse(b, lineA)
	b.ReportAllocs()
	for b.Loop() {
		r.Digest("token", lineA[6:])
	}
}
