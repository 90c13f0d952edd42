package auditlog

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/keywright/keywright"
)

// log is a whole log as a store keeps it.
type log struct {
	events []keywright.Event
	hashes [][]Hash // that were stored with each
	trees  []Frontier
}

// text is what may stand in an event.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"", "token.create", "user:ada", "=1+1", "a\nb", "1:", "<&>\u2028"}), rapid.String())
}

func drawEvent(t *rapid.T) keywright.Event {
	e := keywright.Event{
		At: time.UnixMicro(rapid.Int64Range(0, 1<<50).Draw(t, "at")), Action: text().Draw(t, "action"), Actor: text().Draw(t, "actor"),
		Account: text().Draw(t, "account"), Space: text().Draw(t, "space"), Subject: text().Draw(t, "subject"),
		Address: text().Draw(t, "address"), UserAgent: text().Draw(t, "agent"), RequestID: text().Draw(t, "id"), Reason: text().Draw(t, "reason"),
		Revision: keywright.Revision(rapid.Int64Min(0).Draw(t, "revision")),
	}
	if rapid.Bool().Draw(t, "edit") {
		e.Before = map[string]any{"label": text().Draw(t, "old"), "n": rapid.Int64().Draw(t, "n")}
		e.After = map[string]any{"scopes": []string{text().Draw(t, "new")}, "f": rapid.Float64Range(-1e30, 1e30).Draw(t, "f"), "x\xffy\\ufffd": nil}
	}
	return Canonical(e)
}

func (l *log) add(t interface{ Fatal(...any) }, e keywright.Event) {
	var tree Frontier
	if n := len(l.trees); n > 0 {
		tree = l.trees[n-1]
	}
	e.Seq = tree.Size() + 1
	r := record(t, e, Hash{})
	l.hashes = append(l.hashes, tree.Append(LeafHash(&r.Event, r.Old, r.New)))
	l.events, l.trees = append(l.events, e), append(l.trees, tree)
}

func record(t interface{ Fatal(...any) }, e keywright.Event, hashes ...Hash) *Record {
	before, err1 := Members(e.Before)
	after, err2 := Members(e.After)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &Record{Event: e, Old: before, New: after, Hashes: hashes}
}

func (l *log) read(n Node) (Hash, error) {
	if n.Leaf >= int64(len(l.hashes)) || n.At >= len(l.hashes[n.Leaf]) {
		return Hash{}, fmt.Errorf("there is no hash %v", n)
	}
	return l.hashes[n.Leaf][n.At], nil
}

func (l *log) at(size int) Checkpoint {
	c := Checkpoint{Origin: "log.example", Size: int64(size), Root: (&Frontier{}).Root()}
	if size > 0 {
		c.Root = l.trees[size-1].Root()
	}
	return c
}

func drawLog(t *rapid.T, least int) *log {
	l := new(log)
	for range rapid.IntRange(least, 40).Draw(t, "events") {
		l.add(t, drawEvent(t))
	}
	return l
}

var testSigner, testVerifier, _ = GenerateKey(rand.Reader, "log.example")

// export writes a log; with proofs, the events chosen only.
func (l *log) export(t interface{ Fatal(...any) }, chosen func(int) bool) []string {
	signed, err := Sign(l.at(len(l.events)), testSigner)
	if err != nil {
		t.Fatal(err)
	}
	header, _ := json.Marshal(Header{signed})
	lines := []string{string(header) + "\n"}
	order := slices.Clone(l.events)
	if chosen != nil {
		slices.SortStableFunc(order, func(a, b keywright.Event) int { return a.At.Compare(b.At) })
	}
	for _, e := range order {
		i := int(e.Seq - 1)
		var proof []Hash
		if chosen != nil {
			if !chosen(i) {
				continue
			}
			if proof, err = ProveInclusion(int64(len(l.events)), int64(i), l.read); err != nil {
				t.Fatal(err)
			}
		}
		line, err := NewLine(e, l.hashes[i][0], proof)
		if err != nil {
			t.Fatal(err)
		}
		text, err := line.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(text))
	}
	return lines
}

