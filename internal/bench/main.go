// Command bench measures Keywright and prints docs/performance.md's figures.
//
// Machines differ and are noisy, so every figure is a ratio in one run: the
// server and the load generator (wrk) have a processor each, ours and a floor
// take turns round by round, and the median is quoted with its spread. The
// floor of an HTTP door is a bare net/http handler that reads and writes bodies
// of the same size; the floor of a durable write is the same driver committing
// one bare row at a time.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

// plan is how much to measure.
type plan struct {
	rounds  int
	seconds int
	sizes   []int // tokens on file, for the growth table
	dir     string
}

func main() {
	if len(os.Args) > 2 && part(os.Args[1], os.Args[2:]) {
		return
	}
	out := flag.String("out", "", "write the report here too")
	short := flag.Bool("short", false, "a quick pass: fewer rounds, 1k and 10k tokens")
	seconds := flag.Int("seconds", 4, "length of a round")
	only := flag.String("only", "", "comma list of process, http, extauthz, durable, postgres, growth, console, cluster; empty: all")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exitOn(run(ctx, *short, *seconds, *only, *out))
}

// part is a process of the measurement's own: a floor, or a generator of load.
func part(name string, args []string) bool {
	switch name {
	case "floor":
		exitOn(serveFloor(args[0]))
	case "floor-extauthz":
		exitOn(serveCheckFloor(args[0], args[1]))
	case "load-extauthz":
		exitOn(loadChecks(args[0], args[1], args[2]))
	default:
		return false
	}
	return true
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, short bool, seconds int, only, out string) error {
	dir, err := os.MkdirTemp("", "keywright-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := plan{rounds: 5, seconds: seconds, sizes: []int{1_000, 100_000, 1_000_000}, dir: dir}
	if short {
		p = plan{rounds: 3, seconds: 1, sizes: []int{1_000, 10_000}, dir: dir}
	}
	var text strings.Builder
	w := io.MultiWriter(os.Stdout, &text)
	preamble(w, p)
	parts := []struct {
		name    string
		measure func(context.Context, io.Writer, plan) error
	}{{"process", process}, {"http", doors}, {"extauthz", extAuthz}, {"durable", durable}, {"postgres", onPostgres}, {"growth", growth}, {"console", console}, {"cluster", cluster}}
	for _, part := range parts {
		if only != "" && !strings.Contains(","+only+",", ","+part.name+",") {
			continue
		}
		if err := part.measure(ctx, w, p); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if out == "" {
		return nil
	}
	return os.WriteFile(out, []byte(text.String()), 0o644)
}

func preamble(w io.Writer, p plan) {
	fmt.Fprintf(w, "# Performance\n\n")
	fmt.Fprintf(w, "Printed by `make bench` on %s: %s, %d processors, %s.\n",
		time.Now().UTC().Format("2006-01-02"), runtime.Version(), runtime.NumCPU(), processor())
	fmt.Fprintf(w, "Each figure is the median of %d interleaved rounds of %d s (lowest–highest in brackets); compare the\n", p.rounds, p.seconds)
	fmt.Fprintf(w, "ratios, not the absolute rates: the machine is shared and noisy.\n")
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return runtime.GOARCH
}

// pinned is a command on one processor, where the system can pin.
func pinned(ctx context.Context, cpu string, name string, args ...string) *exec.Cmd {
	if _, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() > 1 {
		return exec.CommandContext(ctx, "taskset", append([]string{"-c", cpu, name}, args...)...)
	}
	return exec.CommandContext(ctx, name, args...)
}
