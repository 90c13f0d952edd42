package keywright

// path is what is left to read of a scope: its parts, each with the divider
// before it. It is read in place; cutting it copies nothing.
type path struct {
	rest     string
	dividers [2]byte // one of them twice, if there is one only
	divider  byte    // before the first part of rest; 0 at the start of the scope
}

// part is one part and the divider before it; 0 for the first.
type part struct {
	text    string
	divider byte
}

func (s Scope) path() path {
	if s.parts == 0 {
		return path{rest: s.text, dividers: [2]byte{':', ':'}}
	}
	return path{rest: s.text[s.parts:], dividers: [2]byte{'.', '/'}}
}

// done reports whether no part is left: none is ever empty.
func (p path) done() bool { return p.rest == "" }

func (p path) cut() (part, path) {
	for i := range len(p.rest) {
		if c := p.rest[i]; c == p.dividers[0] || c == p.dividers[1] {
			return part{p.rest[:i], p.divider}, path{p.rest[i+1:], p.dividers, c}
		}
	}
	return part{p.rest, p.divider}, path{}
}

// takes reports whether a pattern's part, other than **, takes a scope's part.
// The first part of a scope has no divider, so that **.b takes b.
func (e part) takes(p part) bool {
	return (e.text == "*" || e.text == p.text) && (p.divider == 0 || e.divider == p.divider)
}

// matches reports whether the pattern takes the whole scope. When it fails
// after a **, that ** swallows one part more and the rest is tried again; going back to
// the last ** is enough, as an earlier one could only leave less to it.
func matches(pattern, scope path) bool {
	var again, from path // after the last **, and where what follows it was tried last
	var swallowing bool
	for {
		if !pattern.done() {
			want, rest := pattern.cut()
			if want.text == "**" {
				pattern, again, from, swallowing = rest, rest, scope, true
				continue
			}
			if !scope.done() {
				if have, left := scope.cut(); want.takes(have) {
					pattern, scope = rest, left
					continue
				}
			}
		} else if scope.done() {
			return true
		}
		if !swallowing || from.done() {
			return false
		}
		_, from = from.cut()
		pattern, scope = again, from
	}
}

// containment reports whether every scope that inner matches is matched by
// outer. It walks inner, keeping the set of places at which outer can be after the
// same parts. Where inner leaves a part open, a part that no pattern spells out is the worst
// case, as only wildcards take it; where inner has **, any number of these, after
// either divider.
func containment(outer, inner path) bool {
	w := walk{outer: outer.parts(), inner: inner.parts(), dividers: inner.dividers}
	pending := []place{{places: w.reach(1)}}
	seen := map[place]bool{pending[0]: true}
	for len(pending) > 0 {
		at := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if w.escaped(at) {
			return false
		}
		for _, next := range w.after(at) {
			if !seen[next] {
				seen[next] = true
				pending = append(pending, next)
			}
		}
	}
	return true
}

func (p path) parts() []part {
	list := make([]part, 0, 8)
	for !p.done() {
		var first part
		first, p = p.cut()
		list = append(list, first)
	}
	return list
}

type walk struct {
	outer, inner []part
	dividers     [2]byte
}

// place is a state of the walk: how many parts of inner are behind, where outer can be
// (bit i: i of its parts are behind), and whether the scope has begun.
type place struct {
	inner  int
	places uint64
	begun  bool
}

// fresh is the text of a part that no pattern spells out.
const fresh = ""

// escaped reports whether inner matches the scope read so far and outer does not.
// A scope has at least one part.
func (w walk) escaped(at place) bool {
	return at.inner == len(w.inner) && at.begun && at.places&(1<<len(w.outer)) == 0
}

// after lists the places that follow by one step of inner.
func (w walk) after(at place) []place {
	if at.inner == len(w.inner) {
		return nil
	}
	switch e := w.inner[at.inner]; e.text {
	case "**":
		next := []place{{at.inner + 1, at.places, at.begun}}
		for _, divider := range w.dividers {
			next = append(next, w.step(at, part{fresh, divider}, at.inner))
		}
		return next
	case "*":
		return []place{w.step(at, part{fresh, e.divider}, at.inner+1)}
	case reservedPart:
		if !at.begun && at.inner > 0 && w.dividers[0] == ':' {
			return nil // keywright by way of an empty **: reserved, so inner does not cover it
		}
		fallthrough
	default:
		return []place{w.step(at, e, at.inner+1)}
	}
}

// step is the place after a scope's part, with inner at the given count.
func (w walk) step(at place, p part, inner int) place {
	if !at.begun {
		p.divider = 0
	}
	var next uint64
	for i, e := range w.outer {
		switch {
		case at.places&(1<<i) == 0:
		case e.text == "**":
			next |= 1 << i
		case e.takes(p):
			next |= 1 << (i + 1)
		}
	}
	return place{inner, w.reach(next), true}
}

// reach adds the places that are reached by letting a ** swallow nothing.
func (w walk) reach(places uint64) uint64 {
	for i, e := range w.outer {
		if places&(1<<i) != 0 && e.text == "**" {
			places |= 1 << (i + 1)
		}
	}
	return places
}
