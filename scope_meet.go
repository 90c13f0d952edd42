package keywright

// meet reports whether some scope is matched by both patterns. It walks both at once, over every pair of places at
// which they can be after the same parts.
func meet(one, other path) bool {
	m := meeting{one: one.parts(), other: other.parts(), words: one.dividers[0] == ':'}
	pending := make([]pair, 1, 64)
	seen := make([]bool, 2*(len(m.one)+1)*(len(m.other)+1))
	for len(pending) > 0 {
		at := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if at.begun && at.one == len(m.one) && at.other == len(m.other) {
			return true
		}
		if i := m.index(at); !seen[i] {
			seen[i] = true
			pending = m.after(pending, at)
		}
	}
	return false
}

type meeting struct {
	one, other []part
	words      bool
}

// pair is how many parts of either pattern are behind, and whether the scope has begun.
type pair struct {
	one, other int
	begun      bool
}

func (m *meeting) index(at pair) int {
	i := 2 * (at.one*(len(m.other)+1) + at.other)
	if at.begun {
		i++
	}
	return i
}

// after adds the pairs that follow: by a ** that swallows nothing, and by a part that both take.
func (m *meeting) after(next []pair, at pair) []pair {
	oneSwallows := at.one < len(m.one) && m.one[at.one].text == "**"
	otherSwallows := at.other < len(m.other) && m.other[at.other].text == "**"
	if oneSwallows {
		next = append(next, pair{at.one + 1, at.other, at.begun})
	}
	if otherSwallows {
		next = append(next, pair{at.one, at.other + 1, at.begun})
	}
	if at.one == len(m.one) || at.other == len(m.other) || !m.share(at) {
		return next
	}
	taken := pair{at.one, at.other, true}
	if !oneSwallows {
		taken.one++
	}
	if !otherSwallows {
		taken.other++
	}
	return append(next, taken)
}

// share reports whether one part can be taken by both.
func (m *meeting) share(at pair) bool {
	a, b := m.one[at.one], m.other[at.other]
	if !a.wild() && !b.wild() && a.text != b.text {
		return false
	}
	if at.begun {
		return a.text == "**" || b.text == "**" || a.divider == b.divider
	}
	// By way of an empty ** a scope that begins with keywright is reserved, and not covered.
	byWay := m.words && (at.one > 0 || at.other > 0)
	return !byWay || a.text != reservedPart && b.text != reservedPart
}

func (e part) wild() bool { return e.text == "*" || e.text == "**" }
