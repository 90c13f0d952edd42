package sqlstore_test

// The audit trail's tree: it is exactly the events that were acknowledged, and whatever is done to the database
// from outside, the first event that it was done to is named.

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

func (n *bench) verify(kept ...auditlog.Checkpoint) (auditlog.Report, error) {
	n.Helper()
	trail, err := sqlstore.OpenTrail(n.Context(), n.path)
	if err != nil {
		n.Fatal(err)
	}
	defer trail.Close()
	return trail.Verify(n.Context(), kept...)
}

// outside changes the database as somebody with access to its file would.
func outside(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range append([]string{
		"DROP TRIGGER IF EXISTS events_stay", "DROP TRIGGER IF EXISTS events_stay_as_they_are",
		"DROP TRIGGER IF EXISTS tree_stays", "DROP TRIGGER IF EXISTS tree_stays_as_it_is",
	}, statements...) {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

const copyEvent = `INSERT INTO events SELECT %d, at, 'forged', actor, account, space, subject, old, new,
	address, user_agent, request_id, reason, revision FROM events WHERE seq = 1`

// TestTamperedDatabase: with the server running, and with what it has written.
func TestTamperedDatabase(t *testing.T) {
	t.Parallel()
	const events = 53
	for _, tt := range []struct {
		what  string
		do    []string
		first int64
	}{
		{"nothing", nil, 0},
		{"actor changed", []string{"UPDATE events SET actor = 'user:eve' WHERE seq = 17"}, 17},
		{"time changed", []string{"UPDATE events SET at = at + 1 WHERE seq = 1"}, 1},
		{"members changed", []string{"UPDATE events SET new = replace(new, 'otter', 'badger') WHERE seq = 53"}, 53},
		{"members spelt in another way", []string{"UPDATE events SET new = replace(new, ':', ': ') WHERE seq = 30"}, 30},
		{"revision changed", []string{"UPDATE events SET revision = 9 WHERE seq = 20"}, 20},
		{"dropped", []string{"DELETE FROM events WHERE seq = 21"}, 21},
		{"last dropped", []string{"DELETE FROM events WHERE seq = 53"}, 53},
		{"dropped and renumbered", []string{"DELETE FROM events WHERE seq = 21", "UPDATE events SET seq = seq - 1 WHERE seq > 21"}, 21},
		{"inserted at the end", []string{fmt.Sprintf(copyEvent, 54)}, 54},
		{"inserted before the first", []string{fmt.Sprintf(copyEvent, 0)}, 0},
		{"inserted and renumbered", []string{
			"UPDATE events SET seq = -seq - 1 WHERE seq >= 21", "UPDATE events SET seq = -seq WHERE seq < 0", fmt.Sprintf(copyEvent, 21),
		}, 21},
		{"swapped", []string{
			"UPDATE events SET seq = -20 WHERE seq = 20", "UPDATE events SET seq = 20 WHERE seq = 40", "UPDATE events SET seq = 40 WHERE seq = -20",
		}, 20},
		{"leaf changed", []string{"UPDATE tree SET hashes = zeroblob(32) WHERE leaf = 10"}, 11},
		{"inner hash changed", []string{"UPDATE tree SET hashes = CAST(substr(hashes, 1, 32) || zeroblob(length(hashes) - 32) AS BLOB) WHERE leaf = 15"}, 16},
		{"inner hash dropped", []string{"UPDATE tree SET hashes = substr(hashes, 1, 32) WHERE leaf = 15"}, 16},
		{"leaf dropped", []string{"DELETE FROM tree WHERE leaf = 15"}, 16},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			n := newBench(t, 0)
			n.write(func(tx store.Tx) error {
				for i := range events - 3 {
					e := n.event("token.create")
					e.RequestID = fmt.Sprint(i)
					if err := tx.Events().Append(t.Context(), e); err != nil {
						return err
					}
				}
				return nil
			})
			outside(t, n.db(), tt.do...)
			report, err := n.verify()
			fault, bad := errors.AsType[*auditlog.Fault](err)
			switch {
			case tt.do == nil && (err != nil || report.Events != events):
				t.Errorf("%+v, %v", report, err)
			case tt.do != nil && (!bad || fault.First != tt.first || fault.Last != tt.first):
				t.Errorf("%v, want event %d", err, tt.first)
			}
		})
	}
}

