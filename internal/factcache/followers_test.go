package factcache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const lease = defaultLease

var whoA = store.Follower{Token: idA, Run: keywright.ID{1}}

func subject(n int) []store.Subject {
	return []store.Subject{{Kind: store.SubjectToken, ID: fmt.Sprint(n)}}
}

// following begins to follow, and returns what a follower was told first.
func following(t *testing.T, f *Followers, who store.Follower) store.News {
	t.Helper()
	news, err := f.Poll(t.Context(), who, 0, time.Time{})
	if err != nil || !news.All {
		t.Fatalf("began with %+v, %v; want to be told to forget everything", news, err)
	}
	return news
}

// waited is how long a change waits for followers.
func waited(t *testing.T, f *Followers, revision keywright.Revision) time.Duration {
	t.Helper()
	began := time.Now()
	if err := f.Wait(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// What is told reaches a poll that is held at once; the next poll acknowledges it, and lets the change return.
func TestFollowerIsToldAndWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		f.TellAll(7)
		news := following(t, &f, whoA)
		if news.Revision != 7 || news.Lease >= lease || news.Lease < lease*9/10 {
			t.Fatalf("%+v", news)
		}
		const network, work = 20 * time.Millisecond, 30 * time.Millisecond
		go func() {
			for since := news.Revision; since < 9; {
				news, err := f.Poll(t.Context(), whoA, since, time.Time{})
				if err != nil || news.All || len(news.Forget) == 0 {
					t.Errorf("%+v, %v", news, err)
				}
				since = news.Revision
				time.Sleep(network + work)
			}
			_, _ = f.Poll(t.Context(), whoA, 9, time.Time{})
		}()
		synctest.Wait()
		for revision := keywright.Revision(8); revision <= 9; revision++ {
			f.Tell(revision, subject(int(revision)))
			if took := waited(t, &f, revision); took != network+work {
				t.Errorf("revision %d waited for %v, want %v", revision, took, network+work)
			}
		}
	})
}

// A poll with nothing to tell is answered after a third of the lease, and renews it.
func TestQuietPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		news := following(t, &f, whoA)
		for range 5 {
			began := time.Now()
			quiet, err := f.Poll(t.Context(), whoA, news.Revision, time.Time{})
			if err != nil || quiet.All || len(quiet.Forget) > 0 || time.Since(began) != lease/3 {
				t.Fatalf("after %v: %+v, %v", time.Since(began), quiet, err)
			}
		}
		f.Tell(1, subject(1))
		if took := waited(t, &f, 1); took != lease-lease/3 {
			t.Errorf("a follower that polls no more was waited for %v, want what is left of its lease", took)
		}
	})
}

// Whoever is gone costs what is left of its lease, once; who has never had one costs nothing.
func TestFollowerGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		f.TellAll(1)
		following(t, &f, whoA)
		time.Sleep(lease / 4)
		f.Tell(2, subject(2))
		if took := waited(t, &f, 2); took != lease-lease/4 {
			t.Errorf("waited for %v, want %v", took, lease-lease/4)
		}
		f.Tell(3, subject(3))
		if took := waited(t, &f, 3); took != 0 {
			t.Errorf("waited for %v for nobody", took)
		}
		if len(f.known) != 0 {
			t.Error("who is gone is still known")
		}
	})
}

// The one that is gone does not make the wait for the living longer than its own lease, and the other way round.
func TestWaitsForEachAsLongAsItTakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		f.TellAll(1)
		following(t, &f, whoA) // is gone from now on
		time.Sleep(lease / 2)
		other := store.Follower{Token: idA, Run: keywright.ID{2}}
		following(t, &f, other)
		f.Tell(2, subject(2))
		go func() {
			time.Sleep(lease / 10)
			_, _ = f.Poll(t.Context(), other, 2, time.Time{})
		}()
		if took := waited(t, &f, 2); took != lease/2 {
			t.Errorf("waited for %v, want %v", took, lease/2)
		}
	})
}

// A follower that goes on asking without ever forgetting cannot hold a change longer than a lease.
func TestFollowerThatNeverAcknowledges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		f.TellAll(1)
		following(t, &f, whoA)
		f.Tell(2, subject(2))
		ctx, stop := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		asking.Go(func() {
			for ctx.Err() == nil {
				if _, err := f.Poll(ctx, whoA, 1, time.Time{}); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				time.Sleep(lease / 100)
			}
		})
		if took := waited(t, &f, 2); took > lease {
			t.Errorf("waited for %v, want at most %v", took, lease)
		}
		stop()
		asking.Wait()
	})
}

