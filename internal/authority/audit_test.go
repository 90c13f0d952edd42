package authority

// The log that the audit trail is hashed into: signed by a key that the database only has sealed, proved to whoever may
// read what is proved, and exported whole or in part.

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/store"
)

// export is what an export writes in JSON Lines.
func export(t *testing.T, a *Authority, c Caller, f EventFilter) ([]byte, error) {
	t.Helper()
	x, err := a.Export(t.Context(), c, f)
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(auditlog.Header{Checkpoint: x.Checkpoint})
	if err != nil {
		t.Fatal(err)
	}
	out := append(header, '\n')
	for {
		lines, err := x.Next(t.Context())
		if err != nil || len(lines) == 0 {
			return out, err
		}
		for _, l := range lines {
			if out, err = l.Append(out); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	for range 12 {
		i.issue(keywright.NewToken{})
		i.advance(time.Second)
	}
	for n := range 2 * exportBatch { // more than two batches
		if _, err := i.store.Write(t.Context(), func(tx store.Tx) error {
			return tx.Events().Append(t.Context(), store.Event{At: i.now(), Action: "test", Account: "default", RequestID: fmt.Sprint(n)})
		}); err != nil {
			t.Fatal(err)
		}
	}
	key, err := i.AuditKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		filter EventFilter
		least  int64
		whole  bool
	}{
		"whole":   {EventFilter{All: true}, 2*exportBatch + 12, true},
		"account": {EventFilter{}, 2*exportBatch + 12, false},
		"action":  {EventFilter{All: true, Action: "token."}, 12, false},
		"since":   {EventFilter{Since: i.now().Add(-3 * time.Second), Action: "token.create"}, 3, false},
		"nothing": {EventFilter{Subject: "token:none"}, 0, true},
	} {
		out, err := export(t, i.Authority, i.operator, tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		report, err := auditlog.VerifyExport(bytes.NewReader(out), key.Verifier)
		if name == "nothing" {
			if bytes.Count(out, []byte("\n")) != 1 {
				t.Errorf("nothing: %s", out)
			}
			continue
		}
		if err != nil || report.Events < tt.least || report.Selection == tt.whole || !report.Signed {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
}

func TestWhoMayExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.a.ensureAuditKey(t.Context()))
	reader := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{auditRead}})
	blind := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{tokensRead}})
	inLab := w.issue(w.as("ada"), keywright.NewToken{Kind: keywright.KindSpace, Space: "lab", Scopes: []string{auditRead}})
	all, acme := EventFilter{All: true}, EventFilter{Account: "acme"}
	for _, tt := range []struct {
		who    string
		caller Caller
		filter EventFilter
		want   error
	}{
		{"operator", w.as("root"), all, nil},
		{"operator", w.as("root"), acme, nil},
		{"admin", w.as("ada"), acme, nil},
		{"admin", w.as("ada"), all, keywright.ErrForbidden},
		{"auditor", w.as("audi"), acme, nil},
		{"auditor", w.as("audi"), all, keywright.ErrForbidden},
		{"owner of a space", w.as("olga"), acme, keywright.ErrForbidden},
		{"reader of a space", w.as("rita"), acme, keywright.ErrForbidden},
		{"admin of another account", w.as("otto"), acme, keywright.ErrNotFound},
		{"token with the scope", w.by(reader), acme, nil},
		{"token with the scope", w.by(reader), all, keywright.ErrForbidden},
		{"token with the scope", w.by(reader), EventFilter{Account: "other"}, keywright.ErrNotFound},
		{"token without it", w.by(blind), acme, keywright.ErrForbidden},
	} {
		_, err := export(t, w.a, tt.caller, tt.filter)
		wantErr(t, err, tt.want, "")
		if _, err := w.a.Events(t.Context(), tt.caller, EventQuery{EventFilter: tt.filter}); !errors.Is(err, tt.want) {
			t.Errorf("list by %s: %v, want %v", tt.who, err, tt.want)
		}
	}
	out, err := export(t, w.a, w.by(inLab), EventFilter{})
	if err != nil || strings.Contains(string(out), `"account":"other"`) || strings.Count(string(out), `"seq"`) != strings.Count(string(out), `"space":"lab","subject"`) {
		t.Errorf("a space token sees %s, %v", out, err)
	}
}

