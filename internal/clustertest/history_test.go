package clustertest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// kind is what was asked for.
type kind uint8

const (
	verify kind = iota
	bring       // import
	disable
	enable
	narrow // to the first scope
	widen  // to both
	revoke
	remove
	kinds
)

var kindNames = [kinds]string{"verify", "import", "disable", "enable", "narrow", "widen", "revoke", "delete"}

func (k kind) String() string { return kindNames[k] }

// answer is what a verification said.
type answer uint8

const (
	silence answer = iota // none, or that none can be given
	yes
	noRevoked
	noDisabled
	noScope
	noInvalid
	noOther
)

var answerNames = [...]string{"silence", "yes", "revoked", "disabled", "insufficient_scope", "invalid", "another refusal"}

func (a answer) String() string { return answerNames[a] }

// never is when a change returned of which it is not known what became of it: it may happen at any later time.
const never = math.MaxInt64

// operation is one call. Times are of the harness's monotonic clock.
type operation struct {
	token  int
	kind   kind
	second bool // the verification asks for the second scope
	door   string
	answer answer
	call   int64
	ret    int64
}

// history is all that was asked and answered.
type history struct {
	begin time.Time
	mu    sync.Mutex
	all   []operation
}

func (h *history) now() int64 { return int64(time.Since(h.begin)) }

func (h *history) add(o operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, o)
}

func (h *history) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}

// byToken divides the operations.
func (h *history) byToken() map[int][]operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	tokens := map[int][]operation{}
	for _, o := range h.all {
		tokens[o.token] = append(tokens[o.token], o)
	}
	return tokens
}

// life is what has become of a token.
type life struct {
	state byte // absent, active, …
	both  bool // has both scopes
}

const (
	absent byte = iota
	active
	disabled
	revoked
	gone
)

// after is the life that follows on a change.
func (l life) after(k kind) life {
	switch {
	case k == bring && l.state == absent:
		return life{active, true}
	case k == remove && l.state != absent:
		l.state = gone
	case k == revoke && (l.state == active || l.state == disabled):
		l.state = revoked
	case k == disable && l.state == active:
		l.state = disabled
	case k == enable && l.state == disabled:
		l.state = active
	case k == narrow && (l.state == active || l.state == disabled):
		l.both = false
	case k == widen && (l.state == active || l.state == disabled):
		l.both = true
	}
	return l
}

// verdict is the only right answer.
func (l life) verdict(second bool) answer {
	switch {
	case l.state == absent || l.state == gone:
		return noInvalid
	case l.state == revoked:
		return noRevoked
	case l.state == disabled:
		return noDisabled
	case second && !l.both:
		return noScope
	}
	return yes
}

// phase is a token's life and the changes that are under way. While one is, a verification may see it or not, whatever others saw
// before: only its return makes an end of that.
type phase struct {
	life
	underWay [kinds]uint8
}

// may reports whether a verification may be answered so.
func (p phase) may(second bool, got answer) bool {
	seen := map[life]bool{}
	next := []life{p.life}
	for len(next) > 0 {
		l := next[0]
		next = next[1:]
		if seen[l] {
			continue
		}
		seen[l] = true
		if l.verdict(second) == got {
			return true
		}
		for k, n := range p.underWay {
			if n > 0 {
				next = append(next, l.after(kind(k)))
			}
		}
	}
	return false
}

// moment is an operation in porcupine's eyes. A change is two of them: it begins with its call, and ends some time before it returns.
// One of which nothing is known never ends.
type moment struct {
	operation
	ends bool
}

// model is of one token's life. Generated keys cannot be presented before they exist; imported ones can.
func model(begin life) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return phase{life: begin} },
		Step: func(state, input, output any) (bool, any) {
			p, m := state.(phase), input.(moment)
			switch {
			case m.kind == verify:
				return p.may(m.second, output.(answer)), p
			case !m.ends:
				p.underWay[m.kind]++
				return true, p
			case p.underWay[m.kind] == 0:
				return false, p
			}
			p.underWay[m.kind]--
			p.life = p.after(m.kind)
			return true, p
		},
	}
}

// mostSame verifications of a token that is gone for good, each answered so, are shown to porcupine; the others are held
// against the changes only, one by one, which takes no time.
const mostSame = 500

