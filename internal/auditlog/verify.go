package auditlog

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
)

// maxLine is more than the longest line of an export has.
const maxLine = 4 << 20

// VerifyExport reads an export in JSON Lines and holds its events against the hashes that came with
// them, the checkpoint of its first line, and those that were kept elsewhere. Without the verifier
// key it is not known who made the export's own checkpoint. Its error is a *Fault, or says what cannot be read.
func VerifyExport(r io.Reader, verifier string, kept ...Checkpoint) (Report, error) {
	x := &export{lines: bufio.NewScanner(r), kept: kept}
	x.lines.Buffer(nil, maxLine)
	if err := x.begin(verifier); err != nil {
		return Report{}, err
	}
	l, err := x.next()
	if err != nil {
		return Report{}, err
	}
	var report Report
	if l != nil && l.Proof != nil {
		report, err = x.selection(l)
	} else {
		report, err = x.whole(l)
	}
	report.Signed = x.signed
	return report, err
}

// export is an export that is being read.
type export struct {
	lines  *bufio.Scanner
	number int        // of the last line that was read
	own    Checkpoint // of the first line
	signed bool
	kept   []Checkpoint
}

// decode reads the next line; false at the end.
func (x *export) decode(into any) (bool, error) {
	if !x.lines.Scan() {
		return false, x.lines.Err()
	}
	x.number++
	if err := json.Unmarshal(x.lines.Bytes(), into, json.RejectUnknownMembers(true)); err != nil {
		return false, x.unreadable(err)
	}
	return true, nil
}

func (x *export) unreadable(err error) error {
	return fmt.Errorf("line %d of the export cannot be read: %w", x.number, err)
}

// next is the next event; nil at the end.
func (x *export) next() (*Line, error) {
	l := new(Line)
	if ok, err := x.decode(l); !ok {
		return nil, err
	}
	return l, nil
}

var errNoHeader = errors.New("the first line holds no checkpoint: want an export in JSON Lines, as keywright audit export makes it")

func (x *export) begin(verifier string) (err error) {
	var h Header
	if ok, err := x.decode(&h); err != nil || !ok || h.Checkpoint == "" {
		return errNoHeader
	}
	if verifier == "" {
		x.own, err = unverified(h.Checkpoint)
		return err
	}
	x.own, err = Open(h.Checkpoint, verifier)
	x.signed = err == nil
	return err
}

// unverified reads a checkpoint without asking who signed it.
func unverified(signed string) (Checkpoint, error) {
	_, err := note.Open([]byte(signed), note.VerifierList())
	if unknown, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return parse(unknown.Note.Text)
	}
	return Checkpoint{}, errCheckpoint
}

// whole reads a log that begins with l.
func (x *export) whole(l *Line) (report Report, err error) {
	v := NewVerifier(append(slices.Clone(x.kept), x.own)...)
	v.most = x.own.Size
	for ; l != nil && err == nil; l, err = x.next() {
		r, err := l.record()
		if err != nil {
			return report, x.unreadable(err)
		}
		if err := v.Add(r); err != nil {
			return report, err
		}
	}
	if err != nil {
		return report, err
	}
	if report, err = v.End(); err != nil {
		return report, err
	}
	return report, x.complete(report)
}

// complete finds what is missing at the end. Later checkpoints are no fault of an export whose own is known to be true.
func (x *export) complete(report Report) error {
	for _, c := range report.Later {
		if c == x.own || !x.signed {
			return Truncated(report.Events, c)
		}
	}
	return nil
}

// selection reads some of the events of a log, each with its proof.
func (x *export) selection(l *Line) (report Report, err error) {
	report = Report{Selection: true, Held: []Checkpoint{x.own}}
	last := new(Record)
	for ; l != nil && err == nil; l, err = x.next() {
		if last, err = x.prove(l, last); err != nil {
			return report, err
		}
		report.Events++
	}
	for _, c := range x.kept {
		switch {
		case c.Size != x.own.Size:
			report.Later = append(report.Later, c)
		case c.Root != x.own.Root:
			return report, fmt.Errorf("the export's checkpoint and the one kept, both of %d events, are of different logs", c.Size)
		default:
			report.Held = append(report.Held, c)
		}
	}
	return report, err
}

// prove checks that the export's checkpoint holds the event, and that it comes after the last one in the order of time.
func (x *export) prove(l *Line, last *Record) (*Record, error) {
	r, err := l.record()
	if err != nil {
		return nil, x.unreadable(err)
	}
	if cmp.Or(r.At.Compare(last.At), cmp.Compare(r.Seq, last.Seq)) <= 0 {
		return nil, fault(Inserted, r.Seq, "it stands after event %d", last.Seq)
	}
	hash := LeafHash(&r.Event, r.Old, r.New)
	if hash != r.Hashes[0] {
		return nil, fault(Changed, r.Seq, "it is not what was hashed")
	}
	proof, err := Hashes(l.Proof)
	if err != nil {
		return nil, x.unreadable(err)
	}
	if err := CheckInclusion(proof, x.own, l.Leaf, hash); err != nil {
		return nil, fault(Inserted, r.Seq, "the log of the export's checkpoint does not hold it")
	}
	return r, nil
}