// No follower has a lease beyond the end of its node's own: whoever waits for the node alone must not be early.
func TestNodesLeaseIsShorter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		end := time.Now().Add(lease / 2)
		news, err := f.Poll(t.Context(), whoA, 0, end)
		if err != nil || news.Lease > lease/2 {
			t.Fatalf("%+v, %v", news, err)
		}
		began := time.Now()
		if _, err := f.Poll(t.Context(), whoA, news.Revision, end); err != nil || time.Since(began) != lease/6 {
			t.Errorf("held for %v, %v; want a third of the shorter lease", time.Since(began), err)
		}
		f.Tell(1, subject(1))
		if took := waited(t, &f, 1); took != lease/3 {
			t.Errorf("waited for %v, want %v", took, lease/3)
		}
		for _, end := range []time.Time{time.Now(), time.Now().Add(-time.Hour), time.Now().Add(lease / 100)} {
			if _, err := f.Poll(t.Context(), whoA, 1, end); !errors.Is(err, keywright.ErrUnavailable) {
				t.Errorf("a node without a lease granted one (%v)", err)
			}
		}
		f.Fault = FaultFollowerOutlivesNode
		if news, err := f.Poll(t.Context(), store.Follower{}, 0, end.Add(lease/3)); err != nil || news.Lease < lease/2 {
			t.Errorf("the planted bug is not there: %+v, %v", news, err)
		}
	})
}

// A late poll, after the lease has run out, is told what it missed.
func TestLatePoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		f.TellAll(1)
		following(t, &f, whoA)
		time.Sleep(2 * lease)
		f.Tell(2, subject(2))
		f.Tell(3, subject(3))
		if took := waited(t, &f, 3); took != 0 {
			t.Errorf("waited for %v for one whose lease is over", took)
		}
		news, err := f.Poll(t.Context(), whoA, 1, time.Time{})
		if err != nil || news.All || len(news.Forget) != 2 || news.Revision != 3 {
			t.Errorf("%+v, %v", news, err)
		}
	})
}

// Whoever comes from a node that is ahead of this one has acknowledged already what is still to be told here, and is given
// a lease at once.
func TestFollowerFromANodeAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		f.TellAll(3)
		began := time.Now()
		if news, err := f.Poll(t.Context(), whoA, 5, time.Time{}); err != nil || news.All || news.Revision != 3 || time.Since(began) != 0 {
			t.Errorf("%+v, %v, after %v", news, err, time.Since(began))
		}
		for revision := keywright.Revision(4); revision <= 5; revision++ {
			f.Tell(revision, subject(0))
			if took := waited(t, &f, revision); took != 0 {
				t.Errorf("waited for %v for one who has forgotten it", took)
			}
		}
		f.Tell(6, subject(6))
		if took := waited(t, &f, 6); took != lease {
			t.Errorf("waited for %v, want %v", took, lease)
		}
	})
}

// What is not on file any more makes a follower forget everything; so does what began before this node.
func TestHistoryTooShort(t *testing.T) {
	t.Parallel()
	f := Followers{}
	f.Tell(41, subject(41))
	ask := func(since keywright.Revision) store.News {
		t.Helper()
		news, err := f.Poll(t.Context(), store.Follower{Run: keywright.ID{byte(since), byte(since >> 8)}}, since, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return news
	}
	if news := ask(39); !news.All || news.Revision != 41 {
		t.Errorf("%+v", news)
	}
	if news := ask(40); news.All || len(news.Forget) != 1 {
		t.Errorf("%+v", news)
	}
	for n := range rememberedNews {
		f.Tell(keywright.Revision(42+n), subject(n))
	}
	last := keywright.Revision(41 + rememberedNews)
	if f.history.kept > rememberedNews || len(f.history.chapters) > rememberedNews {
		t.Errorf("%d subjects in %d chapters are kept", f.history.kept, len(f.history.chapters))
	}
	if news := ask(41); !news.All || len(news.Forget) > 0 || news.Revision != last {
		t.Errorf("%+v", news)
	}
	if news := ask(last - 3); news.All || len(news.Forget) != 3 {
		t.Errorf("%+v", news)
	}
	f.Tell(last+1, make([]store.Subject, rememberedNews+1))
	if news := ask(last); !news.All || news.Revision != last+1 {
		t.Errorf("one change of more than fits: %+v", news)
	}
	f.TellAll(last + 10)
	if news := ask(last + 2); !news.All || news.Revision != last+10 {
		t.Errorf("%+v", news)
	}
	f.Tell(last+10, subject(0))
	if news := ask(last + 3); !news.All {
		t.Errorf("what was told before was told again: %+v", news)
	}
}

// Those who follow when everything has to be forgotten begin anew, even if the revisions look as they did; until they
// have, or their leases are over, nothing that they say makes a change return.
func TestTellAllHasFollowersBeginAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		f.TellAll(900)
		news := following(t, &f, whoA)
		ended := make(chan error)
		go func() {
			_, err := f.Poll(t.Context(), whoA, news.Revision, time.Time{})
			ended <- err
		}()
		synctest.Wait()
		f.TellAll(900)
		if err := <-ended; !errors.Is(err, keywright.ErrConflict) {
			t.Errorf("the poll that was held ended with %v", err)
		}
		if _, err := f.Poll(t.Context(), whoA, 1000, time.Time{}); !errors.Is(err, keywright.ErrConflict) {
			t.Errorf("it goes on as before: %v", err)
		}
		following(t, &f, store.Follower{Token: idA, Run: keywright.ID{2}})
		f.Tell(901, subject(0))
		go func() { _, _ = f.Poll(t.Context(), store.Follower{Token: idA, Run: keywright.ID{2}}, 901, time.Time{}) }()
		if took := waited(t, &f, 901); took != lease {
			t.Errorf("waited for %v, want what was left of the lease that was given before", took)
		}
	})
}

