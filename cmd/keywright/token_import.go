package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keywright/keywright"
)

// How much goes to the server at once.
const (
	importBatchLines = 500
	importBatchBytes = 256 << 10
)

type tokenImportCmd struct {
	File string `arg:"" optional:"" help:"JSON Lines or CSV with a heading (\"-\": standard input); each line has key or sha256 and what token create takes."`
	remote
	output
	newTokenFlags
	Format   string `enum:",jsonl,csv" default:"" help:"jsonl or csv (default: by the file's name; jsonl for standard input)."`
	KeyStdin bool   `help:"Import one key, which is the first line of standard input."`
	SHA256   string `name:"sha256" placeholder:"HEX" help:"Import one key by its SHA-256."`
}

// Run imports a file, or one key.
func (c *tokenImportCmd) Run(ctx context.Context, h *host) error {
	single := c.KeyStdin || c.SHA256 != ""
	switch {
	case single && c.File != "":
		return usagef("import a file or one key, not both")
	case c.KeyStdin && c.SHA256 != "":
		return usagef("import a key by --key-stdin or by --sha256, not both")
	case c.File != "":
		return c.file(ctx, h)
	case !single && !h.InTerminal:
		return usagef("say what to import: a FILE, - for lines on standard input, or one key with --key-stdin")
	}
	return c.single(ctx, h)
}

// single imports one key, asking for it if a person is there.
func (c *tokenImportCmd) single(ctx context.Context, h *host) error {
	fresh, err := c.request()
	if err != nil {
		return err
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	req := keywright.ImportToken{NewToken: fresh, SHA256: c.SHA256}
	if c.SHA256 == "" {
		if req.Key, err = h.secret(ctx, "key", c.KeyStdin); err != nil {
			return err
		}
	}
	t, err := client.ImportToken(ctx, req)
	if err != nil {
		return err
	}
	warnScopeless(h, t)
	return c.print(h, t, func(w io.Writer) { showToken(h, w, t) })
}

func (c *tokenImportCmd) file(ctx context.Context, h *host) error {
	if c.given() {
		return usagef("with a file each line says what its token is: leave the other flags out")
	}
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	f, size, err := h.open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	bar := newProgress(h, size)
	lines, err := c.lines(bar.reading(f))
	if err != nil {
		return err
	}
	run := importRun{client: client, bar: bar}
	failed := run.all(ctx, lines)
	bar.finish()
	slices.SortFunc(run.report.Refused, func(a, b refusedLine) int { return a.Line - b.Line })
	return c.report(h, run.report, failed)
}

// lines reads the file in its format.
func (c *tokenImportCmd) lines(r io.Reader) (iter.Seq[importLine], error) {
	if c.Format == "csv" || c.Format == "" && strings.EqualFold(filepath.Ext(c.File), ".csv") {
		return importCSV(r)
	}
	return importJSON(r), nil
}

// importReport says what became of a file.
type importReport struct {
	Imported int           `json:"imported"`
	Refused  []refusedLine `json:"refused"`
}

// refusedLine is a line that was not imported. The key in it is not repeated.
type refusedLine struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// importRun sends lines in batches and collects the report.
type importRun struct {
	client *keywright.Client
	bar    *progress
	report importReport
	batch  []importLine
	size   int
}

// all imports every line; an error means that it could not go on. What the report counts is imported.
func (r *importRun) all(ctx context.Context, lines iter.Seq[importLine]) error {
	r.report.Refused = []refusedLine{}
	for line := range lines {
		if line.err != nil && line.number == 0 {
			return fmt.Errorf("the file cannot be read on: %w", line.err)
		}
		if line.err != nil {
			r.refuse(line, line.err.Error())
			continue
		}
		if len(r.batch) == importBatchLines || r.size+line.size > importBatchBytes {
			if err := r.send(ctx); err != nil {
				return err
			}
		}
		r.batch = append(r.batch, line)
		r.size += line.size
	}
	return r.send(ctx)
}

func (r *importRun) refuse(line importLine, reason string) {
	r.report.Refused = append(r.report.Refused, refusedLine{line.number, reason})
}

func (r *importRun) send(ctx context.Context) error {
	batch := r.batch
	if len(batch) == 0 {
		return nil
	}
	tokens := make([]keywright.ImportToken, len(batch))
	for i := range batch {
		tokens[i] = batch[i].token
	}
	outcomes, err := r.client.ImportTokens(ctx, tokens)
	if err == nil && len(outcomes) != len(batch) {
		err = errors.New("the server's answer does not have an outcome for each line")
	}
	if err != nil {
		return fmt.Errorf("%w\nlines from %d on are not known to be imported; the same command again imports what is missing", err, batch[0].number)
	}
	for i, o := range outcomes {
		if o.Token == nil {
			r.refuse(batch[i], outcomeReason(o))
			continue
		}
		r.report.Imported++
	}
	r.batch, r.size = r.batch[:0], 0
	r.bar.tell(r.report.Imported, len(r.report.Refused))
	return nil
}

func outcomeReason(o keywright.Imported) string {
	if len(o.Problems) == 0 {
		return o.Problem
	}
	reasons := make([]string, len(o.Problems))
	for i, p := range o.Problems {
		reasons[i] = strings.TrimPrefix(p.Member, "/") + ": " + p.Reason
	}
	return strings.Join(reasons, "; ")
}

// report prints the report, also of an import that broke off, and ends with 1 if a line was refused.
func (c *tokenImportCmd) report(h *host, report importReport, failed error) error {
	err := c.print(h, report, func(w io.Writer) {
		for _, line := range report.Refused {
			fmt.Fprintf(w, "line %d: %s\n", line.Line, printable(line.Reason))
		}
		fmt.Fprintf(w, "%d imported, %d refused\n", report.Imported, len(report.Refused))
	})
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	if len(report.Refused) > 0 {
		return reported{exitRefused}
	}
	return nil
}
