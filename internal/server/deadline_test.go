package server

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// move is one thing that net/http does with a connection: wait, then read, or set a deadline.
type move struct {
	wait time.Duration
	what string
	in   time.Duration
}

// A connection that remembers its deadlines ends reads and writes when one that tells the system at once does.
func TestLazyDeadlinesAreDeadlines(t *testing.T) {
	t.Parallel()
	moves := rapid.Custom(func(t *rapid.T) move {
		return move{
			wait: 10 * time.Millisecond * time.Duration(rapid.IntRange(0, 4).Draw(t, "wait")),
			what: rapid.SampledFrom([]string{"call", "call", "in", "in", "never", "past", "now past"}).Draw(t, "what"),
			in:   10*time.Millisecond*time.Duration(rapid.IntRange(0, 8).Draw(t, "in")) + 5*time.Millisecond, // never at the instant of a move
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(moves, 1, 12).Draw(rt, "moves")
		writes := rapid.Bool().Draw(rt, "writes")
		synctest.Test(t, func(*testing.T) {
			bare, _ := net.Pipe()
			want := play(bare, list, writes)
			under, _ := net.Pipe()
			if got := play(newLazyConn(under), list, writes); !slices.Equal(got, want) {
				rt.Errorf("calls ended at %v, want %v", got, want)
			}
		})
	})
}

// play returns when each call of Read, or Write, ended.
func play(c net.Conn, list []move, writes bool) (ended []time.Duration) {
	begun := time.Now()
	set, call := c.SetReadDeadline, c.Read
	if writes {
		set, call = c.SetWriteDeadline, c.Write
	}
	var calls sync.WaitGroup
	var mu sync.Mutex
	for _, m := range list {
		time.Sleep(m.wait)
		synctest.Wait()
		switch m.what {
		case "call":
			if !mu.TryLock() {
				continue // net/http reads from one place at a time
			}
			calls.Go(func() {
				defer mu.Unlock()
				if _, err := call(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
					ended = append(ended, time.Since(begun))
				} else {
					ended = append(ended, -time.Since(begun))
				}
			})
		case "in":
			_ = set(time.Now().Add(m.in))
		case "never":
			_ = set(time.Time{})
		case "past":
			_ = set(time.Unix(1, 0))
		case "now past":
			_ = set(time.Now().Add(-m.in))
		}
		synctest.Wait()
	}
	time.Sleep(200 * time.Millisecond)
	_ = c.Close()
	calls.Wait()
	return ended
}

// What a read ended by a deadline leaves behind does not hurt the next one.
func TestLazyConnReadsAfterDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		under, other := net.Pipe()
		c := newLazyConn(under)
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Second))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Time{})
		go func() { _, _ = other.Write([]byte("x")) }()
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}

// Moving a deadline to later, as every request does, neither locks nor allocates.
func TestMovingDeadlinesIsCheap(t *testing.T) {
	under, _ := net.Pipe()
	c := newLazyConn(under)
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	c.read.mu.Lock()
	defer c.read.mu.Unlock()
	later := time.Now().Add(time.Hour)
	if n := testing.AllocsPerRun(100, func() {
		_ = c.SetReadDeadline(later)
		_ = c.SetReadDeadline(time.Unix(1, 0))
		_ = c.SetReadDeadline(time.Time{})
	}); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkMoveDeadline(b *testing.B) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"lazy": func(c net.Conn) net.Conn { return newLazyConn(c) },
		"bare": func(c net.Conn) net.Conn { return c },
	} {
		b.Run(name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			under, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			c := wrap(under)
			defer c.Close()
			later := time.Now().Add(time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				_ = c.SetReadDeadline(later)
			}
		})
	}
}