// TestExportEndsWithTheRight: a caller that loses its right while it exports gets no further batch.
func TestExportEndsWithTheRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.a.ensureAuditKey(t.Context()))
	reader := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{auditRead}})
	x, err := w.a.Export(t.Context(), w.by(reader), EventFilter{})
	w.must(err)
	w.must(second(w.a.Revoke(t.Context(), w.as("ada"), reader.Token.ID, "")))
	_, err = x.Next(t.Context())
	wantErr(t, err, keywright.ErrUnauthenticated, "")
}

func TestProofs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.a.ensureAuditKey(t.Context()))
	key, err := w.a.AuditKey(t.Context())
	w.must(err)
	if !strings.HasPrefix(key.Verifier, "kw.example/audit+") {
		t.Errorf("verifier %q", key.Verifier)
	}
	early := w.checkpoint(key.Verifier, 0)
	issued := w.issue(w.as("ada"), keywright.NewToken{})
	now := w.checkpoint(key.Verifier, 0)
	if w.checkpoint(key.Verifier, early.Size) != early {
		t.Error("the checkpoint of an earlier size is not what it was")
	}
	c, err := w.a.Consistency(t.Context(), w.as("audi"), early.Size, 0)
	w.must(err)
	hashes, err := auditlog.Hashes(c.Proof)
	w.must(err)
	if c.To != now.Size || auditlog.CheckConsistency(hashes, early, now) != nil {
		t.Errorf("consistency %+v", c)
	}
	events := w.events()
	made := events[len(events)-1]
	p, err := w.a.Inclusion(t.Context(), w.as("audi"), made.Seq, 0)
	w.must(err)
	hashes, err = auditlog.Hashes(p.Proof)
	w.must(err)
	after, err := auditlog.Members(made.After)
	w.must(err)
	if err := auditlog.CheckInclusion(hashes, now, p.Leaf, auditlog.LeafHash(&made, "", after)); err != nil || made.Subject != "token:"+issued.Token.ID.String() {
		t.Errorf("inclusion of %+v: %+v, %v", made, p, err)
	}
	if shown, err := w.a.Event(t.Context(), w.as("audi"), made.Seq); err != nil || shown.Subject != made.Subject {
		t.Errorf("event %d: %+v, %v", made.Seq, shown, err)
	}
	for what, err := range map[string]error{
		"another tenant's":  second(w.a.Inclusion(t.Context(), w.as("otto"), made.Seq, 0)),
		"the instance's":    second(w.a.Inclusion(t.Context(), w.as("ada"), early.Size, 0)), // key.add
		"another's event":   second(w.a.Event(t.Context(), w.as("otto"), made.Seq)),
		"no auditor's":      second(w.a.Event(t.Context(), w.as("rita"), made.Seq)),
		"no such event":     second(w.a.Event(t.Context(), w.as("root"), now.Size+9)),
		"no such":           second(w.a.Inclusion(t.Context(), w.as("root"), now.Size+9, 0)),
		"beyond the size":   second(w.a.Inclusion(t.Context(), w.as("root"), now.Size, now.Size-1)),
		"before the first":  second(w.a.Inclusion(t.Context(), w.as("root"), 0, 0)),
		"nobody's business": gone(second(w.a.Checkpoint(t.Context(), w.as("rita"), 0)), nil),
	} {
		if !errors.Is(err, keywright.ErrNotFound) && !errors.Is(err, keywright.ErrForbidden) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, err := range []error{
		second(w.a.Checkpoint(t.Context(), w.as("root"), now.Size+1)), second(w.a.Consistency(t.Context(), w.as("root"), 5, 4)),
		second(w.a.Consistency(t.Context(), w.as("root"), -1, 0)),
	} {
		wantErr(t, err, keywright.ErrInvalid, "must be")
	}
}