// TestRehashedDatabase: who hashes anew what was changed is found by a checkpoint from before, and who cuts off the end too.
func TestRehashedDatabase(t *testing.T) {
	t.Parallel()
	n := newBench(t, 40)
	report, err := n.verify()
	if err != nil {
		t.Fatal(err)
	}
	before := auditlog.Checkpoint{Size: report.Events, Root: report.Root}
	n.write(func(tx store.Tx) error { return n.insert(tx, 20) })
	if report, err = n.verify(before); err != nil || len(report.Held) != 1 {
		t.Fatalf("a log that has grown: %+v, %v", report, err)
	}
	db := n.db()
	outside(t, db, "UPDATE events SET actor = 'user:eve' WHERE seq = 30", "DELETE FROM tree", "UPDATE head SET unhashed = (SELECT MAX(seq) FROM events)")
	n.Close()
	again, err := sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: n.path}) // hashes it anew, as the forger would
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if _, err := n.verify(); err != nil {
		t.Fatalf("in itself it is right: %v", err)
	}
	_, err = n.verify(before)
	if fault, ok := errors.AsType[*auditlog.Fault](err); !ok || fault.Kind != auditlog.Rehashed || fault.First != 1 || fault.Last != before.Size {
		t.Errorf("rehashed: %v", err)
	}
	outside(t, db, "DELETE FROM events WHERE seq > 10", "DELETE FROM tree WHERE leaf >= 10", "UPDATE head SET unhashed = 0")
	_, err = n.verify(before)
	if fault, ok := errors.AsType[*auditlog.Fault](err); !ok || fault.Kind != auditlog.Dropped || fault.First != 11 {
		t.Errorf("cut off: %v", err)
	}
}

// TestForgedWhileStopped: an event that was put there while no server ran is not taken for one of its own.
func TestForgedWhileStopped(t *testing.T) {
	t.Parallel()
	n := newBench(t, 5)
	outside(t, n.db(), fmt.Sprintf(copyEvent, 9))
	if _, err := n.Write(t.Context(), func(tx store.Tx) error { return n.insert(tx, 1) }); err == nil || !strings.Contains(err.Error(), "changed from outside") {
		t.Errorf("a write beside it: %v", err)
	}
	n.Close()
	if _, err := sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: n.path}); err == nil || !strings.Contains(err.Error(), "event 9 was never written") {
		t.Errorf("opened: %v", err)
	}
}

// TestTreeOfManyWriters: whatever fails, is undone or shares a commit, the tree is that of the events.
func TestTreeOfManyWriters(t *testing.T) {
	t.Parallel()
	n := newBench(t, 3)
	db := n.db()
	if _, err := db.Exec("CREATE TRIGGER refuse BEFORE INSERT ON events WHEN new.action = 'refused' BEGIN SELECT RAISE(ABORT, 'no'); END"); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for j := range 40 {
				n.Write(t.Context(), func(tx store.Tx) error {
					if err := n.insert(tx, 1+j%3); err != nil {
						return err
					}
					switch (i + j) % 5 {
					case 0:
						return errors.New("undone")
					case 1:
						return tx.Events().Append(t.Context(), n.event("refused"))
					}
					return nil
				})
			}
		})
	}
	writers.Wait()
	counted := tokensAndEvents(t, db)
	if report, err := n.verify(); err != nil || report.Events != int64(counted[1]) {
		t.Errorf("%+v, %v, want %d events", report, err, counted[1])
	}
	if counted[1] != counted[0]+3 {
		t.Errorf("%d events of %d tokens", counted[1], counted[0])
	}
}

// TestTreeAfterFullDisk: a commit that failed leaves nothing in the memory of the tree.
func TestTreeAfterFullDisk(t *testing.T) {
	t.Parallel()
	n := newBench(t, 10)
	if err := n.SetMaxPages(1); err != nil { // no more than there are now
		t.Fatal(err)
	}
	var err error
	for range 200 {
		if _, err = n.Write(t.Context(), func(tx store.Tx) error { return n.insert(tx, 50) }); err != nil {
			break
		}
	}
	if err == nil {
		t.Fatal("the disk is never full")
	}
	if err := n.SetMaxPages(1 << 20); err != nil {
		t.Fatal(err)
	}
	n.write(func(tx store.Tx) error { return n.insert(tx, 7) })
	if report, err := n.verify(); err != nil || report.Events != int64(tokensAndEvents(t, n.db())[1]) {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestOldEventsAreHashed: a database from before there was a tree, also when the hashing was interrupted.
func TestOldEventsAreHashed(t *testing.T) {
	t.Parallel()
	n := newBench(t, 4500)
	before, err := n.verify()
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range []int{0, 2000, 3001} {
		n.Close()
		outside(t, n.db(), fmt.Sprintf("DELETE FROM tree WHERE leaf >= %d", kept), "UPDATE head SET unhashed = (SELECT MAX(seq) FROM events)")
		if _, err := sqlstore.OpenTrail(t.Context(), n.path); err == nil || !strings.Contains(err.Error(), "start the server") {
			t.Errorf("%d hashed: opened for verification: %v", kept, err)
		}
		again, err := sqlstore.OpenSQLite(t.Context(), sqlstore.Options{Path: n.path, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if report, err := n.verify(); err != nil || report.Root != before.Root {
			t.Errorf("%d hashed: %+v, %v", kept, report, err)
		}
		again.Close()
	}
}

// BenchmarkLeaf is the hashing that one event costs.
func BenchmarkLeaf(b *testing.B) {
	n := newBench(b, 0)
	e := n.event("token.create")
	var tree auditlog.Frontier
	b.ReportAllocs()
	for b.Loop() {
		e.Seq++
		tree.Append(auditlog.LeafHash(&e, "", `{"label":"brave-otter","scopes":["invoices:read"]}`))
	}
}
