package clustertest

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/keywright/keywright"
)

const first, second = "invoices:read", "invoices:write"

// load is what clients do to a cluster, and what they saw.
type load struct {
	c     *cluster
	doors []door
	history
	bursts chan struct{} // those under way

	tokens   sync.Mutex
	count    int
	imported map[int]bool
	live     []*subject
	lately   []*subject // some of which was taken away last
}

// subject is one token.
type subject struct {
	number int
	id     keywright.ID
	key    string
}

const (
	mostLive   = 48
	mostLately = 48
	mostBursts = 300

	mostAttempts = 10 // at a change
	exchanged    = 3  // of so many tokens, one is shown as an access token

	impatience = lease / 30 // of every other client

	breath     = 300 * time.Microsecond // between two verifications: a guard's take a thousandth of that
	longBreath = 4 * time.Millisecond   // in the short form: judging a history takes longer than making it
)

func newLoad(ctx context.Context, c *cluster) *load {
	l := &load{c: c, doors: c.doors(ctx), imported: map[int]bool{}, bursts: make(chan struct{}, mostBursts)}
	l.begin = time.Now()
	return l
}

// up is one of the nodes that are there.
func (l *load) up() *node {
	for range 10 {
		if n := l.c.nodes[mathrand.IntN(len(l.c.nodes))]; !n.down.Load() {
			return n
		}
	}
	return l.c.nodes[mathrand.IntN(len(l.c.nodes))]
}

// number is the next token's.
func (l *load) number(imported bool) int {
	l.tokens.Lock()
	defer l.tokens.Unlock()
	l.count++
	if imported {
		l.imported[l.count] = true
	}
	return l.count
}

// make issues a token with both scopes, of which an access token is shown now and then; nil if that fails.
func (l *load) make(ctx context.Context) *subject {
	n := l.up()
	issued, err := n.admin().CreateToken(ctx, keywright.NewToken{Scopes: []string{first, second}}, "")
	if err != nil {
		return nil
	}
	key := issued.APIKey.Reveal()
	if mathrand.IntN(exchanged) == 0 {
		if key = n.exchange(ctx, issued); key == "" {
			return nil
		}
	}
	return &subject{l.number(false), issued.Token.ID, key}
}

// bring imports a key that was presented before.
func (l *load) bring(ctx context.Context) *subject {
	s := &subject{number: l.number(true), key: "foreign-" + rand.Text()}
	for _, d := range l.doors {
		l.verify(ctx, d, s, false)
	}
	n, call := l.up(), l.now()
	token, err := n.admin().ImportToken(ctx, keywright.ImportToken{NewToken: keywright.NewToken{Scopes: []string{first, second}}, Key: s.key})
	if !l.note(s, n, bring, call, err) {
		return nil
	}
	s.id = token.ID
	return s
}

// verify asks one door about a token.
func (l *load) verify(ctx context.Context, d door, s *subject, wide bool) answer {
	scope := first
	if wide {
		scope = second
	}
	call := l.now()
	got := d.ask(ctx, s.key, scope)
	l.add(operation{token: s.number, door: d.name, kind: verify, second: wide, answer: got, call: call, ret: l.now()})
	return got
}

// change changes a token and reports whether that is known to have happened.
func (l *load) change(ctx context.Context, s *subject, k kind) bool {
	n, call := l.up(), l.now()
	c := n.admin()
	var err error
	switch k {
	case revoke:
		_, err = c.RevokeToken(ctx, s.id, "")
	case remove:
		_, err = c.DeleteToken(ctx, s.id)
	case disable:
		_, err = c.DisableToken(ctx, s.id)
	case enable:
		_, err = c.EnableToken(ctx, s.id)
	case narrow:
		_, err = c.EditToken(ctx, s.id, keywright.EditToken{Scopes: &[]string{first}})
	case widen:
		_, err = c.EditToken(ctx, s.id, keywright.EditToken{Scopes: &[]string{first, second}})
	}
	done := l.note(s, n, k, call, err)
	if done && k.takes(true) {
		l.burst(ctx, s)
	}
	return done
}

// note records a change. What was refused did not happen; of what has no answer nothing is known.
func (l *load) note(s *subject, n *node, k kind, call int64, err error) (done bool) {
	o := operation{token: s.number, door: n.name, kind: k, call: call, ret: l.now()}
	switch {
	case errors.Is(err, keywright.ErrConflict) || errors.Is(err, keywright.ErrNotFound) || errors.Is(err, keywright.ErrInvalid):
		return false
	case err != nil:
		o.ret = never
	}
	l.add(o)
	return err == nil
}

// burst verifies at every door at once what has just been taken away, also where nobody answers for a while.
func (l *load) burst(ctx context.Context, s *subject) {
	l.tokens.Lock()
	l.lately = append(l.lately, s)
	l.lately = l.lately[max(0, len(l.lately)-mostLately):]
	l.tokens.Unlock()
	for _, d := range l.doors {
		for _, wide := range []bool{false, true} {
			select {
			case l.bursts <- struct{}{}:
				go func() {
					defer func() { <-l.bursts }()
					l.verify(ctx, d, s, wide)
				}()
			default:
			}
		}
	}
}