// checkpoint is what the auditor is told and the key has signed.
func (w *world) checkpoint(verifier string, size int64) auditlog.Checkpoint {
	w.t.Helper()
	signed, err := w.a.Checkpoint(w.t.Context(), w.as("audi"), size)
	w.must(err)
	c, err := auditlog.Open(signed, verifier)
	w.must(err)
	return c
}

// TestCheckpointsAreKept: one now and then, if there is something new.
func TestCheckpointsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.a.ensureAuditKey(t.Context()))
	w.must(w.a.ensureAuditKey(t.Context())) // makes no second one
	last := func() (c store.Checkpoint) {
		w.must(w.st.Read(t.Context(), func(tx store.Tx) (err error) {
			c, err = tx.Events().LastCheckpoint(t.Context())
			return err
		}))
		return c
	}
	w.must(w.a.keepCheckpoint(t.Context()))
	first := last()
	w.issue(w.as("ada"), keywright.NewToken{})
	w.must(w.a.keepCheckpoint(t.Context()))
	if last() != first {
		t.Error("two checkpoints in one moment")
	}
	w.pass(checkpointEvery)
	w.must(w.a.keepCheckpoint(t.Context()))
	second := last()
	if second.Size != first.Size+1 || !second.At.After(first.At) {
		t.Errorf("%+v after %+v", second, first)
	}
	w.pass(checkpointEvery)
	w.must(w.a.keepCheckpoint(t.Context()))
	if last() != second {
		t.Error("a checkpoint of nothing new")
	}
	if added := w.trail(); len(added) != 2 { // key.add, token.create
		t.Errorf("events: %q", added)
	}
}

func TestEventFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun := w.time()
	w.pass(time.Minute)
	w.issue(w.as("ada"), keywright.NewToken{})
	w.pass(time.Minute)
	w.issue(w.as("olga"), keywright.NewToken{Space: "lab"})
	for name, tt := range map[string]struct {
		filter EventFilter
		want   int
	}{
		"since":       {EventFilter{Since: begun.Add(time.Second)}, 2},
		"at once":     {EventFilter{Since: begun.Add(time.Minute), Until: begun.Add(time.Minute + 1)}, 1},
		"until":       {EventFilter{Since: begun.Add(time.Second), Until: begun.Add(2 * time.Minute)}, 1},
		"actor":       {EventFilter{Actor: "user:olga"}, 1},
		"space":       {EventFilter{Space: "lab", Action: "token."}, 1},
		"address":     {EventFilter{Address: "192.0.2.7"}, 2},
		"mapped":      {EventFilter{Address: "::ffff:192.0.2.7"}, 2},
		"other place": {EventFilter{Address: "192.0.2.8"}, 0},
		"all at once": {EventFilter{Account: "acme", Space: "lab", Actor: "user:olga", Action: "token.create", Address: "192.0.2.7", Since: begun, Until: w.time().Add(1)}, 1},
	} {
		page, err := w.a.Events(t.Context(), w.as("ada"), EventQuery{EventFilter: tt.filter})
		if err != nil || len(page.Items) != tt.want {
			t.Errorf("%s: %d events, %v, want %d", name, len(page.Items), err, tt.want)
		}
	}
	for _, bad := range []EventFilter{
		{All: true, Account: "acme"}, {Address: "here"}, {Since: begun, Until: begun}, {Actor: strings.Repeat("x", maxFilterText+1)},
	} {
		_, err := w.a.Events(t.Context(), w.as("root"), EventQuery{EventFilter: bad})
		wantErr(t, err, keywright.ErrInvalid, "")
	}
}