// The number of followers is bounded, of all and of one token; who is gone makes room.
func TestFollowersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		begin := func(n int, token keywright.ID) error {
			_, err := f.Poll(t.Context(), store.Follower{Token: token, Run: keywright.ID{byte(n), byte(n >> 8)}}, 0, time.Time{})
			return err
		}
		for n := range mostFollowers {
			if err := begin(n, keywright.ID{byte(n / mostOfOneToken)}); err != nil {
				t.Fatal(err)
			}
			if n == mostOfOneToken-1 {
				if err := begin(n+1, keywright.ID{0}); !throttled(err) {
					t.Errorf("one token has more than %d followers (%v)", mostOfOneToken, err)
				}
			}
		}
		if err := begin(0, keywright.ID{9}); !throttled(err) {
			t.Errorf("there are more than %d followers (%v)", mostFollowers, err)
		}
		if _, err := f.Poll(t.Context(), store.Follower{Run: keywright.ID{}}, 0, time.Time{}); err != nil {
			t.Errorf("one that is known is refused: %v", err)
		}
		time.Sleep(lease)
		if err := begin(0, keywright.ID{9}); err != nil || len(f.known) != 1 {
			t.Errorf("%d are known, %v", len(f.known), err)
		}
	})
}

func throttled(err error) bool {
	_, ok := errors.AsType[*keywright.ThrottledError](err)
	return ok
}

// Stop ends polls at once and grants nothing more; leases that were granted are still waited for.
func TestStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		news := following(t, &f, whoA)
		ended := make(chan error, 1)
		go func() {
			_, err := f.Poll(t.Context(), whoA, news.Revision, time.Time{})
			ended <- err
		}()
		synctest.Wait()
		began := time.Now()
		f.Stop()
		if err := <-ended; !errors.Is(err, keywright.ErrUnavailable) || time.Since(began) != 0 {
			t.Errorf("the poll ended after %v with %v", time.Since(began), err)
		}
		if _, err := f.Poll(t.Context(), whoA, 0, time.Time{}); !errors.Is(err, keywright.ErrUnavailable) {
			t.Errorf("a lease after the end: %v", err)
		}
		if took := waited(t, &f, 1<<62); took != lease {
			t.Errorf("waited for %v, want %v", took, lease)
		}
	})
}

// A follower has one poll at a time, and a poll or wait ends with its caller.
func TestPollsAndWaitsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		news := following(t, &f, whoA)
		first := make(chan error, 1)
		go func() {
			_, err := f.Poll(t.Context(), whoA, news.Revision, time.Time{})
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := f.Poll(ctx, whoA, news.Revision, time.Time{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := <-first; !errors.Is(err, keywright.ErrConflict) {
			t.Errorf("the poll before ended with %v", err)
		}
		f.Tell(1, subject(1))
		if err := f.Wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if len(f.waiting) != 0 {
			t.Error("a wait that has ended is still kept")
		}
		f.Fault = FaultFollowerNotWaited
		if took := waited(t, &f, 1); took != 0 {
			t.Errorf("the planted bug is not there: waited for %v", took)
		}
	})
}

// No change returns while a follower that remembers has a lease and has not forgotten: many followers, of different
// speed, some of which go away, against a stream of changes.
func TestFollowersNeverRememberWhatReturned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Followers
		f.TellAll(0)
		var returned atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() { follow(ctx, t, &f, n, &returned) })
		}
		for revision := keywright.Revision(1); revision <= 200; revision++ {
			time.Sleep(time.Duration(revision%7) * lease / 50)
			f.Tell(revision, subject(int(revision)))
			if took := waited(t, &f, revision); took > lease {
				t.Errorf("waited for %v", took)
			}
			returned.Store(int64(revision))
		}
		stop()
		all.Wait()
	})
}

// follow is a follower: slower with n, and gone now and then. It checks itself before it would answer from memory.
func follow(ctx context.Context, t *testing.T, f *Followers, n int, returned *atomic.Int64) {
	who := store.Follower{Token: idA, Run: keywright.ID{byte(n)}}
	var applied keywright.Revision
	for ctx.Err() == nil {
		sent := time.Now()
		news, err := f.Poll(ctx, who, applied, time.Time{})
		if err != nil {
			return
		}
		time.Sleep(time.Duration(n) * lease / 40) // the answer is on its way
		applied = max(applied, news.Revision)
		for end := sent.Add(news.Lease); time.Now().Before(end) && int(applied)%11 == n%11; {
			if known := returned.Load(); int64(applied) < known {
				t.Errorf("follower %d goes by revision %d after %d returned", n, applied, known)
				return
			}
			time.Sleep(lease / 20) // it does not ask again: it is gone
		}
	}
}
