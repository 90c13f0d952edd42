package auditlog

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/keywright/keywright"
)

// FaultKind says what was done to an event.
type FaultKind string

// The kinds of fault. What changed is not always known to the letter: an event that was put in another's place
// has changed.
const (
	Changed  FaultKind = "changed"  // it is not what was hashed
	Dropped  FaultKind = "dropped"  // it is not there
	Inserted FaultKind = "inserted" // it was not there when the log was hashed
	Swapped  FaultKind = "swapped"  // it stands elsewhere
	Rehashed FaultKind = "rehashed" // the hashes were changed too: it is one of the events First to Last
)

// Fault names the first event that is not what was hashed.
type Fault struct {
	Kind        FaultKind
	First, Last int64 // Seq; the same unless Kind is Rehashed
	Why         string
}

func (f *Fault) Error() string {
	if f.First != f.Last {
		return fmt.Sprintf("the first bad event is one of %d to %d: %s", f.First, f.Last, f.Why)
	}
	return fmt.Sprintf("event %d was %s: %s", f.First, f.Kind, f.Why)
}

func fault(kind FaultKind, seq int64, why string, args ...any) *Fault {
	return &Fault{Kind: kind, First: seq, Last: seq, Why: fmt.Sprintf(why, args...)}
}

// Record is an event as it was found, with what is stored of its hashes.
type Record struct {
	keywright.Event
	Old, New string // Before and After as Members writes them
	Hashes   []Hash // the leaf's first
}

// Verifier holds a whole log, event after event from the first, against the hashes stored with it and
// against checkpoints. Make it with NewVerifier.
type Verifier struct {
	Stored bool // a record comes with all the hashes that are stored with its leaf, not with the leaf's alone

	tree    Frontier
	most    int64        // events; negative: it is not known
	pending []Checkpoint // not yet reached, the smallest first
	held    []Checkpoint // that were reached, and the log was the same then
	found   *Fault       // is told at the end: only then it is known what kind it is
}

// NewVerifier is a verifier before the first event.
func NewVerifier(checkpoints ...Checkpoint) *Verifier {
	v := &Verifier{most: -1, pending: slices.Clone(checkpoints)}
	slices.SortStableFunc(v.pending, func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	return v
}

// Add takes the next event. Its error is the *Fault, if that is certain.
func (v *Verifier) Add(r *Record) error {
	if v.found != nil {
		return v.look(r)
	}
	switch next := v.tree.size + 1; {
	case r.Seq > next:
		v.found = fault(Dropped, next, "it is missing before event %d", r.Seq)
		return nil
	case r.Seq == next-1:
		return fault(Inserted, r.Seq, "it is there twice")
	case r.Seq < next:
		return fault(Inserted, next, "event %d stands in its place once more", r.Seq)
	}
	return v.grow(r)
}

// look finds out whether the event that is missing comes later.
func (v *Verifier) look(r *Record) error {
	if r.Seq != v.found.First {
		return nil
	}
	v.found.Kind, v.found.Why = Swapped, "it stands further on, out of order"
	return v.found
}

// grow adds the event that is next in order.
func (v *Verifier) grow(r *Record) error {
	hash := LeafHash(&r.Event, r.Old, r.New)
	if len(r.Hashes) == 0 {
		return fault(Inserted, r.Seq, "it was never hashed")
	}
	if hash != r.Hashes[0] {
		return renumbered(r)
	}
	if err := v.reach(); err != nil {
		return err
	}
	if v.most >= 0 && v.tree.size == v.most {
		return fault(Inserted, r.Seq, "the log had %d events", v.most)
	}
	if stored := v.tree.Append(hash); v.Stored && !slices.Equal(stored, r.Hashes) {
		return fault(Changed, r.Seq, "the tree's hashes that are stored with it are not those of the events up to it")
	}
	return nil
}

// renumbered tells of an event that is not what was hashed whether only its number is another.
func renumbered(r *Record) *Fault {
	e := r.Event
	e.Seq = r.Seq + 1
	if LeafHash(&e, r.Old, r.New) == r.Hashes[0] {
		return fault(Dropped, r.Seq, "the one after it has its number now")
	}
	e.Seq = r.Seq - 1
	if LeafHash(&e, r.Old, r.New) == r.Hashes[0] {
		return fault(Inserted, r.Seq-1, "event %d was event %d before", r.Seq, r.Seq-1)
	}
	return fault(Changed, r.Seq, "it is not what was hashed")
}

// reach holds the tree against the checkpoints of its present size.
func (v *Verifier) reach() error {
	for len(v.pending) > 0 && v.pending[0].Size == v.tree.size {
		c := v.pending[0]
		if c.Root != v.tree.Root() {
			return v.rehashed(c)
		}
		v.held = append(v.held, c)
		v.pending = v.pending[1:]
	}
	return nil
}

func (v *Verifier) rehashed(c Checkpoint) *Fault {
	f := &Fault{Kind: Rehashed, First: v.heldSize() + 1, Last: c.Size}
	f.Why = fmt.Sprintf("the log does not have the root hash of the checkpoint of %d events", c.Size)
	if f.First > f.Last { // two checkpoints of one size
		f.First = f.Last
		f.Why += ", and that of another checkpoint of the same size: the log was forked"
	}
	return f
}

func (v *Verifier) heldSize() int64 {
	if len(v.held) == 0 {
		return 0
	}
	return v.held[len(v.held)-1].Size
}

// End is called after the last event. Checkpoints beyond it are left in Later; what the
// caller takes that for is its own.
func (v *Verifier) End() (Report, error) {
	if v.found != nil {
		return Report{}, v.found
	}
	if err := v.reach(); err != nil {
		return Report{}, err
	}
	return Report{Events: v.tree.size, Root: v.tree.Root(), Held: v.held, Later: v.pending}, nil
}

// Truncated is the fault of a log that ends before a checkpoint that it must contain.
func Truncated(size int64, c Checkpoint) *Fault {
	return fault(Dropped, size+1, "the checkpoint knows %d events", c.Size)
}

// Report says of a log what was found true.
type Report struct {
	Events    int64        // that were read and are what was hashed
	Selection bool         // they are some of the log's, not all of it
	Root      Hash         // of all of them, unless they are a selection
	Held      []Checkpoint // the log, or each event of the selection, was in these
	Later     []Checkpoint // nothing was learnt from these: they are of later than the events, or of another size than a selection's
	Signed    bool         // the checkpoint that came along is signed by the key
}
