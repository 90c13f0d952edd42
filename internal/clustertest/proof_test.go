package clustertest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"
)

// proof is what the long run found out.
type proof struct {
	begin      time.Time
	took       time.Duration
	histories  int // of one token each
	operations int
	after      int
	void       int
	slowest    float64
	faults     map[string]int
	finding
	caught []string
	missed []string
}

func (p *proof) add(r round) {
	if r.rate < leastRate {
		p.void++
		return
	}
	p.histories += r.histories
	p.operations += r.operations
	p.after += r.after
	p.faults[r.fault]++
	p.slowest = min(cmp.Or(p.slowest, r.rate), r.rate)
	p.stale = append(p.stale, r.stale...)
	p.unlike = append(p.unlike, r.unlike...)
	p.undecided = append(p.undecided, r.undecided...)
}

// TestProof is the long run: three servers under all faults for a time given by KEYWRIGHT_PROVE_CLUSTER, and until
// KEYWRIGHT_PROVE_VERIFICATIONS answers (a million, unless set) came after something was taken away; then every planted bug. It writes
// what it found to the file that KEYWRIGHT_PROVE_REPORT names.
func TestProof(t *testing.T) {
	long, err := time.ParseDuration(os.Getenv("KEYWRIGHT_PROVE_CLUSTER"))
	if err != nil {
		t.Skip("takes as long as KEYWRIGHT_PROVE_CLUSTER says: make prove does it")
	}
	least, err := strconv.Atoi(cmp.Or(os.Getenv("KEYWRIGHT_PROVE_VERIFICATIONS"), "1000000"))
	if err != nil {
		t.Fatal(err)
	}
	p := &proof{begin: time.Now(), faults: map[string]int{}}
	t.Run("promise", func(t *testing.T) { p.promise(t, long, least) })
	t.Run("bugs", func(t *testing.T) { p.bugs(t) })
	p.took = time.Since(p.begin)
	if name := os.Getenv("KEYWRIGHT_PROVE_REPORT"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p.write(f)
	}
}

func (p *proof) promise(t *testing.T, long time.Duration, least int) {
	c := newCluster(t, 3, build(t), "")
	for time.Since(p.begin) < long || p.after < least {
		for _, f := range faults() {
			r := c.run(f, c.nodes[mathrand.IntN(len(c.nodes))])
			t.Log(r)
			if p.add(r); r.rate >= leastRate {
				r.judge(t)
			}
		}
		if t.Failed() || p.void > len(faults()) {
			t.Fatal("stopped: there is something to look at")
		}
	}
}

// bugs hunts every planted one.
func (p *proof) bugs(t *testing.T) {
	for _, m := range mutants() {
		t.Run(string(m.bug), func(t *testing.T) {
			c := newCluster(t, 2, "", m.bug)
			tries, last := c.hunt(m)
			if tries > mostTries {
				p.missed = append(p.missed, string(m.bug))
				t.Errorf("not caught in %d tries of: %s", mostTries, last)
				return
			}
			p.caught = append(p.caught, fmt.Sprintf("| `%s` | %s | %d | %d |", m.bug, m.fault, tries, last.violations()))
			t.Logf("caught at try %d: %s", tries, last)
		})
	}
}

// write is docs/proof.md.
func (p *proof) write(w io.Writer) {
	fmt.Fprintf(w, `# What was proved of revocation, and how

Written by TestProof of internal/clustertest, which `+"`make prove`"+` runs for ten minutes and more, on %s: %s, %d processors, %s.

The promise: a verification that starts after a narrowing change has returned never answers with what the change took away.

`, p.begin.UTC().Format("2006-01-02"), runtime.Version(), runtime.NumCPU(), p.took.Round(time.Second))
	fmt.Fprintf(w, `## The program

Three servers, processes of their own, on one PostgreSQL, each behind a proxy of its own that fails as told, and two guards that follow two of them; leases of %s. Clients make tokens, verify them, one in %d as an access token,
everywhere at full speed, disable, enable, narrow, widen, revoke and delete them. Each verification is held against the changes that had returned when it began; and each token's
whole history against a model of its life, by porcupine. What is not known to have happened may happen at any later time. Histories with fewer than %d operations a second before the fault are void.

| what | how many |
| --- | --- |
| histories, one a token | %d |
| operations | %d |
| operations a second before a fault, at least | %.0f |
| verifications that began after something was taken away from their token | %d |
| runs that were void | %d |
| histories that porcupine could not decide in %s | %d |
| **violations** | **%d** |

`, lease, exchanged, leastRate, p.histories, p.operations, p.slowest, p.after, p.void, enough, len(p.undecided), p.violations())
	fmt.Fprint(w, "| fault | runs |\n| --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(p.faults)) {
		fmt.Fprintf(w, "| %s | %d |\n", name, p.faults[name])
	}
	fmt.Fprintf(w, `
## The proof itself

Servers with one bug each, planted on purpose, have to be caught by the same histories: %d of %d were, each within %d runs.

| bug | comes to light when | at run | violations seen |
| --- | --- | --- | --- |
`, len(p.caught), len(p.caught)+len(p.missed), mostTries)
	for _, line := range p.caught {
		fmt.Fprintln(w, line)
	}
	for _, bug := range p.missed {
		fmt.Fprintf(w, "| `%s` | **not caught** | | |\n", bug)
	}
	fmt.Fprint(w, `
## The protocol

[docs/model](model/README.md) is the protocol as a model that spin searches whole: it holds in every state, and seventeen rules, dropped one at a time, each break it.
`)
}
