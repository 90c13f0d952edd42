package authority

import "github.com/keywright/keywright"

// Attempts is how many verifications by one door ended in one way since the program started.
type Attempts struct {
	Door   string
	Reason keywright.Reason
	N      int64
}

// Attempts sums up what was verified here, also of tokens that nobody has. What guards decide by themselves is not in it.
func (a *Authority) Attempts() (sum []Attempts) {
	for i := range a.usage.shards {
		s := &a.usage.shards[i]
		s.mu.Lock()
		for _, one := range s.all {
			sum = addAttempts(sum, one)
		}
		s.mu.Unlock()
	}
	return sum
}

// count counts an attempt that is not counted already.
func (s *usageShard) count(n *attempt) {
	if !n.again {
		s.all = addAttempts(s.all, Attempts{n.door, n.reason, 1})
	}
}

// addAttempts looks through the list, which is no longer than there are doors and reasons that occur.
func addAttempts(list []Attempts, more Attempts) []Attempts {
	for i := range list {
		if list[i].Reason == more.Reason && list[i].Door == more.Door {
			list[i].N += more.N
			return list
		}
	}
	return append(list, more)
}