func verify(lines []string, kept ...Checkpoint) (Report, error) {
	return VerifyExport(strings.NewReader(strings.Join(lines, "")), testVerifier, kept...)
}

// TestExportVerifies: what was not touched is found right, whole or in part, also against earlier checkpoints.
func TestExportVerifies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t, 0)
		n := len(l.events)
		earlier := l.at(rapid.IntRange(0, n).Draw(t, "kept"))
		r, err := verify(l.export(t, nil), earlier)
		if err != nil || r.Events != int64(n) || len(r.Held) != 2 || !r.Signed || r.Root != l.at(n).Root {
			t.Fatalf("whole: %+v, %v", r, err)
		}
		few := rapid.IntRange(1, 5).Draw(t, "few")
		r, err = verify(l.export(t, func(i int) bool { return i%few == 0 }))
		if err != nil || n > 0 && (r.Events != int64((n+few-1)/few) || !r.Selection) {
			t.Fatalf("selection: %+v, %v", r, err)
		}
	})
}

// TestTampering: whatever is done to any one event, the verifier names exactly that one: in an export, and in
// a database, where the stored hashes are left as they were.
func TestTampering(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t, 2)
		lines := l.export(t, nil)
		i := rapid.IntRange(0, len(l.events)-1).Draw(t, "at")
		bad, want := tamper(t, l, lines, i)
		_, err := verify(bad)
		fault, ok := errors.AsType[*Fault](err)
		if !ok || fault.First != want || fault.Last != want {
			t.Fatalf("%v, want event %d of %d", err, want, len(l.events))
		}
	})
}

// tamper does something to event i (from 0) of an export, and says which event is the first bad one then.
func tamper(t *rapid.T, l *log, lines []string, i int) ([]string, int64) {
	bad := slices.Clone(lines)
	seq := int64(i + 1)
	switch how := rapid.SampledFrom([]string{"change", "drop", "insert", "insert forged", "swap", "drop and renumber", "insert and renumber"}).Draw(t, "how"); how {
	case "change":
		e := l.events[i]
		change(t, &e)
		bad[i+1] = line(t, e, l.hashes[i][0])
		return bad, seq
	case "drop":
		return slices.Delete(bad, i+1, i+2), seq
	case "insert":
		e := drawEvent(t)
		e.Seq = seq
		return slices.Insert(bad, i+1, line(t, e, l.hashes[i][0])), seq
	case "insert forged":
		e := drawEvent(t)
		e.Seq = seq
		r := record(t, e)
		return slices.Insert(bad, i+1, line(t, e, LeafHash(&r.Event, r.Old, r.New))), seq
	case "swap":
		j := rapid.IntRange(0, len(l.events)-1).Filter(func(j int) bool { return j != i }).Draw(t, "with")
		bad[i+1], bad[j+1] = bad[j+1], bad[i+1]
		return bad, int64(min(i, j) + 1)
	case "drop and renumber":
		for j := i + 1; j < len(l.events); j++ {
			e := l.events[j]
			e.Seq--
			bad[j+1] = line(t, e, l.hashes[j][0])
		}
		return slices.Delete(bad, i+1, i+2), seq
	default:
		for j := i; j < len(l.events); j++ {
			e := l.events[j]
			e.Seq++
			bad[j+1] = line(t, e, l.hashes[j][0])
		}
		e := drawEvent(t)
		e.Seq = seq
		r := record(t, e)
		return slices.Insert(bad, i+1, line(t, e, LeafHash(&r.Event, r.Old, r.New))), seq
	}
}