// pick is a token to verify: one that was lately taken away, or one that lives.
func (l *load) pick() *subject {
	l.tokens.Lock()
	defer l.tokens.Unlock()
	from := l.live
	if len(from) == 0 || len(l.lately) > 0 && mathrand.IntN(2) == 0 {
		from = l.lately
	}
	if len(from) == 0 {
		return nil
	}
	return from[mathrand.IntN(len(from))]
}

func (l *load) keep(s *subject) {
	l.tokens.Lock()
	defer l.tokens.Unlock()
	l.live = append(l.live, s)
	l.live = l.live[max(0, len(l.live)-mostLive):]
}

// watch verifies at one door until ctx ends. Who has little patience gives up an answer that has to wait for the database, and asks again:
// memory answers the moment that it may.
func (l *load) watch(ctx context.Context, d door, patience time.Duration) {
	once := func(s *subject) answer {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return l.verify(ctx, d, s, mathrand.IntN(3) == 0)
	}
	for ctx.Err() == nil {
		s := l.pick()
		if s == nil || once(s) == silence {
			pause(ctx, 2*time.Millisecond)
		}
		time.Sleep(l.c.breath)
	}
}

// race makes tokens, and takes them away while all doors read them for the first time.
func (l *load) race(ctx context.Context) {
	for ctx.Err() == nil {
		s := l.make(ctx)
		if s == nil {
			pause(ctx, 10*time.Millisecond)
			continue
		}
		var readers sync.WaitGroup
		for _, d := range l.doors {
			for range 2 {
				readers.Go(func() {
					pause(ctx, time.Duration(mathrand.Int64N(int64(5*time.Millisecond))))
					l.verify(ctx, d, s, false)
				})
			}
		}
		pause(ctx, time.Duration(mathrand.Int64N(int64([]time.Duration{8 * time.Millisecond, 200 * time.Millisecond}[mathrand.IntN(2)]))))
		done := l.change(ctx, s, []kind{revoke, remove}[mathrand.IntN(2)])
		for range 5 {
			if done || ctx.Err() != nil {
				break
			}
			pause(ctx, 50*time.Millisecond)
			done = l.change(ctx, s, revoke)
		}
		// Readers may be at a node that is stopped.
		l.linger(ctx, &readers)
	}
}

// linger waits for readers, but not for those that nobody answers.
func (l *load) linger(ctx context.Context, readers *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { readers.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(300 * time.Millisecond):
	case <-ctx.Done():
	}
}

// toggle changes a token to and fro, and takes it away in the end.
func (l *load) toggle(ctx context.Context) {
	for ctx.Err() == nil {
		s := l.make(ctx)
		if mathrand.IntN(4) == 0 {
			s = l.bring(ctx)
		}
		if s == nil {
			pause(ctx, 10*time.Millisecond)
			continue
		}
		l.keep(s)
		known := true
		for range 6 {
			pause(ctx, time.Duration(mathrand.Int64N(int64(40*time.Millisecond))))
			if known = known && l.change(ctx, s, []kind{disable, enable, narrow, widen}[mathrand.IntN(4)]); ctx.Err() != nil {
				return
			}
		}
		l.change(ctx, s, []kind{revoke, remove}[mathrand.IntN(2)])
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// pool makes tokens that every door has seen.
func (l *load) pool(ctx context.Context, n int) (list []*subject) {
	for range n {
		if s := l.make(ctx); s != nil {
			list = append(list, s)
			l.keep(s)
		}
	}
	for range 2 {
		var all sync.WaitGroup
		for _, d := range l.doors {
			all.Go(func() {
				for _, s := range list {
					l.verify(ctx, d, s, false)
				}
			})
		}
		all.Wait()
	}
	return list
}

// unseen makes tokens that no door has seen.
func (l *load) unseen(ctx context.Context, n int) (list []*subject) {
	issued, err := l.up().admin().CreateTokens(ctx, slices.Repeat([]keywright.NewToken{{Scopes: []string{first, second}}}, n), "")
	if err != nil {
		return nil
	}
	for _, one := range issued {
		list = append(list, &subject{l.number(false), one.Token.ID, one.APIKey.Reveal()})
	}
	return list
}

// evenly does something with each token, over a time.
func evenly(ctx context.Context, list []*subject, d time.Duration, do func(*subject)) {
	var all sync.WaitGroup
	for i, s := range list {
		all.Go(func() {
			pause(ctx, d*time.Duration(i)/time.Duration(len(list)))
			do(s)
		})
	}
	all.Wait()
}

// drain takes a token away and does not give up.
func (l *load) drain(ctx context.Context, s *subject) {
	done := l.change(ctx, s, []kind{revoke, revoke, remove, disable, narrow}[mathrand.IntN(5)])
	for range mostAttempts {
		if done || ctx.Err() != nil {
			return
		}
		pause(ctx, 200*time.Millisecond)
		done = l.change(ctx, s, revoke)
	}
}

// snatch takes a token away while every door reads it for the first time.
func (l *load) snatch(ctx context.Context, s *subject) {
	var readers sync.WaitGroup
	for _, d := range l.doors {
		for range 2 {
			readers.Go(func() {
				pause(ctx, mathrand.N(lease/10))
				l.verify(ctx, d, s, false)
			})
		}
	}
	pause(ctx, mathrand.N(lease/10))
	l.drain(ctx, s)
	l.linger(ctx, &readers)
}