// moments is a token's history for porcupine.
func moments(all []operation) (list []porcupine.Operation) {
	end := int64(never)
	for _, o := range all {
		if o.kind == revoke || o.kind == remove {
			end = min(end, o.ret)
		}
	}
	same := 0
	for i, o := range all {
		switch {
		case o.kind != verify:
			list = append(list, porcupine.Operation{ClientId: i, Input: moment{o, false}, Call: o.call, Output: silence, Return: o.call})
			if o.ret != never {
				list = append(list, porcupine.Operation{ClientId: i, Input: moment{o, true}, Call: o.call, Output: silence, Return: o.ret})
			}
		case o.answer == silence:
		default:
			if o.call > end && (o.answer == noRevoked || o.answer == noInvalid) {
				if same++; same > mostSame {
					continue
				}
			}
			list = append(list, porcupine.Operation{ClientId: i, Input: moment{o, false}, Call: o.call, Output: o.answer, Return: o.ret})
		}
	}
	return list
}

// stale returns the verifications that said yes to what a change had taken away that had returned when they began.
func stale(all []operation) (list []operation) {
	var changes []operation
	for _, o := range all {
		if o.kind != verify {
			changes = append(changes, o)
		}
	}
	for _, v := range all {
		if v.kind == verify && v.answer == yes && tookAway(changes, v) {
			list = append(list, v)
		}
	}
	return list
}

// tookAway reports whether a change that had returned took away what the verification asks for, and nothing may have given it back.
func tookAway(changes []operation, v operation) bool {
	for _, c := range changes {
		if c.ret >= v.call || !c.kind.takes(v.second) {
			continue
		}
		back := false
		for _, g := range changes {
			back = back || c.kind.undone(g.kind) && g.call < v.ret && g.ret > c.call
		}
		if !back {
			return true
		}
	}
	return false
}

func (k kind) takes(second bool) bool {
	return k == revoke || k == remove || k == disable || k == narrow && second
}

func (k kind) undone(by kind) bool { return k == disable && by == enable || k == narrow && by == widen }

// finding is what was found in a history.
type finding struct {
	stale     []operation // that began after the change had returned
	stories   []string    // of tokens that were accepted so
	unlike    []int       // tokens whose history no life explains
	undecided []int       // tokens whose history was too much for porcupine
	histories int
	after     int // verifications that began after their token was taken away
}

func (f finding) violations() int { return len(f.stale) + len(f.unlike) }

// enough is how long porcupine may take over one token.
const enough = 10 * time.Second

// check judges a history. begins says how the lives of imported tokens begin.
func (h *history) check(imported map[int]bool) (f finding) {
	for token, all := range h.byToken() {
		f.histories++
		f.after += after(all)
		if late := stale(all); len(late) > 0 {
			f.stale = append(f.stale, late...)
			f.stories = append(f.stories, story(all))
			continue
		}
		begin := life{active, true}
		if imported[token] {
			begin.state = absent
		}
		switch porcupine.CheckOperationsTimeout(model(begin), moments(all), enough) {
		case porcupine.Illegal:
			f.unlike = append(f.unlike, token)
		case porcupine.Unknown:
			f.undecided = append(f.undecided, token)
		}
	}
	return f
}

// story is what people need to know of a token that was accepted when it must not be: its changes, and who said yes after the first.
func story(all []operation) string {
	var b strings.Builder
	slices.SortFunc(all, func(a, b operation) int { return cmp.Compare(a.call, b.call) })
	begun := false
	for _, o := range all {
		begun = begun || o.kind != verify
		if o.kind != verify || begun && o.answer == yes {
			fmt.Fprintf(&b, "token %d: %s at %s, from %s to %s: %s", o.token, o.kind, o.door, time.Duration(o.call), time.Duration(o.ret), o.answer)
			if o.second {
				b.WriteString(", second scope")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// after counts the answers to verifications that began after some of what they asked for was taken away.
func after(all []operation) (n int) {
	first := int64(never)
	for _, o := range all {
		if o.kind != verify && o.kind.takes(true) {
			first = min(first, o.ret)
		}
	}
	for _, o := range all {
		if o.kind == verify && o.answer != silence && o.call > first {
			n++
		}
	}
	return n
}