func line(t interface{ Fatal(...any) }, e keywright.Event, hash Hash) string {
	l, err := NewLine(e, hash, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := l.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// change makes one member of an event another.
func change(t *rapid.T, e *keywright.Event) {
	texts := []*string{&e.Action, &e.Actor, &e.Account, &e.Space, &e.Subject, &e.Address, &e.UserAgent, &e.RequestID, &e.Reason}
	switch n := rapid.IntRange(0, len(texts)+3).Draw(t, "member"); n {
	case len(texts):
		e.At = e.At.Add(time.Microsecond)
	case len(texts) + 1:
		e.Revision++
	case len(texts) + 2:
		e.Before = map[string]any{"changed": true}
	case len(texts) + 3:
		e.After = map[string]any{"n": json.Number("9007199254740993")}
	default:
		*texts[n] += "x"
	}
}

// TestRehashed: whoever changes the stored hashes along with an event is found by the checkpoint that was signed before,
// and the event is told to be among those since the checkpoint that still holds.
func TestRehashed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t, 3)
		n := len(l.events)
		i := rapid.IntRange(0, n-1).Draw(t, "at")
		before, after := rapid.IntRange(0, i).Draw(t, "before"), rapid.IntRange(i+1, n).Draw(t, "after")
		forged := new(log)
		for j, e := range l.events {
			if j == i {
				change(t, &e)
			}
			forged.add(t, e)
		}
		_, err := verify(forged.export(t, nil), l.at(before), l.at(after))
		fault, ok := errors.AsType[*Fault](err)
		if !ok || fault.Kind != Rehashed || fault.First != int64(before+1) || fault.Last != int64(after) {
			t.Fatalf("%v, want one of %d to %d", err, before+1, after)
		}
	})
}

// TestTruncated: a log that ends before a checkpoint that was kept.
func TestTruncated(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t, 1)
		lines := l.export(t, nil)
		n := rapid.IntRange(0, len(l.events)-1).Draw(t, "left")
		_, err := verify(lines[:n+1])
		if fault, ok := errors.AsType[*Fault](err); !ok || fault.Kind != Dropped || fault.First != int64(n+1) {
			t.Fatalf("%v, want %d dropped", err, n+1)
		}
	})
}

// TestProofs: what was proved at one size holds at every other (RFC 6962 sections 2.1.1 and 2.1.2).
func TestProofs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t, 1)
		to := rapid.IntRange(1, len(l.events)).Draw(t, "to")
		from := rapid.IntRange(0, to).Draw(t, "from")
		proof, err := ProveConsistency(int64(from), int64(to), l.read)
		if err != nil || CheckConsistency(proof, l.at(from), l.at(to)) != nil {
			t.Fatalf("%d to %d: %v", from, to, err)
		}
		other := l.at(from)
		other.Root[3] ^= 1
		if from > 0 && CheckConsistency(proof, other, l.at(to)) == nil {
			t.Fatalf("%d to %d: another log is taken for consistent", from, to)
		}
		leaf := rapid.IntRange(0, to-1).Draw(t, "leaf")
		if proof, err = ProveInclusion(int64(to), int64(leaf), l.read); err != nil {
			t.Fatal(err)
		}
		if err := CheckInclusion(proof, l.at(to), int64(leaf), l.hashes[leaf][0]); err != nil {
			t.Fatal(err)
		}
		root, err := Root(int64(to), l.read)
		loaded, err2 := LoadFrontier(int64(to), l.read)
		if err != nil || err2 != nil || root != l.at(to).Root || loaded.Root() != root {
			t.Fatalf("root %s, %v, %v", root, err, err2)
		}
	})
}

// TestStoredHashes: the tree is that of golang.org/x/mod/sumdb/tlog, hash by hash.
func TestStoredHashes(t *testing.T) {
	t.Parallel()
	var f Frontier
	var all []Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		var list []Hash
		for _, i := range indexes {
			list = append(list, all[i])
		}
		return list, nil
	})
	for n := range int64(300) {
		data := fmt.Appendf(nil, "event %d", n)
		want, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Append(tlog.RecordHash(data)); !slices.Equal(got, want) {
			t.Fatalf("leaf %d: %v, want %v", n, got, want)
		}
		all = append(all, want...)
		if root, err := tlog.TreeHash(n+1, reader); err != nil || f.Root() != root {
			t.Fatalf("root of %d: %v", n+1, err)
		}
	}
}

