package authority

import (
	"context"

	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/store"
)

const (
	exportBatch = 500
	nodesKnown  = 1 << 14 // hashes that one export remembers: neighbours share most of their proofs
)

// Export is a part of the audit trail that is being written out, or all of it: what was there when it began. Not safe for
// concurrent use.
type Export struct {
	Checkpoint string // signed, of the log when the export began

	a      *Authority
	caller Caller
	filter EventFilter
	size   int64
	after  store.EventPosition
	ended  bool
	nodes  map[auditlog.Node]auditlog.Hash
}

// Export begins to write out the events that the filter chooses, oldest first. The whole log, for operators, comes in
// its own order, so that its root hash can be computed; a selection comes with a proof for each event.
func (a *Authority) Export(ctx context.Context, caller Caller, f EventFilter) (*Export, error) {
	x := &Export{a: a, caller: caller, filter: f, nodes: map[auditlog.Node]auditlog.Hash{}}
	err := a.view(ctx, caller, func(s *scene) (err error) {
		if _, err = s.chooseEvents(&x.filter); err != nil {
			return err
		}
		if x.size, err = s.tx.Events().Size(ctx); err == nil {
			x.Checkpoint, err = a.checkpoint(ctx, s.tx, x.size)
		}
		return err
	})
	return x, err
}

// Next returns the next lines; none at the end. Whether the caller may still see them is asked each time.
func (x *Export) Next(ctx context.Context) (lines []auditlog.Line, err error) {
	if x.ended {
		return nil, nil
	}
	err = x.a.view(ctx, x.caller, func(s *scene) error {
		lines, err = x.read(ctx, s)
		return err
	})
	return lines, err
}

func (x *Export) read(ctx context.Context, s *scene) ([]auditlog.Line, error) {
	f := x.filter
	find, err := s.chooseEvents(&f)
	if err != nil {
		return nil, err
	}
	find.Limit = exportBatch
	var batch []store.Logged
	if f.whole() {
		batch, err = s.tx.Events().Log(ctx, x.after.Seq, x.size, exportBatch)
	} else {
		batch, err = s.tx.Events().Walk(ctx, find, x.after, x.size)
	}
	if err != nil {
		return nil, err
	}
	x.ended = len(batch) < exportBatch
	lines := make([]auditlog.Line, len(batch))
	for i := range batch {
		if lines[i], err = x.line(&batch[i], x.remember(stored(ctx, s.tx))); err != nil {
			return nil, err
		}
		x.after = store.EventPosition{At: batch[i].At, Seq: batch[i].Seq}
	}
	return lines, nil
}

func (x *Export) line(e *store.Logged, read auditlog.Reader) (auditlog.Line, error) {
	var proof []auditlog.Hash
	if !x.filter.whole() {
		var err error
		if proof, err = auditlog.ProveInclusion(x.size, e.Seq-1, read); err != nil {
			return auditlog.Line{}, err
		}
	}
	return auditlog.NewLine(e.Event, auditlog.Hash(e.Hash), proof)
}

// remember is a reader that asks the database once for what proofs have in common.
func (x *Export) remember(read auditlog.Reader) auditlog.Reader {
	return func(n auditlog.Node) (auditlog.Hash, error) {
		if h, ok := x.nodes[n]; ok {
			return h, nil
		}
		h, err := read(n)
		if len(x.nodes) >= nodesKnown {
			clear(x.nodes)
		}
		if err == nil {
			x.nodes[n] = h
		}
		return h, err
	}
}