// TestLeafVector pins the encoding: a log that was hashed once is never hashed in another way.
func TestLeafVector(t *testing.T) {
	t.Parallel()
	e := keywright.Event{
		Seq: 7, At: time.UnixMicro(1893499200000001).UTC(), Action: "token.edit", Actor: "user:ada", Account: "acme", Space: "lab", Subject: "token:1",
		Address: "192.0.2.7", UserAgent: "curl/8", RequestID: "r1", Reason: "ä", Revision: 3,
	}
	before, err := Members(map[string]any{"label": "a<b", "a": 1})
	if err != nil {
		t.Fatal(err)
	}
	want := `17:keywright event 1,1:7,16:1893499200000001,10:token.edit,8:user:ada,4:acme,3:lab,7:token:1,` +
		`26:{"a":1,"label":"a\u003cb"},0:,9:192.0.2.7,6:curl/8,2:r1,2:ä,1:3,`
	if got := Leaf(&e, before, ""); string(got) != want {
		t.Errorf("leaf\n%s, want\n%s", got, want)
	}
}

// TestForeignLines: what is not hashed does not stand in a line.
func TestForeignLines(t *testing.T) {
	t.Parallel()
	l := new(log)
	l.add(t, keywright.Event{At: time.UnixMicro(1000000).UTC(), Action: "a", Before: map[string]any{"n": 1}})
	lines := l.export(t, nil)
	for name, replace := range map[string][2]string{
		"unknown member":        {`{"seq"`, `{"approved_by":"eve","seq"`},
		"member twice":          {`"action":"a"`, `"action":"b","action":"a"`},
		"member inside twice":   {`{"n":1}`, `{"n":2,"n":1}`},
		"part of a microsecond": {`:01Z"`, `:01.0000001Z"`},
		"other zone":            {`:01Z"`, `:01+00:00"`},
		"other leaf":            {`"leaf":0`, `"leaf":1`},
		"no hash":               {`"leaf_hash":"`, `"leaf_hash":"!`},
		"no object":             {`"before":{"n":1}`, `"before":[1]`},
	} {
		bad := []string{lines[0], strings.Replace(lines[1], replace[0], replace[1], 1)}
		if bad[1] == lines[1] {
			t.Fatalf("%s: nothing to replace in %s", name, lines[1])
		}
		if _, err := verify(bad); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := verify(lines[1:]); !errors.Is(err, errNoHeader) {
		t.Errorf("no header: %v", err)
	}
}

func TestCheckpoint(t *testing.T) {
	t.Parallel()
	c := Checkpoint{Origin: "log.example", Size: 3, Root: Hash{1, 2, 3}}
	signed, err := Sign(c, testSigner)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(signed, "log.example\n3\nAQID") || !strings.Contains(signed, "\n\n— log.example ") {
		t.Errorf("signed note:\n%s", signed)
	}
	if got, err := Open(signed, testVerifier); err != nil || got != c {
		t.Errorf("opened %+v, %v", got, err)
	}
	_, other, err := GenerateKey(rand.Reader, "log.example")
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]struct{ signed, verifier string }{
		"changed":     {strings.Replace(signed, "\n3\n", "\n4\n", 1), testVerifier},
		"other key":   {signed, other},
		"no key":      {signed, "nonsense"},
		"no note":     {"nonsense", testVerifier},
		"no size":     {resign(t, "log.example\n03\nAQID\n"), testVerifier},
		"no root":     {resign(t, "log.example\n3\nAQID\n"), testVerifier},
		"other log":   {resign(t, strings.Replace(c.String(), "log.", "lag.", 1)), testVerifier},
		"no log name": {resign(t, "\n3\n"), testVerifier},
	} {
		if got, err := Open(bad.signed, bad.verifier); err == nil {
			t.Errorf("%s: opened as %+v", name, got)
		}
	}
}

func FuzzVerifyExport(f *testing.F) {
	l := new(log)
	for i := range 3 {
		l.add(f, keywright.Event{At: time.UnixMicro(int64(i)).UTC(), Action: "a", After: map[string]any{"n": i}})
	}
	good := strings.Join(l.export(f, nil), "")
	f.Add([]byte(good))
	f.Add([]byte(strings.Join(l.export(f, func(i int) bool { return i != 1 }), "")))
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := VerifyExport(bytes.NewReader(data), testVerifier)
		if err == nil && report.Events > 3 {
			t.Errorf("%d events are taken for those of a log of 3", report.Events)
		}
	})
}

// resign signs any text with the test's key.
func resign(t *testing.T, text string) string {
	t.Helper()
	key, err := note.NewSigner(testSigner)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}
